/**
 * What becomes of a change that recovery could not take back (a file in use, rights that were taken away) while everything
 * else was: history counts it as made, or as never made, or cannot say.
 */
import { Fault } from '../../shared/faults.ts';
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { RootTree } from '../ports.ts';
import { exchanges, sameId, type UndoOp, type UndoRecord } from './record.ts';
import { directoriesBefore, isKeptAs, setDirectoryTime } from './undo.ts';

/**
 * `stays`: the roots hold it, and nothing that was taken back has to do with it. `gone`: it went with an older change of its
 * place, or of a directory above, that was taken back.
 */
type Fate = 'stays' | 'gone' | 'unclear';

/** Taking one of these back leaves at its path what was there before it, whatever was done there since. */
const DECIDES_PLACE: ReadonlySet<UndoOp> = new Set(['make-directory', 'put', 'symlink', 'link', 'remove']);

/** `older`: what was made before it and taken back, newest first. */
function fateOf(left: UndoRecord, older: readonly UndoRecord[]): Fate {
  for (const other of older) {
    const fate = other.root === left.root ? fateWith(left, other) : undefined;
    if (fate !== undefined) return fate;
  }
  return 'stays';
}

/** Undefined: they have nothing to do with each other. */
function fateWith(left: UndoRecord, other: UndoRecord): Fate | undefined {
  return isOfObject(other) ? fateWithObject(left, other) : fateWithPlace(left, other);
}

/** What is at the path is changed, and stays there. */
function isOfObject({ op }: UndoRecord): boolean {
  return op === 'metadata' || op === 'patch';
}

function fateWithObject(left: UndoRecord, other: UndoRecord): Fate | undefined {
  if (other.path === left.path && left.from === undefined) return decidesMetadata(other, left) ? 'gone' : 'unclear';
  // Another name of the same file.
  if (isOfObject(left)) return isSameObject(left, other) ? 'unclear' : undefined;
  return placesOf(left).some((path) => isWithin(other.path, path)) ? 'unclear' : undefined;
}

function fateWithPlace(left: UndoRecord, other: UndoRecord): Fate | undefined {
  const pairs = placesOf(left).flatMap((path) => placesOf(other).map((place) => ({ path, place })));
  const isAbove = pairs.some(({ path, place }) => isWithin(path, place));
  if (!isAbove)
    return !isOfObject(left) && pairs.some(({ path, place }) => isWithin(place, path)) ? 'unclear' : undefined;
  // A further name that goes leaves the file as it is.
  if (isOfObject(left) && other.op === 'link') return 'unclear';
  return left.from === undefined && DECIDES_PLACE.has(other.op) ? 'gone' : 'unclear';
}

function isSameObject({ before: a }: UndoRecord, { before: b }: UndoRecord): boolean {
  return a !== undefined && b !== undefined && sameId(a.id, b.id);
}

function decidesMetadata(other: UndoRecord, left: UndoRecord): boolean {
  if (left.op !== 'metadata' || other.op !== 'metadata') return false;
  return left.before?.attributes === undefined || other.before?.attributes !== undefined;
}

function placesOf({ path, from }: UndoRecord): readonly RelativePath[] {
  return from === undefined ? [path] : [path, from];
}

/** Going back in history will find what it needs to take it back. */
function stands(tree: RootTree, record: UndoRecord): boolean {
  const { op, path, before, source, kept } = record;
  const now = tree.stat(path);
  if (op === 'rename') return now !== undefined && source !== undefined && sameId(now.id, source);
  if (isOfObject(record) && (now === undefined || before === undefined || !sameId(now.id, before.id))) return false;
  if (op === 'metadata') return true;
  if (exchanges(record)) return before !== undefined && isKeptAs(tree, kept!, before);
  return kept === undefined ? now !== undefined : tree.listKept().includes(kept);
}

/** False also when something in the way keeps it from being looked at. */
function canSay(look: () => boolean): boolean {
  try {
    return look();
  } catch (error) {
    if (Fault.from(error).kind === 'fatal') throw error;
    return false;
  }
}

/** `older`: as for `fateOf`. */
export function fateOfLeft(tree: RootTree, left: UndoRecord, older: readonly UndoRecord[]): Fate {
  const fate = fateOf(left, older);
  return fate === 'stays' && !canSay(() => stands(tree, left)) ? 'unclear' : fate;
}

/**
 * Whether the directories that a change disturbed, and that refused their old times, have them after all (tries again), or
 * will have them when one of the changes is taken back that stay, newest first.
 */
export function haveOldTimes(
  tree: RootTree,
  record: UndoRecord,
  older: readonly UndoRecord[],
  staying: readonly UndoRecord[],
): boolean {
  return directoriesBefore(record).every(({ directory, mtimeNs }) => {
    const { before: _, from: __, kept: ___, ...base } = record;
    const fate = fateOf({ ...base, op: 'metadata', path: directory }, older);
    if (fate !== 'stays') return fate === 'gone';
    const here = (other: UndoRecord) => other.root === record.root;
    // The oldest decides; it was looked at before.
    if (older.some((other) => here(other) && disturbs(other, directory))) return true;
    const change = staying.findLast((other) => here(other) && other.op === 'metadata' && other.path === directory);
    if (change !== undefined) return change.before?.mtimeNs === mtimeNs;
    return canSay(() => {
      if (tree.stat(directory)?.mtimeNs !== mtimeNs) setDirectoryTime(tree, directory, mtimeNs);
      return true;
    });
  });
}

function disturbs(record: UndoRecord, directory: RelativePath): boolean {
  return directoriesBefore(record).some((before) => before.directory === directory);
}
