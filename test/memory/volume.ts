/**
 * A file system in memory: inodes, birth and change times, hard links, symbolic links, and an honest power cut.
 * Name and metadata changes since the last flush form an ordered log, of which a power cut keeps some beginning (what a
 * journalling file system does) or any selection (all that POSIX promises); content that was not flushed is kept, lost,
 * zeroed or mixed block by block.
 */
import type { Clock, EntryStat, Metadata, Random } from '../../daemon/ports.ts';
import { type AttributeBytes, NO_ATTRIBUTES } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';

interface NodeBase {
  readonly inode: bigint;
  readonly birthNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  mode: number;
  uid: number;
  gid: number;
  links: number;
  attributes: AttributeBytes;
}

export interface FileNode extends NodeBase {
  readonly type: 'file';
  content: Uint8Array;
  /** Content at the last flush; undefined when it was never flushed. */
  flushed: Uint8Array | undefined;
  /** Written in place since then: of what was durable, some sectors are old and some new after a power cut. */
  inPlace?: boolean;
}

export interface DirectoryNode extends NodeBase {
  readonly type: 'directory';
  readonly entries: Map<string, MemoryNode>;
}

interface SymlinkNode extends NodeBase {
  readonly type: 'symlink';
  readonly target: string;
}

/** A pipe, socket or device. */
interface OtherNode extends NodeBase {
  readonly type: 'other';
}

export type MemoryNode = FileNode | DirectoryNode | SymlinkNode | OtherNode;

/** One change of names or metadata that a power cut keeps whole or not at all. */
interface LoggedChange {
  readonly undo: () => void;
  readonly redo: () => void;
}

/** What a power cut leaves of the changes that were not flushed: some beginning of them, or any selection. */
export type CutOrder = 'journalled' | 'any';

const EMPTY = new Uint8Array(0);
/** Content is lost in blocks; small ones, because the files of a simulation are small. */
const CUT_BLOCK_BYTES = 64;
/** What Linux says for a directory on ext4. */
const DIRECTORY_BYTES = 4096;

export class MemoryVolume {
  readonly clock: Clock;
  /** Bytes the volume can hold. */
  totalBytes = 2 ** 40;
  usedBytes = 0;
  private nextInode = 2n;
  private lastStampNs = 0n;
  private readonly freeInodes: bigint[] = [];
  /** Given back since the last flush: not reused where the removal may turn out not to have happened while the reuse has. */
  private readonly heldInodes: bigint[] = [];
  private readonly reuseInodes: boolean;
  readonly cutOrder: CutOrder;
  /** Each name or metadata change since the last flush, oldest first. */
  private log: LoggedChange[] = [];
  private readonly unflushed = new Set<FileNode>();
  /** Where everything on this volume hangs. */
  private readonly tops: DirectoryNode[] = [];

  /** `reuseInodes`: a new object gets the number of one removed before, as ext4 does; only its birth time differs. */
  constructor(clock: Clock, reuseInodes = true, cutOrder: CutOrder = 'journalled') {
    this.clock = clock;
    this.reuseInodes = reuseInodes;
    this.cutOrder = cutOrder;
  }

  /** Now in nanoseconds; never the same twice, so every change shows in ctime. */
  stamp(): bigint {
    const now = BigInt(this.clock.wallMs()) * 1_000_000n;
    this.lastStampNs = now > this.lastStampNs ? now : this.lastStampNs + 1n;
    return this.lastStampNs;
  }

  createFile(content: Uint8Array = EMPTY): FileNode {
    this.reserve(content.length);
    const node: FileNode = { ...this.base(0o644), type: 'file', content, flushed: undefined };
    this.unflushed.add(node);
    return node;
  }

  createDirectory(): DirectoryNode {
    return { ...this.base(0o755), type: 'directory', entries: new Map() };
  }

  /** A directory that no other holds: a root, a staging directory. */
  createTop(): DirectoryNode {
    const top = this.createDirectory();
    this.tops.push(top);
    return top;
  }

  createSymlink(target: string): MemoryNode {
    return { ...this.base(0o777), type: 'symlink', target };
  }

  createOther(): MemoryNode {
    return { ...this.base(0o644), type: 'other' };
  }

  setContent(node: FileNode, content: Uint8Array): void {
    this.reserve(content.length - node.content.length);
    node.content = content;
    node.mtimeNs = this.stamp();
    node.ctimeNs = node.mtimeNs;
    this.unflushed.add(node);
  }

  /** Written through a memory map: its times stay. */
  setMapped(node: FileNode, content: Uint8Array): void {
    node.content = content;
    this.unflushed.add(node);
  }

