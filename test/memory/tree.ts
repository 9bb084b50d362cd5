/** A replication root in memory: the engine's side. What users and applications do in it is in user.ts. */
import type {
  DirectoryReader,
  EntryStat,
  KeptPair,
  Metadata,
  ReadableFile,
  RootTree,
  ScannedEntry,
  StagedDirectory,
  StagedFile,
  TreeCapabilities,
  WritableFile,
} from '../../daemon/ports.ts';
import {
  type AttributeBytes,
  decodeAttributes,
  encodeAttributes,
  kindBit,
  mergeAttributes,
  selectKinds,
} from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import type { OwnerNames } from '../../shared/owners.ts';
import { CONTROL_NAME, joinPath, parseRelativePath, type RelativePath } from '../../shared/path.ts';
import type { MemoryCapture } from './capture.ts';
import type { DirectoryNode, FileNode, MemoryNode, MemoryVolume } from './volume.ts';

export type TreeOperation =
  | 'scan'
  | 'stat'
  | 'attributes'
  | 'read'
  | 'stage'
  | 'write'
  | 'commit'
  | 'make'
  | 'rename'
  | 'metadata'
  | 'keep'
  | 'restore'
  | 'exchange'
  | 'drop'
  | 'flush';

/** Where a path leads: the directory that holds its last name. */
export interface Place {
  readonly parent: DirectoryNode;
  readonly name: string;
  readonly node: MemoryNode | undefined;
}

export interface MemoryTreeOptions {
  readonly volume: MemoryVolume;
  /** Shown as the root's path. */
  readonly path?: string;
  /** Gets a hint for every change, with this root number. */
  readonly capture?: { readonly source: MemoryCapture; readonly root: number };
  readonly capabilities?: Partial<TreeCapabilities>;
  /** Two names can change places in one step; default: true. */
  readonly exchanges?: boolean;
}

/** A run of so many zeros counts as a hole. */
const HOLE_BYTES = 64;

const LINUX: TreeCapabilities = {
  posixModes: true,
  owners: true,
  timeGranularityNs: 1,
  caseSensitive: true,
  symlinks: true,
  hardLinks: true,
  attributeKinds: kindBit('xattr') | kindBit('posix-acl'),
};

export class MemoryTree implements RootTree {
  readonly path: string;
  readonly capabilities: TreeCapabilities;
  readonly volume: MemoryVolume;
  /** The directory the path leads to; replaced by `unmount` and `mount`. */
  root: DirectoryNode;
  /** Not on the volume any more (unmounted, unplugged): every access is `ROOT-MISSING`. */
  private mounted = true;
  private readonly staging: DirectoryNode;
  private readonly kept: DirectoryNode;
  private readonly capture: MemoryTreeOptions['capture'];
  /** Names of this host's owners. */
  ownerNames: OwnerNames = { users: [], groups: [] };
  private nextStaged = 0;
  /** See `MemoryTreeOptions`; a volume may also be mounted in another way. */
  exchanges: boolean;
  /** Bytes of one attribute's value; ext4 has one block for all. */
  largestAttribute = 65_536;
  /** Called before each operation of the engine; throw a `Fault` to make it fail. */
  beforeOperation: (operation: TreeOperation, path: string) => void = () => {};

  constructor(options: MemoryTreeOptions) {
    this.volume = options.volume;
    this.path = options.path ?? '/memory';
    this.capabilities = { ...LINUX, ...options.capabilities };
    this.capture = options.capture;
    this.exchanges = options.exchanges ?? true;
    this.root = this.volume.createTop();
    this.staging = this.volume.createTop();
    this.kept = this.volume.createTop();
    this.volume.flushNames();
  }

  // ------------------------------------------------------------- what happens to the root itself

  /** Shows the empty directory underneath, as after `umount`; its identity is another. */
  unmountToEmptyDirectory(): DirectoryNode {
    const before = this.root;
    this.root = this.volume.createTop();
    return before;
  }

  mountAgain(root: DirectoryNode): void {
    this.root = root;
    this.mounted = true;
  }

  vanish(): void {
    this.mounted = false;
    if (this.capture) this.capture.source.emit({ kind: 'root-lost', root: this.capture.root });
  }

  owners(): OwnerNames {
    return this.ownerNames;
  }

  // ------------------------------------------------------------- looking

  rootIdentity(): string {
    if (!this.mounted) throw new Fault('ROOT-MISSING', { path: this.path });
    return `memory:${this.root.inode}:${this.root.birthNs}`;
  }

