/** The control directory of a root: on the same mount, so that every move between them is a rename. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CONTROL_PARTS, type ControlDirectory, locateControl } from '../control-path.ts';
import { translating } from '../system-fault.ts';
import { statDevice, statFollowing, statMount } from './directory.ts';
import { AT_FDCWD } from './libc.ts';

/** Creates what is missing of it, for nobody but this user. */
export function prepareControl(root: string): ControlDirectory {
  const control = locateControl(root, isSameMount);
  translating(control.path, () => {
    for (const part of CONTROL_PARTS) mkdirSync(join(control.path, part), { recursive: true, mode: 0o700 });
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
