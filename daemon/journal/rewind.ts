/**
 * Sets the roots back to a point of their history, in groups. Every step is itself a change with an undo record, so a rewind
 * can be taken back like anything else, and objects go back to exactly where they were kept: history stays whole.
 */
import { NO_ATTRIBUTES } from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import { changeInPlace } from '../apply/in-place.ts';
import type { EntryStat, Looker, RootTree } from '../ports.ts';
import { type ForeignPlace, KeptPlaces, lookerAt } from './kept-places.ts';
import { LastDirectory } from './last-directory.ts';
import { objectBefore, sameId, type UndoIntent, type UndoRecord, type Writable } from './record.ts';
import { RewindGroup, type RewindGroupPorts } from './rewind-group.ts';
import { takeBackMetadata } from './undo.ts';

const PIECE_BYTES = 1024 * 1024;

export interface RewindPorts extends RewindGroupPorts {
  /** Records to be taken back, in this order. */
  readonly wayBack: (point: number) => Iterable<UndoRecord>;
  /** Everything kept on the way was looked at just now: it is looked at again only when something fails. */
  readonly looked?: boolean;
}

export interface RewindCounts {
  /** Changes taken back. */
  steps: number;
  /** Of the last one. */
  path?: RelativePath;
  readonly foreign: ForeignPlace[];
}

/** Yields between groups and pieces. Given up (`return`), what the groups before have done stays. */
export function* rewindTo(ports: RewindPorts, point: number, counts: RewindCounts): Generator<undefined, void> {
  if (ports.looked === true) {
    try {
      yield* rewindOnce(ports, point, counts);
      return;
    } catch (error) {
      // Something may be lost since that look, and is left out now instead of failing.
      if (Fault.from(error).kind === 'fatal') throw error;
      // The log has to say what was taken back before it is read again.
      ports.checkpoint();
    }
  }
  yield* rewindOnce({ ...ports, looked: false }, point, counts);
}

function* rewindOnce(ports: RewindPorts, point: number, counts: RewindCounts): Generator<undefined, void> {
  const rewind = new Rewind(ports, counts);
  try {
    for (const origin of ports.wayBack(point)) {
      if (rewind.mustCarryOut(origin)) yield* rewind.carryOut();
      if (origin.op === 'patch') yield* rewind.takeBackInPlace(origin);
      else rewind.takeBack(origin);
    }
    yield* rewind.carryOut();
  } finally {
    rewind.end();
  }
}

class Rewind {
  private readonly ports: RewindPorts;
  private readonly counts: RewindCounts;
  private readonly group: RewindGroup;
  private readonly kept: KeptPlaces;
  private readonly roots: readonly RewoundRoot[];

  constructor(ports: RewindPorts, counts: RewindCounts) {
    this.ports = ports;
    this.counts = counts;
    const directory = new LastDirectory();
    this.group = new RewindGroup(ports, directory);
    this.kept = new KeptPlaces(ports.trees, directory, ports.looked === true);
    this.roots = ports.trees.map((tree) => {
      const looker = lookerAt(tree);
      return { tree, looker, exchanges: tree.canExchange?.() === true };
    });
  }

  mustCarryOut(origin: UndoRecord): boolean {
    return origin.op === 'patch' || this.group.mustWait(origin);
  }

  takeBack(origin: UndoRecord): void {
    const { counts, kept } = this;
    const { root, path } = origin;
    counts.path = path;
    const lost = kept.lossOf(origin);
    if (lost !== undefined) {
      counts.foreign.push({ root, path, ...lost });
      return;
    }
    const intents = planStep(this.roots[root]!, origin, this.group);
    if (intents === 'foreign') counts.foreign.push(...kept.foreignAt(origin));
    else if (intents !== undefined) this.group.add(origin, intents);
  }

  *takeBackInPlace(origin: UndoRecord): Generator<undefined, void> {
    const { root, path } = origin;
    this.counts.path = path;
    const lost = this.kept.lossOf(origin);
    if (lost === undefined) yield* takeBackPatch(this.ports, origin, this.counts);
    else this.counts.foreign.push({ root, path, ...lost });
  }

  *carryOut(): Generator<undefined, void> {
    // What is seen from now on is what the group leaves.
    for (const { looker } of this.roots) looker.close();
    const steps = this.group.carryOut();
    if (steps === 0) return;
    this.counts.steps += steps;
    yield undefined;
  }

