/**
 * Paths below a root on Windows: names escaped, the whole in the `\\?\` form (no length limit, no rewriting of names), and the
 * check that what a path leads to really is below the root and is called so.
 */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { baseName, parentPath, parseRelativePath, type RelativePath } from '../../../shared/path.ts';
import { codeOf, faultOfName, translating } from '../system-fault.ts';
import { encodeWindowsName } from './names.ts';

const LONG_PREFIX = '\\\\?\\';
/** Waits between tries while another program holds a file, ms; together under a tenth of a second. */
const BUSY_WAITS_MS = [1, 4, 16, 64];
const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** Runs a call again while another program (a virus scanner, an indexer) has the file open; then `FS-BUSY`. */
export function retryBusy<T>(path: string, run: () => T): T {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return run();
    } catch (error) {
      if (error instanceof Fault) throw error;
      const code = codeOf(error);
      if (code !== 'EPERM' && code !== 'EACCES' && code !== 'EBUSY') throw faultOfName(code, path, error);
      const waitMs = BUSY_WAITS_MS[attempt];
      if (waitMs === undefined) throw faultOfName('EBUSY', path, error);
      Atomics.wait(sleeping, 0, 0, waitMs);
    }
  }
}

export class WindowsPaths {
  /** The root in the `\\?\` form, without a separator at the end. */
  readonly root: string;
  /** Its real path, as the system spells it. */
  private readonly realRoot: string;

  /** Throws `ROOT-MISSING`. */
  constructor(root: string) {
    try {
      this.realRoot = withoutPrefix(realpathSync.native(root)).replace(/\\$/, '');
    } catch (error) {
      throw new Fault('ROOT-MISSING', { path: root }, error);
    }
    this.root = LONG_PREFIX + this.realRoot;
  }

  /** Where `path` lies; not checked. */
  native(path: RelativePath): string {
    if (parseRelativePath(path) === '') return this.root;
    return `${this.root}\\${path.split('/').map(encodeWindowsName).join('\\')}`;
  }

  /** Native path, after it was checked that no parent is a link or has another spelling. */
  checked(path: RelativePath): string {
    const native = this.native(path);
    const parent = parentPath(path);
    if (parent !== undefined) this.checkDirectory(parent, path);
    return native;
  }

  /** `path` itself is a real directory below the root. */
  checkDirectory(directory: RelativePath, path: RelativePath): void {
    const native = this.native(directory);
    const real = this.realPath(native, path);
    const wanted = withoutPrefix(native);
    if (real === wanted) {
      if (!lstatSync(native).isDirectory()) throw new Fault('PATH-SYMLINK', { path });
      return;
    }
    // The same but for the case of letters is another name to everyone but Windows.
    if (real.toLowerCase() === wanted.toLowerCase()) throw new Fault('FS-NOT-FOUND', { path });
    throw new Fault('PATH-SYMLINK', { path });
  }

  /** The name under which the system holds what is at `path`; undefined when nothing is there. */
  spelling(path: RelativePath): string | undefined {
    const native = this.native(path);
    const wanted = encodeWindowsName(baseName(path));
    try {
      if (!lstatSync(native).isSymbolicLink()) return this.realPath(native, path).split('\\').at(-1);
      return spellingIn(this.native(parentPath(path) ?? ''), wanted, path);
    } catch (error) {
      if (error instanceof Fault && error.code === 'FS-NOT-FOUND') return undefined;
      if (error instanceof Fault) throw error;
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw faultOfName(code, path, error);
    }
  }

  /** Something else is called the same but for the case of letters: both cannot exist here. */
  refuseCollision(path: RelativePath): void {
    const spelling = this.spelling(path);
    if (spelling !== undefined && spelling !== encodeWindowsName(baseName(path))) {
      throw new Fault('PATH-NAME', { path });
    }
  }

  private realPath(native: string, path: RelativePath): string {
    try {
      return withoutPrefix(realpathSync.native(native)).replace(/\\$/, '');
    } catch (error) {
      const code = codeOf(error);
      // Wine cannot say the final path of anything longer than MAX_PATH.
      if (code === 'UNKNOWN' || code === 'ENAMETOOLONG') return this.walkedPath(native, path);
      // A link in a circle or to nowhere is a link all the same.
      if (code === 'ENOENT' && this.hasLinkAbove(native)) throw new Fault('PATH-SYMLINK', { path });
      throw faultOfName(code, path, error);
    }
  }

  /** The same by looking at one name after the other. */
  private walkedPath(native: string, path: RelativePath): string {
    let at = this.root;
    for (const name of native.slice(this.root.length + 1).split('\\')) {
      const found = spellingIn(at, name, path);
      if (found === undefined) throw new Fault('FS-NOT-FOUND', { path });
      at = `${at}\\${found}`;
      if (lstatSync(at).isSymbolicLink()) throw new Fault('PATH-SYMLINK', { path });
    }
    return withoutPrefix(at);
  }

  private hasLinkAbove(native: string): boolean {
    for (let at = native; at.length > this.root.length; at = at.slice(0, at.lastIndexOf('\\'))) {
      try {
        const stat = lstatSync(at);
        if (!stat.isDirectory()) return true;
      } catch {
        // Not there: look further up.
      }
    }
    return false;
  }
}

/** How `name` is spelled in a directory; the same spelling first. */
function spellingIn(directory: string, name: string, path: string): string | undefined {
  const names = translating(path, () => readdirSync(directory));
  return names.find((one) => one === name) ?? names.find((one) => one.toLowerCase() === name.toLowerCase());
}

function withoutPrefix(path: string): string {
  return path.startsWith(LONG_PREFIX) ? path.slice(LONG_PREFIX.length) : path;
}
