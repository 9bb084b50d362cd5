/** Listing a directory and reading stats into fixed buffers: the hot path of synchronization and of the audit walk. */
import { constants } from 'node:os';
import { decodeName } from '../../../shared/path.ts';
import type { EntryShape, EntryStat, EntryType, ScannedEntry } from '../../ports.ts';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';
import { faultOfErrno } from '../system-fault.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, cPath } from './libc.ts';

const libc = loadLibrary('libc.so.6');
const callGetdents = libc.number('getdents64', 'long', ['int', 'uintptr_t', 'size_t']);
const callStatx = libc.number('statx', 'int', ['int', 'uintptr_t', 'int', 'uint32', 'uintptr_t']);

/** Room for about 8,000 names of 16 characters a call. */
const LISTING_BYTES = 256 * 1024;
/** STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID */
const WANTED = 0x1fff;
const STATX_BTIME = 0x800;

const listing = allocateFixed(LISTING_BYTES);
const record = allocateFixed(256);
/** The empty C string. */
const noPath = allocateFixed(1);
const words = new Uint32Array(record.bytes.buffer, 0, 64);
const longs = new BigUint64Array(record.bytes.buffer, 0, 32);
const nanoWords = new Uint32Array(2);
const nanoLong = new BigInt64Array(nanoWords.buffer);

// Offsets of struct statx (linux/stat.h) in units of four bytes.
const MASK = 0;
/** STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND */
const PROTECTED = 0x30;
const FLAGS = 2;
const LINKS = 4;
const UID = 5;
const GID = 6;
const SIZE = 10;
const BLOCKS = 12;
const BIRTH = 20;
const CHANGED = 24;
const MODIFIED = 28;
const DEVICE_MAJOR = 34;
const DEVICE_MINOR = 35;
const MOUNT_ID = 36;
const INODE_LONG = 4;
const MODE_BYTE = 28;

const TWO_32 = 4_294_967_296;

/**
 * Seconds and nanoseconds as one BigInt without BigInt arithmetic: 10^9 = 1953125 × 2^9, so the product is split into two
 * 32-bit words exactly for every second from 1970 to 2116.
 */
function nanosecondsAt(offset: number): bigint {
  const high = words[offset + 1]!;
  if (high > 1) return BigInt.asIntN(64, longs[offset >> 1]!) * 1_000_000_000n + BigInt(words[offset + 2]!);
  const scaled = (words[offset]! + high * TWO_32) * 1_953_125;
  const low = (scaled % 8_388_608) * 512 + words[offset + 2]!;
  nanoWords[0] = low;
  nanoWords[1] = Math.floor(scaled / 8_388_608) + (low >= TWO_32 ? 1 : 0);
  return nanoLong[0]!;
}

function typeOf(mode: number): EntryType {
  switch (mode & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    default:
      return 'other';
  }
}

/** Device of the last stat, as one number. */
export function statDevice(): number {
  return words[DEVICE_MAJOR]! * TWO_32 + words[DEVICE_MINOR]!;
}

/** Mount of the last stat; 0 before Linux 5.8. */
export function statMount(): number {
  return words[MOUNT_ID]! + words[MOUNT_ID + 1]! * TWO_32;
}

/** Whether the object of the last stat is immutable or append-only (chattr +i, +a). */
export function isProtected(): boolean {
  return (words[FLAGS]! & PROTECTED) !== 0;
}

/** Inode of the last stat; one on another file system (a mount below the root) is told apart by its device. */
function inodeOf(rootDevice: number): bigint {
  const inode = longs[INODE_LONG]!;
  const device = statDevice();
  return device === rootDevice ? inode : inode | (BigInt(device) << 64n);
}

/** Stat of `name` itself (a link is not followed) into the fixed record; negative = failed. */
export function statAt(directory: number, name: string): number {
  return callStatx(directory, cPath(name), AT_SYMLINK_NOFOLLOW, WANTED, record.address);
}

/** Like `statAt`, following links: for the path of the root itself. */
export function statFollowing(directory: number, path: string): number {
  return callStatx(directory, cPath(path), 0, WANTED, record.address);
}

export function statHandle(handle: number): number {
  return callStatx(handle, noPath.address, AT_EMPTY_PATH, WANTED, record.address);
}