  /** Writes without copying the whole content each time; what was flushed stays as it is. */
  writeAt(node: FileNode, bytes: Uint8Array, position: number): void {
    const sizeBytes = Math.max(node.content.length, position + bytes.length);
    const shared = node.flushed?.buffer === node.content.buffer;
    const room = node.content.byteOffset === 0 && node.content.buffer.byteLength >= sizeBytes;
    let content = node.content;
    if (shared || !room) {
      const capacity = sizeBytes > content.length ? Math.max(sizeBytes, 2 * content.length) : sizeBytes;
      content = new Uint8Array(new ArrayBuffer(capacity), 0, sizeBytes);
      content.set(node.content);
    } else if (sizeBytes > content.length) content = new Uint8Array(content.buffer, 0, sizeBytes);
    this.setContent(node, content);
    content.set(bytes, position);
  }

  flushContent(node: FileNode): void {
    node.flushed = node.content;
    node.inPlace = false;
    this.unflushed.delete(node);
  }

  /** One entry of the file system's journal: a power cut keeps all of it or nothing (rename(2), replacing a name). */
  atomically(change: () => void): void {
    const before = this.log;
    this.log = [];
    try {
      change();
    } finally {
      const parts = this.log;
      this.log = before;
      this.log.push({
        undo: () => {
          for (const part of parts.toReversed()) part.undo();
        },
        redo: () => {
          for (const part of parts) part.redo();
        },
      });
    }
  }

  attach(directory: DirectoryNode, name: string, node: MemoryNode): void {
    directory.entries.set(name, node);
    node.links += 1;
    this.touch(directory, node);
    this.log.push({
      undo: () => void directory.entries.delete(name),
      redo: () => void directory.entries.set(name, node),
    });
  }

  detach(directory: DirectoryNode, name: string): MemoryNode {
    const node = directory.entries.get(name)!;
    directory.entries.delete(name);
    node.links -= 1;
    this.touch(directory, node);
    this.log.push({
      undo: () => void directory.entries.set(name, node),
      redo: () => void directory.entries.delete(name),
    });
    return node;
  }

  /** A removed object with no name left gives back its space and its inode number, with everything in it. */
  release(node: MemoryNode): void {
    if (node.links > 0) return;
    if (node.type === 'directory') {
      for (const name of [...node.entries.keys()]) this.release(this.detach(node, name));
    }
    if (node.type === 'file') this.usedBytes -= node.content.length;
    if (!this.reuseInodes) return;
    const free = this.cutOrder === 'any' ? this.heldInodes : this.freeInodes;
    free.push(node.inode);
    this.log.push({
      undo: () => {
        const at = free.indexOf(node.inode);
        if (at >= 0) free.splice(at, 1);
      },
      redo: () => void free.push(node.inode),
    });
  }

  setMetadata(node: MemoryNode, metadata: Omit<Metadata, 'attributes'>, attributes = node.attributes): void {
    const before = ownMetadata(node);
    if (metadata.mode !== undefined && node.type !== 'symlink') node.mode = metadata.mode;
    if (metadata.uid !== undefined) node.uid = metadata.uid;
    if (metadata.gid !== undefined) node.gid = metadata.gid;
    if (metadata.mtimeNs !== undefined) node.mtimeNs = metadata.mtimeNs;
    node.attributes = attributes;
    node.ctimeNs = this.stamp();
    const after = ownMetadata(node);
    this.log.push({ undo: () => Object.assign(node, before), redo: () => Object.assign(node, after) });
  }

  stat(node: MemoryNode): EntryStat {
    const sizeBytes = sizeOf(node);
    return {
      type: node.type,
      id: { inode: node.inode, birthNs: node.birthNs },
      sizeBytes,
      mtimeNs: node.mtimeNs,
      ctimeNs: node.ctimeNs,
      mode: node.mode,
      uid: node.uid,
      gid: node.gid,
      links: node.type === 'directory' ? 2 : node.links,
      allocatedBytes: node.type === 'file' ? Math.ceil(sizeBytes / 512) * 512 : 0,
    };
  }

  /** fsync of a directory commits the journal: all name changes up to now are durable. */
  flushNames(): void {
    this.log = [];
    this.freeInodes.push(...this.heldInodes.splice(0));
  }

  flushAll(): void {
    for (const node of [...this.unflushed]) this.flushContent(node);
    this.flushNames();
  }

