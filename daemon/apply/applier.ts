/**
 * Applies the spool to the roots, in order and in groups: look at what is there, write the undo records of the group, make
 * them durable with one flush, then act. Small pieces of work: `run` returns when its time is over.
 */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { JournalPort } from '../journal/journal.ts';
import type { UndoRecord } from '../journal/record.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, RootTree, StagedFile } from '../ports.ts';
import type { ReceivedSpool } from '../spool/received.ts';
import { GroupPaths, VacatedPaths } from './conflicts.ts';
import { ApplyCursor, type CursorPosition, type SpooledChange } from './cursor.ts';
import { ApplyHold } from './hold.ts';
import { lookFor } from './look.ts';
import { withOldAttributes } from './old-attributes.ts';
import type { OpenPuts, PutBegin } from './open-puts.ts';
import type { ParkedItems } from './parked.ts';
import { PatchApply, type PatchBegin, type PatchContent } from './patch-content.ts';
import { asPut, isPiece, planChange, planMetadata, type TreeChange } from './plan.ts';
import { askFor, parkChange } from './setting-aside.ts';
import type { ApplyTally } from './tally.ts';
import { checkTarget } from './targets.ts';
import type { ActPlan, TreeWriter } from './tree-writer.ts';
import { verdictOf } from './verdict.ts';

/** A group ends at so many changes or so many bytes of content. */
const GROUP_CHANGES = 256;
const GROUP_BYTES = 4 * 1024 * 1024;
export interface ApplierPorts {
  readonly trees: readonly RootTree[];
  readonly journal: JournalPort;
  readonly writer: TreeWriter;
  readonly spool: ReceivedSpool;
  readonly puts: OpenPuts;
  readonly hasher: ContentHasher;
  readonly keepDeleted?: boolean;
  readonly keepsHistory?: boolean;
  readonly parked: ParkedItems;
  readonly tally: ApplyTally;
  readonly clock: Clock;
  readonly onEvent: (code: string, details: FaultDetails) => void;
}

interface PlannedChange {
  readonly spooled: SpooledChange;
  readonly change: TreeChange;
  readonly plan: ActPlan;
  readonly record: UndoRecord;
  readonly staged?: StagedFile;
  /** Set when the change came in pieces. */
  readonly token?: number;
}

type Admission = 'taken' | 'later' | 'held';

export interface ApplyCounts {
  changes: number;
  bytes: number;
}

export class Applier {
  private readonly ports: ApplierPorts;
  readonly cursor: ApplyCursor;
  private readonly paths = new GroupPaths();
  private readonly vacated = new VacatedPaths();
  /** A large file is being changed in place, or checked for it. */
  private readonly patching: PatchApply;
  private group: PlannedChange[] = [];
  private groupAt = 0;
  private readonly hold: ApplyHold;
  /** Batches before it are complete and counted. */
  private accounted: number;
  /** Where the oldest file that is still arriving begins. */
  private openedAt: CursorPosition | undefined;
  private actedSinceOpened = false;
  /** Batch index where the last ended link session ended, until apply has passed it. */
  private sessionEnd: number | undefined;
  appliedSeq: number;
  /** Since the start. */
  readonly counts: ApplyCounts = { changes: 0, bytes: 0 };
  /** Something changed since the last checkpoint. */
  dirty = false;
  bytesSinceCheckpoint = 0;

  constructor(ports: ApplierPorts, appliedSeq: number) {
    this.ports = ports;
    this.cursor = new ApplyCursor(ports.spool);
    this.patching = new PatchApply({ ...ports, contentAt: (at) => this.cursor.contentAt(at) });
    this.hold = new ApplyHold(ports.clock, ports.onEvent);
    this.accounted = ports.spool.firstIndex;
    this.appliedSeq = appliedSeq;
  }

  get heldReason(): string | undefined {
    return this.hold.reason;
  }

