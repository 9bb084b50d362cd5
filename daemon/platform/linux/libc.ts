/**
 * The C library's file calls with directory handles, which node:fs does not have. Each costs about 0.2 µs on top of the
 * system call (docs/decisions/0001-file-access.md). Results are those of C: negative = failed, see `lastErrno`.
 * Paths go through two fixed buffers, so a call must be made right after its paths were placed.
 */
import { constants } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { encodeName } from '../../../shared/path.ts';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';

const libc = loadLibrary('libc.so.6');

export const O_PATH = 0x200000;
export const O_CLOEXEC = 0x80000;
/** O_CLOEXEC is always wanted: the daemon starts other programs. */
export const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
export const PATH_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** Number of openat2 on every architecture (they are the same since 424). */
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_NO_SYMLINKS = 0x04n;
const RESOLVE_BENEATH = 0x08n;
/** Linux PATH_MAX in bytes, with the NUL. */
const PATH_BYTES = 4096;

const callOpenat = libc.number('openat', 'int', ['int', 'uintptr_t', 'int', 'int']);
const callSyscall = libc.number('syscall', 'long', ['long', 'int', 'uintptr_t', 'uintptr_t', 'size_t']);
const callClose = libc.number('close', 'int', ['int']);
const callMkdirat = libc.number('mkdirat', 'int', ['int', 'uintptr_t', 'int']);
const callUnlinkat = libc.number('unlinkat', 'int', ['int', 'uintptr_t', 'int']);
const callRenameat2 = libc.number('renameat2', 'int', ['int', 'uintptr_t', 'int', 'uintptr_t', 'int']);
const callLinkat = libc.number('linkat', 'int', ['int', 'uintptr_t', 'int', 'uintptr_t', 'int']);
const callSymlinkat = libc.number('symlinkat', 'int', ['uintptr_t', 'int', 'uintptr_t']);
const callReadlinkat = libc.number('readlinkat', 'long', ['int', 'uintptr_t', 'uintptr_t', 'size_t']);
const callFchownat = libc.number('fchownat', 'int', ['int', 'uintptr_t', 'uint32', 'uint32', 'int']);
const callChmod = libc.number('chmod', 'int', ['uintptr_t', 'int']);
const callFchmod = libc.number('fchmod', 'int', ['int', 'int']);
const callFchown = libc.number('fchown', 'int', ['int', 'uint32', 'uint32']);
const callUtimensat = libc.number('utimensat', 'int', ['int', 'uintptr_t', 'uintptr_t', 'int']);
const callFutimens = libc.number('futimens', 'int', ['int', 'uintptr_t']);
const callSyncfs = libc.number('syncfs', 'int', ['int']);
const callCopyFileRange = libc.number('copy_file_range', 'long', [
  'int',
  'uintptr_t',
  'int',
  'uintptr_t',
  'size_t',
  'uint32',
]);
const callLseek = libc.number('lseek', 'long', ['int', 'long', 'int']);
const callFallocate = libc.number('fallocate', 'int', ['int', 'int', 'long', 'long']);

const first = allocateFixed(PATH_BYTES);
const second = allocateFixed(PATH_BYTES);
const openHow = allocateFixed(24);
const openHowWords = new BigUint64Array(openHow.bytes.buffer, 0, 3);
const times = allocateFixed(32);
const timeWords = new BigInt64Array(times.bytes.buffer, 0, 4);
const offsets = allocateFixed(16);
const offsetWords = new BigInt64Array(offsets.bytes.buffer, 0, 2);

/** `tv_nsec` that leaves this time alone. */
const UTIME_OMIT = 0x3ffffffen;

/** Runs a call again while a signal interrupts it. */
function retried(call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0 || lastErrno() !== EINTR) return result;
  }
}
const EINTR = 4;

/** Longest name taken the short way. */
const SHORT_NAME = 128;

/** Most names are short and ASCII: written here they cost a fraction of a call to the encoder. */
function placeShort({ bytes }: typeof first, text: string): boolean {
  const { length } = text;
  if (length > SHORT_NAME) return false;
  for (let at = 0; at < length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0 || unit >= 0x80) return false;
    bytes[at] = unit;
  }
  bytes[length] = 0;
  return true;
}

function place(target: typeof first, text: string): number {
  if (placeShort(target, text)) return target.address;
  // Three bytes a UTF-16 unit is the worst case; only near the limit is the exact length worth computing.
  if (text.length * 3 >= PATH_BYTES && Buffer.byteLength(text) >= PATH_BYTES)
    throw new Fault('PATH-NAME', { path: text });
  if (text.includes('\0')) throw new Fault('PATH-ESCAPE', { path: text });
  let length: number;
  if (text.isWellFormed()) {
    length = target.bytes.write(text, 'utf8');
  } else {
    const bytes = encodeName(text);
    target.bytes.set(bytes);
    length = bytes.length;
  }
  target.bytes[length] = 0;
  return target.address;
}

/** Address of `path` as a C string until the next call of this module. */
export function cPath(path: string): number {
  return place(first, path);
}

export function openAt(directory: number, name: string, flags: number, mode = 0): number {
  const address = place(first, name);
  return retried(() => callOpenat(directory, address, flags, mode));
}

/** Opens below `directory` and refuses every symbolic link on the way, `..` out of it included. */
function openBeneathByKernel(directory: number, path: string, flags: number): number {
  const address = place(first, path);
  openHowWords[0] = BigInt(flags);
  openHowWords[1] = 0n;
  openHowWords[2] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return retried(() => callSyscall(SYS_OPENAT2, directory, address, openHow.address, 24));
}

