/**
 * Takes one change back. Records are taken back newest first, so each one finds the tree as it was right after its change,
 * or right before it when the change was never made. What is not positively recognized is left alone.
 */
import { Fault } from '../../shared/faults.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, RootTree, StagedFile, WritableFile } from '../ports.ts';
import { isZeros } from '../spool/file-content.ts';
import { exchanges, type FileRange, sameId, type UndoOp, type UndoRecord } from './record.ts';

/**
 * `kept`: names of kept objects that exist. `aside`: a fresh name for what has to get out of the way.
 * False: what the change found is neither in its place nor kept, or something else is where it has to go back to.
 * The directories that the change disturbed are for `setDirectoryTimes`.
 */
export function takeBackChange(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  aside: () => string,
): boolean {
  const now = tree.stat(record.path);
  switch (record.op) {
    case 'metadata':
      takeBackMetadata(tree, record, now);
      return true;
    case 'rename': {
      const there = takeBackRename(tree, record, now);
      return restoreKept(tree, record, kept, tree.stat(record.path), aside) && there;
    }
    case 'remove':
      return restoreKept(tree, record, kept, now, aside);
    case 'patch':
      return takeBackPatch(tree, record, kept, now);
    case 'restore':
      return takeBackRestoration(tree, record, kept, now, aside);
    default:
      return takeBackCreation(tree, record, kept, now, aside);
  }
}

/** The directories that the change disturbed have the times again that they had before. */
export function setDirectoryTimes(tree: RootTree, record: UndoRecord): void {
  for (const { directory, mtimeNs } of directoriesBefore(record)) setDirectoryTime(tree, directory, mtimeNs);
}

export function setDirectoryTime(tree: RootTree, directory: RelativePath, mtimeNs: bigint): void {
  if (tree.stat(directory)?.type === 'directory') tree.setMetadata(directory, { mtimeNs });
}

export function directoriesBefore({ path, from, directoryTimes }: UndoRecord): DirectoryTime[] {
  const found: DirectoryTime[] = [];
  if (directoryTimes === undefined) return found;
  for (const [at, mtimeNs] of directoryTimes.entries()) {
    const name = at === 0 ? path : from;
    const directory = name === undefined ? undefined : parentPath(name);
    if (mtimeNs !== undefined && directory !== undefined) found.push({ directory, mtimeNs });
  }
  return found;
}

interface DirectoryTime {
  readonly directory: RelativePath;
  readonly mtimeNs: bigint;
}

export function takeBackMetadata(tree: RootTree, record: UndoRecord, now: Pick<EntryStat, 'id'> | undefined): void {
  const { before } = record;
  if (before === undefined || now === undefined || !sameId(before.id, now.id)) return;
  const { mode, uid, gid, mtimeNs, attributes: bytes } = before;
  const attributes = bytes === undefined ? {} : { attributes: { kinds: tree.capabilities.attributeKinds, bytes } };
  const rights = tree.capabilities.posixModes ? { mode, uid, gid } : {};
  tree.setMetadata(record.path, { ...rights, mtimeNs, ...attributes });
}

function takeBackRename(tree: RootTree, record: UndoRecord, now: EntryStat | undefined): boolean {
  const { from, source } = record;
  if (from === undefined || source === undefined) return true;
  const there = tree.stat(from);
  if (now === undefined || !sameId(now.id, source)) return there !== undefined && sameId(there.id, source);
  if (there !== undefined) return sameId(there.id, source);
  try {
    tree.rename(record.path, from);
  } catch (error) {
    // The parent of `from` is not there: the change was never made and the object was here before.
    if (!(error instanceof Fault) || error.code !== 'FS-NOT-FOUND') throw error;
  }
  return true;
}

function takeBackCreation(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
  aside: () => string,
): boolean {
  if (record.before !== undefined) return restoreKept(tree, record, kept, now, aside);
  if (now === undefined) return true;
  // A further name is taken away only from the file it was given to.
  if (record.source !== undefined && !sameId(now.id, record.source)) return true;
  tree.keep(record.path, aside());
  return true;
}