  get heldFor(): Fault | undefined {
    return this.hold.fault;
  }

  /** When a held apply wants to be run again (`Clock.bootMs`). */
  get retryAtMs(): number | undefined {
    return this.hold.retryAtMs;
  }

  /** Nothing left that may be applied. */
  get idle(): boolean {
    return this.groupAt >= this.group.length && this.cursor.peek() === undefined;
  }

  /** Everything before it is applied, parked or staged. */
  private get done(): CursorPosition {
    return this.group[this.groupAt]?.spooled.at ?? this.cursor.position;
  }

  /** Works while `more()`; true when there is more to do now. Throws only what is fatal. */
  run(more: () => boolean): boolean {
    if (this.hold.waits) return false;
    while (more()) {
      this.passSessionEnd();
      if (this.groupAt >= this.group.length && !this.fill()) break;
      const planned = this.group[this.groupAt];
      if (planned !== undefined && !this.perform(planned)) return false;
    }
    this.accountBatches();
    return !this.idle && this.hold.fault === undefined;
  }

  private passSessionEnd(): void {
    if (this.sessionEnd === undefined || this.groupAt < this.group.length) return;
    this.cursor.peek();
    if (this.cursor.position.batch < this.sessionEnd) return;
    this.ports.puts.abortAll();
    this.openedAt = undefined;
    this.sessionEnd = undefined;
  }

  /**
   * Where replay has to begin if the state of the roots right now is the checkpoint; undefined while a file is arriving
   * and other changes were applied meanwhile.
   */
  checkpointPosition(): CursorPosition | undefined {
    if (this.patching.isActive) return undefined;
    if (this.openedAt === undefined) return this.done;
    return this.actedSinceOpened ? undefined : this.openedAt;
  }

  /** What was intended is made or withdrawn; false while a file is being changed in place. Call only between runs. */
  settle(): boolean {
    if (this.patching.isActive) return false;
    this.dropGroup();
    return true;
  }

  /** The volume was flushed and a checkpoint saved. Call only between runs. */
  checkpointed(): void {
    this.vacated.clear();
    this.dirty = false;
    this.bytesSinceCheckpoint = 0;
  }

  /** Group members not carried out yet are planned again later (their records would lie before a checkpoint). */
  dropGroup(): void {
    this.patching.abandon();
    for (const { record } of this.group.slice(this.groupAt)) this.ports.journal.withdraw(record);
    if (this.groupAt < this.group.length) this.cursor.moveTo(this.group[this.groupAt]!.spooled.at);
    this.group = [];
    this.groupAt = 0;
  }

  /**
   * A link session ended and what lay behind `committedEnd` is gone. Files still open when apply gets there will never be
   * completed: the Master sends them again.
   */
  endSession(): void {
    this.dropGroup();
    this.cursor.forget();
    const { committedEnd, position } = this.cursor;
    if (position.batch >= committedEnd) this.cursor.moveTo({ batch: committedEnd, change: 0 });
    this.sessionEnd = committedEnd;
  }

  /** Everything spooled is void: a synchronization replaces it. */
  restart(appliedSeq: number): void {
    this.group = [];
    this.groupAt = 0;
    this.ports.puts.abortAll();
    this.openedAt = undefined;
    this.sessionEnd = undefined;
    this.hold.drop();
    this.cursor.forget();
    this.cursor.moveTo({ batch: this.ports.spool.firstIndex, change: 0 });
    this.cursor.committedEnd = this.ports.spool.firstIndex;
    this.accounted = this.ports.spool.firstIndex;
    this.appliedSeq = appliedSeq;
    this.checkpointed();
  }

  // ---------------------------------------------------------------- planning

