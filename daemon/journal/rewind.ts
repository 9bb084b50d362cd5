/**
 * Sets the roots back to a point of their history, in groups. Every step is itself a change with an undo record, so a rewind
 * can be taken back like anything else, and objects go back to exactly where they were kept: history stays whole.
 */
import { NO_ATTRIBUTES } from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, isWithin, parentPath, type RelativePath } from '../../shared/path.ts';
import { GroupPaths } from '../apply/conflicts.ts';
import { changeInPlace } from '../apply/in-place.ts';
import type { EntryStat, FileId, RootTree } from '../ports.ts';
import type { Journal } from './journal.ts';
import { damageOfKept } from './kept-check.ts';
import { objectBefore, sameId, type UndoIntent, type UndoOp, type UndoRecord } from './record.ts';
import { directoriesBefore, setDirectoryTime, takeBackMetadata } from './undo.ts';

/** Steps of one group: they share the flushes. */
const GROUP_STEPS = 1_000;
const PIECE_BYTES = 1024 * 1024;

export interface RewindPorts {
  readonly trees: readonly RootTree[];
  readonly journal: Journal;
  /** Records to be taken back, in this order. */
  readonly wayBack: (point: number) => Iterable<UndoRecord>;
  /** Everything made so far becomes durable and is not taken back by recovery. */
  readonly checkpoint: () => void;
}

interface ForeignPlace {
  readonly root: number;
  readonly path: RelativePath;
  readonly lost?: string;
}

export interface RewindCounts {
  /** Changes taken back. */
  steps: number;
  /** Of the last one. */
  path?: RelativePath;
  /** Places where the root is not as the journal left it, or (`lost`: why) what was kept is not there: they stay as they are. */
  readonly foreign: ForeignPlace[];
}

/** One record to take back, and the changes that do it. */
interface Step {
  readonly origin: UndoRecord;
  readonly intents: readonly UndoIntent[];
}

interface Planned {
  readonly origin: UndoRecord;
  readonly records: readonly UndoRecord[];
}

/** Yields between groups and pieces. Given up (`return`), what the groups before have done stays. */
export function* rewindTo(ports: RewindPorts, point: number, counts: RewindCounts): Generator<undefined, void> {
  const group = new RewindGroup(ports);
  const kept = new KeptPlaces(ports.trees);
  for (const origin of ports.wayBack(point)) {
    counts.path = origin.path;
    if (origin.op === 'patch' || group.mustWait(origin)) yield* group.carryOut();
    const lost = kept.lossOf(origin);
    if (lost !== undefined) counts.foreign.push({ root: origin.root, path: origin.path, ...lost });
    else if (origin.op === 'patch') yield* takeBackPatch(ports, origin, counts);
    else planInto(group, ports, { origin, kept, counts });
  }
  yield* group.carryOut();
}

function planInto(
  group: RewindGroup,
  { trees }: RewindPorts,
  { origin, kept, counts }: { readonly origin: UndoRecord; readonly kept: KeptPlaces; readonly counts: RewindCounts },
): void {
  const step = planStep(trees[origin.root]!, origin);
  if (step === 'foreign') counts.foreign.push(...kept.foreignAt(origin));
  else if (step !== undefined) {
    group.add(step);
    counts.steps += 1;
  }
}

/** Taking one of these back, a directory may go. */
const MOVES_DIRECTORIES: ReadonlySet<UndoOp> = new Set(['rename', 'make-directory', 'restore']);

/** What was kept, as a rewind finds it: a damaged object is never put back as if it were whole. */
class KeptPlaces {
  private readonly trees: readonly RootTree[];
  private readonly readers: readonly ReturnType<RootTree['keptObjects']>[];
  /** What could not be given back: whatever was below it then has no place either. */
  private readonly lost: { readonly root: number; readonly path: RelativePath }[] = [];
  /** Files that were changed in place after: their size may be another. */
  private readonly patched = new Set<string>();
  /** Directories that are there. */
  private readonly places = new Set<string>();

  constructor(trees: readonly RootTree[]) {
    this.trees = trees;
    this.readers = trees.map((tree) => tree.keptObjects());
  }

  lossOf(origin: UndoRecord): Pick<ForeignPlace, 'lost'> | undefined {
    const { root, path, kept, before, op } = origin;
    if (op === 'patch' && before !== undefined) this.patched.add(idKey(root, before.id));
    if (MOVES_DIRECTORIES.has(op)) this.places.clear();
    const keeps = kept !== undefined && before !== undefined;
    if (!keeps && op !== 'rename') return undefined;
    const changesInPlace = keeps && this.patched.has(idKey(root, before.id));
    const reason = keeps ? damageOfKept(this.readers[root]?.stat(kept), origin, changesInPlace) : undefined;
    if (reason === undefined && this.hasPlace(origin)) return undefined;
    this.lost.push({ root, path });
    return { lost: reason ?? 'its directory is not there' };
  }

