/** What the parts of one reconciliation share: its circumstances, what was seen, what comes out. */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { IndexedEntry, IndexedStat, NewIntent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { refineDifference } from './attributes.ts';
import type { DigestOf } from './digest.ts';
import { differenceOf, fileKey, isFresh, isUnsettled, sameObject } from './entry.ts';
import type { PathFilter } from './filter.ts';
import type { HeldPlaces } from './held-places.ts';
import { Observation, type Seen, type TreeView } from './observation.ts';
import type { SpecialFilesOfRoot } from './special-files.ts';

export interface Look {
  readonly path: RelativePath;
  /** A writer closed it: a new change time is taken for a new content. */
  readonly closed: boolean;
  /** A writer closed it: its content may have changed without any other trace. */
  readonly written: boolean;
  /** Bring it up to date also when somebody is writing it at this moment. */
  readonly now: boolean;
  /** Compare the entries of the directory with the record too; `tree`: and of all directories below it. */
  readonly scan: 'no' | 'children' | 'tree';
}

export interface ReconcileContext {
  readonly root: number;
  readonly tree: TreeView;
  readonly index: MasterState;
  readonly excluded: PathFilter;
  readonly held: HeldPlaces;
  readonly special?: SpecialFilesOfRoot | undefined;
  readonly digestOf: DigestOf;
  /** Wall clock, ms, at the time of the looks. */
  readonly wallMs: number;
  /** Intents up to here may have been sent already; an unsent `put` covers later changes of its file. */
  readonly sentSeq: number;
  readonly emit: (intent: NewIntent) => void;
  /** The content of a recorded file is another now; `byAnother`: another file has its name, and its record goes. */
  readonly onReplaced?: OnReplaced | undefined;
}

export type OnReplaced = (entry: number, byAnother: boolean) => void;

export interface Unsettled {
  readonly id: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export interface ReconcileOutcome {
  /**
   * Recorded and not there. `hinted`: what was looked at; when that is below `path`, the hint for `path` itself (a removal,
   * perhaps a rename) should be on the way.
   */
  readonly absent: { readonly path: RelativePath; readonly hinted: RelativePath }[];
  /** Neither there nor recorded: it may have been moved before this look. */
  readonly unknown: RelativePath[];
  /** Directories whose entries must be looked at next. */
  readonly scans: { readonly path: RelativePath; readonly deep: boolean }[];
  /** Directories with more changed entries than one look takes: look at their entries again after these. */
  readonly unfinished: RelativePath[];
  /** Being written: look again after a moment of quiet. */
  readonly later: RelativePath[];
  /** Other names of files, with the name through which they may have been written (it may have gone). */
  readonly siblings: Map<RelativePath, RelativePath>;
  /** Could not be decided now (changing too fast): look again. */
  readonly again: RelativePath[];
  readonly failed: { readonly path: RelativePath; readonly error: unknown }[];
  readonly unsettled: Unsettled[];
  /** Files a writer closed without a trace: was anything written through a memory map? */
  readonly unexplained: IndexedEntry[];
  /** Renames that were decided. */
  readonly moved: { readonly from: RelativePath; readonly to: RelativePath }[];
  changes: number;
}

/** What the parts of one reconciliation share. */
export class ReconcileState {
  readonly context: ReconcileContext;
  readonly observation: Observation;
  readonly outcome: ReconcileOutcome = {
    absent: [],
    unknown: [],
    scans: [],
    unfinished: [],
    later: [],
    siblings: new Map(),
    again: [],
    failed: [],
    unsettled: [],
    unexplained: [],
    moved: [],
    changes: 0,
  };
  readonly pending = new Map<RelativePath, Seen>();
  /** Ids of directories something was changed in: their paths may still change. */
  private readonly touched = new Set<number>();
  /** Seen to be absent, judged when everything seen has its place. */
  private absences: { readonly path: RelativePath; readonly top: RelativePath }[] = [];
  private readonly checkedParents = new Set<RelativePath>();
  /** Temporary names in use on the Replica: it must not stop here. */
  openTemporaries = 0;

  constructor(context: ReconcileContext) {
    this.context = context;
    this.observation = new Observation(context.tree, context.excluded, context.special);
  }

  emit(intent: Omit<NewIntent, 'root' | 'boundary'>): void {
    this.outcome.changes += 1;
    this.context.emit({ ...intent, root: this.context.root, boundary: this.openTemporaries === 0 });
  }

  /** Drops an entry and everything below it from the record. */
  forget(entry: IndexedEntry, at: RelativePath): void {
    const { index, root, special } = this.context;
    if (entry.type === 'directory') special?.removed(at);
    for (const { inode, birthNs } of index.removeTree(entry)) {
      for (const sibling of index.byFileId(inode, birthNs)) {
        const place = index.placeOf(sibling);
        if (place?.root === root) this.outcome.siblings.set(place.path, at);
      }
    }
  }

  touch(path: RelativePath): void {
    const entry = this.context.index.lookup(this.context.root, path);
    if (entry?.type === 'directory') this.touched.add(entry.id);
  }

  touchParent(path: RelativePath): void {
    const parent = parentPath(path);
    if (parent !== undefined) this.touch(parent);
  }

  addAbsence(path: RelativePath, top: RelativePath): void {
    this.absences.push({ path, top });
  }

  /** Others are looked at again. */
  keepAbsences(isCertain: (absence: { readonly top: RelativePath }) => boolean): void {
    const certain: typeof this.absences = [];
    for (const absence of this.absences) {
      if (isCertain(absence)) certain.push(absence);
      else this.outcome.again.push(absence.path);
    }
    this.absences = certain;
  }

  /** Only now it is known what is recorded at the paths where nothing is. */
  concludeAbsences(): void {
    const { index, root } = this.context;
    for (const { path, top } of this.absences) {
      if (index.lookup(root, top) === undefined) this.outcome.unknown.push(path);
      else this.outcome.absent.push({ path: top, hinted: path });
    }
  }

  touchOutdatedParent(path: RelativePath): void {
    const parent = parentPath(path);
    if (parent === undefined || this.checkedParents.has(parent)) return;
    this.checkedParents.add(parent);
    if (this.context.excluded(parent)) return;
    const entry = this.context.index.lookup(this.context.root, parent);
    if (entry?.type !== 'directory' || this.touched.has(entry.id)) return;
    const stat = this.tryFresh(parent);
    if (stat === undefined || !sameObject(stat, entry)) return;
    if (stat.mtimeNs !== entry.mtimeNs) this.touched.add(entry.id);
  }

  hasUnsentPut(entry: number): boolean {
    const { index, sentSeq } = this.context;
    return index.seq > sentSeq && index.newestIntent(entry, 'put') > sentSeq;
  }

  /** The stat as it goes into the record. */
  recorded(id: number, stat: IndexedStat): IndexedStat {
    if (!isUnsettled(stat, this.context.wallMs)) return stat;
    this.outcome.unsettled.push({ id, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs });
    return { ...stat, ctimeNs: 0n };
  }

  /** The last step: a directory's times are right only when nothing inside it changes any more. */
  emitTouched(): void {
    const { index } = this.context;
    for (const id of this.touched) {
      const entry = index.byId(id);
      const path = entry === undefined ? undefined : index.placeOf(entry)?.path;
      if (entry === undefined || path === undefined) continue;
      const stat = this.tryFresh(path);
      if (stat === undefined || !sameObject(stat, entry)) {
        // It was moved or removed: wherever it is found, its times on the Replica are not what is recorded.
        index.updateEntry(entry, { ...entry, mtimeNs: 0n });
        this.outcome.again.push(path);
        continue;
      }
      index.updateEntry(entry, stat);
      this.emit({ kind: 'metadata', entry: entry.id, path, other: '', sizeBytes: 0 });
    }
  }

  private tryFresh(path: RelativePath): IndexedStat | undefined {
    try {
      return this.observation.fresh(path);
    } catch (error) {
      this.outcome.failed.push({ path, error });
      return undefined;
    }
  }
}

/** Brings one recorded entry up to date with the same object in the file system. */
export function updateEntry(state: ReconcileState, entry: IndexedEntry, seen: Seen, renamed: boolean): void {
  const { index } = state.context;
  const how = { closed: seen.closed, renamed, scanned: seen.scanned };
  let difference = refineDifference(state.context, entry, seen, differenceOf(entry, seen.stat, how));
  if (difference !== 'content' && seen.written && entry.type === 'file' && entry.sizeBytes > 0) {
    state.outcome.unexplained.push(entry);
  }
  if (difference === 'none') return;
  if (difference === 'content' && !seen.now && !renamed && isFresh(seen.stat, state.context.wallMs)) {
    state.outcome.later.push(seen.path);
    return;
  }
  if (difference === 'content') state.context.onReplaced?.(entry.id, false);
  if (state.hasUnsentPut(entry.id)) difference = 'record';
  index.updateEntry(entry, state.recorded(entry.id, seen.stat));
  if (difference === 'metadata') {
    const other = entry.type === 'directory' ? '' : fileKey(seen.stat);
    state.emit({ kind: 'metadata', entry: entry.id, path: seen.path, other, sizeBytes: 0 });
  }
  if (difference !== 'content') {
    updateSiblings(state, entry.id, seen, false);
    return;
  }
  const { stat, path } = seen;
  state.emit({ kind: 'put', entry: entry.id, path, other: fileKey(stat), sizeBytes: stat.sizeBytes });
  state.touchParent(seen.path);
  updateSiblings(state, entry.id, seen, true);
}

/**
 * A new file was put in the place of one name of a hard-linked file: its other names must become that file too (`relink`).
 * What else is known of one name is true of all of them.
 */
export function updateSiblings(state: ReconcileState, id: number, seen: Seen, relink: boolean): void {
  const { index, root } = state.context;
  if (seen.stat.type === 'directory') return;
  for (const sibling of index.byFileId(seen.stat.inode, seen.stat.birthNs)) {
    if (sibling.id === id || sibling.type !== seen.stat.type) continue;
    const place = index.placeOf(sibling);
    if (place?.root !== root) continue;
    if (Math.max(seen.stat.links, sibling.links) < 2) {
      // Another look at the same place (a bind mount), or a name that has gone: no link of this one.
      state.outcome.siblings.set(place.path, seen.path);
      continue;
    }
    index.updateEntry(sibling, state.recorded(sibling.id, seen.stat));
    if (!relink) continue;
    state.emit({ kind: 'link', entry: sibling.id, path: place.path, other: seen.path, sizeBytes: 0 });
    state.touchParent(place.path);
  }
}
