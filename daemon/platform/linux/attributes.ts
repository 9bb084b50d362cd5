/**
 * Extended attributes and POSIX ACLs by the system calls with directory handles (Linux 6.13), before that through
 * /proc/self/fd: never by a path that could lead through a link.
 *
 * Replicated are `user.*`, and for root `trusted.*` (without overlayfs's own) and `security.capability`, which is what
 * `rsync -X` compares; other `security.*` belongs to the policy and keys of one host (docs/decisions/0035).
 */
import { statfsSync } from 'node:fs';
import { constants } from 'node:os';
import {
  type Attribute,
  type AttributeBytes,
  type AttributeKinds,
  decodeAttributes,
  encodeAttributes,
  kindBit,
  MAX_ATTRIBUTE_BYTES,
  NO_ATTRIBUTES,
} from '../../../shared/attributes.ts';
import { Fault } from '../../../shared/faults.ts';
import { decodeName, encodeName } from '../../../shared/path.ts';
import type { AttributesToSet } from '../../ports.ts';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';
import { faultOfErrno } from '../system-fault.ts';
import { AT_SYMLINK_NOFOLLOW, cPath } from './libc.ts';

const libc = loadLibrary('libc.so.6');
const callSyscall = libc.number('syscall', 'long', [
  'long',
  'int',
  'uintptr_t',
  'int',
  'uintptr_t',
  'uintptr_t',
  'size_t',
]);
const calls = {
  named: {
    list: libc.number('llistxattr', 'long', ['uintptr_t', 'uintptr_t', 'size_t']),
    get: libc.number('lgetxattr', 'long', ['uintptr_t', 'uintptr_t', 'uintptr_t', 'size_t']),
    set: libc.number('lsetxattr', 'int', ['uintptr_t', 'uintptr_t', 'uintptr_t', 'size_t', 'int']),
    remove: libc.number('lremovexattr', 'int', ['uintptr_t', 'uintptr_t']),
  },
  open: {
    list: libc.number('flistxattr', 'long', ['int', 'uintptr_t', 'size_t']),
    get: libc.number('fgetxattr', 'long', ['int', 'uintptr_t', 'uintptr_t', 'size_t']),
    set: libc.number('fsetxattr', 'int', ['int', 'uintptr_t', 'uintptr_t', 'size_t', 'int']),
    remove: libc.number('fremovexattr', 'int', ['int', 'uintptr_t']),
  },
};

/** The same on every architecture. */
const SYS_LISTXATTRAT = 465;
const { E2BIG, EACCES, EDQUOT, EINVAL, ENODATA, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, ERANGE } = constants.errno;

/** Linux XATTR_SIZE_MAX and XATTR_LIST_MAX; names have at most 255 bytes. */
const LONGEST = 65_536;
/** A volume with so much more than is wanted is not full. */
const ROOM_FACTOR = 4;
const ROOM_BYTES = 1024 * 1024;
const names = allocateFixed(LONGEST);
const value = allocateFixed(LONGEST);
const nameBuffer = allocateFixed(256);

const ACL_PREFIX = 'system.posix_acl_';

/** Kind and name of an attribute of the system; undefined when it is not replicated. */
function kindOf(name: string): Pick<Attribute, 'kind' | 'name'> | undefined {
  if (name.startsWith('user.') || name === 'security.capability') return { kind: 'xattr', name };
  if (name.startsWith('trusted.') && !name.startsWith('trusted.overlay.')) return { kind: 'xattr', name };
  if (name.startsWith(ACL_PREFIX)) return { kind: 'posix-acl', name: name.slice(ACL_PREFIX.length) };
  return undefined;
}

function systemName({ kind, name }: Attribute): string | undefined {
  if (kind === 'posix-acl') return ACL_PREFIX + name;
  return kind === 'xattr' && kindOf(name) !== undefined ? name : undefined;
}

/** An open object, or a name in a directory handle ('.' is the directory itself); a link there is not followed. */
export interface AttributeOwner {
  readonly handle: number;
  readonly name?: string;
}

function callsOf({ name }: AttributeOwner): (typeof calls)['named'] {
  return name === undefined ? calls.open : calls.named;
}

/** First argument of a call: the handle, or the address of a path through it whose last component is not followed. */
function subject({ handle, name }: AttributeOwner): number {
  return name === undefined ? handle : cPath(`/proc/self/fd/${handle}/${name}`);
}

let hasListAt = true;

/** For tests: the way of kernels before 6.13. */
export function forceListByPath(on: boolean): void {
  hasListAt = !on;
}

/**
 * Bytes of the list of names in `names`; negative = errno. The length is asked for first: most entries have no attributes,
 * and for every call the kernel allocates all the room it is offered.
 */
function listNames(owner: AttributeOwner): number {
  const length = callList(owner, 0);
  return length <= 0 ? length : callList(owner, LONGEST);
}

function callList(owner: AttributeOwner, room: number): number {
  const { handle, name } = owner;
  if (name !== undefined && hasListAt) {
    const length = callSyscall(SYS_LISTXATTRAT, handle, cPath(name), AT_SYMLINK_NOFOLLOW, names.address, room, 0);
    if (length >= 0) return length;
    const code = lastErrno();
    if (code !== ENOSYS && code !== EPERM) return -code;
    // An older kernel, or a sandbox that does not know the call.
    hasListAt = false;
  }
  const length = callsOf(owner).list(subject(owner), names.address, room);
  return length >= 0 ? length : -lastErrno();
}

