/**
 * The Replica's data as one thing: spool, journal, applier and the checkpoint that ties them together.
 *
 * Ladder: `accept` + `flushReceived` → received (durable) → `run` → applied → `checkpoint` → the spool is trimmed and what
 * the journal kept is dropped. After a crash the roots are rolled back to the checkpoint and the spool is applied again, so
 * every change is applied exactly once to exactly the state it was made for.
 */
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { OwnerMap } from '../../shared/owners.ts';
import { CONTROL_NAME } from '../../shared/path.ts';
import type { Position } from '../../shared/position.ts';
import { Journal, newestKeptSegment } from '../journal/journal.ts';
import type { MarkKind } from '../journal/record.ts';
import { type RewindCounts, rewindTo } from '../journal/rewind.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, RootTree, SegmentLog, StateFile } from '../ports.ts';
import { ReceivedSpool } from '../spool/received.ts';
import { Applier } from './applier.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, FIRST_CHECKPOINT, ownersIn } from './checkpoint.ts';
import { decodeBatch } from './cursor.ts';
import { ApplyGate, type ApplyHoldOrder, NO_HOLD } from './gate.ts';
import { OpenPuts } from './open-puts.ts';
import { ParkedItems } from './parked.ts';
import { compareRoots, findLostRoot, type RootsNow } from './root-identities.ts';
import { StandbyHistory } from './standby-history.ts';
import { ApplyTally } from './tally.ts';
import { TreeWriter } from './tree-writer.ts';

/** A checkpoint is made this long after the first change it will cover, or at so many bytes. */
const CHECKPOINT_MS = 1_000;
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** Two boots of one host are told apart by more than any correction of its clock within this. */
const BOOT_TOLERANCE_MS = 5_000;

export interface StandbyPorts {
  readonly trees: readonly RootTree[];
  readonly spoolLog: SegmentLog;
  readonly journalLog: SegmentLog;
  readonly stateFile: StateFile;
  readonly clock: Clock;
  readonly hasher: ContentHasher;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** Age in ms, on the Master's clock, at which a change may be applied; default 0. */
  readonly applyDelayMs?: number;
  /** What is removed on the Master stays here. */
  readonly keepDeleted?: boolean;
  /** Data Rewind is on. */
  readonly keepsHistory?: boolean;
}

export class Standby {
  private readonly ports: StandbyPorts;
  readonly journal: Journal;
  readonly history: StandbyHistory;
  readonly writer: TreeWriter;
  readonly parked = new ParkedItems();
  readonly tally: ApplyTally;
  readonly applier: Applier;
  readonly spool: ReceivedSpool;
  readonly gate: ApplyGate;
  private readonly puts: OpenPuts;
  private saved: Checkpoint;
  private generation: string | undefined;
  private lastReceivedSeq: number;
  /** When the oldest change not covered by a checkpoint was applied. */
  private dirtySinceMs: number | undefined;

  /**
   * Recovers from whatever a crash left. Throws `ROOT-MISSING` when a root is not there or is another directory (try again
   * later). `adoptRoots`: such a directory is wanted; it holds no data of any history.
   */
  constructor(ports: StandbyPorts, epoch: number, profile: MetadataProfile, adoptRoots = false) {
    this.ports = ports;
    this.saved = this.load();
    this.tally = new ApplyTally(this.saved.tally, ports.clock.wallMs());
    if (epoch > this.saved.epoch) this.saved = { ...this.saved, epoch };
    const roots = ports.trees.map((tree) => tree.rootIdentity());
    const rootsNow = this.checkRoots(roots, adoptRoots);
    for (const tree of ports.trees) tree.clearStaging();
    const hasHistory = ports.keepsHistory === true && ports.journalLog.list().length > 0;
    if (this.saved.generation === undefined && !hasHistory) {
      this.takeBackPatches();
      this.skipKept();
    }
    this.journal = new Journal(ports.journalLog, ports.trees, this.saved, ports.keepsHistory);
    this.history = new StandbyHistory(ports, this.journal, this.saved);
    this.journal.clean();
    this.parked.load(this.saved.parked, ports.clock.bootMs());
    this.parked.dropped = this.saved.dropped ?? 0;
    if (rootsNow === 'others' && hasHistory) this.leaveHistory();
    else this.rollBack();
    this.spool = new ReceivedSpool(ports.spoolLog);
    this.gate = new ApplyGate(ports.applyDelayMs ?? 0);
    this.gate.order = this.saved.hold ?? NO_HOLD;
    const { segment, offset, change } = this.saved.replay;
    this.spool.recover({ segment, offset });
    this.generation = this.saved.generation;
    this.lastReceivedSeq = this.saved.appliedSeq;
    this.puts = new OpenPuts(ports.trees, ports.hasher);
    this.writer = new TreeWriter(ports.trees, this.journal, { ...profile, ...ownersIn(this.saved) });
    const { writer, journal, spool, puts, parked, tally } = this;
    this.applier = new Applier({ ...ports, writer, journal, spool, puts, parked, tally }, this.saved.appliedSeq);
    this.applier.cursor.moveTo({ batch: spool.firstIndex, change });
    this.recoverReceived();
  }

