/**
 * Takes one change back. Records are taken back newest first, so each one finds the tree as it was right after its change,
 * or right before it when the change was never made. What is not positively recognized is left alone.
 */
import { Fault } from '../../shared/faults.ts';
import type { EntryStat, RootTree } from '../ports.ts';
import { sameId, type UndoRecord } from './record.ts';

/** `kept`: names of kept objects that exist. `aside`: a fresh name for what has to get out of the way. */
export function takeBack(tree: RootTree, record: UndoRecord, kept: ReadonlySet<string>, aside: () => string): void {
  const now = tree.stat(record.path);
  switch (record.op) {
    case 'metadata':
      takeBackMetadata(tree, record, now);
      return;
    case 'rename':
      takeBackRename(tree, record, now);
      restoreKept(tree, record, kept, tree.stat(record.path), aside);
      return;
    case 'remove':
      restoreKept(tree, record, kept, now, aside);
      return;
    default:
      takeBackCreation(tree, record, kept, now, aside);
  }
}

function takeBackMetadata(tree: RootTree, record: UndoRecord, now: EntryStat | undefined): void {
  const { before } = record;
  if (before === undefined || now === undefined || !sameId(before.id, now.id)) return;
  const { mode, uid, gid, mtimeNs } = before;
  tree.setMetadata(record.path, tree.capabilities.posixModes ? { mode, uid, gid, mtimeNs } : { mtimeNs });
}

function takeBackRename(tree: RootTree, record: UndoRecord, now: EntryStat | undefined): void {
  const { from, source } = record;
  if (from === undefined || source === undefined || now === undefined || !sameId(now.id, source)) return;
  if (tree.stat(from) !== undefined) return;
  try {
    tree.rename(record.path, from);
  } catch (error) {
    // The parent of `from` is not there: the change was never made and the object was here before.
    if (!(error instanceof Fault) || error.code !== 'FS-NOT-FOUND') throw error;
  }
}

function takeBackCreation(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
  aside: () => string,
): void {
  if (record.before !== undefined) {
    restoreKept(tree, record, kept, now, aside);
    return;
  }
  if (now === undefined) return;
  // A further name is taken away only from the file it was given to.
  if (record.source !== undefined && !sameId(now.id, record.source)) return;
  tree.keep(record.path, aside());
}

function restoreKept(
  tree: RootTree,
  record: UndoRecord,
  kept: ReadonlySet<string>,
  now: EntryStat | undefined,
  aside: () => string,
): void {
  const { before } = record;
  if (record.kept === undefined || before === undefined || !kept.has(record.kept)) return;
  if (now !== undefined && sameId(now.id, before.id)) return;
  if (now !== undefined) tree.keep(record.path, aside());
  tree.restore(record.kept, record.path);
}