  /** Plans the next group; false when there is nothing to do now or apply is held. */
  private fill(): boolean {
    this.group = [];
    this.groupAt = 0;
    this.paths.clear();
    let bytes = 0;
    let admission: Admission = 'taken';
    while (admission === 'taken' && this.group.length < GROUP_CHANGES && bytes < GROUP_BYTES) {
      const spooled = this.cursor.peek();
      if (spooled === undefined || (this.sessionEnd !== undefined && spooled.at.batch >= this.sessionEnd)) break;
      admission = this.take(spooled);
      if (spooled.change.op === 'put') bytes += spooled.change.content.length;
    }
    if (admission === 'held') return false;
    if (this.group.length > 0) return this.recordGroup();
    return this.cursor.peek() !== undefined;
  }

  private take(spooled: SpooledChange): Admission {
    const { change } = spooled;
    if (!isPiece(change)) return this.admit(spooled, change);
    if (this.group.length > 0) return 'later';
    const admission = this.takePiece(spooled);
    // A file that came in pieces is a group of its own.
    return admission === 'taken' && this.group.length > 0 ? 'later' : admission;
  }

  /** Makes the undo records durable; false when there was no room for them. */
  private recordGroup(): boolean {
    try {
      this.ports.journal.flush();
      return true;
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) !== 'hold') throw error;
      const { at } = this.group[0]!.spooled;
      this.dropGroup();
      this.hold.start(at, fault);
      return false;
    }
  }

  /** Adds a change to the group or finishes it at once; `later`: it has to wait for the group to be carried out. */
  private admit(spooled: SpooledChange, change: TreeChange, staged?: { file: StagedFile; token: number }): Admission {
    if (this.group.length > 0 && this.mustWait(spooled, change)) return 'later';
    try {
      if (this.vacated.takes(change)) {
        this.flushVolumes();
        this.vacated.clear();
      }
      this.plan(spooled, change, staged);
      return 'taken';
    } catch (error) {
      const fault = Fault.from(error);
      // What was planned before is carried out first; then this change comes again, alone.
      if (this.group.length > 0 && verdictOf(fault) !== 'fatal') return 'later';
      return this.fail({ spooled, change }, fault) ? 'taken' : 'held';
    }
  }

  private mustWait({ seq }: SpooledChange, change: TreeChange): boolean {
    if (this.paths.conflicts(change) || this.vacated.takes(change)) return true;
    if (this.ports.keepsHistory !== true || change.op !== 'metadata') return false;
    // History wants to know what the metadata were, which only the object itself says.
    const { root, path } = change;
    return this.paths.wasTouched(root, path) && !this.paths.isNewIn(seq, root, path);
  }

  private plan(spooled: SpooledChange, change: TreeChange, staged?: { file: StagedFile; token: number }): void {
    checkTarget(change);
    const origin = { seq: spooled.seq, masterMs: spooled.masterMs };
    const found = lookFor(this.ports.writer, this.paths, change, this.ports.parked);
    const touched = change.op === 'metadata' && this.paths.wasTouched(change.root, change.path);
    const plan = touched
      ? planMetadata(change.root, change.path, found, origin)
      : planChange(change, found, origin, this.ports.keepDeleted);
    if (plan.kind !== 'act') {
      this.pass(spooled);
      if (plan.kind === 'repair') askFor(this.ports, change.root, plan.paths, `${change.op}: source missing`);
      else this.ports.parked.settle(change);
      if (staged !== undefined) this.ports.puts.abort(staged.token);
      if (this.group.length === 0) this.finish();
      return;
    }
    const undo = withOldAttributes(this.ports.writer.tree(change.root), change, plan.undo);
    // Only now: nothing can fail any more, and what failed must be the next change still.
    this.cursor.advance();
    const record = this.ports.journal.intend(undo, 'metadata' in change ? change.metadata.mtimeNs : undefined);
    this.paths.add(change, plan.action === 'make-directory', plan.undo.before, spooled.seq);
    if (change.op === 'rename') this.vacated.give(change.root, change.from);
    if (plan.action === 'remove') this.vacated.give(change.root, plan.undo.path);
    this.group.push({
      spooled,
      change,
      plan,
      record,
      ...(staged === undefined ? {} : { staged: staged.file, token: staged.token }),
    });
    this.endsUnit(spooled);
  }

  /** Behind a change that was planned or needs no plan. */
  private pass(spooled: SpooledChange): void {
    this.cursor.advance();
    this.endsUnit(spooled);
  }

  private endsUnit({ commits, masterMs }: SpooledChange): void {
    if (commits > 0) this.ports.journal.endUnit(commits, masterMs);
  }

  private flushVolumes(): void {
    for (const tree of this.ports.trees) tree.flushAll();
  }

  // ---------------------------------------------------------------- files in pieces

  /** Carries out a piece, or plans the file when it was the last. */
  private takePiece(spooled: SpooledChange): Admission {
    const { change } = spooled;
    const { puts } = this.ports;
    try {
      if (change.op === 'put-begin' || change.op === 'patch-begin') this.beginPut(spooled, change);
      if (change.op === 'put-data') puts.data(change.token, change.position, change.content);
      if (change.op === 'patch-data') puts.piece(change, spooled.at);
      if (change.op === 'put-abort') puts.abort(change.token);
      if (change.op === 'put-end') return this.endPut(spooled, change.token, change.hash);
    } catch (error) {
      return this.failPiece(spooled, Fault.from(error));
    }
    this.pass(spooled);
    this.finish();
    return 'taken';
  }

  private beginPut(spooled: SpooledChange, change: PutBegin | PatchBegin): void {
    checkTarget(change);
    this.ports.writer.tree(change.root);
    this.ports.puts.begin(change);
    if (this.openedAt === undefined) {
      this.openedAt = spooled.at;
      this.actedSinceOpened = false;
    }
  }

  private endPut(spooled: SpooledChange, token: number, hash: Uint8Array): Admission {
    const put = this.ports.puts.get(token);
    if (put?.patch !== undefined) return this.endPatch(spooled, token, put.patch, hash);
    if (put?.content.finish(hash)) return this.admit(spooled, asPut(put.begin), { file: put.content.staged, token });
    if (put !== undefined) askFor(this.ports, put.begin.root, [put.begin.path], 'hash mismatch');
    this.ports.puts.abort(token);
    this.pass(spooled);
    this.finish();
    return 'taken';
  }

  /** One slice of it; the piece stays the next one until it is done. */
  private endPatch(spooled: SpooledChange, token: number, patch: PatchContent, hash: Uint8Array): Admission {
    const { root, path } = patch.begin;
    const origin = { seq: spooled.seq, masterMs: spooled.masterMs };
    const outcome = this.ports.parked.has(root, path) ? 'mismatch' : this.patching.step(patch, hash, origin);
    if (outcome === undefined) return 'later';
    const change = asPut(patch.begin);
    if (typeof outcome === 'object') return this.admit(spooled, change, { file: outcome, token });
    if (outcome === 'mismatch') {
      askFor(this.ports, root, [path], 'not the file it builds on');
      this.ports.puts.abort(token);
    } else {
      this.dirty = true;
      this.actedSinceOpened = true;
      this.count({ change, token });
    }
    this.pass(spooled);
    this.finish();
    return 'taken';
  }

  private failPiece(spooled: SpooledChange, fault: Fault): Admission {
    const { change } = spooled;
    const token = 'token' in change ? change.token : -1;
    const begin = 'path' in change ? change : this.ports.puts.get(token)?.begin;
    if (begin?.op !== 'put-begin' && begin?.op !== 'patch-begin') throw fault;
    return this.fail({ spooled, change: asPut(begin), token }, fault) ? 'taken' : 'held';
  }

  // ---------------------------------------------------------------- acting

  /** False when apply is held. */
  private perform(planned: PlannedChange): boolean {
    this.dirty = true;
    this.actedSinceOpened = true;
    const { change, plan, record, staged } = planned;
    try {
      this.ports.writer.act(change, plan, record, staged);
    } catch (error) {
      const fault = Fault.from(error);
      return isMissingParent(fault, plan) ? this.makeParents(planned, fault) : this.fail(planned, fault);
    }
    this.groupAt += 1;
    this.count(planned);
    this.ports.parked.settle(planned.change);
    this.finish();
    return true;
  }

  private count({ change, token }: Pick<PlannedChange, 'change' | 'token'>): void {
    const { puts } = this.ports;
    const inPieces = token === undefined ? undefined : puts.get(token)?.begin.sizeBytes;
    const inline = change.op === 'put' ? change.content.length : 0;
    const bytes = inPieces ?? inline;
    this.ports.tally.add(change.op, token === undefined ? inline : puts.receivedBytes(token));
    if (token !== undefined) puts.close(token);
    this.counts.changes += 1;
    this.counts.bytes += bytes;
    this.bytesSinceCheckpoint += bytes;
  }

  /** What is planned is planned anew behind the directories that were missing: the journal tells everything in its order. */
  private makeParents({ spooled, change, record: { seq, masterMs }, token }: PlannedChange, fault: Fault): boolean {
    this.dropGroup();
    const unplanned = { spooled, change, ...(token === undefined ? {} : { token }) };
    try {
      this.flushVolumes();
      const made = this.ports.writer.ensureParents(change.root, change.path, { seq, masterMs });
      if (made === undefined) return this.fail(unplanned, fault);
      askFor(this.ports, change.root, [made], 'directory missing');
      return true;
    } catch (error) {
      return this.fail(unplanned, Fault.from(error));
    }
  }

  /** An item is settled, this way or that. */
  private finish(): void {
    this.hold.end();
    if (this.ports.puts.count === 0) this.openedAt = undefined;
    this.accountBatches();
  }

  /** Counts batches that are complete and moves the applied sequence with them. */
  private accountBatches(): void {
    const { done } = this;
    while (this.accounted < this.cursor.committedEnd) {
      const { header } = this.ports.spool.batch(this.accounted)!;
      const complete = this.accounted < done.batch || (this.accounted === done.batch && done.change >= header.changes);
      if (!complete) return;
      if (header.commitSeq > this.appliedSeq) this.appliedSeq = header.commitSeq;
      this.ports.spool.release(this.accounted);
      this.accounted += 1;
    }
  }

  // ---------------------------------------------------------------- failing

  /** Parks the change and goes on behind it (true) or holds apply at it (false). */
  private fail(
    failed: { spooled: SpooledChange; change: TreeChange; record?: UndoRecord; token?: number },
    fault: Fault,
  ): boolean {
    const verdict = verdictOf(fault);
    if (verdict === 'fatal') throw fault;
    if (failed.record !== undefined) this.takeBack(failed.record);
    const { at } = failed.spooled;
    if (verdict === 'hold' || (verdict === 'wait' && !this.hold.isSpent(at))) {
      this.dropGroup();
      this.cursor.moveTo(at);
      this.hold.start(at, fault);
      return false;
    }
    parkChange(this.ports, failed.change, fault);
    if (failed.token !== undefined) this.ports.puts.abort(failed.token);
    if (failed.record === undefined) this.cursor.moveTo({ batch: at.batch, change: at.change + 1 });
    else this.groupAt += 1;
    this.finish();
    return true;
  }

  /** The half of a change that was made is taken back; if that is not possible now, roll-back knows its record. */
  private takeBack(record: UndoRecord): void {
    try {
      this.ports.journal.takeBack(record);
    } catch (error) {
      if (Fault.from(error).kind === 'fatal') throw error;
    }
  }
}

function isMissingParent({ code }: Fault, plan: ActPlan): boolean {
  if (code !== 'FS-NOT-FOUND' || plan.keep !== 'none') return false;
  return plan.action !== 'remove' && plan.action !== 'metadata';
}