  /** Position that is durable here; undefined when the roots must be synchronized. */
  get received(): Position | undefined {
    return this.generation === undefined ? undefined : { generation: this.generation, seq: this.lastReceivedSeq };
  }

  get applied(): Position | undefined {
    return this.generation === undefined ? undefined : { generation: this.generation, seq: this.applier.appliedSeq };
  }

  get epoch(): number {
    return this.saved.epoch;
  }

  /** Contents must be compared, not only sizes and times. */
  get suspect(): boolean {
    return this.saved.suspect === true;
  }

  /** A higher epoch is durable before anything of it is used. */
  raiseEpoch(epoch: number): void {
    if (epoch <= this.saved.epoch) return;
    this.save({ ...this.saved, epoch });
  }

  /** What the Master and this host call the same accounts; durable before anything is received. */
  knowOwners(map: OwnerMap | undefined): void {
    const before = this.saved.owners;
    const owners = map && { users: [...map.users], groups: [...map.groups] };
    if (JSON.stringify(before) === JSON.stringify(owners)) return;
    const { owners: _, ...others } = this.saved;
    this.saved = others;
    this.save(owners === undefined ? others : { ...others, owners });
  }

  takeProfile(profile: MetadataProfile): void {
    this.writer.profile = { ...profile, ...ownersIn(this.saved) };
  }

  // ---------------------------------------------------------------- receiving

  /** Checks a batch frame whole and appends it; durable only after `flushReceived`. Throws what closes the link, or `FS-FULL`. */
  accept(payload: Uint8Array, expectedBatch: number): void {
    const { header, changes } = decodeBatch(payload);
    if (header.batch !== expectedBatch) {
      throw new Fault('LINK-FRAME', { reason: `batch ${header.batch} instead of ${expectedBatch}` });
    }
    for (const change of changes) {
      if ('root' in change && change.root >= this.ports.trees.length) {
        throw new Fault('LINK-FRAME', { reason: `root ${change.root}` });
      }
      if ('path' in change) checkPath(change.path);
      if (change.op === 'rename') checkPath(change.from);
    }
    if (header.commitSeq !== 0 && header.commitSeq < this.lastReceivedSeq) {
      throw new Fault('LINK-FRAME', { reason: `sequence ${header.commitSeq} after ${this.lastReceivedSeq}` });
    }
    this.spool.append(payload);
  }

  /** Makes everything accepted durable; only then may it be acknowledged and applied. */
  flushReceived(): void {
    this.spool.flush();
    for (let index = this.spool.endIndex - 1; index >= this.applier.cursor.committedEnd; index -= 1) {
      const { commitSeq } = this.spool.batch(index)!.header;
      if (commitSeq === 0) continue;
      this.applier.cursor.committedEnd = index + 1;
      this.lastReceivedSeq = commitSeq;
      return;
    }
  }

  /** The link session ended: a unit without its end will be sent again from its beginning. */
  endSession(): void {
    this.spool.cutFrom(this.applier.cursor.committedEnd);
    this.gate.cutFrom(this.applier.cursor.committedEnd);
    this.applier.endSession();
    this.parked.forgetQuestions(this.ports.clock.bootMs());
  }

  // ---------------------------------------------------------------- applying

  /** Something received is still to be applied. */
  get backlog(): boolean {
    return !this.applier.idle || !this.applier.cursor.drained;
  }

  /** What the Master wants to be held back; durable when it returns. */
  setHold(order: ApplyHoldOrder): void {
    const { suspended, afterSeq } = this.gate.order;
    if (order.suspended === suspended && order.afterSeq === afterSeq) return;
    const hold = order.suspended || order.afterSeq !== undefined ? order : undefined;
    this.save({ ...this.saved, hold });
    this.gate.order = order;
  }

