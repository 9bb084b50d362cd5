/**
 * Decides what happened in a root: what is there (looks at the tree) against what is recorded (the index). It changes the
 * record and emits intents that do the same on a Replica; so record and Replica stay equal whatever the hints said, and
 * what a look misses a later look finds.
 *
 * Order within one reconciliation: (0) look, (1) placements: renames, then creations and updates, parents before children,
 * a cycle or an occupied directory goes through a temporary name, (2) leftovers of temporary names, (3) metadata of every
 * directory touched. Absences are only reported: `removeAbsent` acts on them later, when the rest of the tree was looked at
 * and the root guard agreed. Identity is inode and birth time; without a birth time nothing is ever taken for renamed.
 */
import { joinPath, parentPath, type RelativePath } from '../../shared/path.ts';
import type { IndexedEntry } from '../store/master-schema.ts';
import type { NamedStat } from './digest.ts';
import { sameObject, sameState, toIndexed } from './entry.ts';
import { Placement } from './placement.ts';
import { type Look, type ReconcileContext, type ReconcileOutcome, ReconcileState } from './reconcile-state.ts';

/** Changed entries of one directory taken from its listing at once; of the rest … */
const SCAN_SLICE = 2_000;
/** … so many are looked at one by one later, and then the directory again: the set of dirty places must not overflow by it. */
const SCAN_REST = 20_000;

/** Looks at the paths and brings record and Replica up to date with them. Inside the caller's transaction. */
export function reconcile(context: ReconcileContext, looks: readonly Look[]): ReconcileOutcome {
  const state = new ReconcileState(context);
  for (const look of looks) {
    if (context.excluded(look.path) || context.held.behind(look.path)) continue;
    try {
      observe(state, look);
    } catch (error) {
      state.outcome.failed.push({ path: look.path, error });
    }
  }
  dropDoubtful(state);
  new Placement(state).run();
  state.concludeAbsences();
  // What came and went between two looks (a lock file, a rename there and back) shows only in its directory's times.
  for (const look of looks) state.touchOutdatedParent(look.path);
  state.emitTouched();
  return state.outcome;
}

/**
 * What was seen through a directory that is another one now may belong to either: look again. (Its parents were looked at
 * before it.)
 */
function dropDoubtful(state: ReconcileState): void {
  const same = new Map<RelativePath, boolean>();
  const isTrusted = (parent: RelativePath): boolean => {
    const known = same.get(parent) ?? isStillThere(state, parent);
    same.set(parent, known);
    return known;
  };
  for (const path of [...state.pending.keys()]) {
    const parent = parentPath(path);
    if (parent === undefined || isTrusted(parent)) continue;
    state.pending.delete(path);
    state.outcome.again.push(path);
  }
  state.keepAbsences(({ top }) => isTrusted(parentPath(top) ?? ''));
}

function isStillThere(state: ReconcileState, path: RelativePath): boolean {
  const before = state.observation.stat(path);
  try {
    const now = state.observation.fresh(path);
    return before !== undefined && now !== undefined && sameObject(before, now);
  } catch {
    return false;
  }
}

function observe(state: ReconcileState, look: Look): void {
  const parent = parentPath(look.path);
  if (parent !== undefined) state.observation.stat(parent);
  const stat = state.observation.stat(look.path);
  if (stat === undefined) {
    observeLeftOut(state, look.path);
    observeAbsence(state, look.path);
    return;
  }
  const before = state.pending.get(look.path);
  state.pending.set(look.path, {
    path: look.path,
    stat,
    closed: look.closed || before?.closed === true,
    written: look.written || before?.written === true,
    now: look.now || look.closed || before?.now === true,
    scanned: look.scan !== 'no' || before?.scanned === true,
  });
  if (look.scan !== 'no' && stat.type === 'directory') observeEntries(state, look.path, look.scan === 'tree');
}

/** A file may be written through a name that is not replicated: it shows under those that are. */
function observeLeftOut({ context, observation, outcome }: ReconcileState, path: RelativePath): void {
  const stat = observation.leftOut(path);
  if (stat === undefined || stat.links < 2) return;
  for (const row of context.index.byFileId(BigInt.asIntN(64, stat.id.inode), stat.id.birthNs)) {
    const place = context.index.placeOf(row);
    if (place?.root === context.root) outcome.siblings.set(place.path, path);
  }
}

function observeAbsence(state: ReconcileState, path: RelativePath): void {
  const { top, above } = state.observation.topmostAbsent(path);
  const aboveStat = state.observation.stat(above);
  if (above !== '' && aboveStat !== undefined && aboveStat.type !== 'directory' && !state.pending.has(above)) {
    state.pending.set(above, { path: above, stat: aboveStat, closed: true, written: false, now: true, scanned: false });
  }
  state.addAbsence(path, top);
}