  end(): void {
    this.kept.end();
    for (const { looker } of this.roots) looker.close();
    this.group.giveUp();
  }
}

/** A root and how it is looked at and changed. */
interface RewoundRoot {
  readonly tree: RootTree;
  readonly looker: Looker;
  readonly exchanges: boolean;
}

/** Undefined: there is nothing to take back. */
function planStep(
  rewound: RewoundRoot,
  origin: UndoRecord,
  group: RewindGroup,
): readonly UndoIntent[] | 'foreign' | undefined {
  const { tree, looker } = rewound;
  const now = looker.stat(origin.path);
  const base = { seq: origin.seq, masterMs: origin.masterMs, root: origin.root, undoes: origin.n } as const;
  switch (origin.op) {
    case 'metadata':
      return planMetadata(tree, origin, base, withTime(now, group.timeOf(origin.root, origin.path)));
    case 'rename':
      return planRename(tree, origin, base, now);
    case 'remove':
      return [restoration(rewound, origin, base, now)];
    default: {
      if (origin.before !== undefined) return [restoration(rewound, origin, base, now)];
      if (now === undefined) return 'foreign';
      if (origin.op === 'link' && origin.source !== undefined && !sameId(now.id, origin.source)) return 'foreign';
      const keptAs = origin.restored === undefined ? {} : { keptAs: origin.restored };
      return [{ ...base, op: 'remove', path: origin.path, before: objectBefore(now), ...keptAs }];
    }
  }
}

/** As it will be when what is in it was set back. */
function withTime(now: EntryStat | undefined, mtimeNs: bigint | undefined): EntryStat | undefined {
  return now === undefined || mtimeNs === undefined ? now : { ...now, mtimeNs };
}

type StepBase = Pick<UndoIntent, 'seq' | 'masterMs' | 'root' | 'undoes'>;

function restoration(
  { exchanges }: RewoundRoot,
  origin: UndoRecord,
  base: StepBase,
  now: EntryStat | undefined,
): UndoIntent {
  const { path, restored, kept } = origin;
  const intent: Writable<UndoIntent> = { ...base, op: 'restore', path, restored: kept! };
  if (now === undefined) return intent;
  intent.before = objectBefore(now);
  if (exchanges && mayExchange(origin, now)) intent.keptAs = kept!;
  else if (restored !== undefined) intent.keptAs = restored;
  return intent;
}

/** No directory is among them, and what is there has to go to no other name. */
function mayExchange({ before, restored, kept }: UndoRecord, now: EntryStat): boolean {
  return (
    isWithoutNames(before) && isWithoutNames(now) && kept !== undefined && (restored === undefined || restored === kept)
  );
}

function isWithoutNames(object: Pick<EntryStat, 'type'> | undefined): boolean {
  return object?.type === 'file' || object?.type === 'symlink';
}

function planMetadata(
  tree: RootTree,
  origin: UndoRecord,
  base: StepBase,
  now: EntryStat | undefined,
): readonly UndoIntent[] | 'foreign' | undefined {
  const { before, path } = origin;
  if (before === undefined) return undefined;
  // A synchronization may have put a new directory in the place of an empty one.
  const directories = now?.type === 'directory' && before.type === 'directory';
  if (now === undefined || !(directories || sameId(before.id, now.id))) return 'foreign';
  const found = { ...objectBefore(now), ...attributesNow(tree, origin) };
  return [{ ...base, op: 'metadata', path, before: found }];
}

function planRename(
  tree: RootTree,
  origin: UndoRecord,
  base: StepBase,
  now: EntryStat | undefined,
): readonly UndoIntent[] | 'foreign' | undefined {
  const { from, source, path } = origin;
  if (from === undefined || source === undefined) return undefined;
  if (now === undefined || !sameId(now.id, source) || tree.stat(from) !== undefined) return 'foreign';
  const back: UndoIntent = { ...base, op: 'rename', path: from, from: path, source };
  if (origin.before === undefined) return [back];
  return [back, { ...base, op: 'restore', path, restored: origin.kept! }];
}

function attributesNow(tree: RootTree, { path, before }: UndoRecord): { attributes?: Uint8Array } {
  if (before?.attributes === undefined) return {};
  const name = baseName(path);
  return { attributes: tree.attributesOf(parentPath(path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES };
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
