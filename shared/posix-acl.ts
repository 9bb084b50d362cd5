/** Users and groups named in POSIX access lists, as they are numbered on another host. Pure. */
import { type AttributeBytes, decodeAttributes, encodeAttributes } from './attributes.ts';
import type { OwnerMap } from './owners.ts';

/** The kernel's format (linux/posix_acl_xattr.h, little endian): a version, then entries of tag, rights and number. */
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const VERSION = 2;
const NAMED_USER = 0x02;
const NAMED_GROUP = 0x08;

interface AclEntry {
  readonly tag: number;
  readonly rights: number;
  readonly id: number;
}

/** The same bytes when no number is another one here. A list that is not understood stays as it is. */
export function accessListsHere(bytes: AttributeBytes, owners: OwnerMap | undefined): AttributeBytes {
  if (bytes.length === 0 || owners === undefined) return bytes;
  const attributes = decodeAttributes(bytes);
  if (!attributes.some(({ kind }) => kind === 'posix-acl')) return bytes;
  let changed = false;
  const mapped = attributes.map((one) => {
    const value = one.kind === 'posix-acl' ? listHere(one.value, owners) : undefined;
    if (value === undefined) return one;
    changed = true;
    return { ...one, value };
  });
  return changed ? encodeAttributes(mapped) : bytes;
}

/** undefined when nothing changes. */
function listHere(value: Uint8Array, owners: OwnerMap): Uint8Array | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const whole = value.length >= HEADER_BYTES && (value.length - HEADER_BYTES) % ENTRY_BYTES === 0;
  if (!whole || view.getUint32(0, true) !== VERSION) return undefined;
  const entries: AclEntry[] = [];
  let changed = false;
  for (let at = HEADER_BYTES; at < value.length; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const theirs = view.getUint32(at + 4, true);
    const id = idHere(tag, theirs, owners);
    changed ||= id !== theirs;
    entries.push({ tag, rights: view.getUint16(at + 2, true), id });
  }
  return changed ? encodeList(entries) : undefined;
}

function idHere(tag: number, id: number, { users, groups }: OwnerMap): number {
  if (tag === NAMED_USER) return users.get(id) ?? id;
  return tag === NAMED_GROUP ? (groups.get(id) ?? id) : id;
}

/** In the order of tags and, among the named, of numbers, as setfacl writes it. */
function encodeList(entries: AclEntry[]): Uint8Array {
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const value = new Uint8Array(HEADER_BYTES + entries.length * ENTRY_BYTES);
  const view = new DataView(value.buffer);
  view.setUint32(0, VERSION, true);
  for (const [index, { tag, rights, id }] of entries.entries()) {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, rights, true);
    view.setUint32(at + 4, id, true);
  }
  return value;
}
