/** What users and applications do in a root, chosen by the seed. */
import type { RootTree } from '../../daemon/ports.ts';
import { baseName, joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { SeededRandom } from '../memory/clock.ts';

const NAMES = ['a', 'b', 'c', 'd', 'index.html', 'data.db', 'é', 'x~'];
/** Beyond what travels in one piece (256 KiB). */
const LARGE_BYTES = 300_000;

type Content = Uint8Array | string;

/** Ordinary file calls, in memory or on a disk; each tells the capture source what a kernel would. */
export interface UserCalls {
  /** Creates or overwrites in place and closes. */
  writeFile(path: RelativePath, content: Content): void;
  /** The same, but the writer keeps the file open. */
  writeOpen(path: RelativePath, content: Content): void;
  append(path: RelativePath, content: Content): void;
  makeDirectory(path: RelativePath): void;
  makeSymlink(path: RelativePath, target: string): void;
  link(existing: RelativePath, path: RelativePath): void;
  /** rename(2): replaces a file or an empty directory. */
  rename(from: RelativePath, to: RelativePath): void;
  /** rm -rf */
  remove(path: RelativePath): void;
  setMode(path: RelativePath, mode: number): void;
  setOwner(path: RelativePath, uid: number, gid: number): void;
  setMtimeNs(path: RelativePath, mtimeNs: bigint): void;
  /** Moves a directory built elsewhere on the volume into the root: one event for all of it. */
  moveIn(path: RelativePath, build: (elsewhere: UserCalls) => void): void;
}

export class Users {
  private readonly tree: Pick<RootTree, 'scan' | 'stat'>;
  private readonly user: UserCalls;
  private readonly random: SeededRandom;
  private saved = 0;
  private readonly editor: ((path: RelativePath) => Uint8Array) | undefined;

  /** `read`: gives the content of a file; then most of what happens is that a part of a file is changed where it is. */
  constructor(
    tree: Pick<RootTree, 'scan' | 'stat'>,
    user: UserCalls,
    random: SeededRandom,
    read?: (path: RelativePath) => Uint8Array,
  ) {
    this.editor = read;
    this.tree = tree;
    this.user = user;
    this.random = random;
  }

  /** One action; returns what was done, for the trace. */
  act(): string {
    const { random } = this;
    const action = this.editor !== undefined && random.chance(0.6) ? () => this.edit() : random.pick(this.actions);
    try {
      return action();
    } catch (error) {
      return `refused: ${error instanceof Error ? error.message : error}`;
    }
  }

  private readonly actions: readonly (() => string)[] = [
    () => this.create(),
    () => this.create(),
    () => this.overwrite(),
    () => this.overwrite(),
    () => this.append(),
    () => this.editorSave(),
    () => this.editorSave(),
    () => this.makePath(),
    () => this.makePath(),
    () => this.renameAnything(),
    () => this.renameAnything(),
    () => this.swap(),
    () => this.remove(),
    () => this.remove(),
    () => this.metadata(),
    () => this.symlink(),
    () => this.hardLink(),
    () => this.moveIn(),
    () => this.burst(),
    () => this.large(),
  ];

  private list(type?: 'file' | 'directory'): string[] {
    const found: string[] = [];
    const visit = (directory: string) => {
      for (const entry of this.tree.scan(directory)) {
        const path = joinPath(directory, entry.name);
        if (type === undefined || entry.type === type) found.push(path);
        if (entry.type === 'directory') visit(path);
      }
    };
    visit('');
    return found;
  }

  private directory(): string {
    return this.random.pick(['', '', ...this.list('directory')]);
  }

  private freshPath(): string {
    return joinPath(this.directory(), this.random.pick(NAMES));
  }

  private content(): Uint8Array {
    return this.random.bytes(this.random.below(this.editor === undefined ? 120 : 1_500));
  }

  private create(): string {
    const path = this.freshPath();
    if (this.random.chance(0.8)) this.user.writeFile(path, this.content());
    else this.user.writeOpen(path, this.content());
    return `write ${path}`;
  }

  private overwrite(): string {
    const path = this.random.pick(this.list('file'));
    if (this.random.chance(0.7)) this.user.writeFile(path, this.content());
    else this.user.writeOpen(path, this.content());
    return `overwrite ${path}`;
  }

  private append(): string {
    const path = this.random.pick(this.list('file'));
    this.user.append(path, this.content());
    return `append ${path}`;
  }

  /** As vim and most others: a new file renamed over the old one, sometimes with a backup. */
  private editorSave(): string {
    const path = this.random.pick(this.list('file'));
    this.saved += 1;
    const temporary = joinPath(parentPath(path)!, `.save${this.saved}`);
    this.user.writeFile(temporary, this.content());
    if (this.random.chance(0.4)) this.user.rename(path, `${path}~`);
    this.user.rename(temporary, path);
    return `save ${path}`;
  }

  private makePath(): string {
    let path = this.directory();
    for (let depth = 1 + this.random.below(3); depth > 0; depth -= 1) {
      path = joinPath(path, this.random.pick(NAMES));
      if (this.tree.stat(path) === undefined) this.user.makeDirectory(path);
    }
    if (this.random.chance(0.7)) this.user.writeFile(joinPath(path, 'leaf'), this.content());
    return `mkdir -p ${path}`;
  }

  private renameAnything(): string {
    const from = this.random.pick(this.list());
    const onto = this.random.chance(0.3) ? this.random.pick(this.list()) : this.freshPath();
    const to = this.random.chance(0.3) ? joinPath(this.directory(), baseName(from)) : onto;
    this.user.rename(from, to);
    return `rename ${from} → ${to}`;
  }

  private swap(): string {
    const a = this.random.pick(this.list());
    const b = this.random.pick(this.list());
    this.user.rename(a, '.swap');
    try {
      this.user.rename(b, a);
      this.user.rename('.swap', b);
    } catch (error) {
      if (this.tree.stat('.swap') !== undefined && this.tree.stat(a) === undefined) this.user.rename('.swap', a);
      throw error;
    }
    return `swap ${a} ${b}`;
  }

  private remove(): string {
    const path = this.random.pick(this.list());
    this.user.remove(path);
    return `remove ${path}`;
  }

  /** A few bytes here and there, a run of zeros, something behind the end, or less of it. */
  private edit(): string {
    const { random } = this;
    const path = random.pick(this.list('file'));
    const before = this.editor!(path);
    const how = random.below(8);
    const grown = how === 0 ? random.below(900) : 0;
    const size = how === 1 ? random.below(before.length + 1) : before.length + grown;
    const content = new Uint8Array(size);
    content.set(before.subarray(0, size));
    if (how === 0 && random.chance(0.7)) content.set(random.bytes(grown), before.length);
    if (how === 2) content.fill(0, random.below(size + 1), random.below(size + 1));
    for (let edits = random.below(4); edits > 0 && size > 0; edits -= 1)
      content[random.below(size)] = random.below(256);
    if (random.chance(0.8)) this.user.writeFile(path, content);
    else this.user.writeOpen(path, content);
    return `edit ${path}`;
  }

  private metadata(): string {
    const path = this.random.pick(this.list());
    const what = this.random.below(3);
    if (what === 0) this.user.setMode(path, this.random.pick([0o600, 0o755, 0o4711, 0o444]));
    if (what === 1) this.user.setOwner(path, this.random.below(3), this.random.below(3));
    if (what === 2) this.user.setMtimeNs(path, BigInt(this.random.below(1e9)) * 1_000_003n);
    return `metadata ${path}`;
  }

  private symlink(): string {
    const path = this.freshPath();
    this.user.makeSymlink(path, this.random.pick(['/etc', '../..', 'a']));
    return `symlink ${path}`;
  }

  private hardLink(): string {
    const existing = this.random.pick(this.list('file'));
    const path = this.freshPath();
    this.user.link(existing, path);
    return `link ${existing} = ${path}`;
  }

  /** A directory full of files appears at once, with one notification. */
  private moveIn(): string {
    const path = this.freshPath();
    this.user.moveIn(path, (elsewhere) => {
      elsewhere.makeDirectory('inner');
      elsewhere.writeFile('inner/one', this.content());
      elsewhere.writeFile('two', this.content());
    });
    return `move in ${path}`;
  }

  private burst(): string {
    const directory = this.directory();
    const count = this.random.below(12);
    for (let n = 0; n < count; n += 1) this.user.writeFile(joinPath(directory, `burst${n}`), this.content());
    return `burst of ${count} in ${directory}`;
  }

  private large(): string {
    if (!this.random.chance(0.25)) return this.overwrite();
    const path = this.freshPath();
    const content = new Uint8Array(LARGE_BYTES);
    content.fill(1 + this.random.below(250), this.random.below(LARGE_BYTES));
    this.user.writeFile(path, content);
    return `large ${path}`;
  }
}
