/** Users of a directory on a real file system, and an oracle for what is in one; both know nothing of the product's adapters. */
import {
  appendFileSync,
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CaptureHint, RootTree } from '../../daemon/ports.ts';
import { baseName, joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { UserCalls } from '../sim/users.ts';

export class DirectoryUser implements UserCalls {
  private readonly root: string;
  /** For times in nanoseconds, which node:fs cannot set. */
  private readonly times: Pick<RootTree, 'setMetadata'>;
  private readonly tell: (hint: CaptureHint) => void;
  /** Where trees to be moved in are built: on the same volume. */
  private readonly elsewhere: string;

  constructor(
    root: string,
    elsewhere: string,
    times: Pick<RootTree, 'setMetadata'>,
    tell: (hint: CaptureHint) => void,
  ) {
    this.root = root;
    this.elsewhere = elsewhere;
    this.times = times;
    this.tell = tell;
  }

  writeFile(path: RelativePath, content: Uint8Array | string): void {
    writeFileSync(this.own(path), content);
    this.dirty(path, true);
  }

  writeOpen(path: RelativePath, content: Uint8Array | string): void {
    writeFileSync(this.own(path), content);
    this.dirty(path, false);
  }

  append(path: RelativePath, content: Uint8Array | string): void {
    appendFileSync(this.own(path), content);
    this.dirty(path, true);
  }

  makeDirectory(path: RelativePath): void {
    mkdirSync(this.at(path));
    this.dirty(path, true);
  }

  makeSymlink(path: RelativePath, target: string): void {
    symlinkSync(target, this.at(path));
    this.dirty(path, true);
  }

  link(existing: RelativePath, path: RelativePath): void {
    linkSync(this.at(existing), this.at(path));
    this.dirty(path, true);
  }

  rename(from: RelativePath, to: RelativePath): void {
    renameSync(this.at(from), this.at(to));
    this.tell({ kind: 'rename', root: 0, from, to });
  }

  remove(path: RelativePath): void {
    const below = lstatSync(this.at(path)).isDirectory() ? readdirSync(this.at(path)) : [];
    for (const name of below) this.remove(joinPath(path, name));
    rmSync(this.at(path), { recursive: true });
    this.dirty(path, true);
  }

  setMode(path: RelativePath, mode: number): void {
    if (lstatSync(this.at(path)).isSymbolicLink()) return;
    // A directory its owner cannot enter would stop everyone but root.
    const own = lstatSync(this.at(path)).isDirectory() ? mode | 0o700 : mode;
    chmodSync(this.at(path), own);
    this.dirty(path, true);
  }

  setOwner(path: RelativePath, uid: number, gid: number): void {
    if (process.getuid?.() !== 0) return;
    lchownSync(this.at(path), uid, gid);
    this.dirty(path, true);
  }

  setMtimeNs(path: RelativePath, mtimeNs: bigint): void {
    this.times.setMetadata(path, { mtimeNs });
    this.dirty(path, true);
  }

  moveIn(path: RelativePath, build: (elsewhere: UserCalls) => void): void {
    mkdirSync(this.elsewhere);
    try {
      build(new DirectoryUser(this.elsewhere, `${this.elsewhere}-none`, this.times, () => {}));
      // rename(2) would replace an empty directory.
      lstatSync(this.at(path), { throwIfNoEntry: false }) ?? renameSync(this.elsewhere, this.at(path));
    } finally {
      rmSync(this.elsewhere, { recursive: true, force: true });
    }
    this.dirty(path, true);
  }

  /** What is done through a link happens elsewhere, and a kernel would say so there. */
  private at(path: RelativePath): string {
    const parent = parentPath(path);
    return parent === undefined ? this.root : join(parent === '' ? this.root : this.own(parent), baseName(path));
  }

  private own(path: RelativePath): string {
    const full = this.at(path);
    const isLink = lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    if (isLink) throw new Error(`${path} is a symbolic link`);
    return full;
  }

  private dirty(path: RelativePath, closed: boolean): void {
    this.tell({ kind: 'dirty', root: 0, path, closed });
  }
}

/** Everything that must be equal on both hosts, one line a path; hard links show as the first path of their group. */
export function describeDirectory(root: string): Map<string, string> {
  const lines = new Map<string, string>();
  const firstNames = new Map<bigint, string>();
  const visit = (path: string): void => {
    const full = join(root, path);
    const stat = lstatSync(full, { bigint: true });
    const metadata = `${(stat.mode & 0o177_777n).toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs}`;
    if (stat.isDirectory()) {
      lines.set(path, metadata);
      for (const name of readdirSync(full).sort()) visit(joinPath(path, name));
      return;
    }
    const first = stat.nlink > 1n ? firstNames.get(stat.ino) : undefined;
    firstNames.set(stat.ino, path);
    lines.set(path, `${metadata} ${first === undefined ? contentOf(full, stat.isSymbolicLink()) : `= ${first}`}`);
  };
  visit('');
  return lines;
}

function contentOf(full: string, isLink: boolean): string {
  return isLink ? `-> ${readlinkSync(full)}` : readFileSync(full, 'latin1');
}

/** Contents of all files below, whatever their names. */
export function* fileContents(root: string): Generator<[string, string]> {
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const path = `${root}/${entry.name}`;
    if (entry.isDirectory()) yield* fileContents(path);
    else if (entry.isFile()) yield [path, readFileSync(path, 'latin1')];
  }
}
