/** Setting mode, owner and time without following a link; what is right already is left alone. */
import { constants as fileConstants } from 'node:fs';
import { constants } from 'node:os';
import type { EntryStat, Metadata } from '../../ports.ts';
import { faultOfErrno } from '../system-fault.ts';
import { writeAttributes } from './attributes.ts';
import { deniedFault } from './denied.ts';
import { decodeStat, statAt } from './directory.ts';
import {
  chmodHandle,
  chmodPathHandle,
  chownAt,
  chownHandle,
  closeHandle,
  errno,
  O_CLOEXEC,
  O_PATH,
  openAt,
  setTimeAt,
  setTimeHandle,
} from './libc.ts';

const NOBODY_CHANGES = 0xffff_ffff;
const isRoot = process.geteuid?.() === 0;

/** Only root may give files away; without it owners are left as they are (as `rsync -a` does). */
function checkOwner(result: number, path: string): void {
  if (result >= 0) return;
  const code = errno();
  if (code === constants.errno.EPERM && !isRoot) return;
  throw faultOfErrno(code, path);
}

function checkNamed(result: number, directory: number, name: string, path: string): void {
  if (result < 0) throw deniedFault(errno(), directory, name, path);
}

function check(result: number, path: string): void {
  if (result < 0) throw faultOfErrno(errno(), path);
}

/** What metadata says beside the time. */
type Rights = Pick<EntryStat, 'mode' | 'uid' | 'gid'>;

function changesOwner(before: Rights | undefined, metadata: Metadata): boolean {
  if (metadata.uid === undefined && metadata.gid === undefined) return false;
  if (before === undefined) return true;
  return (metadata.uid ?? before.uid) !== before.uid || (metadata.gid ?? before.gid) !== before.gid;
}

/**
 * For a new file we hold open for writing, which has no attributes yet; `before`: what it is now. The order counts: chown
 * takes away set-user-id bits and capabilities, an access list changes the mode, everything but the time is a change.
 */
export function setHandleMetadata(handle: number, before: Rights, metadata: Metadata, path: string): void {
  const owned = changesOwner(before, metadata);
  if (owned) {
    checkOwner(chownHandle(handle, metadata.uid ?? NOBODY_CHANGES, metadata.gid ?? NOBODY_CHANGES), path);
  }
  const attributed = (metadata.attributes?.bytes.length ?? 0) > 0;
  if (attributed) writeAttributes({ handle }, metadata.attributes!, path);
  if (metadata.mode !== undefined && (owned || attributed || metadata.mode !== before.mode)) {
    check(chmodHandle(handle, metadata.mode), path);
  }
  if (metadata.mtimeNs !== undefined) check(setTimeHandle(handle, metadata.mtimeNs), path);
}

/** For `name` in a directory; `.` is the directory itself. `path` is for messages. */
export function setNamedMetadata(directory: number, name: string, metadata: Metadata, path: string): void {
  check(statAt(directory, name), path);
  const before = decodeStat(0);
  const owned = changesOwner(before, metadata);
  if (owned) {
    checkOwner(chownAt(directory, name, metadata.uid ?? NOBODY_CHANGES, metadata.gid ?? NOBODY_CHANGES), path);
  }
  const { attributes } = metadata;
  const attributed = attributes !== undefined && writeAttributes({ handle: directory, name }, attributes, path);
  const modeDiffers = metadata.mode !== undefined && (owned || attributed || metadata.mode !== before.mode);
  if (modeDiffers && before.type !== 'symlink') setMode(directory, name, metadata.mode!, path);
  if (metadata.mtimeNs !== undefined && metadata.mtimeNs !== before.mtimeNs) {
    checkNamed(setTimeAt(directory, name, metadata.mtimeNs), directory, name, path);
  }
}

/** fchmodat follows links, so the object is pinned first; a link that took its place meanwhile is refused. */
function setMode(directory: number, name: string, mode: number, path: string): void {
  const handle = openAt(directory, name, O_PATH | fileConstants.O_NOFOLLOW | O_CLOEXEC);
  check(handle, path);
  try {
    checkNamed(chmodPathHandle(handle, mode), directory, name, path);
  } finally {
    closeHandle(handle);
  }
}