  scan(directory: RelativePath): ScannedEntry[] {
    this.beforeOperation('scan', directory);
    const node = this.place(directory).node;
    if (node?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path: directory });
    return [...node.entries]
      .filter(([name]) => name !== CONTROL_NAME)
      .map(([name, child]) => ({ name, ...this.volume.stat(child) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stat(path: RelativePath): EntryStat | undefined {
    this.beforeOperation('stat', path);
    try {
      const node = this.place(path).node;
      return node && this.volume.stat(node);
    } catch (error) {
      if (error instanceof Fault && (error.code === 'PATH-SYMLINK' || error.code === 'FS-NOT-FOUND')) return undefined;
      throw error;
    }
  }

  openRead(path: RelativePath): ReadableFile {
    this.beforeOperation('read', path);
    const node = this.file(path);
    return {
      stat: () => this.volume.stat(node),
      read: (target, offset, length, position) => {
        this.beforeOperation('read', path);
        const part = node.content.subarray(position, position + length);
        target.set(part, offset);
        return part.length;
      },
      dataFrom: (position) => {
        let at = position;
        while (at < node.content.length && node.content[at] === 0) at += 1;
        return at - position < HOLE_BYTES ? position : at;
      },
      attributes: () => this.heldAttributes(node),
      close: () => {},
    };
  }

  readDirectory(directory: RelativePath): DirectoryReader {
    if (this.place(directory).node?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path: directory });
    return {
      read: (name, expected, target) => {
        if (name.includes('/')) return false;
        try {
          const file = this.openRead(joinPath(directory, name));
          if (file.read(target, 0, target.length, 0) < target.length) return false;
          const { id, type, sizeBytes, mtimeNs, ctimeNs } = file.stat();
          if (id.inode !== expected.id.inode || id.birthNs !== expected.id.birthNs || type !== expected.type)
            return false;
          return sizeBytes === expected.sizeBytes && mtimeNs === expected.mtimeNs && ctimeNs === expected.ctimeNs;
        } catch {
          return false;
        }
      },
      close: () => {},
    };
  }

  attributesOf(directory: RelativePath, names: readonly string[]): Map<string, AttributeBytes> {
    this.beforeOperation('attributes', directory);
    const parent = this.place(directory).node;
    if (parent?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path: directory });
    const found = new Map<string, AttributeBytes>();
    for (const name of names) {
      const node = name === '' ? parent : parent.entries.get(name);
      const bytes = node && this.heldAttributes(node);
      if (bytes !== undefined && bytes.length > 0) found.set(name, bytes);
    }
    return found;
  }

  private heldAttributes(node: MemoryNode): AttributeBytes {
    return selectKinds(node.attributes, this.capabilities.attributeKinds);
  }

  /** As the volume takes them: what it cannot hold is refused. */
  private apply(node: MemoryNode, metadata: Metadata, path: string): void {
    const { attributes, ...rest } = metadata;
    if (attributes === undefined) {
      this.volume.setMetadata(node, rest);
      return;
    }
    const { attributeKinds } = this.capabilities;
    const wanted = decodeAttributes(attributes.bytes);
    const fits = ({ kind, value }: (typeof wanted)[number]): boolean =>
      (kindBit(kind) & attributeKinds) !== 0 && value.length <= this.largestAttribute;
    const refused = wanted.filter((one) => !fits(one));
    if (refused.length > 0 && attributes.onRefused === undefined) {
      throw new Fault('FS-UNSUPPORTED', { what: `Attribute ${refused[0]!.name}`, path });
    }
    const stay = selectKinds(node.attributes, ~attributes.kinds);
    this.volume.setMetadata(node, rest, mergeAttributes(stay, encodeAttributes(wanted.filter(fits))));
    if (refused.length > 0) attributes.onRefused?.(encodeAttributes(refused));
  }

  readLink(path: RelativePath): string {
    this.beforeOperation('read', path);
    const node = this.place(path).node;
    if (node?.type !== 'symlink') throw new Fault('FS-NOT-FOUND', { path });
    return node.target;
  }

  // ------------------------------------------------------------- changing

  stage(keepName?: string): StagedFile {
    this.beforeOperation('stage', keepName ?? '');
    const home = keepName === undefined ? this.staging : this.kept;
    const stagedName = keepName ?? `${this.nextStaged++}`;
    const before = home.entries.get(stagedName);
    const node = before?.type === 'file' ? before : this.volume.createFile();
    if (before === undefined) this.volume.attach(home, stagedName, node);
    return this.stagedFile(node, stagedName, home);
  }

  openWrite(path: RelativePath): WritableFile {
    this.beforeOperation('write', path);
    const node = this.file(path);
    const change = (run: () => void) => {
      this.beforeOperation('write', path);
      run();
      node.inPlace = true;
      this.dirty(path);
    };
    return {
      stat: () => this.volume.stat(node),
      write: (bytes, position) => change(() => this.volume.writeAt(node, bytes, position)),
      clear: (position, length) =>
        change(() => {
          const end = Math.min(position + length, node.content.length);
          if (end > position) this.volume.writeAt(node, new Uint8Array(end - position), position);
        }),
      truncate: (sizeBytes) => change(() => resize(this.volume, node, sizeBytes)),
      flush: () => {
        this.beforeOperation('flush', path);
        this.volume.flushContent(node);
      },
      close: () => {},
    };
  }

  private stagedFile(node: FileNode, stagedName: string, home: DirectoryNode): StagedFile {
    let metadata: Metadata = {};
    return {
      write: (bytes, position) => {
        this.beforeOperation('write', '');
        this.volume.writeAt(node, bytes, position);
      },
      truncate: (sizeBytes) => {
        this.beforeOperation('write', '');
        resize(this.volume, node, sizeBytes);
      },
      copyFrom: (path, position, length) => {
        this.beforeOperation('write', path);
        this.volume.writeAt(node, this.file(path).content.slice(position, position + length), position);
      },
      setMetadata: (more) => {
        metadata = { ...metadata, ...more };
      },
      flush: () => {
        this.beforeOperation('flush', '');
        this.volume.flushContent(node);
      },
      commit: (path) => {
        this.beforeOperation('commit', path);
        const place = this.replaceable(path);
        if (!home.entries.has(stagedName)) throw new Fault('FS-NOT-FOUND', { path: 'staged file' });
        this.volume.atomically(() => {
          this.volume.detach(home, stagedName);
          this.apply(node, metadata, path);
          this.put(place, node);
        });
        this.dirty(path);
      },
      read: (target, offset, length, position) => {
        const part = node.content.subarray(position, position + length);
        target.set(part, offset);
        return part.length;
      },
      sizeBytes: () => node.content.length,
      keepAs: (keepName) => {
        this.beforeOperation('keep', keepName);
        this.vacantKeepName(keepName);
        this.volume.flushContent(node);
        this.volume.atomically(() => {
          this.volume.detach(home, stagedName);
          this.volume.attach(this.kept, keepName, node);
        });
        this.volume.flushNames();
      },
      release: () => {
        if (home === this.staging) this.dropStaged(home, stagedName, node);
      },
      discard: () => this.dropStaged(home, stagedName, node),
    };
  }

  stageDirectory(): StagedDirectory {
    this.beforeOperation('stage', '');
    const node = this.volume.createDirectory();
    const stagedName = `d${this.nextStaged++}`;
    this.volume.attach(this.staging, stagedName, node);
    this.volume.setMetadata(node, { mode: 0o700 });
    const isStaged = () => this.staging.entries.get(stagedName) === node;
    return {
      add: (name, content, metadata) => {
        this.beforeOperation('write', name);
        const file = this.volume.createFile();
        this.volume.attach(node, name, file);
        try {
          this.volume.writeAt(file, content, 0);
        } catch (error) {
          this.volume.release(this.volume.detach(node, name));
          throw error;
        }
        this.apply(file, metadata, name);
      },
      commit: (path) => {
        this.beforeOperation('commit', path);
        const place = this.place(path);
        if (!isStaged()) throw new Fault('FS-NOT-FOUND', { path: 'staged directory' });
        const target = place.node;
        if (target !== undefined && target.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
        if (target === undefined || target.entries.size === 0) {
          this.volume.atomically(() => {
            const { mtimeNs } = this.volume.stat(place.parent);
            this.volume.detach(this.staging, stagedName);
            if (target !== undefined) this.volume.release(this.volume.detach(place.parent, place.name));
            this.volume.attach(place.parent, place.name, node);
            this.volume.setMetadata(place.parent, { mtimeNs });
          });
        } else {
          for (const [name, file] of [...node.entries]) {
            this.beforeOperation('commit', `${path}/${name}`);
            this.volume.atomically(() => {
              this.volume.detach(node, name);
              this.put({ parent: target, name, node: target.entries.get(name) }, file);
            });
          }
          this.volume.release(this.volume.detach(this.staging, stagedName));
        }
        this.dirty(path);
      },
      discard: () => {
        if (isStaged()) this.volume.release(this.volume.detach(this.staging, stagedName));
      },
    };
  }

  private dropStaged(home: DirectoryNode, name: string, node: FileNode): void {
    if (home.entries.get(name) === node) this.volume.release(this.volume.detach(home, name));
  }

  makeDirectory(path: RelativePath, metadata: Metadata): void {
    this.beforeOperation('make', path);
    const place = this.vacant(path);
    const node = this.volume.createDirectory();
    this.volume.attach(place.parent, place.name, node);
    this.apply(node, metadata, path);
    this.dirty(path);
  }

  makeSymlink(path: RelativePath, target: string, metadata: Metadata): void {
    this.beforeOperation('make', path);
    const place = this.replaceable(path);
    const node = this.volume.createSymlink(target);
    this.put(place, node);
    this.apply(node, metadata, path);
    this.dirty(path);
  }

  makeLink(existing: RelativePath, path: RelativePath): void {
    this.beforeOperation('make', path);
    const node = this.linkable(existing);
    const place = this.replaceable(path);
    if (place.node === node) return;
    this.put(place, node);
    this.dirty(path);
  }

  rename(from: RelativePath, to: RelativePath): void {
    this.beforeOperation('rename', from);
    const source = this.occupied(from);
    const target = this.vacant(to);
    if (source.node.type === 'directory' && to.startsWith(`${from}/`)) {
      throw new Fault('FS-UNSUPPORTED', { what: 'moving a directory into itself', path: to });
    }
    this.volume.atomically(() => {
      this.volume.detach(source.parent, source.name);
      this.volume.attach(target.parent, target.name, source.node);
    });
    if (this.capture) this.capture.source.emit({ kind: 'rename', root: this.capture.root, from, to });
  }

  setMetadata(path: RelativePath, metadata: Metadata): void {
    this.beforeOperation('metadata', path);
    const node = path === '' ? this.place(path).node! : this.occupied(path).node;
    this.apply(node, metadata, path);
    this.dirty(path);
  }

  // ------------------------------------------------------------- kept objects

  keep(path: RelativePath, keepName: string): void {
    this.beforeOperation('keep', path);
    const source = this.occupied(path);
    this.vacantKeepName(keepName);
    this.volume.atomically(() => {
      this.volume.detach(source.parent, source.name);
      this.volume.attach(this.kept, keepName, source.node);
    });
    this.dirty(path);
  }

  keepLink(path: RelativePath, keepName: string): void {
    this.beforeOperation('keep', path);
    const node = this.linkable(path);
    this.vacantKeepName(keepName);
    this.volume.attach(this.kept, keepName, node);
  }

  keptBytes(keepName: string): number {
    const node = this.kept.entries.get(checkKeepName(keepName));
    return node === undefined ? 0 : bytesBelow(node);
  }

  restore(keepName: string, path: RelativePath): void {
    this.beforeOperation('restore', path);
    const node = this.kept.entries.get(checkKeepName(keepName));
    if (node === undefined) throw new Fault('FS-NOT-FOUND', { path: keepName });
    const place = this.vacant(path);
    this.volume.atomically(() => {
      this.volume.detach(this.kept, keepName);
      this.volume.attach(place.parent, place.name, node);
    });
    this.dirty(path);
  }

  canExchange(): boolean {
    return this.exchanges;
  }

  exchange(pairs: readonly KeptPair[]): void {
    for (const { path, keepName } of pairs) {
      this.beforeOperation('exchange', path);
      const place = this.occupied(path);
      const other = this.kept.entries.get(checkKeepName(keepName));
      if (other === undefined) throw new Fault('FS-NOT-FOUND', { path: keepName });
      if (other === place.node) continue;
      this.volume.atomically(() => {
        this.volume.detach(place.parent, place.name);
        this.volume.detach(this.kept, keepName);
        this.volume.attach(place.parent, place.name, other);
        this.volume.attach(this.kept, keepName, place.node);
      });
      this.dirty(path);
    }
  }

  dropKept(keepName: string): void {
    this.beforeOperation('drop', keepName);
    const prefix = keepName.endsWith('*') ? keepName.slice(0, -1) : undefined;
    for (const name of [...this.kept.entries.keys()]) {
      if (prefix === undefined ? name === keepName : name.startsWith(prefix)) {
        this.volume.release(this.volume.detach(this.kept, name));
      }
    }
  }

  keptObjects(): MemoryTree {
    const view: MemoryTree = Object.create(this);
    view.root = this.kept;
    return view;
  }

  listKept(): string[] {
    return [...this.kept.entries.keys()].sort();
  }

  clearStaging(): void {
    this.beforeOperation('drop', '');
    for (const name of [...this.staging.entries.keys()]) this.volume.release(this.volume.detach(this.staging, name));
  }

  // ------------------------------------------------------------- durability and space

  flushAll(): void {
    this.beforeOperation('flush', '');
    this.volume.flushAll();
  }

  flushDirectory(path: RelativePath): void {
    this.beforeOperation('flush', path);
    if (this.place(path).node?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
    this.volume.flushNames();
  }

  space(): { freeBytes: number; totalBytes: number } {
    const { totalBytes, usedBytes } = this.volume;
    return { freeBytes: Math.max(0, totalBytes - usedBytes), totalBytes };
  }

  dropCookie(name: string): void {
    if (!this.mounted) throw new Fault('ROOT-MISSING', { path: this.path });
    if (this.capture) this.capture.source.emit({ kind: 'cookie', root: this.capture.root, name });
  }

  close(): void {}

  // ------------------------------------------------------------- paths

  /** Walks to a path without ever following a link. The root is its own place. */
  place(path: RelativePath): Place {
    if (!this.mounted) throw new Fault('ROOT-MISSING', { path: this.path });
    if (parseRelativePath(path) === '') return { parent: this.root, name: '', node: this.root };
    const names = path.split('/');
    let parent = this.root;
    for (const name of names.slice(0, -1)) {
      const next = parent.entries.get(name);
      if (next === undefined) throw new Fault('FS-NOT-FOUND', { path });
      if (next.type !== 'directory') throw new Fault('PATH-SYMLINK', { path });
      parent = next;
    }
    const name = names.at(-1)!;
    return { parent, name, node: parent.entries.get(name) };
  }

  private occupied(path: RelativePath): Place & { node: MemoryNode } {
    if (path === '') throw new Fault('PATH-ESCAPE', { path });
    const place = this.place(path);
    if (place.node === undefined) throw new Fault('FS-NOT-FOUND', { path });
    return { ...place, node: place.node };
  }

  private vacant(path: RelativePath): Place {
    if (path === '') throw new Fault('PATH-ESCAPE', { path });
    const place = this.place(path);
    if (place.node !== undefined) throw new Fault('FS-EXISTS', { path });
    return place;
  }

  /** A place for a new file or link; a directory there is in the way. */
  private replaceable(path: RelativePath): Place {
    if (path === '') throw new Fault('PATH-ESCAPE', { path });
    const place = this.place(path);
    if (place.node?.type === 'directory') throw new Fault('FS-EXISTS', { path });
    return place;
  }

  private file(path: RelativePath): FileNode {
    const node = this.place(path).node;
    if (node?.type !== 'file') throw new Fault('FS-NOT-FOUND', { path });
    return node;
  }

  /** What a hard link can name. */
  private linkable(path: RelativePath): MemoryNode {
    const node = this.occupied(path).node;
    if (node.type === 'directory') throw new Fault('FS-NOT-FOUND', { path });
    return node;
  }

  private vacantKeepName(keepName: string): void {
    if (this.kept.entries.has(checkKeepName(keepName))) throw new Fault('FS-EXISTS', { path: keepName });
  }

  private put(place: Place, node: MemoryNode): void {
    this.volume.atomically(() => {
      if (place.node !== undefined) this.volume.release(this.volume.detach(place.parent, place.name));
      this.volume.attach(place.parent, place.name, node);
    });
  }

  private dirty(path: RelativePath): void {
    if (this.capture) this.capture.source.emit({ kind: 'dirty', root: this.capture.root, path, closed: true });
  }
}

function resize(volume: MemoryVolume, node: FileNode, sizeBytes: number): void {
  if (sizeBytes === node.content.length) return;
  const resized = new Uint8Array(sizeBytes);
  resized.set(node.content.subarray(0, sizeBytes));
  volume.setContent(node, resized);
}

function checkKeepName(keepName: string): string {
  if (keepName.includes('/') || parseRelativePath(keepName) === '') throw new Fault('PATH-ESCAPE', { path: keepName });
  return keepName;
}

function bytesBelow(node: MemoryNode): number {
  if (node.type === 'file') return node.content.length;
  if (node.type !== 'directory') return 0;
  let total = 0;
  for (const child of node.entries.values()) total += bytesBelow(child);
  return total;
}
