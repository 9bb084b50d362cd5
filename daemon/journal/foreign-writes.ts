/**
 * Somebody else who wrote into a file has moved its time. Taking changes of the file back gives it the time it had before
 * them, and with that nobody would ever see what was written: so it is looked for first, and the file keeps the time.
 */
import { Fault } from '../../shared/faults.ts';
import { roundTime } from '../../shared/protocol/sync-codec.ts';
import type { EntryStat, RootTree } from '../ports.ts';
import type { JournalPort } from './journal.ts';
import { type ObjectBefore, objectBefore, sameId, type UndoIntent, type UndoRecord } from './record.ts';

/** With what such a change gives the file; others put another file in its place, or do not touch what is in it. */
export function timeGiven({ op, before }: UndoIntent, mtimeNs: bigint | undefined): bigint | undefined {
  return changesFile(op, before) ? mtimeNs : undefined;
}

function changesFile(op: UndoRecord['op'], before: ObjectBefore | undefined): boolean {
  return (op === 'patch' || op === 'metadata') && before?.type === 'file';
}

function idKey(root: number, { inode, birthNs }: EntryStat['id']): string {
  return `${root}:${inode}:${birthNs}`;
}

export class ForeignWrites {
  /** Times the files had or were given; undefined: a change did not say what it gives. */
  private readonly times = new Map<string, Set<bigint> | undefined>();
  private readonly newest: UndoRecord | undefined;
  private readonly trees: readonly RootTree[];

  /** `records`: those to be taken back, newest first. The newest may be half made: the time is then that of our own writes. */
  constructor(trees: readonly RootTree[], records: readonly UndoRecord[]) {
    this.trees = trees;
    this.newest = records[0];
    for (const record of records) this.learn(record);
  }

  private learn({ op, root, before, givenNs }: UndoRecord): void {
    if (before === undefined || !changesFile(op, before)) return;
    const key = idKey(root, before.id);
    const known = this.times.has(key) ? this.times.get(key) : new Set<bigint>();
    if (givenNs === undefined) this.times.set(key, undefined);
    else this.times.set(key, known?.add(this.rounded(root, before.mtimeNs)).add(this.rounded(root, givenNs)));
  }

  private rounded(root: number, timeNs: bigint): bigint {
    return roundTime(timeNs, this.trees[root]!.capabilities.timeGranularityNs);
  }

  /** The record as it is to be taken back so that the file keeps the time of what was written into it; else none. */
  keptIn(record: UndoRecord): UndoRecord[] {
    const { op, root, path, before } = record;
    if (before === undefined || !changesFile(op, before) || (op === 'patch' && record === this.newest)) return [];
    const known = this.times.get(idKey(root, before.id));
    const now = known && this.trees[root]!.stat(path);
    if (now === undefined || !sameId(now.id, before.id) || known?.has(this.rounded(root, now.mtimeNs))) return [];
    return [{ ...record, before: { ...before, mtimeNs: now.mtimeNs } }];
  }
}

/** As `keptIn` said, as changes of their own: newest first, so the newest decides. */
export function giveTimes(
  journal: Pick<JournalPort, 'intend' | 'flush' | 'withdraw'>,
  trees: readonly RootTree[],
  written: readonly UndoRecord[],
): void {
  const given = new Set<string>();
  for (const { root, path, before } of written) {
    const tree = trees[root]!;
    const now = tree.stat(path);
    if (now === undefined || before === undefined || !sameId(now.id, before.id) || given.has(idKey(root, now.id)))
      continue;
    given.add(idKey(root, now.id));
    const intent: UndoIntent = { seq: 0, masterMs: 0, op: 'metadata', root, path, before: objectBefore(now) };
    const record = journal.intend(intent, before.mtimeNs);
    journal.flush();
    try {
      tree.setMetadata(path, { mtimeNs: before.mtimeNs });
    } catch (error) {
      if (Fault.from(error).kind === 'fatal') throw error;
      journal.withdraw(record);
    }
  }
}