  powerCut(random: Random): void {
    const { log } = this;
    this.log = [];
    const first = this.cutOrder === 'any' ? 0 : Math.floor(random.fraction() * (log.length + 1));
    for (const change of log.slice(first).reverse()) change.undo();
    // How much survives is drawn as well, so that nearly everything and nearly nothing are frequent.
    const share = random.fraction();
    if (this.cutOrder === 'any') for (const change of log) if (random.fraction() < share) change.redo();
    this.freeInodes.push(...this.heldInodes.splice(0));
    this.checkDirectories();
    this.countLinks();
    for (const node of this.unflushed) {
      node.content = contentAfterCut(node, random);
      node.flushed = node.content;
    }
    this.unflushed.clear();
    this.usedBytes = countBytes(this.tops);
  }

  /** As a file system check would: a directory whose move was kept by half has one name. */
  private checkDirectories(): void {
    const found = new Set<MemoryNode>(this.tops);
    const pending: DirectoryNode[] = [...this.tops];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      for (const [name, child] of node.entries) {
        if (child.type !== 'directory') continue;
        if (found.has(child)) node.entries.delete(name);
        else pending.push(child);
        found.add(child);
      }
    }
  }

  /** As a file system check would: an object has as many links as names lead to it. */
  private countLinks(): void {
    const counts = new Map<MemoryNode, number>();
    const pending: MemoryNode[] = [...this.tops];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node.type !== 'directory') continue;
      for (const child of node.entries.values()) {
        const before = counts.get(child) ?? 0;
        counts.set(child, before + 1);
        if (before === 0) pending.push(child);
      }
    }
    for (const [node, count] of counts) node.links = count;
  }

  private base(mode: number): NodeBase {
    const now = this.stamp();
    const inode = (this.reuseInodes ? this.freeInodes.shift() : undefined) ?? this.nextInode++;
    const attributes = NO_ATTRIBUTES;
    return { inode, birthNs: now, mtimeNs: now, ctimeNs: now, mode, uid: 0, gid: 0, links: 0, attributes };
  }

  private touch(directory: DirectoryNode, node: MemoryNode): void {
    const now = this.stamp();
    directory.mtimeNs = now;
    directory.ctimeNs = now;
    node.ctimeNs = now;
  }

  private reserve(bytes: number): void {
    if (bytes > 0 && this.usedBytes + bytes > this.totalBytes) throw new Fault('FS-FULL', { path: 'memory' });
    this.usedBytes += bytes;
  }
}

function sizeOf(node: MemoryNode): number {
  switch (node.type) {
    case 'file':
      return node.content.length;
    case 'symlink':
      return new TextEncoder().encode(node.target).length;
    case 'directory':
      return DIRECTORY_BYTES;
    case 'other':
      return 0;
  }
}

/** Bytes of all files below, each counted once however many names it has. */
function countBytes(tops: readonly DirectoryNode[]): number {
  const files = new Set<FileNode>();
  const pending: MemoryNode[] = [...tops];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'file') files.add(node);
    if (node.type === 'directory') pending.push(...node.entries.values());
  }
  let total = 0;
  for (const file of files) total += file.content.length;
  return total;
}

function ownMetadata(node: MemoryNode): Pick<NodeBase, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'attributes'> {
  const { mode, uid, gid, mtimeNs, attributes } = node;
  return { mode, uid, gid, mtimeNs, attributes };
}

/** Some blocks of what was written in place arrived, in no order; the size is either. */
function mixedAfterCut(old: Uint8Array, now: Uint8Array, random: Random): Uint8Array {
  const mixed = new Uint8Array(random.fraction() < 0.5 ? old.length : now.length);
  for (let at = 0; at < mixed.length; at += CUT_BLOCK_BYTES) {
    const from = random.fraction() < 0.5 ? old : now;
    mixed.set(from.subarray(at, Math.min(at + CUT_BLOCK_BYTES, mixed.length)), at);
  }
  return mixed;
}

/** Whole, as it was flushed last, the right size with zeros from a random place on, or each block for itself. */
function contentAfterCut(node: FileNode, random: Random): Uint8Array {
  if (node.inPlace && node.flushed !== undefined) return mixedAfterCut(node.flushed, node.content, random);
  const dice = random.fraction();
  if (dice < 1 / 4) return node.content;
  if (dice < 2 / 4) return node.flushed ?? EMPTY;
  const content = new Uint8Array(node.content);
  if (dice < 3 / 4) return content.fill(0, Math.floor(random.fraction() * content.length));
  for (let at = 0; at < content.length; at += CUT_BLOCK_BYTES) {
    if (random.fraction() < 0.5) continue;
    const old = node.flushed?.subarray(at, Math.min(at + CUT_BLOCK_BYTES, content.length)) ?? EMPTY;
    content.fill(0, at, at + CUT_BLOCK_BYTES);
    content.set(old, at);
  }
  return content;
}
