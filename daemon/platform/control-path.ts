/** Where the control directory of a root lies, the same on every system. */
import { createHash } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CONTROL_NAME } from '../../shared/path.ts';
import { codeOf, translating } from './system-fault.ts';

export interface ControlDirectory {
  readonly path: string;
  /** Inside the root, because the parent is another volume or cannot be written. */
  readonly insideRoot: boolean;
}

/** What lies in it. */
export const CONTROL_PARTS = ['staging', 'kept', 'cookies'] as const;

/**
 * `isSameVolume`: whether a rename between two directories works. Once made, it stays where it is: kept objects must be found
 * again. Nothing is created here.
 */
export function locateControl(root: string, isSameVolume: (one: string, other: string) => boolean): ControlDirectory {
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const parent = dirname(root);
  const beside = join(parent, CONTROL_NAME, `${basename(root) || 'root'}-${digest}`);
  const inside = join(root, CONTROL_NAME);
  if (parent === root || !isSameVolume(root, parent)) return { path: inside, insideRoot: true };
  if (isThere(beside)) return { path: beside, insideRoot: false };
  if (isThere(inside) || !isWritable(parent)) return { path: inside, insideRoot: true };
  return { path: beside, insideRoot: false };
}

function isWritable(directory: string): boolean {
  return succeeds(directory, () => accessSync(directory, constants.W_OK | constants.X_OK));
}

function isThere(path: string): boolean {
  return succeeds(path, () => statSync(path));
}

/** Refusals that say something about the place. A disk that fails says nothing: then the place must not change. */
const REFUSALS = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']);

function succeeds(path: string, look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (REFUSALS.has(codeOf(error))) return false;
    return translating(path, () => {
      throw error;
    });
  }
}
