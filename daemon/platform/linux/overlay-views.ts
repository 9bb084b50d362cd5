/**
 * Rehearsal views by overlayfs (kernel: Documentation/filesystems/overlayfs.rst): the directory itself is the lower layer, what
 * is written lands in the upper one. Paths go to the kernel as handles, so no name needs quoting in the options, and a link
 * planted meanwhile is not followed.
 */
import { lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../../shared/faults.ts';
import { loadLibrary } from '../ffi.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { AT_FDCWD, closeHandle, errno, OPEN_DIRECTORY, openAt } from './libc.ts';
import { mountsBelow, mountsOf } from './mounts.ts';

const libc = loadLibrary('libc.so.6');
const callMount = libc.number('mount', 'int', ['str', 'str', 'str', 'long', 'str']);
const callUmount = libc.number('umount2', 'int', ['str', 'int']);

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const LAYERS = ['upper', 'work'] as const;

interface Layer {
  readonly target: string;
  readonly lower: number;
  readonly upper: number;
  readonly work: number;
}

export class OverlayViews {
  unavailable(): string | undefined {
    if (process.getuid?.() === 0) return undefined;
    return 'the engine must run as root to put a view over the roots';
  }

  open(label: string, roots: readonly string[], scratch: string): void {
    const opened: number[] = [];
    const handleOf = (path: string): number => {
      const handle = openAt(AT_FDCWD, path, OPEN_DIRECTORY);
      if (handle < 0) throw faultOfErrno(errno(), path);
      opened.push(handle);
      return handle;
    };
    try {
      // All lower layers are opened before the first view hides one.
      const layers = placesOf(roots).map((target, at): Layer => {
        const [upper = '', work = ''] = LAYERS.map((layer) => join(scratch, String(at), layer));
        translating(scratch, () => {
          for (const path of [upper, work]) mkdirSync(path, { recursive: true, mode: 0o700 });
        });
        return { target, lower: handleOf(target), upper: handleOf(upper), work: handleOf(work) };
      });
      for (const layer of layers) mountOne(label, layer);
    } catch (error) {
      this.close(label, scratch);
      throw error;
    } finally {
      for (const handle of opened) closeHandle(handle);
    }
  }

  written(scratch: string): { entries: number; bytes: number } {
    const sum = { entries: 0, bytes: 0 };
    for (const view of namesIn(scratch)) addWritten(join(scratch, view, LAYERS[0]), sum);
    return sum;
  }

  close(label: string, scratch: string): { inUse: string[] } {
    const inUse: string[] = [];
    // One mounted in another goes first; the same place may be covered more than once.
    for (const target of mountsOf('overlay', label).toReversed()) {
      if (unmount(target, UMOUNT_NOFOLLOW) === 0) continue;
      inUse.push(target);
      const code = unmount(target, UMOUNT_NOFOLLOW | MNT_DETACH);
      if (code !== 0) throw faultOfErrno(code, target);
    }
    translating(scratch, () => rmSync(scratch, { recursive: true, force: true }));
    return { inUse };
  }
}

/** 0, or what refused it. */
function unmount(target: string, flags: number): number {
  return callUmount(target, flags) === 0 ? 0 : errno();
}

/** Each root and what is mounted below it, the upper ones first. */
function placesOf(roots: readonly string[]): string[] {
  return roots.flatMap((given) => {
    const root = translating(given, () => realpathSync(given));
    return [root, ...mountsBelow(root).map(({ path }) => `${root}/${path}`)];
  });
}

function mountOne(label: string, { target, lower, upper, work }: Layer): void {
  const [below, above, aside] = [lower, upper, work].map((handle) => `/proc/self/fd/${handle}`);
  const options = `lowerdir=${below},upperdir=${above},workdir=${aside}`;
  // A volume below is looked up through the view that now lies over its parent: by its name, not by its handle.
  if (callMount(label, target, 'overlay', 0, options) === 0) return;
  const code = errno();
  if (code === constants.errno.EPERM) {
    throw new Fault('REHEARSAL-UNAVAILABLE', { reason: 'mounting is not permitted to the engine (CAP_SYS_ADMIN)' });
  }
  if (code === constants.errno.EINVAL || code === constants.errno.ENODEV) {
    const reason = `no overlay is possible over ${target} with its changes in the data directory (errno ${code})`;
    throw new Fault('REHEARSAL-UNAVAILABLE', { reason });
  }
  throw faultOfErrno(code, target);
}

function namesIn(directory: string): string[] {
  return translating(directory, () => readdirSync(directory));
}

function addWritten(directory: string, sum: { entries: number; bytes: number }): void {
  for (const name of namesIn(directory)) {
    const path = join(directory, name);
    const stat = translating(path, () => lstatSync(path));
    sum.entries += 1;
    if (stat.isDirectory()) addWritten(path, sum);
    else sum.bytes += stat.size;
  }
}
