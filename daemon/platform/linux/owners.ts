/** Names of users and groups of this host, from /etc/passwd and /etc/group. */
import { readFileSync } from 'node:fs';
import type { OwnerNames } from '../../../shared/owners.ts';

/** A host with more accounts in these files names the first ones only; the others go by number. */
const MOST_NAMES = 2_000;

/** Read anew each time: accounts come and go. A file that cannot be read names nobody. */
export function readOwners(): OwnerNames {
  return { users: namesIn('/etc/passwd'), groups: namesIn('/etc/group') };
}

function namesIn(path: string): [number, string][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    // The first name of a number counts, as for the C library.
    if (/^[^\s+-]\S{0,63}$/.test(name) && /^\d{1,10}$/.test(number) && !names.has(Number(number))) {
      names.set(Number(number), name);
    }
    if (names.size >= MOST_NAMES) break;
  }
  return [...names];
}
