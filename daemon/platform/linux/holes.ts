/** Parts of files that take no space: where they are, and making them. */
import { fstatSync, ftruncateSync } from 'node:fs';
import { constants as system } from 'node:os';
import { faultOfErrno } from '../system-fault.ts';
import { errno, punchHole, seekTo } from './libc.ts';

/** From include/uapi/linux/fs.h. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** Unit of `st_blocks`. */
const BLOCK_BYTES = 512;
/** The file system or the kernel cannot; EINVAL and ESPIPE are said by some that do not know the call. */
const UNKNOWN: readonly number[] = [
  system.errno.EOPNOTSUPP,
  system.errno.ENOSYS,
  system.errno.ENODEV,
  system.errno.EINVAL,
];

/** Where content begins at or behind `position`: the size of the file when there is none. */
export function nextData(handle: number, position: number): number {
  const found = seekTo(handle, position, SEEK_DATA);
  if (found >= 0) return found;
  return errno() === system.errno.ENXIO ? Math.max(position, fstatSync(handle).size) : position;
}

/** Where the content that begins at `position` ends. */
function nextHole(handle: number, position: number): number {
  const found = seekTo(handle, position, SEEK_HOLE);
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}

/** Calls `copy` for each part of a range that has content. */
export function forEachData(
  handle: number,
  position: number,
  length: number,
  copy: (position: number, length: number) => void,
): void {
  const { blocks, size } = fstatSync(handle);
  // Looking for the next hole takes time for all the content up to it: not where there is none.
  if (blocks * BLOCK_BYTES >= size) {
    if (position < size) copy(position, Math.min(length, size - position));
    return;
  }
  const end = position + length;
  for (let at = nextData(handle, position); at < end; at = nextData(handle, at)) {
    const until = Math.min(end, nextHole(handle, at));
    copy(at, until - at);
    at = until;
  }
}

/** A hole at the end of what was copied counts too. */
export function growTo(handle: number, sizeBytes: number): void {
  if (fstatSync(handle).size < sizeBytes) ftruncateSync(handle, sizeBytes);
}

/** `punch` says false when the file system cannot: nothing has changed then. */
export function punching(handle: number, path: string): { punch(position: number, length: number): boolean } {
  return {
    punch: (position, length) => {
      if (punchHole(handle, position, length) >= 0) return true;
      const code = errno();
      if (UNKNOWN.includes(code)) return false;
      throw faultOfErrno(code, path);
    },
  };
}
