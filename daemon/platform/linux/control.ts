/** The control directory of a root: on the same mount, so that every move between them is a rename. */
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../../shared/faults.ts';
import { parseRelativePath } from '../../../shared/path.ts';
import { CONTROL_PARTS, type ControlDirectory, locateControl } from '../control-path.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { statDevice, statFollowing, statMount } from './directory.ts';
import { AT_FDCWD, closeHandle, errno, OPEN_DIRECTORY, openAt } from './libc.ts';

/** Creates what is missing of it, for nobody but this user. */
export function prepareControl(root: string): ControlDirectory {
  const control = locateControl(root, isSameMount);
  translating(control.path, () => {
    for (const part of CONTROL_PARTS) mkdirSync(join(control.path, part), { recursive: true, mode: 0o700 });
  });
  return control;
}

export interface ControlHandles {
  readonly staging: number;
  readonly kept: number;
  readonly cookies: number;
}

/** Handles of its parts. */
export function openControl(path: string): ControlHandles {
  const opened: number[] = [];
  try {
    const [staging = -1, kept = -1, cookies = -1] = CONTROL_PARTS.map((part) => {
      const handle = openAt(AT_FDCWD, join(path, part), OPEN_DIRECTORY);
      if (handle < 0) throw faultOfErrno(errno(), join(path, part));
      opened.push(handle);
      return handle;
    });
    return { staging, kept, cookies };
  } catch (error) {
    for (const handle of opened) closeHandle(handle);
    throw error;
  }
}

/** A bind mount has the device of its source, yet a rename between them fails: the mount counts, not the device. */
function isSameMount(one: string, other: string): boolean {
  if (!canStat(one)) return false;
  const device = statDevice();
  const mount = statMount();
  if (!canStat(other)) return false;
  return device === statDevice() && mount === statMount();
}

/** False where it may not be looked at. A disk that fails is no reason to put the control directory elsewhere. */
function canStat(path: string): boolean {
  if (statFollowing(AT_FDCWD, path) >= 0) return true;
  const code = errno();
  if (code === constants.errno.EACCES || code === constants.errno.EPERM || code === constants.errno.ENOENT)
    return false;
  throw faultOfErrno(code, path);
}

/** What we call kept objects ourselves. */
const PLAIN_NAME = /^[a-z][a-z0-9-]*$/;
const SHORT_NAME = 100;

/** Kept objects, cookies: one name each, in their part of the control directory. */
export function checkKeepName(keepName: string): void {
  if (keepName.length < SHORT_NAME && PLAIN_NAME.test(keepName)) return;
  if (keepName.includes('/') || parseRelativePath(keepName) === '') throw new Fault('PATH-ESCAPE', { path: keepName });
}
