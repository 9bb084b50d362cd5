/**
 * The control directory of a root: staging, kept objects and cookies, on the same mount as the root so that every move is
 * a rename. Beside the root where possible, so that the root holds nothing but the user's files.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CONTROL_NAME } from '../../../shared/path.ts';
import { translating } from '../system-fault.ts';
import { statDevice, statFollowing, statMount } from './directory.ts';
import { AT_FDCWD } from './libc.ts';

export interface ControlDirectory {
  readonly path: string;
  /** Inside the root, because the parent is another mount or cannot be written. */
  readonly insideRoot: boolean;
}

/** Where the control directory of `root` is or would be; nothing is created. */
export function locateControl(root: string): ControlDirectory {
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const parent = dirname(root);
  const beside = join(parent, CONTROL_NAME, `${basename(root) || 'root'}-${digest}`);
  const inside = join(root, CONTROL_NAME);
  if (parent === root || !isSameMount(root, parent)) return { path: inside, insideRoot: true };
  // Once made, it stays where it is: kept objects must be found again.
  if (existsSync(beside)) return { path: beside, insideRoot: false };
  if (existsSync(inside) || !isWritable(parent)) return { path: inside, insideRoot: true };
  return { path: beside, insideRoot: false };
}

/** Creates what is missing of it, for nobody but this user. */
export function prepareControl(root: string): ControlDirectory {
  const control = locateControl(root);
  translating(control.path, () => {
    for (const part of ['staging', 'kept', 'cookies']) {
      mkdirSync(join(control.path, part), { recursive: true, mode: 0o700 });
    }
  });
  return control;
}

/** A bind mount has the device of its source, yet a rename between them fails: the mount counts, not the device. */
function isSameMount(one: string, other: string): boolean {
  if (statFollowing(AT_FDCWD, one) < 0) return false;
  const device = statDevice();
  const mount = statMount();
  if (statFollowing(AT_FDCWD, other) < 0) return false;
  return device === statDevice() && mount === statMount();
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
