/**
 * ICMP echo (RFC 792, RFC 4443) on a socket of the kernel: raw where this process may, else the ping socket of Linux. Answers wait in the
 * socket until they are looked for, so that a busy event loop loses none.
 */
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_FLAGS = 0x8_0802;
const SOCK_RAW_FLAGS = 0x8_0803;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const MAX_PACKET_BYTES = 2_048;
const HEADER_BYTES = 8;
/** Ours are told from those of other programs by this. */
const MARK_BYTES = 12;

const libc = loadLibrary('libc.so.6');
const callSocket = libc.number('socket', 'int', ['int', 'int', 'int']);
const callSendTo = libc.number('sendto', 'long', ['int', 'uintptr_t', 'size_t', 'int', 'uintptr_t', 'uint32']);
const callReceive = libc.number('recv', 'long', ['int', 'uintptr_t', 'size_t', 'int']);
const callClose = libc.number('close', 'int', ['int']);

interface Kind {
  readonly family: number;
  readonly protocol: number;
  readonly request: number;
  readonly reply: number;
}
const V4: Kind = { family: AF_INET, protocol: IPPROTO_ICMP, request: 8, reply: 0 };
const V6: Kind = { family: AF_INET6, protocol: IPPROTO_ICMPV6, request: 128, reply: 129 };

export class IcmpSocket {
  private readonly kind: Kind;
  private readonly socket: number;
  private readonly raw: boolean;
  private readonly mark: Buffer;
  private readonly packet = allocateFixed(HEADER_BYTES + MARK_BYTES + 4);
  private readonly place = allocateFixed(28);
  private readonly received = allocateFixed(MAX_PACKET_BYTES);

  /** `mark`: MARK_BYTES random bytes. Throws where this process may not ping. */
  constructor(version: 4 | 6, mark: Uint8Array) {
    this.kind = version === 4 ? V4 : V6;
    this.mark = Buffer.from(mark.subarray(0, MARK_BYTES));
    const { family, protocol } = this.kind;
    const raw = callSocket(family, SOCK_RAW_FLAGS, protocol);
    this.raw = raw >= 0;
    this.socket = raw >= 0 ? raw : callSocket(family, SOCK_DGRAM_FLAGS, protocol);
    if (this.socket < 0) throw new Error(`no socket for ICMP: errno ${lastErrno()}`);
  }

  /** `address`: its 4 or 16 bytes. False: the system has no way there now. */
  send(address: Uint8Array, sequence: number): boolean {
    const { bytes } = this.packet;
    bytes.fill(0);
    bytes[0] = this.kind.request;
    bytes.set(this.mark.subarray(0, 2), 4);
    bytes.writeUInt16BE(sequence & 0xffff, 6);
    bytes.set(this.mark, HEADER_BYTES);
    bytes.writeUInt32BE(sequence >>> 0, HEADER_BYTES + MARK_BYTES);
    // Of ICMPv6 the kernel computes it, with addresses that are not known here.
    if (this.kind === V4) bytes.writeUInt16BE(checksum(bytes), 2);
    const place = this.place.bytes;
    place.fill(0);
    place.writeUInt16LE(this.kind.family, 0);
    place.set(address, this.kind === V4 ? 4 : 8);
    const sent = callSendTo(
      this.socket,
      this.packet.address,
      bytes.length,
      0,
      this.place.address,
      this.kind === V4 ? 16 : 28,
    );
    return sent === bytes.length;
  }

  /** Sequence numbers answered since the last call. */
  answers(): number[] {
    const found: number[] = [];
    for (;;) {
      const length = callReceive(this.socket, this.received.address, MAX_PACKET_BYTES, 0);
      if (length < 0) return found;
      const sequence = this.sequenceOf(this.received.bytes.subarray(0, length));
      if (sequence !== undefined) found.push(sequence);
    }
  }

  private sequenceOf(packet: Buffer): number | undefined {
    // A raw socket of IPv4 gives the header of the network layer too.
    const at = this.raw && this.kind === V4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 0;
    const message = packet.subarray(at);
    if (message.length < HEADER_BYTES + MARK_BYTES + 4 || message[0] !== this.kind.reply) return undefined;
    if (!message.subarray(HEADER_BYTES, HEADER_BYTES + MARK_BYTES).equals(this.mark)) return undefined;
    return message.readUInt32BE(HEADER_BYTES + MARK_BYTES);
  }

  close(): void {
    callClose(this.socket);
  }
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
