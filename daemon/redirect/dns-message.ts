/**
 * Messages of the domain name system that redirection needs (RFC 1035, RFC 2136): queries, updates and answers. Pure. Names are
 * written without compression, so that a message is the same bytes for everyone who signs it; answers may be compressed.
 */

export const RECORD_A = 1;
export const RECORD_CNAME = 5;
export const RECORD_SOA = 6;
export const RECORD_TSIG = 250;
export const CLASS_IN = 1;
export const CLASS_ANY = 255;

const OPCODE_UPDATE = 5;
const HEADER_BYTES = 12;
const LONGEST_NAME_BYTES = 255;
const LONGEST_LABEL_BYTES = 63;
const POINTER = 0xc0;

const RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

/** Name of a response code, such as REFUSED. */
export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? `RCODE ${rcode}`;
}

export interface DnsRecord {
  /** Without the dot at the end, in lower case. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: Uint8Array;
}

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly rcode: number;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** Where the last additional record begins; a signature is made over what stands before it. */
  readonly lastRecordAt: number;
}

export function sameName(a: string, b: string): boolean {
  return bareName(a) === bareName(b);
}

function bareName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/** Wire form in lower case (the canonical form of signatures); undefined when it is no name. */
export function nameBytes(name: string): Uint8Array | undefined {
  const bare = bareName(name);
  const labels = bare === '' ? [] : bare.split('.').map((label) => Buffer.from(label, 'utf8'));
  if (labels.some((label) => label.length === 0 || label.length > LONGEST_LABEL_BYTES)) return undefined;
  const bytes = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
  return bytes.length > LONGEST_NAME_BYTES ? undefined : bytes;
}

function nameField(name: string): Uint8Array {
  const bytes = nameBytes(name);
  if (bytes === undefined) throw new RangeError(`not a domain name: ${name}`);
  return bytes;
}

/** Four bytes of `192.0.2.1`; undefined when it is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  return parts === undefined || parts.some((part) => part > 255) ? undefined : Buffer.from(parts);
}

function header(id: number, flags: number, counts: readonly [number, number, number, number]): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(flags, 2);
  counts.forEach((count, index) => {
    bytes.writeUInt16BE(count, 4 + 2 * index);
  });
  return bytes;
}

function question(name: string, type: number): Uint8Array {
  const fixed = Buffer.alloc(4);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(CLASS_IN, 2);
  return Buffer.concat([nameField(name), fixed]);
}

/** One resource record; `RangeError` when its name is none. */
function recordBytes(record: DnsRecord): Uint8Array {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(record.type, 0);
  fixed.writeUInt16BE(record.class, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  fixed.writeUInt16BE(record.data.length, 8);
  return Buffer.concat([nameField(record.name), fixed, record.data]);
}

/** A question that asks for recursion, so that also a server that is not authoritative answers. */
export function queryBytes(id: number, name: string, type: number): Uint8Array {
  return Buffer.concat([header(id, 0x0100, [1, 0, 0, 0]), question(name, type)]);
}

/**
 * Replaces the A records of `name` by `addresses` in one update (RFC 2136 2.5.2, 2.5.1): a server applies it whole or not at all.
 * `onlyIf`: addresses that must stand there now (2.4.2), or the server refuses with NXRRSET.
 */
export function updateBytes(update: {
  readonly id: number;
  readonly zone: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
  readonly onlyIf?: readonly string[];
}): Uint8Array {
  const { id, zone, name, ttlSeconds } = update;
  const record = (address: string, ttl: number): Uint8Array => {
    const data = addressBytes(address);
    if (data === undefined) throw new RangeError(`not an IPv4 address: ${address}`);
    return recordBytes({ name, type: RECORD_A, class: CLASS_IN, ttl, data });
  };
  const conditions = (update.onlyIf ?? []).map((address) => record(address, 0));
  const removal = recordBytes({ name, type: RECORD_A, class: CLASS_ANY, ttl: 0, data: new Uint8Array() });
  const additions = update.addresses.map((address) => record(address, ttlSeconds));
  const counts = [1, conditions.length, additions.length + 1, 0] as const;
  const zoneField = question(zone, RECORD_SOA);
  return Buffer.concat([header(id, OPCODE_UPDATE << 11, counts), zoneField, ...conditions, removal, ...additions]);
}

/** The same message with one more additional record. */
export function withAdditional(message: Uint8Array, record: DnsRecord): Uint8Array {
  const bytes = Buffer.concat([message, recordBytes(record)]);
  bytes.writeUInt16BE(bytes.readUInt16BE(10) + 1, 10);
  return bytes;
}

/** Undefined when it is not a whole message: whatever bytes come in, nothing is thrown and nothing is read twice for ever. */
export function decodeMessage(bytes: Uint8Array): DnsMessage | undefined {
  try {
    return new Reader(bytes).message();
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  message(): DnsMessage {
    const [id, flags, questions, answers, authority, additional] = Array.from({ length: 6 }, () => this.word());
    for (let n = 0; n < questions!; n += 1) {
      this.name();
      this.skip(4);
    }
    const first = this.records(answers!);
    const second = this.records(authority!);
    const third = this.records(Math.max(0, additional! - 1));
    const lastRecordAt = this.at;
    if (additional! > 0) third.push(this.record());
    if (this.at !== this.bytes.length) throw new Malformed();
    return {
      id: id!,
      isResponse: (flags! & 0x8000) !== 0,
      isAuthoritative: (flags! & 0x0400) !== 0,
      isTruncated: (flags! & 0x0200) !== 0,
      rcode: flags! & 0x0f,
      answers: first,
      authority: second,
      additional: third,
      lastRecordAt,
    };
  }

  private word(): number {
    const value = this.bytes.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }

  private skip(count: number): void {
    if (this.at + count > this.bytes.length) throw new Malformed();
    this.at += count;
  }

  private records(count: number): DnsRecord[] {
    const list: DnsRecord[] = [];
    for (let n = 0; n < count; n += 1) list.push(this.record());
    return list;
  }

  private record(): DnsRecord {
    const name = this.name();
    const type = this.word();
    const recordClass = this.word();
    const ttl = this.bytes.readUInt32BE(this.at);
    this.at += 4;
    const length = this.word();
    const start = this.at;
    this.skip(length);
    // An alias is given as its target: the bytes may point at names elsewhere in the message.
    const data = type === RECORD_CNAME ? this.targetAt(start) : this.bytes.subarray(start, start + length);
    return { name, type, class: recordClass, ttl, data };
  }

  private targetAt(start: number): Uint8Array {
    const end = this.at;
    this.at = start;
    const target = this.name();
    this.at = end;
    return Buffer.from(target, 'utf8');
  }

  private name(): string {
    const labels: string[] = [];
    let at = this.at;
    let after: number | undefined;
    let length = 1;
    for (;;) {
      const size = this.bytes.readUInt8(at);
      if (size === 0) break;
      if ((size & POINTER) === POINTER) {
        const target = this.bytes.readUInt16BE(at) & 0x3fff;
        after ??= at + 2;
        // Only backwards: each pointer leads to something before it, so it ends.
        if (target >= at) throw new Malformed();
        at = target;
        continue;
      }
      length += size + 1;
      if (size > LONGEST_LABEL_BYTES || length > LONGEST_NAME_BYTES || at + 1 + size > this.bytes.length)
        throw new Malformed();
      labels.push(this.bytes.toString('utf8', at + 1, at + 1 + size));
      at += 1 + size;
    }
    this.at = after ?? at + 1;
    return bareName(labels.join('.'));
  }
}