/** What was restored goes back to where it was kept. */
function takeBackRestoration(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
  aside: () => string,
): boolean {
  const { restored } = record;
  if (exchanges(record)) return takeBackExchange(tree, record, now);
  if (restored !== undefined && !kept.has(restored)) {
    if (now === undefined) {
      restoreKept(tree, record, kept, now, aside);
      return false;
    }
    tree.keep(record.path, restored);
  }
  return restoreKept(tree, record, kept, tree.stat(record.path), aside);
}

/** Which of the two is where says whether the one step was made. What was there before is in one of the two places, or lost. */
function takeBackExchange(tree: RootTree, record: UndoRecord, now: EntryStat | undefined): boolean {
  const { path, kept, before } = record;
  if (kept === undefined || before === undefined || (now !== undefined && sameId(now.id, before.id))) return true;
  // Without the other one that is half of it, as for what was restored otherwise.
  if (now === undefined || tree.exchange === undefined || !isKeptAs(tree, kept, before)) return false;
  tree.exchange([{ path, keepName: kept }]);
  return true;
}

/** This very object is kept under the name. */
export function isKeptAs(tree: RootTree, keepName: string, { id }: Pick<EntryStat, 'id'>): boolean {
  const stat = tree.keptObjects().stat(keepName);
  return stat !== undefined && sameId(stat.id, id);
}

const RESTORE_BYTES = 1024 * 1024;

/** Writes the kept ranges back. They are complete as soon as something is kept under the record's name. */
function takeBackPatch(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
): boolean {
  const { before, ranges } = record;
  if (record.kept === undefined || before === undefined || ranges === undefined) return true;
  if (now === undefined || !sameId(now.id, before.id)) return false;
  // Nothing is written before they are kept.
  if (!kept.has(record.kept)) return true;
  let whole = true;
  const old = tree.stage(record.kept);
  const file = tree.openWrite(record.path);
  try {
    for (const range of ranges) whole = restoreRange(old, file, range) && whole;
    file.truncate(before.sizeBytes);
  } finally {
    file.close();
    old.release();
  }
  takeBackMetadata(tree, record, now);
  return whole;
}

/** False when less was kept than the record says: what is in its place then has to be compared. */
function restoreRange(old: StagedFile, file: WritableFile, { position, length }: FileRange): boolean {
  const buffer = new Uint8Array(Math.min(length, RESTORE_BYTES));
  for (let done = 0; done < length; ) {
    const count = old.read(buffer, 0, Math.min(buffer.length, length - done), position + done);
    if (count === 0) return false;
    const bytes = buffer.subarray(0, count);
    if (isZeros(bytes)) file.clear(position + done, count);
    else file.write(bytes, position + done);
    done += count;
  }
  return true;
}

function restoreKept(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
  aside: () => string,
): boolean {
  const { before } = record;
  if (record.kept === undefined || before === undefined) return true;
  if (now !== undefined && sameId(now.id, before.id)) return true;
  if (!kept.has(record.kept)) return false;
  if (now !== undefined) tree.keep(record.path, aside());
  tree.restore(record.kept, record.path);
  return true;
}

/** After these the object that was there before is still the one in its place, or nothing is. */
const CHANGES_OBJECT: ReadonlySet<UndoOp> = new Set(['metadata', 'remove', 'patch']);

/**
 * Records (oldest first) of changes to what was in its place when the first of them was written: a power cut that kept only
 * some beginning of the changes, however short, has left that there. Of the others it may have left nothing.
 */
export function touchesWhatWasThere(records: readonly UndoRecord[]): Set<UndoRecord> {
  const taken = new Set<string>();
  const isNew = (root: number, path: RelativePath): boolean => {
    for (let at: RelativePath | undefined = path; at !== undefined; at = parentPath(at)) {
      if (taken.has(`${root}:${at}`)) return true;
    }
    return false;
  };
  const old = new Set<UndoRecord>();
  for (const record of records) {
    if (!isNew(record.root, record.op === 'rename' ? (record.from ?? record.path) : record.path)) old.add(record);
    if (!CHANGES_OBJECT.has(record.op)) taken.add(`${record.root}:${record.path}`);
  }
  return old;
}
