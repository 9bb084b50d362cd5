/** Removing whole trees of ours by handles, with one directory open at a time, however deep they are. */
import { constants } from 'node:os';
import { lastErrno } from '../ffi.ts';
import { faultOfErrno } from '../system-fault.ts';
import { listRaw } from './directory.ts';
import {
  AT_REMOVEDIR,
  closeHandle,
  errno,
  OPEN_DIRECTORY,
  openAt,
  renameAt,
  renameAtAddress,
  rewind,
  unlinkAt,
  unlinkAtAddress,
} from './libc.ts';

const { EISDIR, ENOENT, EPERM } = constants.errno;

/** Names in the staging directory of directories on their way out. */
let nextDoomed = 0;
function doomedName(): string {
  nextDoomed += 1;
  return `drop-${process.pid}-${nextDoomed}-${process.hrtime.bigint().toString(36)}`;
}

/**
 * Removes `name` in `directory` with everything in it; absent is success. Directories are first moved to `staging` (same
 * mount) under a name of their own, so what a crash leaves behind is cleared with it.
 */
export function removeTree(directory: number, name: string, staging: number): void {
  if (unlinkAt(directory, name) >= 0) return;
  const code = errno();
  if (code === ENOENT) return;
  if (code !== EISDIR && code !== EPERM) throw faultOfErrno(code, name);
  const doomed = doomedName();
  if (renameAt(directory, name, staging, doomed, 0) < 0) throw faultOfErrno(errno(), name);
  const pending = [doomed];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    emptyDirectory(staging, next, pending);
    if (unlinkAt(staging, next, AT_REMOVEDIR) < 0) throw faultOfErrno(errno(), name);
  }
}

function emptyDirectory(staging: number, name: string, pending: string[]): void {
  const handle = openAt(staging, name, OPEN_DIRECTORY);
  if (handle < 0) throw faultOfErrno(errno(), name);
  try {
    // Removing while listing may skip entries on some file systems: list again until nothing is left.
    while (removeListed(handle, staging, name, pending) > 0) rewind(handle);
  } finally {
    closeHandle(handle);
  }
}

function removeListed(handle: number, staging: number, path: string, pending: string[]): number {
  let found = 0;
  const listed = listRaw(handle, (nameAddress) => {
    found += 1;
    if (unlinkAtAddress(handle, nameAddress, 0) >= 0) return;
    const code = lastErrno();
    if (code === ENOENT) return;
    if (code !== EISDIR && code !== EPERM) throw faultOfErrno(code, path);
    const doomed = doomedName();
    if (renameAtAddress(handle, nameAddress, staging, doomed) < 0) throw faultOfErrno(lastErrno(), path);
    pending.push(doomed);
  });
  if (listed < 0) throw faultOfErrno(lastErrno(), path);
  return found;
}
