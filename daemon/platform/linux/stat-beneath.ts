/** What is at a path below a directory, without following a link. */
import { constants } from 'node:fs';
import { constants as system } from 'node:os';
import { parseRelativePath, type RelativePath } from '../../../shared/path.ts';
import type { EntryStat } from '../../ports.ts';
import { faultOfErrno } from '../system-fault.ts';
import { decodeStat, statAt, statHandle } from './directory.ts';
import { closeHandle, errno, O_CLOEXEC, O_PATH, openBeneath } from './libc.ts';

const { ELOOP, ENOENT, ENOTDIR } = system.errno;
const STAT_FLAGS = O_PATH | constants.O_NOFOLLOW | O_CLOEXEC;

export function statBeneath(root: number, device: number, path: RelativePath): EntryStat | undefined {
  if (parseRelativePath(path) === '') {
    if (statHandle(root) < 0) throw faultOfErrno(errno(), path);
    return decodeStat(device);
  }
  // With nothing on the way no handle is needed: a rewind looks at each kept object.
  if (!path.includes('/')) return statAt(root, path) < 0 ? notThere(path) : decodeStat(device);
  const handle = openBeneath(root, path, STAT_FLAGS);
  if (handle < 0) return notThere(path);
  try {
    if (statHandle(handle) < 0) throw faultOfErrno(errno(), path);
    return decodeStat(device);
  } finally {
    closeHandle(handle);
  }
}

/** The last call failed for want of an object, or did not. */
export function notThere(path: RelativePath): undefined {
  const code = errno();
  if (code === ENOENT || code === ENOTDIR || code === ELOOP) return undefined;
  throw faultOfErrno(code, path);
}