/** What the last stat said. */
export function decodeStat(rootDevice: number): EntryStat {
  const mode = record.bytes[MODE_BYTE]! | (record.bytes[MODE_BYTE + 1]! << 8);
  return {
    type: typeOf(mode),
    id: { inode: inodeOf(rootDevice), birthNs: words[MASK]! & STATX_BTIME ? nanosecondsAt(BIRTH) : 0n },
    sizeBytes: words[SIZE]! + words[SIZE + 1]! * TWO_32,
    mtimeNs: nanosecondsAt(MODIFIED),
    ctimeNs: nanosecondsAt(CHANGED),
    mode: mode & 0o7777,
    uid: words[UID]!,
    gid: words[GID]!,
    links: words[LINKS]!,
    allocatedBytes: (words[BLOCKS]! + words[BLOCKS + 1]! * TWO_32) * 512,
  };
}

/** What the last stat said, as little as tells a damaged object from a whole one. */
export function decodeShape(): EntryShape {
  const mode = record.bytes[MODE_BYTE]! | (record.bytes[MODE_BYTE + 1]! << 8);
  return { type: typeOf(mode), sizeBytes: words[SIZE]! + words[SIZE + 1]! * TWO_32 };
}

/** Whether the last stat found the same file, with the same size and times. */
export function isStatOf(expected: EntryStat, rootDevice: number): boolean {
  const mode = record.bytes[MODE_BYTE]! | (record.bytes[MODE_BYTE + 1]! << 8);
  return (
    typeOf(mode) === expected.type &&
    words[SIZE]! + words[SIZE + 1]! * TWO_32 === expected.sizeBytes &&
    nanosecondsAt(CHANGED) === expected.ctimeNs &&
    nanosecondsAt(MODIFIED) === expected.mtimeNs &&
    inodeOf(rootDevice) === expected.id.inode &&
    (words[MASK]! & STATX_BTIME ? nanosecondsAt(BIRTH) : 0n) === expected.id.birthNs
  );
}

function decodeScanned(name: string, rootDevice: number): ScannedEntry {
  const mode = record.bytes[MODE_BYTE]! | (record.bytes[MODE_BYTE + 1]! << 8);
  return {
    name,
    type: typeOf(mode),
    id: { inode: inodeOf(rootDevice), birthNs: words[MASK]! & STATX_BTIME ? nanosecondsAt(BIRTH) : 0n },
    sizeBytes: words[SIZE]! + words[SIZE + 1]! * TWO_32,
    mtimeNs: nanosecondsAt(MODIFIED),
    ctimeNs: nanosecondsAt(CHANGED),
    mode: mode & 0o7777,
    uid: words[UID]!,
    gid: words[GID]!,
    links: words[LINKS]!,
    allocatedBytes: (words[BLOCKS]! + words[BLOCKS + 1]! * TWO_32) * 512,
  };
}

/**
 * Calls `visit` for each entry but `.` and `..` with the address of its name in place (a C string) and where the name's
 * bytes are. Negative = the listing failed (errno). `visit` must not list another directory.
 */
export function listRaw(handle: number, visit: (nameAddress: number, start: number, end: number) => void): number {
  const bytes = listing.bytes;
  for (;;) {
    const filled = callGetdents(handle, listing.address, LISTING_BYTES);
    if (filled <= 0) return filled;
    for (let at = 0; at < filled; ) {
      const length = bytes[at + 16]! | (bytes[at + 17]! << 8);
      const start = at + 19;
      let end = start;
      while (bytes[end] !== 0) end += 1;
      if (!isDotName(bytes, start, end)) visit(listing.address + start, start, end);
      at += length;
    }
  }
}

function isDotName(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== 0x2e) return false;
  return end - start === 1 || (end - start === 2 && bytes[start + 1] === 0x2e);
}

/** Name at a place in the listing; only valid inside `visit`. */
export function listedName(start: number, end: number): string {
  const text = listing.bytes.toString('utf8', start, end);
  // The replacement character may be real or stand for invalid bytes: only then is the exact decoding worth its price.
  return text.includes('\ufffd') ? decodeName(listing.bytes.subarray(start, end)) : text;
}

/** All entries with their stats, unsorted, without `hidden`; entries that vanish meanwhile are left out. */
export function scanHandle(handle: number, rootDevice: number, hidden: string, path: string): ScannedEntry[] {
  const entries: ScannedEntry[] = [];
  const listed = listRaw(handle, (nameAddress, start, end) => {
    if (callStatx(handle, nameAddress, AT_SYMLINK_NOFOLLOW, WANTED, record.address) < 0) {
      const code = lastErrno();
      if (code === constants.errno.ENOENT) return;
      throw faultOfErrno(code, path);
    }
    const name = listedName(start, end);
    if (name !== hidden) entries.push(decodeScanned(name, rootDevice));
  });
  if (listed < 0) throw faultOfErrno(lastErrno(), path);
  return entries;
}