  private updateGate(): void {
    const { cursor } = this.applier;
    const { batch, change } = cursor.position;
    this.gate.update(this.spool, change > 0 ? batch + 1 : batch, cursor.committedEnd, this.ports.clock);
    cursor.limit = this.gate.end;
  }

  /** Works while `more()`; true when there is more to do at once. */
  run(more: () => boolean): boolean {
    this.updateGate();
    const busy = this.applier.run(more);
    // Before anybody hears that it is applied: what is read here for the Replicas behind must be all of it.
    for (const tree of this.ports.trees) tree.announce?.();
    this.history.applied(this.applier.appliedSeq);
    if (this.applier.dirty) this.dirtySinceMs ??= this.ports.clock.bootMs();
    const full = this.applier.heldFor?.code === 'FS-FULL' && this.applier.dirty;
    if (full || this.applier.bytesSinceCheckpoint >= CHECKPOINT_BYTES) this.checkpoint();
    return busy;
  }

  /** Applies what was received whatever its age; true when nothing is left. */
  drain(more: () => boolean): boolean {
    this.gate.ignoresAge = true;
    if (this.backlog) this.run(more);
    this.gate.ignoresAge = this.backlog;
    return !this.backlog;
  }

  /** When the next checkpoint is due (`Clock.bootMs`); undefined when there is nothing to cover. */
  get checkpointDueMs(): number | undefined {
    return this.dirtySinceMs === undefined ? undefined : this.dirtySinceMs + CHECKPOINT_MS;
  }

  /** Flushes the roots and records that they hold everything applied so far; false when that is not possible just now. */
  checkpoint(): boolean {
    const position = this.applier.checkpointPosition();
    if (position === undefined) {
      this.dirtySinceMs = this.ports.clock.bootMs();
      return false;
    }
    this.applier.dropGroup();
    for (const tree of this.ports.trees) tree.flushAll();
    const batch = this.spool.batch(position.batch);
    const location = batch ?? this.spool.endLocation;
    const { segment, offset } = location;
    this.save({
      ...this.saved,
      appliedSeq: this.applier.appliedSeq,
      replay: { segment, offset, change: batch === undefined ? 0 : position.change },
      ...this.journal.seal(),
      ...this.history.forState,
      ...this.parked.forState,
      tally: this.tally.now,
    });
    this.journal.forget();
    this.spool.dropBefore(position.batch);
    this.spool.trim(location);
    this.applier.checkpointed();
    this.dirtySinceMs = undefined;
    return true;
  }

  // ---------------------------------------------------------------- synchronizing

  /** From here on the roots are no state of any history: a crash means comparing again. */
  beginSynchronization(kind: MarkKind = 'before-synchronization'): void {
    this.applier.dropGroup();
    // What was applied and never flushed would otherwise pass for identical after a power cut.
    for (const tree of this.ports.trees) tree.flushAll();
    const place = this.history.pause(kind, this.applied?.seq ?? 0);
    this.generation = undefined;
    const start = this.spool.nextFreeSegment();
    this.parked.clear();
    this.save({
      version: 1,
      roots: this.ports.trees.map((tree) => tree.rootIdentity()),
      epoch: this.saved.epoch,
      appliedSeq: 0,
      replay: { ...start, change: 0 },
      ...place,
      parked: [],
      ...(this.suspect ? { suspect: true } : {}),
    });
    this.journal.forget();
    this.gate.order = NO_HOLD;
    this.gate.cutFrom(0);
    this.spool.reset(start);
    this.applier.restart(0);
    this.lastReceivedSeq = 0;
    this.dirtySinceMs = undefined;
  }

  /** Like `beginSynchronization`, but the roots stay as `applied` says but for some places: that can be begun again. */
  beginMending(): void {
    const mending = this.mending ?? this.applied;
    const parked = this.parked.list();
    const { dropped } = this.parked;
    this.beginSynchronization();
    this.parked.load(parked, this.ports.clock.bootMs());
    this.parked.dropped = dropped;
    this.save({ ...this.saved, ...this.parked.forState, mending });
  }

  /** Position a targeted synchronization began at; undefined when none was interrupted. */
  get mending(): Position | undefined {
    return this.suspect ? undefined : this.saved.mending;
  }

