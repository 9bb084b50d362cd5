/** Users working on a Master, as the changes that tell of it: random, from a seed. */
import { type ContentHasher, hashWhole } from '../../daemon/link/content-hash.ts';
import type { Change, ChangeMetadata } from '../../shared/change.ts';
import { baseName, parentPath } from '../../shared/path.ts';
import { SeededRandom, SimulatedClock } from './clock.ts';
import { hashContent } from './scripted-master.ts';
import { MemoryTree } from './tree.ts';
import { describeTree, MemoryUser } from './user.ts';
import { MemoryVolume } from './volume.ts';

/** What a script with files changed in place needs of `forceLargeFiles`. */
export const SMALL_LARGE_FILES = {
  inlineBytes: 100,
  patchedBytes: 200,
  inPlaceBytes: 400,
  blockBytes: 64,
  sliceBytes: 128,
};
const LARGE_BYTES = SMALL_LARGE_FILES.inPlaceBytes;
const BLOCK_BYTES = SMALL_LARGE_FILES.blockBytes;

function metadataOf(tree: MemoryTree, path: string): ChangeMetadata {
  const { mode, uid, gid, mtimeNs } = tree.stat(path)!;
  return { mode, uid, gid, mtimeNs };
}

/** Users working on a Master, and the changes that describe what they did, one unit an action. */
export class ChangeScript {
  readonly tree: MemoryTree;
  private readonly user: MemoryUser;
  private readonly random: SeededRandom;
  private readonly paths: string[] = [''];
  readonly units: Change[][] = [];
  /** The tree after each unit. */
  readonly views: ReturnType<typeof describeTree>[] = [];
  private readonly hasher: ContentHasher;
  private readonly inPlace: boolean;
  private token = 0;

  /** `inPlace`: files are also changed where they are, and modes change; needs `forceLargeFiles`. */
  constructor(hasher: ContentHasher, seed: number, actions: number, inPlace = false) {
    this.hasher = hasher;
    this.inPlace = inPlace;
    this.random = new SeededRandom(seed);
    this.tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
    this.user = new MemoryUser(this.tree);
    while (this.units.length < actions) this.act();
  }

  private act(): void {
    const { random } = this;
    const touched = new Set<string>();
    const changes = random.pick([
      () => this.makeDirectory(touched),
      () => this.put(touched),
      () => this.put(touched),
      () => this.replace(touched),
      () => this.replace(touched),
      () => this.symlink(touched),
      () => this.link(touched),
      () => this.rename(touched),
      () => this.rename(touched),
      () => this.swap(touched),
      () => this.remove(touched),
      ...(this.inPlace
        ? [() => this.large(touched), () => this.patch(touched), () => this.patch(touched), () => this.mode()]
        : []),
    ])();
    if (changes.length === 0) return;
    for (const path of touched) {
      if (this.tree.stat(path) === undefined) continue;
      changes.push({ op: 'metadata', root: 0, path, metadata: metadataOf(this.tree, path) });
    }
    this.units.push(changes);
    this.views.push(describeTree(this.tree));
  }

  private directories(): string[] {
    return this.paths.filter((path) => this.tree.stat(path)?.type === 'directory');
  }

  private files(): string[] {
    return this.paths.filter((path) => this.tree.stat(path)?.type === 'file');
  }

  private fresh(touched: Set<string>): string {
    const directory = this.random.pick(this.directories());
    touched.add(directory);
    const name = `n${this.random.below(8)}`;
    const path = directory === '' ? name : `${directory}/${name}`;
    if (this.tree.stat(path) !== undefined) return '';
    this.paths.push(path);
    return path;
  }

  private makeDirectory(touched: Set<string>): Change[] {
    const path = this.fresh(touched);
    if (path === '') return [];
    this.user.makeDirectory(path);
    return [{ op: 'make-directory', root: 0, path, metadata: metadataOf(this.tree, path) }];
  }

  private put(touched: Set<string>): Change[] {
    const path = this.fresh(touched);
    return path === '' ? [] : this.write(path);
  }

  /** A new file at the place of an old one, as editors do. */
  private replace(touched: Set<string>): Change[] {
    const files = this.files();
    if (files.length === 0) return [];
    const path = this.random.pick(files);
    touched.add(parentPath(path)!);
    this.user.remove(path);
    return this.write(path);
  }

  private write(path: string, sizeBytes = this.random.below(200)): Change[] {
    const content = this.random.bytes(sizeBytes);
    this.user.writeFile(path, content);
    const metadata = metadataOf(this.tree, path);
    if (this.random.chance(0.7)) return [{ op: 'put', root: 0, path, metadata, content }];
    this.token += 1;
    const { token } = this;
    const middle = Math.floor(content.length / 2);
    return [
      { op: 'put-begin', root: 0, path, metadata, token, sizeBytes: content.length },
      { op: 'put-data', token, position: 0, content: content.subarray(0, middle) },
      { op: 'put-data', token, position: middle, content: content.subarray(middle) },
      { op: 'put-end', token, hash: hashContent(this.hasher, content) },
    ];
  }

  private large(touched: Set<string>): Change[] {
    const path = this.fresh(touched);
    return path === '' ? [] : this.write(path, LARGE_BYTES + this.random.below(300));
  }