/** Compares a directory's entries with its record: a full look at each of them without a stat call. */
function observeEntries(state: ReconcileState, path: RelativePath, deep: boolean): void {
  const { index, root, excluded, held } = state.context;
  const entries = state.observation.scan(path);
  if (entries === undefined) {
    state.outcome.again.push(path);
    return;
  }
  const listed: NamedStat[] = [];
  for (const entry of entries) {
    const stat = toIndexed(entry);
    const at = joinPath(path, entry.name);
    if (stat !== undefined && !excluded(at, entry.type) && !held.behind(at)) listed.push({ name: entry.name, ...stat });
  }
  const record = index.lookup(root, path);
  const directory = record?.type === 'directory' ? record.id : undefined;
  if (deep && directory !== undefined) scanBelow(state, path, directory, listed);
  if (directory !== undefined && isUnchanged(state, directory, listed)) return;
  observeChanged(state, path, directory, listed);
}

/** Looks at what is not as it is recorded; what is recorded and not listed is absent. */
function observeChanged(
  state: ReconcileState,
  path: RelativePath,
  directory: number | undefined,
  listed: readonly NamedStat[],
): void {
  const children = directory === undefined ? [] : state.context.index.children(directory);
  const rows = new Map(children.map((child) => [child.name, child]));
  let changed = 0;
  for (const stat of listed) {
    const row = rows.get(stat.name);
    rows.delete(stat.name);
    if (row !== undefined && isRecorded(row, stat)) continue;
    changed += 1;
    if (changed <= SCAN_SLICE + SCAN_REST) observeEntry(state, joinPath(path, stat.name), stat, changed <= SCAN_SLICE);
  }
  if (changed > SCAN_SLICE + SCAN_REST) state.outcome.unfinished.push(path);
  for (const name of rows.keys()) {
    const at = joinPath(path, name);
    if (!state.context.held.blocks(at)) state.outcome.absent.push({ path: at, hinted: at });
  }
}

/** Nothing at all is to be done about it. */
export function isRecorded(row: IndexedEntry, stat: NamedStat): boolean {
  return sameState(row, stat) && (row.type === 'directory' || row.links === stat.links);
}

function observeEntry(state: ReconcileState, path: RelativePath, stat: NamedStat, now: boolean): void {
  if (!now) {
    state.outcome.again.push(path);
    return;
  }
  state.observation.remember(path, stat);
  const hinted = state.pending.get(path) ?? { path, stat, closed: false, written: false, now: false };
  state.pending.set(path, { ...hinted, scanned: true });
}

/** Recorded subdirectories are looked into even when their own times did not change; others are when they are placed. */
function scanBelow(state: ReconcileState, path: RelativePath, directory: number, listed: readonly NamedStat[]): void {
  for (const stat of listed) {
    if (stat.type !== 'directory') continue;
    const row = state.context.index.child(directory, stat.name);
    if (row === undefined || !sameObject(row, stat)) continue;
    state.outcome.scans.push({ path: joinPath(path, stat.name), deep: true });
  }
}

/** Compares fingerprints, which costs no rows; a missing one is made when every row is found as it should be. */
function isUnchanged(state: ReconcileState, directory: number, listed: readonly NamedStat[]): boolean {
  const { index, digestOf } = state.context;
  const digest = digestOf(listed);
  const known = index.digest(directory);
  if (known !== undefined) return Buffer.compare(known, digest) === 0;
  const rows = new Map(index.children(directory).map((row) => [row.name, row]));
  if (rows.size !== listed.length) return false;
  for (const stat of listed) {
    const row = rows.get(stat.name);
    if (row === undefined || !isRecorded(row, stat)) return false;
  }
  index.setDigest(directory, digest);
  return true;
}

/**
 * Removes what is recorded and still absent. The caller has asked the root guard. Paths that are there again are returned
 * for another look.
 */
export function removeAbsent(context: ReconcileContext, paths: readonly RelativePath[]): ReconcileOutcome {
  const state = new ReconcileState(context);
  for (const path of [...paths].sort()) {
    try {
      removeOne(state, path);
    } catch (error) {
      state.outcome.failed.push({ path, error });
    }
  }
  state.emitTouched();
  return state.outcome;
}

/** The rules were changed: a file whose name passed the file filter before, or anything that is excluded now. */
function isLeftOut({ context, observation }: ReconcileState, path: RelativePath, recorded: IndexedEntry): boolean {
  if (context.excluded(path)) return true;
  return context.excluded(path, recorded.type) && observation.leftOut(path) !== undefined;
}

function removeOne(state: ReconcileState, path: RelativePath): void {
  const { index, root, excluded, held } = state.context;
  const recorded = index.lookup(root, path);
  if (recorded !== undefined && isLeftOut(state, path, recorded)) {
    // It is not replicated any more; what the Replica has of it stays.
    index.removeTree(recorded);
    return;
  }
  if (excluded(path)) return;
  if (state.observation.stat(path) !== undefined) {
    state.outcome.again.push(path);
    return;
  }
  const { top } = state.observation.topmostAbsent(path);
  if (held.blocks(top)) return;
  const entry = index.lookup(root, top);
  if (entry === undefined) state.outcome.unknown.push(path);
  if (entry === undefined || entry.parent === 0) return;
  state.forget(entry, top);
  state.emit({ kind: 'remove', entry: 0, path: top, other: '', sizeBytes: 0 });
  state.touchParent(top);
}
