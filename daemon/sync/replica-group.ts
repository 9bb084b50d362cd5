/**
 * Files staged in a synchronization, committed in groups: one flush of the volume makes all contents of a group durable,
 * then each is renamed into its place. What the renames replace is kept by the journal until the next group's flush.
 */
import { Fault } from '../../shared/faults.ts';
import { withOldAttributes } from '../apply/old-attributes.ts';
import type { TreeChange } from '../apply/plan.ts';
import { planChange } from '../apply/plan.ts';
import type { ActPlan, StagedPut, TreeWriter } from '../apply/tree-writer.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { JournalPort } from '../journal/journal.ts';
import type { UndoRecord } from '../journal/record.ts';
import type { EntryStat } from '../ports.ts';
import type { DirectoryState } from './replica-directory.ts';

const GROUP_FILES = 2_000;
const GROUP_BYTES = 16 * 1024 * 1024;

/** One change of a synchronization with what was found at its place. */
export interface SyncChange {
  readonly change: TreeChange;
  readonly before: EntryStat | undefined;
  /** Rename and link: what the other path holds. */
  readonly source?: EntryStat | undefined;
  readonly staged?: StagedPut;
  /** Part of a directory that is renamed as a whole: not before everything it needs has come. */
  readonly directory?: Pick<DirectoryState, 'needs'>;
  /** Called once, when it was made or could not be made for good. */
  readonly settled: (fault: Fault | undefined) => void;
}

export interface GroupPorts {
  readonly writer: TreeWriter;
  /** Undo records and flushes of the roots: see apply/standby.ts. */
  readonly journal: Pick<JournalPort, 'intend' | 'flush' | 'keepRanges' | 'takeBack' | 'withdraw'>;
  readonly flushSynchronized: () => void;
}

interface Act {
  readonly plan: ActPlan;
  readonly record: UndoRecord;
}

interface PlannedChange {
  readonly member: SyncChange;
  /** Undefined: there is nothing to do. */
  readonly outcome: Act | Fault | undefined;
}

/**
 * Throws what is fatal, or what ends the session: the change is made, so nothing can be tried again when looking at it is
 * held back. The next session compares.
 */
function settle(member: SyncChange, fault: Fault | undefined): void {
  if (fault !== undefined) member.staged?.discard();
  try {
    member.settled(fault);
  } catch (error) {
    const found = Fault.from(error);
    throw verdictOf(found) === 'hold' ? new Fault('ENGINE-ENDED', { reason: found.message }, found) : found;
  }
}

function isReady({ directory }: SyncChange): boolean {
  return directory === undefined || directory.needs.size === 0;
}

/** No position and no time of the Master belong to a synchronization's changes. */
const ORIGIN = { seq: 0, masterMs: 0 };

export class SyncGroup {
  private readonly ports: GroupPorts;
  private members: SyncChange[] = [];
  /** Added since the last commit. */
  private files = 0;
  private bytes = 0;

  constructor(ports: GroupPorts) {
    this.ports = ports;
  }

  get full(): boolean {
    return this.files >= GROUP_FILES || this.bytes >= GROUP_BYTES;
  }

  get empty(): boolean {
    return this.members.length === 0;
  }

  add(member: SyncChange, bytes: number): void {
    this.members.push(member);
    this.files += 1;
    this.bytes += bytes;
  }

  /** Throws what holds everything (`FS-FULL`, `ROOT-MISSING`); call again later, what was done stays done. */
  commit(): void {
    if (this.members.length === 0) return;
    this.ports.flushSynchronized();
    const waiting = this.members.filter((member) => !isReady(member));
    const ready = waiting.length === 0 ? this.members : this.members.filter(isReady);
    this.members = waiting;
    this.files = 0;
    this.bytes = 0;
    this.carryOut(ready, (rest) => {
      this.members = [...rest, ...waiting];
    });
  }

  /** Makes changes that need no content, at once. Throws like `commit`, with what is left in `onRest`. */
  carryOut(changes: readonly SyncChange[], onRest: (rest: SyncChange[]) => void): void {
    const planned: PlannedChange[] = [];
    try {
      for (const member of changes) planned.push(this.plan(member));
      this.ports.journal.flush();
    } catch (error) {
      this.withdraw(planned);
      onRest([...changes]);
      throw error;
    }
    for (const [index, { member, outcome }] of planned.entries()) {
      const fault = outcome === undefined || outcome instanceof Fault ? outcome : this.make(member, outcome);
      if (fault !== undefined && verdictOf(fault) === 'fatal') throw fault;
      if (fault !== undefined && verdictOf(fault) === 'hold') {
        this.withdraw(planned.slice(index + 1));
        onRest(planned.slice(index).map((left) => left.member));
        throw fault;
      }
      settle(member, fault);
    }
  }

  /** Large files that arrived whole stay for the next time. */
  discard(): void {
    for (const member of this.members) member.staged?.release();
    this.members = [];
    this.files = 0;
    this.bytes = 0;
  }

  /** Throws what holds everything; what is wrong with this change alone is its outcome. */
  private plan(member: SyncChange): PlannedChange {
    const { change, before, source } = member;
    try {
      const plan = planChange(change, { before, source }, ORIGIN);
      if (plan.kind !== 'act') return { member, outcome: undefined };
      const undo = withOldAttributes(this.ports.writer.tree(change.root), change, plan.undo);
      const mtimeNs = undo.before?.type === 'file' && 'metadata' in change ? change.metadata.mtimeNs : undefined;
      return { member, outcome: { plan, record: this.ports.journal.intend(undo, mtimeNs) } };
    } catch (error) {
      const fault = Fault.from(error);
      const verdict = verdictOf(fault);
      if (verdict === 'hold' || verdict === 'fatal') throw fault;
      return { member, outcome: fault };
    }
  }

  private make(member: SyncChange, { plan, record }: Act): Fault | undefined {
    try {
      this.ports.writer.act(member.change, plan, record, member.staged);
      return undefined;
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.kind !== 'fatal' && plan.keep !== 'none') this.takeBack(record);
      else if (fault.kind !== 'fatal') this.ports.journal.withdraw(record);
      return fault;
    }
  }

  /** They are planned anew later: history must not count them twice. */
  private withdraw(planned: readonly PlannedChange[]): void {
    for (const { outcome } of planned)
      if (outcome !== undefined && !(outcome instanceof Fault)) this.ports.journal.withdraw(outcome.record);
  }

  private takeBack(record: UndoRecord): void {
    try {
      this.ports.journal.takeBack(record);
    } catch (error) {
      if (Fault.from(error).kind === 'fatal') throw error;
    }
  }
}
