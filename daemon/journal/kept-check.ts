/**
 * Whether everything that the journal's records count on is among the kept objects: there, of the right kind and size, and
 * readable as far as it is looked at. A check goes through the log from its end, beside apply: kept objects do not change.
 */
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { EntryStat, FileId, Random, RootTree, SegmentLog } from '../ports.ts';
import { logBackwards } from './log-backwards.ts';
import type { ObjectBefore, UndoRecord } from './record.ts';

export interface LostObject {
  readonly root: number;
  readonly path: RelativePath;
  /** Wall clock, ms, of the change behind which it is needed; 0 where it is not known. */
  readonly at: number;
  readonly n: number;
  /** Of the log, where that change is; absent when it was not read from there. */
  readonly segment?: number;
  readonly reason: string;
}

export interface KeptCheck {
  /** Kept objects that were looked at. */
  objects: number;
  /** Of them, those that were read. */
  readFiles: number;
  readBytes: number;
  readonly lost: LostObject[];
  lostCount: number;
}

const RECORDS_A_STEP = 32;
const PIECE_BYTES = 256 * 1024;
const LOST_LISTED = 1_000;

export interface KeptCheckPorts {
  readonly trees: readonly RootTree[];
  readonly journalLog: SegmentLog;
  readonly random: Pick<Random, 'fraction'>;
  /** Read at most so much content in one check. */
  readonly readBytes: number;
}

/**
 * Of the records to be taken back, in this order, those whose kept objects are missing or not what they were; nothing is read.
 * Yields between small pieces of work.
 */
export function* lostOnTheWay(
  trees: readonly RootTree[],
  records: Iterable<UndoRecord>,
): Generator<undefined, Pick<KeptCheck, 'lost' | 'lostCount'>> {
  const check: KeptCheck = { objects: 0, readFiles: 0, readBytes: 0, lost: [], lostCount: 0 };
  const walk = new KeptWalk({ trees, readBytes: 0, random: { fraction: () => 1 } }, check);
  let count = 0;
  for (const record of records) {
    count += 1;
    if (count % RECORDS_A_STEP === 0) yield undefined;
    yield* walk.look(record);
  }
  return check;
}

/** What is wrong with the kept object itself; undefined: nothing that its size and type say. */
export function damageOfKept(
  stat: Pick<EntryStat, 'type' | 'sizeBytes'> | undefined,
  { op, ranges, before }: UndoRecord,
  changesInPlace: boolean,
): string | undefined {
  if (stat === undefined) return 'it is missing';
  const last = ranges?.at(-1);
  if (op === 'patch')
    return last !== undefined && stat.sizeBytes < last.position + last.length ? 'it is too short' : undefined;
  if (stat.type !== before?.type) return 'it is something else';
  if (stat.type !== 'file' || stat.sizeBytes === before.sizeBytes || changesInPlace) return undefined;
  return `it has ${stat.sizeBytes} bytes instead of ${before.sizeBytes}`;
}

/** Yields between small pieces of work. Throws what keeps the log from being read. */
export function* checkKept(ports: KeptCheckPorts, check: KeptCheck): Generator<undefined, void> {
  const walk = new KeptWalk(ports, check);
  let count = 0;
  for (const entry of logBackwards(ports.journalLog)) {
    count += 1;
    if (count % RECORDS_A_STEP === 0) yield undefined;
    if (entry.kind === 'record') yield* walk.look(entry.record, entry.segment);
  }
}

type KeptWalkPorts = Omit<KeptCheckPorts, 'journalLog'> & Partial<Pick<KeptCheckPorts, 'journalLog'>>;

class KeptWalk {
  private readonly ports: KeptWalkPorts;
  private readonly check: KeptCheck;
  private readonly kept: readonly ReturnType<RootTree['keptObjects']>[];
  /** Names of which a younger record has said already where the object is. */
  private readonly known = new Set<string>();
  /** Objects whose content was changed in place after: their size may be another now. */
  private readonly patched = new Set<string>();

  constructor(ports: KeptWalkPorts, check: KeptCheck) {
    this.ports = ports;
    this.check = check;
    this.kept = ports.trees.map((tree) => tree.keptObjects());
  }

  *look(record: UndoRecord, segment?: number): Generator<undefined, void> {
    const { root, op, before, kept, restored } = record;
    if (op === 'patch' && before !== undefined) this.patched.add(idKey(root, before.id));
    if (kept !== undefined && before !== undefined && this.isFirst(root, kept)) {
      this.check.objects += 1;
      const reason = yield* this.damageOf(record, kept, before);
      // Retention may just have removed it, with the records that need it.
      if (reason !== undefined && this.isThere(segment)) this.lost(record, reason, segment);
    }
    // A rewind put it back into the root: it is not kept any more.
    if (restored !== undefined) this.isFirst(root, restored);
  }

  private isThere(segment: number | undefined): boolean {
    return segment === undefined || this.ports.journalLog?.list().includes(segment) !== false;
  }

  private isFirst(root: number, name: string): boolean {
    const key = `${root}:${name}`;
    if (this.known.has(key)) return false;
    this.known.add(key);
    return true;
  }

  private lost({ root, path, masterMs, n }: UndoRecord, reason: string, segment: number | undefined): void {
    this.check.lostCount += 1;
    if (this.check.lost.length >= LOST_LISTED) return;
    const where = segment === undefined ? {} : { segment };
    this.check.lost.push({ root, path, at: masterMs, n, ...where, reason });
  }

  private *damageOf(record: UndoRecord, kept: string, before: ObjectBefore): Generator<undefined, string | undefined> {
    const { root } = record;
    const reader = this.kept[root];
    if (reader === undefined) return undefined;
    try {
      const stat = reader.stat(kept);
      const damage = damageOfKept(stat, record, this.patched.has(idKey(root, before.id)));
      if (damage === undefined && stat?.type === 'file') yield* this.read(reader, kept, stat.sizeBytes);
      return damage;
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code === 'INTERNAL') throw fault;
      return fault.message;
    }
  }

  /** Some of them are read whole, so that a disk that fails is found before somebody needs it. */
  private *read(reader: ReturnType<RootTree['keptObjects']>, kept: string, sizeBytes: number): Generator<undefined> {
    const { check, ports } = this;
    const left = ports.readBytes - check.readBytes;
    if (sizeBytes > left || ports.random.fraction() > READ_SHARE) return;
    check.readFiles += 1;
    const file = reader.openRead(kept);
    try {
      const piece = new Uint8Array(PIECE_BYTES);
      for (let at = 0; at < sizeBytes; ) {
        const count = file.read(piece, 0, piece.length, at);
        if (count === 0) break;
        at += count;
        check.readBytes += count;
        yield undefined;
      }
    } finally {
      file.close();
    }
  }
}

/** A tenth each time: all of it in some weeks of daily checks. */
const READ_SHARE = 0.1;

function idKey(root: number, { inode, birthNs }: FileId): string {
  return `${root}:${inode}:${birthNs}`;
}