  /** Makes what was synchronized so far durable and drops what the journal kept of it. */
  flushSynchronized(): void {
    for (const tree of this.ports.trees) tree.flushAll();
    const saved = { ...this.saved, ...this.journal.seal() };
    // With history only what was not flushed yet is taken back after a crash.
    if (this.history.on) this.save(saved);
    else this.saved = saved;
    this.journal.forget();
  }

  /** The roots equal the Master's at `base`. */
  finishSynchronization(base: Position): void {
    for (const tree of this.ports.trees) tree.flushAll();
    this.generation = base.generation;
    this.lastReceivedSeq = base.seq;
    this.applier.restart(base.seq);
    this.history.mark('synchronized', base.seq);
    const { suspect: _, mending: __, ...known } = this.saved;
    this.save({
      ...known,
      generation: base.generation,
      appliedSeq: base.seq,
      ...this.journal.seal(),
      ...this.parked.forState,
    });
    this.journal.forget();
  }

  /** The operator forgets what is parked; remembered at once, so that nobody claims it is there. */
  dropParked(): void {
    this.parked.drop();
    // A checkpoint, so that no change before it is applied and parked again.
    if (!this.checkpoint()) this.save({ ...this.saved, ...this.parked.forState });
  }

  // ---------------------------------------------------------------- going back

  /** History up to that wall clock (ms) is about to be removed; remembered so that it is never claimed again. */
  trimHistory(toMs: number): void {
    this.save({ ...this.saved, historyTrimmedTo: this.journal.trimmed(toMs), historyTime: this.journal.historyTime });
  }

  /** Log and roots say the same until the next change; false: not now. Nothing of the roots is touched. */
  settle(): boolean {
    if (!this.applier.settle()) return false;
    this.journal.flush();
    return true;
  }

  /**
   * Sets the roots back to a point of their history. From its first step on they are no state the Master can go on from: the
   * next Run compares. Yields between groups; a crash leaves them between two groups, and rewinding again goes on.
   */
  *rewind(point: number, counts: RewindCounts, looked = false): Generator<undefined, void> {
    this.beginSynchronization('rewind');
    const { journal, ports } = this;
    const checkpoint = () => this.flushSynchronized();
    const wayBack = (to: number) => this.history.wayBack(to);
    yield* rewindTo({ ...ports, journal, wayBack, checkpoint, looked }, point, counts);
    this.flushSynchronized();
  }

  // ---------------------------------------------------------------- the roots themselves

  /** Path of a root that is not the directory it was when it was synchronized (not mounted, replaced); else undefined. */
  lostRoot(): string | undefined {
    return findLostRoot(this.saved.roots, this.ports.trees);
  }

  private checkRoots(roots: readonly string[], adopt: boolean): RootsNow {
    const { roots: known, generation: _, ...rest } = this.saved;
    const now = compareRoots(known, roots);
    if (now === 'same') return now;
    const other = known?.findIndex((identity, root) => roots[root] !== undefined && identity !== roots[root]) ?? -1;
    if (other >= 0 && !adopt) throw new Fault('ROOT-MISSING', { path: this.ports.trees[other]!.path });
    // Roots that came or went are the operator's wish; everything is compared.
    this.saved = { ...rest, roots: [...roots], ...(now === 'others' ? { suspect: true } : {}) };
    return now;
  }

  /** The journal speaks of roots by their numbers, and these are others now. */
  private leaveHistory(): void {
    const place = this.history.breakOff('the roots of the scenario were changed');
    this.save({ ...this.saved, ...place });
    this.journal.clean();
  }

  // ---------------------------------------------------------------- recovery

  private load(): Checkpoint {
    try {
      const bytes = this.ports.stateFile.load();
      return bytes === undefined ? this.unknown() : decodeCheckpoint(bytes);
    } catch (error) {
      const fault = Fault.from(error);
      if (fault.code !== 'STATE-DAMAGED') throw fault;
      this.ports.onEvent('SYN-006', { reason: fault.message });
      return this.unknown();
    }
  }

  /** A synchronization was interrupted: a file half changed in place is neither old nor new, what it was is in the journal. */
  private takeBackPatches(): void {
    const journal = new Journal(this.ports.journalLog, this.ports.trees, this.saved, this.ports.keepsHistory);
    const patches = journal.pending().filter(({ op }) => op === 'patch');
    if (patches.length === 0) return;
    journal.rollBack(patches);
    for (const tree of this.ports.trees) tree.flushAll();
  }

