/** Signed messages with a shared key (RFC 8945, HMAC with SHA-2). Pure: the time of day comes in. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  CLASS_ANY,
  type DnsMessage,
  type DnsRecord,
  nameBytes,
  RECORD_TSIG,
  sameName,
  withAdditional,
} from './dns-message.ts';

const DIGESTS = { 'hmac-sha256': 'sha256', 'hmac-sha384': 'sha384', 'hmac-sha512': 'sha512' } as const;
export type TsigAlgorithm = keyof typeof DIGESTS;

export interface TsigKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** Seconds by which the clocks of the two sides may differ (RFC 8945 10). */
const FUDGE_SECONDS = 300;
const TIME_BYTES = 6;

/** A key file as `tsig-keygen` writes it; undefined when it is none, or of an algorithm that is not supported. */
export function parseTsigKey(text: string): TsigKey | undefined {
  const name = /\bkey\s+"?([A-Za-z0-9._-]+)"?\s*\{/.exec(text)?.[1];
  const algorithm = /\balgorithm\s+"?([A-Za-z0-9-]+)"?\s*;/.exec(text)?.[1]?.toLowerCase();
  const secret = /\bsecret\s+"([A-Za-z0-9+/=]+)"\s*;/.exec(text)?.[1];
  if (name === undefined || algorithm === undefined || secret === undefined) return undefined;
  if (!Object.hasOwn(DIGESTS, algorithm)) return undefined;
  return { name, algorithm: algorithm as TsigAlgorithm, secret: Buffer.from(secret, 'base64') };
}

export interface SignedMessage {
  readonly bytes: Uint8Array;
  /** Part of what the answer is signed over. */
  readonly mac: Uint8Array;
}

function field(name: string): Uint8Array {
  const bytes = nameBytes(name);
  if (bytes === undefined) throw new RangeError(`not a domain name: ${name}`);
  return bytes;
}

function number(bytes: number, value: number): Uint8Array {
  const field = Buffer.alloc(bytes);
  field.writeUIntBE(value, 0, bytes);
  return field;
}

interface Variables {
  readonly seconds: number;
  readonly fudge: number;
  readonly error: number;
  readonly other: Uint8Array;
}

/** What is signed after the message (RFC 8945 4.3.3). */
function variableBytes(key: TsigKey, { seconds, fudge, error, other }: Variables): Uint8Array {
  return Buffer.concat([
    field(key.name),
    number(2, CLASS_ANY),
    number(4, 0),
    field(key.algorithm),
    number(TIME_BYTES, seconds),
    number(2, fudge),
    number(2, error),
    number(2, other.length),
    other,
  ]);
}

function macOf(key: TsigKey, parts: readonly Uint8Array[]): Uint8Array {
  return createHmac(DIGESTS[key.algorithm], key.secret).update(Buffer.concat(parts)).digest();
}

/** `wallMs`: milliseconds since 1970. */
export function signMessage(message: Uint8Array, key: TsigKey, wallMs: number): SignedMessage {
  const seconds = Math.floor(wallMs / 1000);
  const variables = { seconds, fudge: FUDGE_SECONDS, error: 0, other: new Uint8Array() };
  const mac = macOf(key, [message, variableBytes(key, variables)]);
  const data = Buffer.concat([
    field(key.algorithm),
    number(TIME_BYTES, seconds),
    number(2, FUDGE_SECONDS),
    number(2, mac.length),
    mac,
    message.subarray(0, 2),
    number(2, 0),
    number(2, 0),
  ]);
  return { bytes: withAdditional(message, { name: key.name, type: RECORD_TSIG, class: CLASS_ANY, ttl: 0, data }), mac };
}

interface Signature extends Variables {
  readonly mac: Uint8Array;
  readonly originalId: Uint8Array;
}

/** Undefined when the record's data is no signature by `key`. */
function readSignature(record: DnsRecord, key: TsigKey): Signature | undefined {
  const data = Buffer.from(record.data);
  const algorithm = field(key.algorithm);
  if (!sameName(record.name, key.name) || record.type !== RECORD_TSIG) return undefined;
  if (record.class !== CLASS_ANY || record.ttl !== 0) return undefined;
  if (data.subarray(0, algorithm.length).toString('latin1').toLowerCase() !== Buffer.from(algorithm).toString('latin1'))
    return undefined;
  const at = algorithm.length;
  if (data.length < at + 10) return undefined;
  const macEnd = at + 10 + data.readUInt16BE(at + 8);
  if (data.length < macEnd + 6 || data.length !== macEnd + 6 + data.readUInt16BE(macEnd + 4)) return undefined;
  return {
    seconds: data.readUIntBE(at, TIME_BYTES),
    fudge: data.readUInt16BE(at + 6),
    mac: data.subarray(at + 10, macEnd),
    originalId: data.subarray(macEnd, macEnd + 2),
    error: data.readUInt16BE(macEnd + 2),
    other: data.subarray(macEnd + 6),
  };
}

/** Why an answer to a signed message cannot be trusted; undefined when it can. */
export function whyNotSigned(
  bytes: Uint8Array,
  answer: DnsMessage | undefined,
  key: TsigKey,
  requestMac: Uint8Array,
  wallMs: number,
): string | undefined {
  const last = answer?.additional.at(-1);
  const signature = last === undefined ? undefined : readSignature(last, key);
  if (answer === undefined || signature === undefined) return 'the answer is not signed with the key';
  const message = Buffer.from(bytes.subarray(0, answer.lastRecordAt));
  message.set(signature.originalId, 0);
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
  const expected = macOf(key, [number(2, requestMac.length), requestMac, message, variableBytes(key, signature)]);
  if (signature.mac.length !== expected.length || !timingSafeEqual(signature.mac, expected))
    return signature.error === 0 ? 'the signature of the answer is wrong' : `the key is refused (${signature.error})`;
  const apart = Math.abs(Math.floor(wallMs / 1000) - signature.seconds);
  return apart > signature.fudge ? `the clocks are ${apart} s apart` : undefined;
}
