/**
 * Reading the small files of one directory through one handle of it: opening by name costs a third of resolving the whole
 * path below the root for each file, and what is known of the file saves looking twice.
 */
import { constants, readSync } from 'node:fs';
import { constants as system } from 'node:os';
import type { DirectoryReader, EntryStat } from '../../ports.ts';
import { isStatOf, statHandle } from './directory.ts';
import { closeHandle, errno, O_CLOEXEC, openAt } from './libc.ts';

/** O_NONBLOCK: a pipe that took the file's place must not stop us. */
export const READ_FLAGS =
  constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC;
/** Reading must not look like use; only the owner and root may. */
export const READ_QUIETLY = READ_FLAGS | constants.O_NOATIME;

const { EPERM } = system.errno;

/** `handle` is the directory's; it is closed with the reader. */
export function readDirectory(handle: number, device: number): DirectoryReader {
  let flags = READ_QUIETLY;
  const open = (name: string): number => {
    const file = openAt(handle, name, flags);
    if (file >= 0 || flags === READ_FLAGS || errno() !== EPERM) return file;
    flags = READ_FLAGS;
    return openAt(handle, name, flags);
  };
  return {
    read: (name, expected, target) => {
      if (name.includes('/')) return false;
      const file = open(name);
      if (file < 0) return false;
      try {
        return fill(file, target) && isUnchanged(file, expected, device);
      } finally {
        closeHandle(file);
      }
    },
    close: () => closeHandle(handle),
  };
}

function fill(file: number, target: Uint8Array): boolean {
  try {
    for (let done = 0; done < target.length; ) {
      const count = readSync(file, target, done, target.length - done, done);
      if (count === 0) return false;
      done += count;
    }
    return true;
  } catch {
    // A directory, a failing disk: whoever opens it by its path is told.
    return false;
  }
}

/** Looked at after it was read. */
function isUnchanged(file: number, expected: EntryStat, device: number): boolean {
  return statHandle(file) >= 0 && isStatOf(expected, device);
}