  /** What is kept belongs to no history, perhaps to a deleted scenario: its names must not be used again, nor swept (retention.ts). */
  private skipKept(): void {
    const journalSegment = Math.max(this.saved.journalSegment, newestKeptSegment(this.ports.trees) + 2);
    if (journalSegment !== this.saved.journalSegment) this.saved = { ...this.saved, journalSegment, journalOffset: 0 };
  }

  /** Without a checkpoint nothing of spool and journal can be placed: they start at segments never used. */
  private unknown(): Checkpoint {
    const spool = this.ports.spoolLog.list().at(-1) ?? 0;
    const journal = this.ports.journalLog.list().at(-1) ?? 0;
    return {
      ...FIRST_CHECKPOINT,
      ...(spool > 0 || journal > 0 ? { suspect: true } : {}),
      replay: { segment: spool + 1, offset: 0, change: 0 },
      journalSegment: journal + 1,
      journalOffset: 0,
    };
  }

  private rollBack(): void {
    const { clock } = this.ports;
    const bootedAt = clock.wallMs() - clock.bootMs();
    const since = this.saved.rollingBackSince;
    const interrupted = since !== undefined && Math.abs(since - bootedAt) > BOOT_TOLERANCE_MS;
    const pending = this.journal.pending();
    if (pending.length === 0 && since === undefined) return;
    if (interrupted || (this.saved.generation === undefined && !this.ports.keepsHistory)) {
      this.journal.rollBack(pending.filter(({ op }) => op === 'patch'));
      this.giveUp(interrupted ? 'power was lost during recovery' : undefined);
      return;
    }
    this.save({ ...this.saved, rollingBackSince: bootedAt });
    const { failed, foreign, lost, unclear } = this.journal.rollBack(pending);
    if (lost !== undefined) {
      this.giveUp(`"${lost.path}" is not as the journal left it`);
      return;
    }
    if (this.saved.generation === undefined && failed.length > 0) {
      this.giveUp(`"${failed[0]!.path}" could not be taken back`);
      return;
    }
    for (const record of [...failed, ...foreign]) this.askAgain(record.root, record.path);
    for (const tree of this.ports.trees) tree.flushAll();
    const { rollingBackSince: _, ...rest } = this.saved;
    this.history.rememberLost();
    const place = this.history.goOnWithout(unclear);
    this.save({ ...rest, ...place, ...this.history.forState, ...this.parked.forState });
    this.journal.clean();
  }

  /** The roots are no state of any history. `reason`: not even their contents can be trusted. `gap`: what the history says of it. */
  giveUp(reason: string | undefined, gap = reason ?? 'a synchronization was interrupted'): void {
    if (reason !== undefined) this.ports.onEvent('SYN-006', { reason });
    const { generation: _, rollingBackSince: __, bookmarks: ___, ...rest } = this.saved;
    const suspect = reason !== undefined || rest.suspect === true ? { suspect: true } : {};
    this.save({ ...rest, ...suspect, ...this.history.breakOff(gap) });
    this.journal.clean();
  }

  private askAgain(root: number, path: string): void {
    this.parked.park({ root, path, code: 'repair', reason: 'not taken back' }, this.ports.clock.bootMs());
  }

  private recoverReceived(): void {
    const { cursor } = this.applier;
    for (let index = this.spool.firstIndex; index < this.spool.endIndex; index += 1) {
      const { commitSeq } = this.spool.batch(index)!.header;
      if (commitSeq === 0) continue;
      cursor.committedEnd = index + 1;
      this.lastReceivedSeq = commitSeq;
    }
    this.spool.cutFrom(cursor.committedEnd);
    this.applier.endSession();
  }

  private save(checkpoint: Checkpoint): void {
    const { owners } = this.saved;
    // One made from scratch holds what is in the roots now.
    const tallied = 'tally' in checkpoint ? checkpoint : { ...checkpoint, tally: this.tally.now };
    const whole = owners === undefined || 'owners' in checkpoint ? tallied : { ...tallied, owners };
    this.ports.stateFile.save(encodeCheckpoint(whole));
    this.saved = whole;
  }
}

function checkPath(path: string): void {
  if (path.split('/').includes(CONTROL_NAME)) throw new Fault('PATH-ESCAPE', { path });
}
