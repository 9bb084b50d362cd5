/** Copies one item of a tail. It is read below its root without following a link, and read again when it changed meanwhile. */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import { baseName, parentPath } from '../../shared/path.ts';
import type { QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';
import type { EntryStat, ReadableFile, RootTree } from '../ports.ts';
import type { QuarantineFiles } from './files.ts';

const CHUNK_BYTES = 1024 * 1024;
/** A file that still changes after so many readings is kept as it was read last. */
const READINGS = 5;
/** The engine's own state lies on that volume too: so much is left to it. */
const RESERVE_BYTES = 64 * 1024 * 1024;

export interface Keeping {
  readonly files: QuarantineFiles;
  readonly trees: readonly RootTree[];
  /** Folder of the contents. */
  readonly folder: string;
  /** First place of each object with several names. */
  readonly linked: Map<string, QuarantineItem>;
}

/** `number`: a name for its content that no other item has. */
export async function keepItem(keeping: Keeping, entry: TailEntry, number: number): Promise<QuarantineItem> {
  const { root, path, kind, before } = entry;
  const told = { root, path, kind, ...(before === undefined ? {} : { before }) };
  const tree = keeping.trees[root];
  if (tree === undefined) throw new Fault('INTERNAL', { reason: `a change in root ${root}, which there is not` });
  try {
    const stat = tree.stat(path);
    if (stat === undefined) return { ...told, type: 'gone', sizeBytes: 0 };
    const about = { ...told, ...metadataOf(stat) };
    if (stat.type === 'file') return await keepFile(keeping, tree, { ...about, type: 'file' }, stat, number);
    if (stat.type === 'other') return { ...about, type: 'special', sizeBytes: 0 };
    const attributes = attributesAt(tree, path);
    if (stat.type === 'directory') return { ...about, type: 'directory', sizeBytes: 0, ...attributes };
    return { ...about, type: 'symlink', sizeBytes: 0, ...attributes, target: tree.readLink(path) };
  } catch (error) {
    const fault = Fault.from(error);
    // Nothing is under this name below the root (any more): a link above it leads elsewhere.
    if (fault.code !== 'FS-NOT-FOUND' && fault.code !== 'PATH-SYMLINK') throw fault;
    return { ...told, type: 'gone', sizeBytes: 0, missing: fault.message };
  }
}

function metadataOf({ mode, uid, gid, mtimeNs }: EntryStat) {
  return { mode, uid, gid, mtimeMs: Number(mtimeNs / 1_000_000n), mtimeNs: String(mtimeNs) };
}

function attributesAt(tree: RootTree, path: string): { attributes?: string } {
  const parent = parentPath(path);
  const found = parent === undefined ? tree.attributesOf('', ['']) : tree.attributesOf(parent, [baseName(path)]);
  return told(found.values().next().value);
}

function told(attributes: Uint8Array | undefined): { attributes?: string } {
  if (attributes === undefined || attributes.length === 0) return {};
  return { attributes: Buffer.from(attributes).toString('base64') };
}

async function keepFile(
  keeping: Keeping,
  tree: RootTree,
  about: Omit<QuarantineItem, 'sizeBytes'>,
  found: EntryStat,
  number: number,
): Promise<QuarantineItem> {
  const { files, folder, linked } = keeping;
  const object = `${about.root} ${found.id.inode} ${found.id.birthNs} ${found.ctimeNs}`;
  const first = found.links > 1 ? linked.get(object) : undefined;
  if (first !== undefined) return { ...first, ...about, sameAs: `${first.root} ${first.path}` };
  const content = String(number);
  for (let reading = 1; ; reading += 1) {
    const file = tree.openRead(about.path);
    try {
      const before = file.stat();
      requireRoom(files, before.sizeBytes, folder);
      const { sha256, sizeBytes } = await copy(files, file, `${folder}/${content}`, before.sizeBytes);
      const torn = !isSame(before, file.stat()) || sizeBytes !== before.sizeBytes;
      if (torn && reading < READINGS) {
        await files.remove(`${folder}/${content}`);
        continue;
      }
      const metadata = { ...metadataOf(before), ...told(file.attributes()) };
      const item: QuarantineItem = { ...about, ...metadata, sizeBytes, sha256, content, ...(torn ? { torn } : {}) };
      if (found.links > 1) linked.set(object, item);
      return item;
    } finally {
      file.close();
    }
  }
}

function isSame(a: EntryStat, b: EntryStat): boolean {
  return a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

function requireRoom(files: QuarantineFiles, bytes: number, path: string): void {
  if (files.freeBytes() < bytes + RESERVE_BYTES) throw new Fault('FS-FULL', { path });
}

async function copy(files: QuarantineFiles, file: ReadableFile, path: string, expected: number) {
  const hash = createHash('sha256');
  const target = await files.create(path);
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let position = 0;
  try {
    for (;;) {
      const hole = Math.min(file.dataFrom?.(position) ?? position, expected) - position;
      if (hole > 0) {
        const zeros = Buffer.alloc(Math.min(hole, CHUNK_BYTES));
        hash.update(zeros);
        position += zeros.length;
        continue;
      }
      const count = file.read(buffer, 0, CHUNK_BYTES, position);
      if (count === 0) break;
      const bytes = buffer.subarray(0, count);
      hash.update(bytes);
      await target.write(bytes, position);
      position += count;
    }
    await target.truncate(position);
    await target.flush();
    return { sha256: hash.digest('hex'), sizeBytes: position };
  } finally {
    await target.close();
  }
}
