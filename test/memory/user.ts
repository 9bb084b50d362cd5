/** What users and applications do in a memory tree: ordinary file calls, which emit the hints a kernel would. */
import type { PathFilter } from '../../daemon/capture/filter.ts';
import type { CaptureHint, RootTree } from '../../daemon/ports.ts';
import { type Attribute, type AttributeBytes, encodeAttributes, NO_ATTRIBUTES } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { MemoryCapture } from './capture.ts';
import type { MemoryTree, Place } from './tree.ts';
import type { DirectoryNode, FileNode, MemoryNode } from './volume.ts';

export class MemoryUser {
  private readonly tree: MemoryTree;
  private readonly capture: MemoryCapture | undefined;
  private readonly root: number;

  /** Hints go to `capture` with this root number; without it nobody is told. */
  constructor(tree: MemoryTree, capture?: MemoryCapture, root = 0) {
    this.tree = tree;
    this.capture = capture;
    this.root = root;
  }

  /** Creates or overwrites in place and closes. */
  writeFile(path: RelativePath, content: Uint8Array | string): void {
    this.write(path, content, true);
  }

  /** The same, but the writer keeps the file open. */
  writeOpen(path: RelativePath, content: Uint8Array | string): void {
    this.write(path, content, false);
  }

  /** Puts another directory in the place of one, as a mount does: nobody is told. Returns what was there. */
  mount(path: RelativePath, volume: DirectoryNode): DirectoryNode {
    const { parent, name, node } = this.existing(path);
    if (node.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
    const times = [parent.mtimeNs, parent.ctimeNs] as const;
    this.tree.volume.detach(parent, name);
    this.tree.volume.attach(parent, name, volume);
    [parent.mtimeNs, parent.ctimeNs] = times;
    return node;
  }

  /** Through a memory map: neither size nor times change, only the close is seen. */
  writeMapped(path: RelativePath, content: Uint8Array | string): void {
    const { node } = this.existing(path);
    const bytes = toBytes(content);
    if (node.type !== 'file' || bytes.length !== node.content.length) throw new Fault('FS-NOT-FOUND', { path });
    this.tree.volume.setMapped(node, bytes);
    this.dirty(path, true, true);
  }

  append(path: RelativePath, content: Uint8Array | string): void {
    const before = this.readFile(path);
    const added = toBytes(content);
    const whole = new Uint8Array(before.length + added.length);
    whole.set(before);
    whole.set(added, before.length);
    this.write(path, whole, true);
  }

  readFile(path: RelativePath): Uint8Array {
    const node = this.existing(path).node;
    if (node.type !== 'file') throw new Fault('FS-NOT-FOUND', { path });
    return node.content;
  }

  makeDirectory(path: RelativePath): void {
    this.attachNew(path, this.tree.volume.createDirectory());
  }

  makeSymlink(path: RelativePath, target: string): void {
    this.attachNew(path, this.tree.volume.createSymlink(target));
  }

  /** A named pipe. */
  makePipe(path: RelativePath): void {
    this.attachNew(path, this.tree.volume.createOther());
  }

  link(existing: RelativePath, path: RelativePath): void {
    const { node } = this.existing(existing);
    if (node.type === 'directory') throw new Fault('FS-DENIED', { path: existing });
    this.attachNew(path, node);
  }

  /** rename(2): replaces a file or an empty directory. */
  rename(from: RelativePath, to: RelativePath): void {
    if (to === from) return;
    if (to.startsWith(`${from}/`)) throw new Fault('FS-UNSUPPORTED', { what: 'moving into itself', path: to });
    const source = this.existing(from);
    const target = this.tree.place(to);
    if (target.node === source.node) return;
    if (target.node?.type === 'directory' && target.node.entries.size > 0)
      throw new Fault('FS-NOT-EMPTY', { path: to });
    if (target.node) this.drop(target);
    this.tree.volume.detach(source.parent, source.name);
    this.tree.volume.attach(target.parent, target.name, source.node);
    this.emit({ kind: 'rename', root: this.root, from, to });
  }

  /** rm -rf: with a hint for everything that goes, deepest first. */
  remove(path: RelativePath): void {
    const place = this.existing(path);
    if (place.node.type === 'directory') {
      for (const name of [...place.node.entries.keys()]) this.remove(joinPath(path, name));
    }
    this.drop(place);
    this.dirty(path, true);
  }

  setMode(path: RelativePath, mode: number): void {
    this.tree.volume.setMetadata(this.existing(path).node, { mode });
    this.dirty(path, true);
  }

  setOwner(path: RelativePath, uid: number, gid: number): void {
    this.tree.volume.setMetadata(this.existing(path).node, { uid, gid });
    this.dirty(path, true);
  }

  setMtimeNs(path: RelativePath, mtimeNs: bigint): void {
    this.tree.volume.setMetadata(this.existing(path).node, { mtimeNs });
    this.dirty(path, true);
  }

  /** Replaces all attributes, as setfattr and setfacl would one after the other. */
  setAttributes(path: RelativePath, attributes: readonly Attribute[]): void {
    const node = path === '' ? this.tree.root : this.existing(path).node;
    this.tree.volume.setMetadata(node, {}, encodeAttributes(attributes));
    this.dirty(path, false);
  }

  /** Moves a whole directory built elsewhere on the volume into the root: one event for all of it. */
  moveIn(path: RelativePath, build: (elsewhere: MemoryUser) => void): void {
    const before = this.tree.root;
    const outside = this.tree.volume.createDirectory();
    this.tree.root = outside;
    try {
      build(new MemoryUser(this.tree));
    } finally {
      this.tree.root = before;
    }
    this.attachNew(path, outside);
  }

  private write(path: RelativePath, content: Uint8Array | string, closed: boolean): void {
    const place = this.tree.place(path);
    const bytes = toBytes(content);
    if (place.node === undefined) {
      this.tree.volume.attach(place.parent, place.name, this.tree.volume.createFile(bytes));
    } else if (place.node.type === 'file') {
      this.tree.volume.setContent(place.node satisfies FileNode, bytes);
    } else {
      throw new Fault('FS-EXISTS', { path });
    }
    this.dirty(path, closed, closed);
  }

  private attachNew(path: RelativePath, node: MemoryNode): void {
    const place = this.tree.place(path);
    if (place.node !== undefined) throw new Fault('FS-EXISTS', { path });
    this.tree.volume.attach(place.parent, place.name, node);
    this.dirty(path, true);
  }

  private drop(place: Place): void {
    this.tree.volume.release(this.tree.volume.detach(place.parent, place.name));
  }

  private existing(path: RelativePath): Place & { node: MemoryNode } {
    const place = this.tree.place(path);
    if (place.node === undefined) throw new Fault('FS-NOT-FOUND', { path });
    return { ...place, node: place.node };
  }

  private dirty(path: RelativePath, closed: boolean, written = false): void {
    this.emit({ kind: 'dirty', root: this.root, path, closed, written });
  }

  private emit(hint: CaptureHint): void {
    this.capture?.emit(hint);
  }
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
}

/**
 * Everything that must be equal on both hosts, one line a path: an oracle for `assert.deepEqual`. Hard links show as the
 * first path of their group.
 */
export function describeTree(
  tree: MemoryTree,
  leftOut: PathFilter = () => false,
  whole: RootTree = tree,
): Map<string, string> {
  const lines = new Map<string, string>();
  const firstNames = new Map<MemoryNode, string>();
  const visit = (path: string, node: MemoryNode) => {
    const { mode, uid, gid } = whole === tree ? node : (whole.stat(path) ?? node);
    const metadata = `${node.type} ${mode.toString(8)} ${uid}:${gid} ${node.mtimeNs}`;
    const bytes = whole === tree ? node.attributes : attributesAt(whole, path);
    const attributes = bytes.length === 0 ? '' : `[${Buffer.from(bytes).toString('latin1')}] `;
    lines.set(path, `${metadata} ${attributes}${contentOf(node, path, firstNames)}`);
    if (node.type !== 'directory') return;
    for (const name of [...node.entries.keys()].sort()) {
      const child = node.entries.get(name)!;
      if (!leftOut(joinPath(path, name), child.type)) visit(joinPath(path, name), child);
    }
  };
  visit('', tree.root);
  return lines;
}

function attributesAt(tree: RootTree, path: RelativePath): AttributeBytes {
  const name = baseName(path);
  return tree.attributesOf(parentPath(path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES;
}

function contentOf(node: MemoryNode, path: string, firstNames: Map<MemoryNode, string>): string {
  if (node.links > 1 && node.type !== 'directory') {
    const first = firstNames.get(node);
    if (first !== undefined) return `= ${first}`;
    firstNames.set(node, path);
  }
  if (node.type === 'symlink') return `-> ${node.target}`;
  if (node.type === 'file') return Buffer.from(node.content).toString('latin1');
  return '';
}