  /** Some blocks of a large file, and perhaps its end. */
  private patch(touched: Set<string>): Change[] {
    const { random, tree, user } = this;
    // A Master tells more of a file with several names.
    const files = this.files().filter((path) => {
      const { sizeBytes, links } = tree.stat(path)!;
      return sizeBytes >= LARGE_BYTES && links === 1;
    });
    if (files.length === 0) return [];
    const path = random.pick(files);
    const { mtimeNs: baseMtimeNs } = tree.stat(path)!;
    const before = user.readFile(path).slice();
    const sizeBytes = random.chance(0.5)
      ? before.length
      : Math.max(LARGE_BYTES, before.length - 40 + random.below(120));
    const after = new Uint8Array(sizeBytes);
    after.set(before.subarray(0, sizeBytes));
    this.token += 1;
    const { token } = this;
    const pieces: Change[] = [];
    const hashes: Uint8Array[] = [];
    for (let position = 0; position < sizeBytes; position += BLOCK_BYTES) {
      const length = Math.min(BLOCK_BYTES, sizeBytes - position);
      const oldLength = Math.max(0, Math.min(length, before.length - position));
      if (oldLength === length && random.chance(0.7)) continue;
      const content = random.bytes(length);
      after.set(content, position);
      const old = before.slice(position, position + oldLength);
      pieces.push({
        op: 'patch-data',
        token,
        position,
        length,
        oldLength,
        before: hashWhole(this.hasher, old).slice(),
        content,
      });
      hashes.push(hashWhole(this.hasher, content).slice());
    }
    if (pieces.length === 0 && sizeBytes === before.length) return [];
    touched.add(parentPath(path)!);
    user.writeFile(path, after);
    const metadata = metadataOf(tree, path);
    const hash = hashWhole(this.hasher, Buffer.concat(hashes)).slice();
    return [
      { op: 'patch-begin', root: 0, path, metadata, token, sizeBytes, baseBytes: before.length, baseMtimeNs },
      ...pieces,
      { op: 'put-end', token, hash },
    ];
  }

  private mode(): Change[] {
    const path = this.random.pick(this.paths);
    if (path === '' || this.tree.stat(path) === undefined) return [];
    if (this.tree.stat(path)!.type === 'symlink') return [];
    this.user.setMode(path, this.random.pick([0o644, 0o755, 0o600, 0o700]));
    return [{ op: 'metadata', root: 0, path, metadata: metadataOf(this.tree, path) }];
  }

  private symlink(touched: Set<string>): Change[] {
    const path = this.fresh(touched);
    if (path === '') return [];
    this.user.makeSymlink(path, 'anywhere');
    return [{ op: 'symlink', root: 0, path, target: 'anywhere', metadata: metadataOf(this.tree, path) }];
  }

  private link(touched: Set<string>): Change[] {
    const files = this.files();
    const path = files.length === 0 ? '' : this.fresh(touched);
    if (path === '') return [];
    const existing = this.random.pick(files);
    this.user.link(existing, path);
    return [{ op: 'link', root: 0, path, existing }];
  }

  private rename(touched: Set<string>): Change[] {
    const from = this.random.pick(this.paths);
    if (from === '' || this.tree.stat(from) === undefined) return [];
    const directory = this.random.pick(this.directories());
    const onto = this.random.pick(this.paths);
    const path = this.random.chance(0.3) ? onto : directory === '' ? baseName(from) : `${directory}/${baseName(from)}`;
    const target = this.tree.stat(path);
    if (path === '' || path === from || path.startsWith(`${from}/`) || from.startsWith(`${path}/`)) return [];
    const isFile = this.tree.stat(from)?.type === 'file' && target?.type === 'file';
    if (target !== undefined && !isFile) return [];
    if (this.tree.stat(parentPath(path)!)?.type !== 'directory') return [];
    return this.move(from, path, touched);
  }

  private move(from: string, path: string, touched: Set<string>): Change[] {
    touched.add(parentPath(from)!).add(parentPath(path)!);
    const before = this.tree.stat(path);
    const source = this.tree.stat(from)!;
    if (before !== undefined && before.id.inode === source.id.inode) return [];
    this.user.rename(from, path);
    for (const [index, known] of this.paths.entries()) {
      if (known === from || known.startsWith(`${from}/`)) this.paths[index] = path + known.slice(from.length);
    }
    return [{ op: 'rename', root: 0, from, path }];
  }

  /** Two files change places through a third name: naive repetition would undo it. */
  private swap(touched: Set<string>): Change[] {
    const files = this.files();
    if (files.length < 2) return [];
    const a = this.random.pick(files);
    const b = this.random.pick(files);
    const temporary = `${a}.swap`;
    if (a === b || this.tree.stat(temporary) !== undefined) return [];
    if (this.tree.stat(a)!.id.inode === this.tree.stat(b)!.id.inode) return [];
    return [...this.move(a, temporary, touched), ...this.move(b, a, touched), ...this.move(temporary, b, touched)];
  }

  private remove(touched: Set<string>): Change[] {
    const path = this.random.pick(this.paths);
    if (path === '' || this.tree.stat(path) === undefined) return [];
    touched.add(parentPath(path)!);
    this.user.remove(path);
    return [{ op: 'remove', root: 0, path }];
  }
}