  /** None: nothing is there, and nothing was there then. */
  foreignAt(origin: UndoRecord): ForeignPlace[] {
    const { root, path } = origin;
    const isLost = this.lost.some((place) => place.root === root && isWithin(path, place.path));
    if (!isLost) return [{ root, path }];
    const wasNothing = origin.before === undefined && this.trees[root]?.stat(path) === undefined;
    return wasNothing ? [] : [{ root, path, lost: 'what it was in is lost' }];
  }

  private hasPlace({ root, path, from }: UndoRecord): boolean {
    // Only where something was lost or changed by others there may be none.
    const parent = parentPath(from ?? path) ?? '';
    const key = `${root}:${parent}`;
    if (parent === '' || this.places.has(key)) return true;
    if (this.trees[root]?.stat(parent)?.type !== 'directory') return false;
    this.places.add(key);
    return true;
  }
}

function idKey(root: number, { inode, birthNs }: FileId): string {
  return `${root}:${inode}:${birthNs}`;
}

class RewindGroup {
  private readonly ports: RewindPorts;
  private readonly paths = new GroupPaths();
  private planned: Planned[] = [];

  constructor(ports: RewindPorts) {
    this.ports = ports;
  }

  mustWait(origin: UndoRecord): boolean {
    if (this.planned.length === 0) return false;
    return (
      this.planned.length >= GROUP_STEPS ||
      this.paths.conflicts(asMove(origin)) ||
      this.paths.wasTouched(origin.root, origin.path)
    );
  }

  add({ origin, intents }: Step): void {
    const { journal } = this.ports;
    const mtimeNs = origin.op === 'metadata' ? origin.before?.mtimeNs : undefined;
    const records = intents.map((intent) => journal.intend(intent, mtimeNs));
    journal.expectTimes(origin);
    this.paths.add(asMove(origin), false);
    this.planned.push({ origin, records });
  }

  /** Each directory once: of several changes in it the oldest decides. */
  private directoryTimes(planned: readonly Planned[]) {
    const times = new Map<string, { tree: RootTree; directory: RelativePath; mtimeNs: bigint }>();
    for (const { origin } of planned) {
      const tree = this.ports.trees[origin.root]!;
      for (const before of directoriesBefore(origin))
        times.set(`${origin.root}:${before.directory}`, { tree, ...before });
    }
    return times.values();
  }

  *carryOut(): Generator<undefined, void> {
    const { planned } = this;
    this.planned = [];
    this.paths.clear();
    if (planned.length === 0) return;
    const { journal, checkpoint } = this.ports;
    try {
      this.perform(planned);
    } catch (error) {
      // Nobody rolls back before the next start, and until then another rewind may begin.
      const records = planned.flatMap((one) => one.records).reverse();
      if (Fault.from(error).kind !== 'fatal') for (const record of records) journal.takeBack(record);
      throw error;
    }
    checkpoint();
    yield undefined;
  }

  private perform(planned: readonly Planned[]): void {
    const { journal, trees } = this.ports;
    journal.flush();
    // A name must be given up durably before it is taken again.
    let vacates = false;
    for (const { records } of planned) {
      for (const record of records) {
        if (record.kept === undefined) continue;
        journal.keep(record, 'move');
        vacates = true;
      }
    }
    if (vacates) for (const tree of trees) tree.flushAll();
    for (const { origin, records } of planned) {
      for (const record of records) act(trees[record.root]!, record, origin);
    }
    for (const { tree, directory, mtimeNs } of this.directoryTimes(planned)) setDirectoryTime(tree, directory, mtimeNs);
  }
}

/** All that a record's taking back touches moves, for the rules of groups. */
function asMove({ root, path, from }: UndoRecord): {
  op: 'rename';
  root: number;
  from: RelativePath;
  path: RelativePath;
} {
  return { op: 'rename', root, from: from ?? path, path };
}

/** Undefined: there is nothing to take back. */
function planStep(tree: RootTree, origin: UndoRecord): Step | 'foreign' | undefined {
  const now = tree.stat(origin.path);
  const base = { seq: origin.seq, masterMs: origin.masterMs, root: origin.root, undoes: origin.n } as const;
  switch (origin.op) {
    case 'metadata':
      return planMetadata(tree, origin, base, now);
    case 'rename':
      return planRename(tree, origin, base, now);
    case 'remove':
      return { origin, intents: [restoration(origin, base, now)] };
    default: {
      if (origin.before !== undefined) return { origin, intents: [restoration(origin, base, now)] };
      if (now === undefined) return 'foreign';
      if (origin.op === 'link' && origin.source !== undefined && !sameId(now.id, origin.source)) return 'foreign';
      const keptAs = origin.restored === undefined ? {} : { keptAs: origin.restored };
      return { origin, intents: [{ ...base, op: 'remove', path: origin.path, before: objectBefore(now), ...keptAs }] };
    }
  }
}

