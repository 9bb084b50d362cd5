/**
 * Asks a network who has an address (RFC 826; RFC 5227 2.1.1: the question comes from nobody's address, so nobody learns from it), on
 * a raw socket of the kernel: every machine that answers is seen, not only the one a neighbour table believes in.
 */
import { readFileSync } from 'node:fs';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 0x803;
const ETHERTYPE_ARP = 0x0806;
/** In the byte order of the network, as the kernel wants it. */
const PROTOCOL = 0x0608;
const SOCKADDR_LL_BYTES = 20;
const FRAME_BYTES = 42;
const REPLY = 2;
const EAGAIN = 11;

/** Who asks before it has an address. */
const NOBODY = [0, 0, 0, 0];

const libc = loadLibrary('libc.so.6');
const callSocket = libc.number('socket', 'int', ['int', 'int', 'int']);
const callBind = libc.number('bind', 'int', ['int', 'uintptr_t', 'uint32']);
const callSend = libc.number('send', 'long', ['int', 'uintptr_t', 'size_t', 'int']);
const callClose = libc.number('close', 'int', ['int']);
const callReceive = libc.number('recv', 'long', ['int', 'uintptr_t', 'size_t', 'int']);

const addressBytes = (address: string): number[] => address.split('.').map(Number);
const hardwareBytes = (address: string): number[] => address.split(':').map((part) => Number.parseInt(part, 16));
const hardwareText = (bytes: Buffer): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

function requestFrame(hardware: string, wanted: string): Buffer {
  const ethernet = [...Array<number>(6).fill(0xff), ...hardwareBytes(hardware), 0x08, 0x06];
  const kind = [0, 1, 0x08, 0, 6, 4, 0, 1];
  const sender = [...hardwareBytes(hardware), ...NOBODY];
  return Buffer.from([...ethernet, ...kind, ...sender, ...Array<number>(6).fill(0), ...addressBytes(wanted)]);
}

export class ArpProbe {
  private readonly socket: number;
  private readonly wanted: Buffer;
  private readonly hardware: Buffer;
  private readonly request: ReturnType<typeof allocateFixed>;
  private readonly received = allocateFixed(2_048);

  /** Throws where raw sockets are not allowed. */
  constructor(device: string, wanted: string) {
    const about = (what: string): string => readFileSync(`/sys/class/net/${device}/${what}`, 'utf8').trim();
    const hardware = about('address');
    this.wanted = Buffer.from(addressBytes(wanted));
    this.hardware = Buffer.from(hardwareBytes(hardware));
    this.request = allocateFixed(FRAME_BYTES);
    this.request.bytes.set(requestFrame(hardware, wanted));
    this.socket = callSocket(AF_PACKET, SOCK_RAW_NONBLOCK, PROTOCOL);
    if (this.socket < 0) throw new Error(`no raw socket: errno ${lastErrno()}`);
    const place = allocateFixed(SOCKADDR_LL_BYTES);
    place.bytes.writeUInt16LE(AF_PACKET, 0);
    place.bytes.writeUInt16BE(ETHERTYPE_ARP, 2);
    place.bytes.writeInt32LE(Number(about('ifindex')), 4);
    if (callBind(this.socket, place.address, SOCKADDR_LL_BYTES) === 0) return;
    const errno = lastErrno();
    this.close();
    throw new Error(`bind: errno ${errno}`);
  }

  close(): void {
    callClose(this.socket);
  }

  ask(): void {
    // Not sent because a queue is full or the link is down: then nobody answers, which is the truth.
    callSend(this.socket, this.request.address, FRAME_BYTES, 0);
  }

  /** Hardware addresses of those that answered since the last call. */
  answers(): string[] {
    const found: string[] = [];
    for (;;) {
      const length = callReceive(this.socket, this.received.address, this.received.bytes.length, 0);
      if (length < 0) {
        const errno = lastErrno();
        if (errno !== EAGAIN) throw new Error(`recv: errno ${errno}`);
        return found;
      }
      const frame = this.received.bytes;
      const isAnswer = length >= FRAME_BYTES && frame.readUInt16BE(20) === REPLY;
      const isForUs = frame.subarray(32, 38).equals(this.hardware);
      if (isAnswer && isForUs && frame.subarray(28, 32).equals(this.wanted))
        found.push(hardwareText(frame.subarray(22, 28)));
    }
  }
}
