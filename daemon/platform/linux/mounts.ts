/** Mount points of this process's mount namespace, from /proc/self/mountinfo (proc(5)), which can be polled for changes. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { CONTROL_NAME, decodeName, type RelativePath } from '../../../shared/path.ts';

const MOUNTINFO = '/proc/self/mountinfo';

export interface MountPoint {
  /** Path below the root it was asked for. */
  readonly path: RelativePath;
  /** Number of the mount: another one at the same place has another. */
  readonly id: string;
}

/** A handle for poll(2): POLLPRI when a volume was mounted or unmounted since the last poll. -1 where there is no /proc. */
export function openMountTable(): number {
  try {
    return openSync(MOUNTINFO, 'r');
  } catch {
    return -1;
  }
}

export function closeMountTable(handle: number): void {
  if (handle >= 0) closeSync(handle);
}

/** Mount points strictly below an absolute path, the upper ones first; of several at one place the one on top. */
export function mountsBelow(root: string): MountPoint[] {
  const prefix = root === '/' ? '/' : `${root}/`;
  const found = new Map<RelativePath, MountPoint>();
  for (const line of readTable().split('\n')) {
    // mount id, parent id, major:minor, root, mount point, options …
    const [id, , , , target] = line.split(' ');
    if (id === undefined || target === undefined) continue;
    const place = placeOf(target);
    if (!place.startsWith(prefix)) continue;
    const path = place.slice(prefix.length);
    if (!path.split('/').includes(CONTROL_NAME)) found.set(path, { path, id });
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Places of the mounts of that kind and source, in the order they were mounted. */
export function mountsOf(type: string, source: string): string[] {
  return readTable()
    .split('\n')
    .flatMap((line) => {
      // … mount options, optional fields, "-", type, source, …
      const [left = '', right = ''] = line.split(' - ');
      const [kind, from] = right.split(' ');
      const target = left.split(' ')[4];
      return kind === type && from !== undefined && placeOf(from) === source && target !== undefined
        ? [placeOf(target)]
        : [];
    });
}

function readTable(): string {
  try {
    return readFileSync(MOUNTINFO, 'latin1');
  } catch {
    return '';
  }
}

/** Space, tab, newline and backslash are written as octal numbers; the rest are the bytes of the name. */
function placeOf(text: string): string {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return decodeName(Buffer.from(bytes, 'latin1'));
}