type StepBase = Pick<UndoIntent, 'seq' | 'masterMs' | 'root' | 'undoes'>;

function restoration(origin: UndoRecord, base: StepBase, now: EntryStat | undefined): UndoIntent {
  const intent: UndoIntent = { ...base, op: 'restore', path: origin.path, restored: origin.kept! };
  if (now === undefined) return intent;
  const keptAs = origin.restored === undefined ? {} : { keptAs: origin.restored };
  return { ...intent, before: objectBefore(now), ...keptAs };
}

function planMetadata(
  tree: RootTree,
  origin: UndoRecord,
  base: StepBase,
  now: EntryStat | undefined,
): Step | 'foreign' | undefined {
  const { before, path } = origin;
  if (before === undefined) return undefined;
  // A synchronization may have put a new directory in the place of an empty one.
  const directories = now?.type === 'directory' && before.type === 'directory';
  if (now === undefined || !(directories || sameId(before.id, now.id))) return 'foreign';
  const found = { ...objectBefore(now), ...attributesNow(tree, origin) };
  return { origin, intents: [{ ...base, op: 'metadata', path, before: found }] };
}

function planRename(
  tree: RootTree,
  origin: UndoRecord,
  base: StepBase,
  now: EntryStat | undefined,
): Step | 'foreign' | undefined {
  const { from, source, path } = origin;
  if (from === undefined || source === undefined) return undefined;
  if (now === undefined || !sameId(now.id, source) || tree.stat(from) !== undefined) return 'foreign';
  const back: UndoIntent = { ...base, op: 'rename', path: from, from: path, source };
  if (origin.before === undefined) return { origin, intents: [back] };
  return { origin, intents: [back, { ...base, op: 'restore', path, restored: origin.kept! }] };
}

function attributesNow(tree: RootTree, { path, before }: UndoRecord): { attributes?: Uint8Array } {
  if (before?.attributes === undefined) return {};
  const name = baseName(path);
  return { attributes: tree.attributesOf(parentPath(path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES };
}

/** What is at the record's path was kept already. */
function act(tree: RootTree, record: UndoRecord, origin: UndoRecord): void {
  switch (record.op) {
    case 'metadata':
      takeBackMetadata(tree, { ...origin, before: { ...origin.before!, id: record.before!.id } }, record.before);
      return;
    case 'rename':
      tree.rename(record.from!, record.path);
      return;
    case 'restore':
      tree.restore(record.restored!, record.path);
      return;
    default:
    // Keeping it was removing it.
  }
}

/** A file changed in place gets the ranges back that were overwritten. */
function* takeBackPatch(ports: RewindPorts, origin: UndoRecord, counts: RewindCounts): Generator<undefined, void> {
  const { root, path, before, ranges, kept } = origin;
  const tree = ports.trees[root]!;
  const now = tree.stat(path);
  if (before === undefined || ranges === undefined || kept === undefined) return;
  if (now === undefined || !sameId(now.id, before.id)) {
    counts.foreign.push({ root, path });
    return;
  }
  const old = tree.stage(kept);
  try {
    const { mode, uid, gid, mtimeNs, sizeBytes, attributes } = before;
    const metadata: ChangeMetadata = { mode, uid, gid, mtimeNs, ...(attributes === undefined ? {} : { attributes }) };
    const writer = {
      tree: () => tree,
      setMetadata: () => takeBackMetadata(tree, origin, now),
    };
    const pieces = function* ({ position, length }: { position: number; length: number }) {
      for (let done = 0; done < length; done += PIECE_BYTES) {
        const bytes = new Uint8Array(Math.min(PIECE_BYTES, length - done));
        for (let filled = 0; filled < bytes.length; ) {
          // What was kept lies where it lay in the file.
          const count = old.read(bytes, filled, bytes.length - filled, position + done + filled);
          if (count === 0) throw new Fault('INTERNAL', { reason: `what was kept of "${path}" is too short` });
          filled += count;
        }
        yield { position: position + done, bytes };
      }
    };
    const change = { root, path, before: now, metadata, sizeBytes, ranges, pieces };
    yield* changeInPlace({ writer, journal: ports.journal }, change, {
      seq: origin.seq,
      masterMs: origin.masterMs,
      undoes: origin.n,
    });
  } finally {
    old.release();
  }
  ports.checkpoint();
  counts.steps += 1;
}