/** All that are replicated, of these kinds. A volume without attributes has none. */
export function readAttributes(owner: AttributeOwner, kinds: AttributeKinds, path: string): AttributeBytes {
  const length = listNames(owner);
  if (length === 0 || length === -EOPNOTSUPP) return NO_ATTRIBUTES;
  if (length < 0) throw faultOfErrno(-length, path);
  const listed = decodeName(Uint8Array.prototype.slice.call(names.bytes, 0, length - 1)).split('\0');
  const attributes: Attribute[] = [];
  let total = 0;
  for (const name of listed) {
    const known = kindOf(name);
    if (known === undefined || (kindBit(known.kind) & kinds) === 0) continue;
    const bytes = readValue(owner, name, path);
    if (bytes === undefined) continue;
    total += bytes.length + name.length;
    if (total > MAX_ATTRIBUTE_BYTES) throw new Fault('FS-UNSUPPORTED', { what: 'More than 1 MiB of attributes', path });
    attributes.push({ ...known, value: bytes });
  }
  return encodeAttributes(attributes);
}

/** Of entries of an open directory, '' being the directory itself; only those that have any. */
export function readAttributesIn(
  handle: number,
  entries: readonly string[],
  kinds: AttributeKinds,
  path: string,
): Map<string, AttributeBytes> {
  const found = new Map<string, AttributeBytes>();
  if (kinds === 0) return found;
  for (const name of entries) {
    try {
      const bytes = readAttributes(name === '' ? { handle } : { handle, name }, kinds, path);
      if (bytes.length > 0) found.set(name, bytes);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'FS-NOT-FOUND') throw error;
    }
  }
  return found;
}

/** undefined when it was removed meanwhile. */
function readValue(owner: AttributeOwner, name: string, path: string): Uint8Array | undefined {
  const length = callsOf(owner).get(subject(owner), cName(name), value.address, LONGEST);
  if (length >= 0) return Uint8Array.prototype.slice.call(value.bytes, 0, length);
  const code = lastErrno();
  if (code === ENODATA) return undefined;
  throw faultOfErrno(code, path);
}

function cName(name: string): number {
  const bytes = encodeName(name);
  if (bytes.length >= nameBuffer.bytes.length) throw new Fault('PATH-NAME', { path: name });
  nameBuffer.bytes.set(bytes);
  nameBuffer.bytes[bytes.length] = 0;
  return nameBuffer.address;
}

/** Makes them what is to be set and says whether anything was changed. */
export function writeAttributes(owner: AttributeOwner, toSet: AttributesToSet, path: string): boolean {
  const before = decodeAttributes(readAttributes(owner, toSet.kinds, path));
  const wanted = decodeAttributes(toSet.bytes);
  const has = new Map(before.map((one) => [keyOf(one), one.value]));
  const wants = new Set(wanted.map(keyOf));
  let changed = false;
  for (const one of before) {
    if (wants.has(keyOf(one))) continue;
    changed = true;
    removeOne(owner, systemName(one)!, path);
  }
  const refused: Attribute[] = [];
  for (const one of wanted) {
    const present = has.get(keyOf(one));
    if (present !== undefined && Buffer.compare(present, one.value) === 0) continue;
    changed = true;
    if (!setOne(owner, one, path)) refused.push(one);
  }
  if (refused.length > 0) refuse(refused, toSet, path);
  return changed;
}

function keyOf({ kind, name }: Attribute): string {
  return `${kind} ${name}`;
}

function refuse(refused: readonly Attribute[], toSet: AttributesToSet, path: string): void {
  const { kind, name } = refused[0]!;
  if (toSet.onRefused === undefined) throw new Fault('FS-UNSUPPORTED', { what: `Attribute ${kind} ${name}`, path });
  toSet.onRefused(encodeAttributes(refused));
}

function removeOne(owner: AttributeOwner, name: string, path: string): void {
  if (callsOf(owner).remove(subject(owner), cName(name)) >= 0) return;
  const code = lastErrno();
  if (code !== ENODATA) throw faultOfErrno(code, path);
}

/** False when the volume refuses this one, whatever is tried. */
function setOne(owner: AttributeOwner, attribute: Attribute, path: string): boolean {
  const name = systemName(attribute);
  if (name === undefined || attribute.value.length > LONGEST) return false;
  value.bytes.set(attribute.value);
  if (callsOf(owner).set(subject(owner), cName(name), value.address, attribute.value.length, 0) >= 0) return true;
  const code = lastErrno();
  if (code === ENOSPC || code === EDQUOT) {
    // ext4 says so also when a value does not fit the block it has for attributes: no amount of free space helps.
    if (hasRoom(owner, attribute.value.length)) return false;
  } else if ([EOPNOTSUPP, E2BIG, ERANGE, EINVAL, EPERM, EACCES].includes(code)) {
    return false;
  }
  throw faultOfErrno(code, path);
}

function hasRoom({ handle }: AttributeOwner, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(`/proc/self/fd/${handle}`);
  return bavail * bsize > ROOM_FACTOR * bytes + ROOM_BYTES;
}

/** Which kinds the volume of a directory holds: asked once for each root. */
export function kindsOfVolume(handle: number): AttributeKinds {
  let kinds = 0;
  if (calls.open.list(handle, names.address, LONGEST) >= 0) kinds |= kindBit('xattr');
  const acl = calls.open.get(handle, cName(`${ACL_PREFIX}access`), value.address, LONGEST);
  if (acl >= 0 || lastErrno() === ENODATA) kinds |= kindBit('posix-acl');
  return kinds;
}