/** The same for kernels before 5.6 and sandboxes that refuse openat2: one component after the other. */
function openBeneathByWalk(directory: number, path: string, flags: number): number {
  const names = path.split('/');
  const last = names.pop()!;
  let at = directory;
  for (const name of names) {
    const next = openAt(at, name, PATH_DIRECTORY);
    if (at !== directory) closeKeepingErrno(at);
    if (next < 0) return next;
    at = next;
  }
  const opened = openAt(at, last, flags | constants.O_NOFOLLOW);
  if (at !== directory) closeKeepingErrno(at);
  return opened;
}

let errnoOfWalk = 0;
function closeKeepingErrno(handle: number): void {
  errnoOfWalk = lastErrno();
  callClose(handle);
}

function probeOpenat2(): boolean {
  const handle = openBeneathByKernel(AT_FDCWD, '.', PATH_DIRECTORY);
  if (handle < 0) return false;
  callClose(handle);
  return true;
}
let kernelResolves = probeOpenat2();

/** For tests: use the component walk even where the kernel has openat2. */
export function forceComponentWalk(on: boolean): void {
  kernelResolves = on ? false : probeOpenat2();
}

/** Opens `path` below `directory`; fails with ELOOP or ENOTDIR when a component is a link. */
export function openBeneath(directory: number, path: string, flags: number): number {
  if (kernelResolves) return openBeneathByKernel(directory, path, flags);
  errnoOfWalk = 0;
  const handle = openBeneathByWalk(directory, path, flags);
  if (handle >= 0) errnoOfWalk = 0;
  return handle;
}

/** errno of the call that failed last, also when `openBeneath` closed something after it. */
export function errno(): number {
  const kept = errnoOfWalk;
  errnoOfWalk = 0;
  return kept === 0 ? lastErrno() : kept;
}

export function closeHandle(handle: number): void {
  callClose(handle);
}

export function makeDirectoryAt(directory: number, name: string, mode: number): number {
  return callMkdirat(directory, place(first, name), mode);
}

export function unlinkAt(directory: number, name: string, flags = 0): number {
  return callUnlinkat(directory, place(first, name), flags);
}

/** `nameAddress`: a C string, such as one in a directory listing. */
export function unlinkAtAddress(directory: number, nameAddress: number, flags: number): number {
  return callUnlinkat(directory, nameAddress, flags);
}

export function renameAt(from: number, fromName: string, to: number, toName: string, flags: number): number {
  return callRenameat2(from, place(first, fromName), to, place(second, toName), flags);
}

export function renameAtAddress(from: number, nameAddress: number, to: number, toName: string): number {
  return callRenameat2(from, nameAddress, to, place(second, toName), 0);
}

export function linkAt(from: number, fromName: string, to: number, toName: string): number {
  return callLinkat(from, place(first, fromName), to, place(second, toName), 0);
}

export function symlinkAt(target: string, directory: number, name: string): number {
  return callSymlinkat(place(first, target), directory, place(second, name));
}

/** Target of a link as bytes, undefined when the call failed. */
export function readLinkAt(directory: number, name: string): Uint8Array | undefined {
  const length = callReadlinkat(directory, place(first, name), second.address, PATH_BYTES);
  return length < 0 ? undefined : Uint8Array.prototype.slice.call(second.bytes, 0, length);
}

/** Never follows a link at `name`. */
export function chownAt(directory: number, name: string, uid: number, gid: number): number {
  return callFchownat(directory, place(first, name), uid, gid, AT_SYMLINK_NOFOLLOW);
}

export function chownHandle(handle: number, uid: number, gid: number): number {
  return callFchown(handle, uid, gid);
}

export function chmodHandle(handle: number, mode: number): number {
  return callFchmod(handle, mode);
}

/** Mode of what an O_PATH handle names: fchmod does not take such a handle, and fchmodat would follow a link. */
export function chmodPathHandle(handle: number, mode: number): number {
  return callChmod(place(first, `/proc/self/fd/${handle}`), mode);
}

function placeTimes(mtimeNs: bigint): number {
  timeWords[0] = 0n;
  timeWords[1] = UTIME_OMIT;
  // Floor division: nanoseconds are never negative in a timespec, seconds may be (before 1970).
  const towardsZero = mtimeNs / 1_000_000_000n;
  const seconds = mtimeNs < 0n && towardsZero * 1_000_000_000n !== mtimeNs ? towardsZero - 1n : towardsZero;
  timeWords[2] = seconds;
  timeWords[3] = mtimeNs - seconds * 1_000_000_000n;
  return times.address;
}

/** Sets the modification time of `name` itself, leaves the access time. */
export function setTimeAt(directory: number, name: string, mtimeNs: bigint): number {
  return callUtimensat(directory, place(first, name), placeTimes(mtimeNs), AT_SYMLINK_NOFOLLOW);
}

export function setTimeHandle(handle: number, mtimeNs: bigint): number {
  return callFutimens(handle, placeTimes(mtimeNs));
}

export function syncFileSystem(handle: number): number {
  return callSyncfs(handle);
}

/** Copies inside the kernel, by reflink where the file system can; returns the bytes copied. */
export function copyRange(from: number, fromAt: number, to: number, toAt: number, length: number): number {
  offsetWords[0] = BigInt(fromAt);
  offsetWords[1] = BigInt(toAt);
  return retried(() => callCopyFileRange(from, offsets.address, to, offsets.address + 8, length, 0));
}

/** `whence` of lseek(2); the place found. */
export function seekTo(handle: number, position: number, whence: number): number {
  return callLseek(handle, position, whence);
}

/** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE. */
const PUNCH_KEEPING_SIZE = 0x03;

export function punchHole(handle: number, position: number, length: number): number {
  return retried(() => callFallocate(handle, PUNCH_KEEPING_SIZE, position, length));
}

export function rewind(handle: number): void {
  callLseek(handle, 0, 0);
}
