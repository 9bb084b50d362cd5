/**
 * The operator's choice for one file: what the old active host had comes into use on the one that is active now. What is under its name
 * there goes to quarantine first, so that the choice can be taken back the same way. The new content is whole and durable before
 * anything is replaced, and appears by one rename; it is replicated like a change of a user.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../shared/faults.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { QuarantineItem } from '../../shared/quarantine.ts';
import type { TailEntry } from '../engine/master-tail.ts';
import type { EntryStat, Metadata, RootTree, StagedFile } from '../ports.ts';
import type { NewQuarantine, QuarantinePiece, QuarantinePlace, QuarantineStore } from './store.ts';

/** Users may write to the file meanwhile: kept again so many times. */
const TRIES = 5;

export interface PutBackParts {
  readonly store: QuarantineStore;
  readonly scenarioId: string;
  /** Paths of the roots here, and the one it goes into, open. */
  readonly roots: readonly string[];
  readonly tree: RootTree;
  /** Of what is replaced; without its end, which is told apart by the moment. */
  readonly head: Omit<NewQuarantine, 'generation' | 'after' | 'through'>;
  readonly quarantineId: string;
  readonly place: QuarantinePlace;
  read(position: number): Promise<QuarantinePiece>;
}

/** Answers under which id what was there is kept; undefined: nothing was there. */
export async function putBack(parts: PutBackParts): Promise<string | undefined> {
  const { tree, place } = parts;
  const first = await parts.read(0);
  const { item } = first;
  refuseUnfit(item);
  if (tree.stat(place.path)?.type === 'directory') throw new Fault('FS-EXISTS', { path: place.path });
  const staged = item.type === 'file' ? await stageWhole(parts, first) : undefined;
  try {
    const kept = await keepPresent(parts);
    makeParents(tree, place.path);
    if (staged !== undefined) staged.commit(place.path);
    else tree.makeSymlink(place.path, item.target ?? '', metadataOf(item));
    tree.flushDirectory(parentPath(place.path) ?? '');
    return kept;
  } finally {
    staged?.discard();
  }
}

function refuseUnfit({ path, type, torn, missing }: QuarantineItem): void {
  const reason =
    type === 'gone'
      ? 'it was gone there, so there is nothing to put back: remove it on the active host yourself'
      : type === 'directory' || type === 'special'
        ? `only files and links are put back, it is a ${type === 'special' ? 'pipe, socket or device' : type}`
        : torn
          ? 'its content is a mixture of several moments: extract it and look at it first'
          : missing;
  if (reason !== undefined) throw new Fault('USAGE', { reason: `"${path}" cannot be put back: ${reason}` });
}

async function stageWhole(parts: PutBackParts, first: QuarantinePiece): Promise<StagedFile> {
  const { tree, place, quarantineId } = parts;
  const staged = tree.stage();
  try {
    const hash = createHash('sha256');
    let position = 0;
    for (let piece = first; ; piece = await parts.read(position)) {
      staged.write(piece.bytes, position);
      hash.update(piece.bytes);
      position += piece.bytes.length;
      if (piece.next === undefined) break;
    }
    if (hash.digest('hex') !== first.item.sha256)
      throw new Fault('QUARANTINE-DAMAGED', { id: quarantineId, path: place.path });
    staged.setMetadata(metadataOf(first.item));
    staged.flush();
    return staged;
  } catch (error) {
    staged.discard();
    throw error;
  }
}

function metadataOf({ mode, uid, gid, mtimeNs }: QuarantineItem): Metadata {
  return {
    ...(mode === undefined ? {} : { mode: mode & 0o777 }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mtimeNs === undefined ? {} : { mtimeNs: BigInt(mtimeNs) }),
  };
}

/** As it is right before it is replaced. */
async function keepPresent(parts: PutBackParts): Promise<string | undefined> {
  const { store, scenarioId, roots, tree, head, place, quarantineId } = parts;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const before = tree.stat(place.path);
    if (before === undefined) return undefined;
    const { type, sizeBytes } = before;
    const entry: TailEntry = { ...place, kind: 'put', type: type === 'other' ? 'file' : type, sizeBytes };
    const at = head.at + tries - 1;
    const end = { generation: `replaced by ${quarantineId}`, after: at, through: at };
    const kept = await store.keep(scenarioId, { ...head, ...end, at }, pageOf(entry), roots);
    if (isSame(before, tree.stat(place.path))) return kept.id;
    await store.discard(scenarioId, kept.id);
  }
  throw new Fault('FS-BUSY', { path: place.path });
}

async function* pageOf(entry: TailEntry): AsyncGenerator<readonly TailEntry[], void> {
  yield await Promise.resolve([entry]);
}

function isSame(a: EntryStat, b: EntryStat | undefined): boolean {
  return b !== undefined && a.id.inode === b.id.inode && a.ctimeNs === b.ctimeNs && a.sizeBytes === b.sizeBytes;
}

function makeParents(tree: RootTree, path: RelativePath): void {
  const missing: RelativePath[] = [];
  for (let above = parentPath(path); above !== undefined && tree.stat(above) === undefined; above = parentPath(above)) {
    missing.unshift(above);
  }
  for (const directory of missing) tree.makeDirectory(directory, { mode: 0o755 });
}
