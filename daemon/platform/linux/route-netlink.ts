/**
 * IPv4 addresses of this host, asked of the kernel and changed there (rtnetlink(7), netlink(7); RFC 3549): a tenth of a millisecond,
 * where `ip` takes ten, several times in a row while clients wait.
 */
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';

const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0x8_0003;
const NETLINK_ROUTE = 0;
const HEADER_BYTES = 16;
const ADDRESS_HEADER_BYTES = 8;
const ATTRIBUTE_HEADER_BYTES = 4;
const ADDRESS_BYTES = 4;
const CACHE_BYTES = 16;
const NAME_BYTES = 16;
const ANSWER_BYTES = 64 * 1024;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const NLM_F_REQUEST = 0x001;
const NLM_F_ACK = 0x004;
const NLM_F_DUMP = 0x300;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const RT_SCOPE_UNIVERSE = 0;
const FOREVER = 0xffff_ffff;
/** Addresses changed while they were listed: the list is not of one moment. */
const NLM_F_DUMP_INTR = 0x10;
const TRIES = 5;

const libc = loadLibrary('libc.so.6');
const callSocket = libc.number('socket', 'int', ['int', 'int', 'int']);
const callSend = libc.number('send', 'long', ['int', 'uintptr_t', 'size_t', 'int']);
const callReceive = libc.number('recv', 'long', ['int', 'uintptr_t', 'size_t', 'int']);
const callClose = libc.number('close', 'int', ['int']);
const callIndexOf = libc.number('if_nametoindex', 'uint32', ['str']);
const callNameOf = libc.number('if_indextoname', 'uintptr_t', ['uint32', 'uintptr_t']);

export interface KernelAddress {
  readonly address: string;
  /** Bits of the network part. */
  readonly prefix: number;
  readonly device: string;
  /** Seconds until the kernel removes it by itself. */
  readonly validSeconds: number | 'forever';
}

/** The kernel's refusal. */
export class NetlinkError extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** Throws `NetlinkError`. */
export function listAddresses(): KernelAddress[] {
  const request = addressMessage(RTM_GETADDR, NLM_F_DUMP, { prefix: 0, index: 0, attributes: [] });
  let answer = exchange(request);
  for (let left = TRIES; left > 1 && answer.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0); left -= 1) {
    answer = exchange(request);
  }
  return answer.flatMap(({ type, body }) => (type === RTM_NEWADDR ? (parseAddress(body) ?? []) : []));
}

/** Adds it, or changes how long one that is there stays. Throws `NetlinkError`. */
export function putAddress({ address, prefix, device, validSeconds }: KernelAddress): void {
  const seconds = validSeconds === 'forever' ? FOREVER : validSeconds;
  const cache = Buffer.alloc(CACHE_BYTES);
  cache.writeUInt32LE(seconds, 0);
  cache.writeUInt32LE(seconds, 4);
  const attributes = [...ownAttributes(address), attribute(IFA_CACHEINFO, cache)];
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  exchange(addressMessage(RTM_NEWADDR, flags, { prefix, index: indexOf(device), attributes }));
}

/** Throws `NetlinkError`, also when it is not there. */
export function removeAddress(address: string, prefix: number, device: string): void {
  const attributes = ownAttributes(address);
  exchange(addressMessage(RTM_DELADDR, NLM_F_ACK, { prefix, index: indexOf(device), attributes }));
}

// ---------------------------------------------------------------- messages

interface AddressMessage {
  readonly prefix: number;
  readonly index: number;
  readonly attributes: readonly Buffer[];
}

function addressMessage(type: number, flags: number, { prefix, index, attributes }: AddressMessage): Buffer {
  const head = Buffer.alloc(HEADER_BYTES + ADDRESS_HEADER_BYTES);
  const message = Buffer.concat([head, ...attributes]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  message[HEADER_BYTES] = AF_INET;
  message[HEADER_BYTES + 1] = prefix;
  message[HEADER_BYTES + 3] = RT_SCOPE_UNIVERSE;
  message.writeUInt32LE(index, HEADER_BYTES + 4);
  return message;
}

function ownAttributes(address: string): Buffer[] {
  const bytes = Buffer.from(address.split('.').map(Number));
  return [attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)];
}

/** What it holds here is a multiple of four bytes. */
function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(ATTRIBUTE_HEADER_BYTES);
  head.writeUInt16LE(ATTRIBUTE_HEADER_BYTES + value.length, 0);
  head.writeUInt16LE(type, 2);
  return Buffer.concat([head, value]);
}

function parseAddress(body: Buffer): KernelAddress | undefined {
  if (body.length < ADDRESS_HEADER_BYTES || body[0] !== AF_INET) return undefined;
  const found = new Map<number, Buffer>();
  for (let at = ADDRESS_HEADER_BYTES; at + ATTRIBUTE_HEADER_BYTES <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > body.length) break;
    found.set(body.readUInt16LE(at + 2), body.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length));
    at += (length + 3) & ~3;
  }
  const local = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS);
  const device = nameOf(body.readUInt32LE(4));
  if (local?.length !== ADDRESS_BYTES || device === undefined) return undefined;
  const cache = found.get(IFA_CACHEINFO);
  const life = cache === undefined || cache.length < CACHE_BYTES ? FOREVER : cache.readUInt32LE(4);
  const validSeconds = life === FOREVER ? ('forever' as const) : life;
  return { address: [...local].join('.'), prefix: body[1] ?? 32, device, validSeconds };
}

function indexOf(device: string): number {
  const index = callIndexOf(device);
  if (index === 0) throw new NetlinkError(lastErrno());
  return index;
}

const name = allocateFixed(NAME_BYTES);

/** Undefined: the interface has gone meanwhile. */
function nameOf(index: number): string | undefined {
  if (callNameOf(index, name.address) === 0) return undefined;
  return name.bytes.toString('latin1', 0, name.bytes.indexOf(0));
}

// ---------------------------------------------------------------- exchange

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** The kernel answers while it is asked: nothing here waits. */
function exchange(request: Buffer): Message[] {
  const socket = callSocket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) throw new NetlinkError(lastErrno());
  try {
    const sent = allocateFixed(request.length);
    sent.bytes.set(request);
    if (callSend(socket, sent.address, request.length, 0) !== request.length) throw new NetlinkError(lastErrno());
    return receiveAll(socket);
  } finally {
    callClose(socket);
  }
}

function receiveAll(socket: number): Message[] {
  const answer = allocateFixed(ANSWER_BYTES);
  const messages: Message[] = [];
  for (;;) {
    const length = callReceive(socket, answer.address, ANSWER_BYTES, 0);
    if (length < 0) throw new NetlinkError(lastErrno());
    for (const message of messagesIn(answer.bytes.subarray(0, length))) {
      if (message.type === NLMSG_ERROR) throwRefused(message.body);
      if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) return messages;
      messages.push(message);
    }
  }
}

/** Nothing when the kernel only says that it is done. */
function throwRefused(body: Buffer): void {
  const errno = -body.readInt32LE(0);
  if (errno !== 0) throw new NetlinkError(errno);
}

function messagesIn(datagram: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const size = datagram.readUInt32LE(at);
    if (size < HEADER_BYTES || at + size > datagram.length) break;
    const body = Buffer.from(datagram.subarray(at + HEADER_BYTES, at + size));
    messages.push({ type: datagram.readUInt16LE(at + 4), flags: datagram.readUInt16LE(at + 6), body });
    at += (size + 3) & ~3;
  }
  return messages;
}
