/** Small files with secrets that an administrator puts into the data directory. */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const FOR_OTHERS = 0o077;

/** Text of `NAME` in `folder`; undefined when it is not there, or on systems with modes when others may read or change it. */
export function readSecret(folder: string, name: string): string | undefined {
  if (!NAME.test(name) || name.startsWith('.')) return undefined;
  const path = join(folder, name);
  try {
    const stat = lstatSync(path);
    const isOpen = process.platform !== 'win32' && (stat.mode & FOR_OTHERS) !== 0;
    return stat.isFile() && !isOpen ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
