/**
 * Extended attributes of an entry: everything beside content, mode, owner and times. They travel and are compared as one
 * canonical byte string (sorted by kind, then name), which every host can hold even when it cannot interpret it.
 */
import { Fault } from './faults.ts';
import { ByteReader, ByteWriter } from './protocol/bytes.ts';

export const ATTRIBUTE_KINDS = ['xattr', 'posix-acl', 'nt-security', 'nt-attributes', 'nt-stream'] as const;
export type AttributeKind = (typeof ATTRIBUTE_KINDS)[number];

export interface Attribute {
  readonly kind: AttributeKind;
  /** Name within its kind, such as `user.mime_type` or `access`; may be empty. */
  readonly name: string;
  readonly value: Uint8Array;
}

/** The canonical bytes; `NO_ATTRIBUTES` when there are none. */
export type AttributeBytes = Uint8Array;
export const NO_ATTRIBUTES: AttributeBytes = new Uint8Array(0);

/** A set of kinds as bits; see `kindBit`. */
export type AttributeKinds = number;
export const ALL_KINDS: AttributeKinds = 2 ** ATTRIBUTE_KINDS.length - 1;

/** Of one entry. More is refused where it is read: it would not fit a frame. */
export const MAX_ATTRIBUTE_BYTES = 1024 * 1024;

export function kindBit(kind: AttributeKind): AttributeKinds {
  return 1 << ATTRIBUTE_KINDS.indexOf(kind);
}

export function encodeAttributes(attributes: readonly Attribute[]): AttributeBytes {
  if (attributes.length === 0) return NO_ATTRIBUTES;
  const writer = new ByteWriter(256);
  for (const { kind, name, value } of [...attributes].sort(byKindAndName)) {
    writer.u8(ATTRIBUTE_KINDS.indexOf(kind)).text(name).blob(value);
  }
  return writer.take();
}

/** Values share memory with `bytes`. Throws `LINK-FRAME` on a kind nobody knows. */
export function decodeAttributes(bytes: AttributeBytes): Attribute[] {
  const attributes: Attribute[] = [];
  const reader = new ByteReader(bytes);
  while (!reader.done) {
    const kind = ATTRIBUTE_KINDS[reader.u8()];
    if (kind === undefined) throw new Fault('LINK-FRAME', { reason: 'attribute kind' });
    attributes.push({ kind, name: reader.text(), value: reader.blob() });
  }
  return attributes;
}

function byKindAndName(a: Attribute, b: Attribute): number {
  if (a.kind !== b.kind) return ATTRIBUTE_KINDS.indexOf(a.kind) - ATTRIBUTE_KINDS.indexOf(b.kind);
  return a.name < b.name ? -1 : 1;
}

/** Those of the kinds; the same bytes when that is all of them. */
export function selectKinds(bytes: AttributeBytes, kinds: AttributeKinds): AttributeBytes {
  if (bytes.length === 0 || kinds === ALL_KINDS) return bytes;
  const all = decodeAttributes(bytes);
  const chosen = all.filter(({ kind }) => (kindBit(kind) & kinds) !== 0);
  return chosen.length === all.length ? bytes : encodeAttributes(chosen);
}

/** Both together; where both have the same kind and name, the second counts. */
export function mergeAttributes(first: AttributeBytes, second: AttributeBytes): AttributeBytes {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const merged = new Map<string, Attribute>();
  for (const one of [...decodeAttributes(first), ...decodeAttributes(second)])
    merged.set(`${one.kind} ${one.name}`, one);
  return encodeAttributes([...merged.values()]);
}

export function sameAttributes(a: AttributeBytes, b: AttributeBytes): boolean {
  return a.length === b.length && (a.length === 0 || a.every((byte, at) => byte === b[at]));
}
