/**
 * The capturing half of a Master engine: trackers of all roots over one index, the root guard, durable transactions, proof
 * that the capture source is alive, and the times of what was captured.
 */
import type { FaultDetails } from '../../shared/faults.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import { SentContents } from '../capture/content-check.ts';
import type { DigestOf } from '../capture/digest.ts';
import type { RootFilters } from '../capture/filter.ts';
import type { CaptureToll } from '../capture/mass-changes.ts';
import { resend } from '../capture/resend.ts';
import { SpecialFiles } from '../capture/special-files.ts';
import { TollCount } from '../capture/toll-count.ts';
import { RootTracker, type StepContext } from '../capture/tracker.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { CaptureHint, Clock, FileId, RootTree } from '../ports.ts';
import { type IndexedEntry, type Intent, NEVER_NS, type NewIntent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { CaptureMarks } from './capture-marks.ts';
import type { AuditResult, EngineCall } from './engine-protocol.ts';
import { MasterAudit } from './master-audit.ts';
import { MountGuard } from './master-mounts.ts';
import { UnreadablePlaces } from './master-unreadable.ts';

export interface CapturePorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly filters: RootFilters;
  readonly digestOf: DigestOf;
  readonly hasher: ContentHasher;
  readonly auditPeriodMs: number;
  /** Intents up to here may have been sent to some Replica. */
  readonly sentSeq: () => number;
  /** Somebody will need what is captured from now on. */
  readonly spooling: () => boolean;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** In the open transaction. */
  readonly onToll: (toll: CaptureToll) => void;
}

type Found = Required<Pick<StepContext, 'emit' | 'onReplaced'>>;

/** Also by count: a simulated clock does not move during a turn. */
const TURN_STEPS = 100;
const GUARD_MS = 200;
const LOST_ROOT_RETRY_MS = 1_000;
const OVERFLOW_FIRST_MS = 100;
const OVERFLOW_LONGEST_MS = 30_000;
const OVERFLOW_CALM_MS = 60_000;
const COMPLAINT_MS = 60_000;

export class MasterCapture {
  private readonly ports: CapturePorts;
  readonly trackers: readonly RootTracker[];
  readonly sent = new SentContents();
  readonly special: SpecialFiles;
  private readonly audit: MasterAudit;
  readonly unreadable: UnreadablePlaces;
  private readonly mounts: MountGuard;
  private readonly lost = new Set<number>();
  private guardedAtMs = Number.NEGATIVE_INFINITY;
  private overflowCount = 0;
  private overflowAtMs = Number.NEGATIVE_INFINITY;
  private readonly complaints = new Map<string, number>();
  private readonly marks = new CaptureMarks();
  private identities: (string | undefined)[] = [];
  /** The index is complete: reconciliations may run. */
  active = false;
  changes = 0;
  /** Changes found by the comparison after a restart; undefined when none is under way. */
  private recovered: number | undefined;
  /** Counts what was sent and has to be looked at or sent again: a barrier waits for that too. */
  doubts = 0;
  /** Started anew: what changed while nobody watched is not found yet, so nobody may be told that all is known. */
  recovering = false;

  constructor(ports: CapturePorts) {
    this.ports = ports;
    this.special = new SpecialFiles(ports);
    this.unreadable = new UnreadablePlaces(ports.trees, ports.state);
    this.mounts = new MountGuard({ ...ports, rescan: (root, path) => this.rescan(root, path) });
    const audited = {
      ...ports,
      held: (root: number) => this.mounts.heldPlaces(root),
      repair: (root: number, path: RelativePath) => this.rescanChildren(root, path),
    };
    this.audit = new MasterAudit(audited, ports.auditPeriodMs);
    this.trackers = ports.trees.map(
      (tree, root) =>
        new RootTracker({
          root,
          tree,
          index: ports.state,
          excluded: ports.filters(root),
          held: this.mounts.heldPlaces(root),
          special: this.special.ofRoot(root),
          digestOf: ports.digestOf,
          hasher: ports.hasher,
          sent: this.sent,
          onFailed: (path, error) => this.cannotRead(root, path, Fault.from(error)),
        }),
    );
  }

  /** The trees too. */
  close(): void {
    this.special.close();
    for (const tracker of this.trackers) tracker.close();
    for (const tree of this.ports.trees) tree.close();
  }

  // ------------------------------------------------------------- hints

  takeHint(hint: CaptureHint): void {
    const nowMs = this.ports.clock.bootMs();
    const tracker = this.trackers[hint.root];
    if (tracker === undefined) return;
    if (hint.kind === 'root-lost') this.guardedAtMs = Number.NEGATIVE_INFINITY;
    else if (hint.kind === 'mounts') this.mounts.take(hint.root, hint.paths);
    else if (hint.kind === 'overflow') this.takeOverflow(tracker, hint.path, hint.root, nowMs);
    else tracker.takeHint(hint, nowMs);
  }

  /** Overflows in a row are rescanned at growing distances. */
  private takeOverflow(tracker: RootTracker, path: RelativePath, root: number, nowMs: number): void {
    if (nowMs - this.overflowAtMs > OVERFLOW_CALM_MS) this.overflowCount = 0;
    this.overflowAtMs = nowMs;
    const delayMs = this.overflowCount === 0 ? 0 : OVERFLOW_FIRST_MS * 2 ** Math.min(this.overflowCount, 12);
    this.overflowCount += 1;
    if (!tracker.rescanAt(path, nowMs + Math.min(delayMs, OVERFLOW_LONGEST_MS), nowMs)) return;
    this.ports.onEvent('CAP-002', { path: path === '' ? this.ports.trees[root]!.path : path });
  }

  takeCall(call: Extract<EngineCall, { name: 'audit' | 'rescan' }>, reply: (result?: AuditResult) => void): void {
    if (call.name === 'audit') {
      this.audit.request(reply);
      return;
    }
    this.rescan(call.root, call.path);
    reply();
  }

  rescan(root: number, path: RelativePath): void {
    this.trackers[root]?.rescan(path, this.ports.clock.bootMs());
  }

  /** A walk brings the whole record up to date: comparisons asked for before it are not needed. */
  pauseForWalk(): void {
    this.active = false;
    for (const tracker of this.trackers) tracker.forgetScans();
  }

  /** Compares the entries of one directory with the record. */
  rescanChildren(root: number, path: RelativePath): void {
    this.trackers[root]?.rescanChildren(path, this.ports.clock.bootMs());
  }

  /** Everything known now is looked at without delay until `isFlushed`; whether the roots are there is looked at now. */
  hurry(): void {
    this.guardedAtMs = Number.NEGATIVE_INFINITY;
    if (this.active) this.guard(this.ports.clock.bootMs());
    for (const tracker of this.trackers) tracker.hurry();
  }

  isFlushed(): boolean {
    return this.active && this.lost.size === 0 && this.trackers.every((tracker) => tracker.isFlushed());
  }

  /** Compares everything with the record: changes may have been made while nobody watched. */
  recover(): void {
    this.recovered = 0;
    for (const root of this.trackers.keys()) this.rescan(root, '');
  }

  look(root: number, path: RelativePath): void {
    this.trackers[root]?.look(path, this.ports.clock.bootMs());
  }

  lookLater(root: number, path: RelativePath): void {
    this.doubts += 1;
    this.trackers[root]?.lookLater(path, this.ports.clock.bootMs());
  }

  // ------------------------------------------------------------- what could not be sent

  get unreadableCount(): number {
    return this.unreadable.count + this.mounts.heldCount;
  }

  /** A few of them. */
  get unreadablePaths(): RelativePath[] {
    return [...this.unreadable.examples(3), ...this.mounts.heldPaths];
  }

  /** Told, counted, and tried again until it can be read. */
  cannotRead(root: number, path: RelativePath, fault: Fault, whole = false): void {
    this.unreadable.note({ root, path, whole }, this.ports.clock.bootMs());
    this.complain(path, fault);
  }

  retryUnreadable(): void {
    if (!this.active || this.unreadable.count === 0 || this.lost.size > 0) return;
    for (const { root, path, whole } of this.unreadable.takeReadable(this.ports.clock.bootMs())) {
      this.doubts += 1;
      if (whole) this.repair(root, [path]);
      this.look(root, path);
      this.rescan(root, path);
    }
  }

  /**
   * A synchronization found a file gone or could not read it when it came to send it: the record must not say that the
   * Replica has its content, under whatever name it has now.
   */
  notSent(root: number, path: RelativePath, id: FileId): void {
    const { state } = this.ports;
    state.transaction(() => {
      for (const { row, place } of this.recordsOf(root, id)) {
        if (row.type === 'file') state.updateEntry(row, { ...row, mtimeNs: NEVER_NS });
        this.look(root, place);
      }
    });
    this.look(root, path);
  }

  /**
   * A synchronization did not get to see a directory it had announced: it has gone (moved, perhaps) or cannot be read. What a
   * Replica has of it is unknown, so it is sent whole, wherever it is now.
   */
  notListed(root: number, path: RelativePath, id: FileId, fault: Fault | undefined): void {
    if (fault !== undefined) this.cannotRead(root, path, fault, true);
    else this.repair(root, [...new Set([path, ...this.recordsOf(root, id).map(({ place }) => place)])]);
  }

  private recordsOf(root: number, { inode, birthNs }: FileId): { row: IndexedEntry; place: RelativePath }[] {
    const { state } = this.ports;
    const found: { row: IndexedEntry; place: RelativePath }[] = [];
    for (const row of state.byFileId(BigInt.asIntN(64, inode), birthNs)) {
      const place = state.placeOf(row);
      if (place?.root === root) found.push({ row, place: place.path });
    }
    return found;
  }

  /** Says once a minute that a place cannot be read. */
  private complain(path: RelativePath, fault: Fault): void {
    const nowMs = this.ports.clock.bootMs();
    if (nowMs - (this.complaints.get(path) ?? Number.NEGATIVE_INFINITY) < COMPLAINT_MS) return;
    if (this.complaints.size > 10_000) this.complaints.clear();
    this.complaints.set(path, nowMs);
    this.ports.onEvent('SYN-005', { path, reason: fault.message });
  }

  // ------------------------------------------------------------- the root guard

  /**
   * Remembers which directories the roots are; called when a synchronization begins. Throws `ROOT-MISSING`, also when one
   * is another directory than before and nobody said so (`adopt`): it may just not be mounted, and a comparison with the
   * empty directory below would empty the Replica.
   */
  recordIdentities(adopt: boolean): void {
    for (const [root, tree] of this.ports.trees.entries()) {
      const identity = tree.rootIdentity();
      const known = this.ports.state.meta(`identity:${root}`);
      if (!adopt && known !== undefined && known !== identity) throw new Fault('ROOT-MISSING', { path: tree.path });
    }
    if (adopt) this.mounts.adopt();
    else this.mounts.require();
    for (const [root, tree] of this.ports.trees.entries()) {
      const identity = tree.rootIdentity();
      this.identities[root] = identity;
      this.ports.state.setMeta(`identity:${root}`, identity);
    }
  }

  /** Why nothing is captured now, undefined when all roots are what they were. */
  get held(): string | undefined {
    const [root] = this.lost;
    return root === undefined ? undefined : new Fault('ROOT-MISSING', { path: this.ports.trees[root]!.path }).message;
  }

  private guard(nowMs: number): boolean {
    const pauseMs = this.lost.size > 0 ? LOST_ROOT_RETRY_MS : GUARD_MS;
    if (nowMs - this.guardedAtMs < pauseMs) return this.lost.size === 0;
    this.guardedAtMs = nowMs;
    for (const [root, tree] of this.ports.trees.entries()) {
      if (this.isThere(root, tree)) {
        if (this.lost.delete(root)) {
          this.ports.onEvent('ROOT-002', { path: tree.path });
          this.rescan(root, '');
        }
      } else if (!this.lost.has(root)) {
        this.lost.add(root);
        this.ports.onEvent('ROOT-001', { path: tree.path });
      }
    }
    this.mounts.check();
    return this.lost.size === 0;
  }

  /** Throws `ROOT-MISSING` when a root is not the directory it was: what is found there now means nothing. */
  requireRoots(): void {
    for (const [root, tree] of this.ports.trees.entries()) {
      if (!this.isThere(root, tree)) throw new Fault('ROOT-MISSING', { path: tree.path });
    }
    this.mounts.require();
  }

  private isThere(root: number, tree: RootTree): boolean {
    try {
      this.identities[root] ??= this.ports.state.meta(`identity:${root}`);
      return tree.rootIdentity() === this.identities[root];
    } catch {
      return false;
    }
  }

  // ------------------------------------------------------------- work

  nextDueMs(nowMs: number): number | undefined {
    if (!this.active) return undefined;
    if (this.lost.size > 0) return this.guardedAtMs + LOST_ROOT_RETRY_MS;
    let due = this.recovered === undefined ? this.audit.nextDueMs(nowMs) : undefined;
    for (const tracker of this.trackers) {
      const next = tracker.nextDueMs(nowMs);
      if (next !== undefined) due = Math.min(due ?? next, next);
    }
    return due;
  }

  /** Works while `more()`; one durable transaction. True when something was done. */
  work(more: () => boolean): boolean {
    const nowMs = this.ports.clock.bootMs();
    if (!this.active || !this.guard(nowMs)) return false;
    if (this.recovered !== undefined && this.trackers.every((tracker) => tracker.isQuiet)) this.endRecovery();
    const due = this.nextDueMs(nowMs);
    if (due === undefined || due > nowMs) return false;
    const done = this.inTransaction((found) => {
      let steps = 0;
      for (const tracker of this.trackers) {
        do {
          // Before any absence is believed; a stat of the root costs little beside a step.
          if (steps > 0 && !this.isThere(tracker.root, this.ports.trees[tracker.root]!)) {
            this.guardedAtMs = Number.NEGATIVE_INFINITY;
            return steps;
          }
          this.mounts.check();
          if (this.stepOf(tracker, found) === undefined) break;
          steps += 1;
        } while (steps < TURN_STEPS && more());
      }
      return steps;
    });
    return this.audit.step(this.recovered === undefined && this.lost.size === 0, more) || done > 0;
  }

  private stepOf(tracker: RootTracker, found: Found): number | undefined {
    const { clock, sentSeq } = this.ports;
    const changes = tracker.step({ bootMs: clock.bootMs(), wallMs: clock.wallMs(), sentSeq: sentSeq(), ...found });
    if (changes !== undefined) {
      this.changes += changes;
      if (this.recovered !== undefined) this.recovered += changes;
    }
    return changes;
  }

  private endRecovery(): void {
    if (this.recovered !== undefined && this.recovered > 0) this.ports.onEvent('CAP-004', { changes: this.recovered });
    this.recovered = undefined;
    this.recovering = false;
    this.audit.noteCompared();
  }

  /** Emitted intents are in the spool, durably, when it returns. */
  private inTransaction<T>(work: (found: Found) => T): T {
    const { state, clock, spooling } = this.ports;
    const before = state.seq;
    const spool = spooling();
    let last: Intent | undefined;
    let missed = false;
    let bytes = 0;
    const atMs = clock.wallMs();
    const toll = new TollCount(state);
    const result = state.transaction(() => {
      const emit = (intent: NewIntent) => {
        missed ||= !spool;
        if (!spool) return;
        last = state.append(intent, atMs);
        bytes += intent.sizeBytes;
      };
      const done = work({ emit, onReplaced: toll.onReplaced });
      if (spool) this.ports.onToll(toll.total());
      // Kept for nobody: whoever comes back with a position from before it has not got it.
      if (missed) state.skipTo(state.seq + 1);
      return done;
    });
    if (last !== undefined && last.seq > before) this.marks.add(last.seq, bytes, clock.bootMs());
    return result;
  }

  /** Sends places again as a Replica asked, whole. */
  repair(root: number, paths: readonly RelativePath[]): void {
    this.doubts += 1;
    const tracker = this.trackers[root];
    const tree = this.ports.trees[root];
    if (tracker === undefined || tree === undefined) return;
    this.inTransaction(({ emit }) => {
      for (const path of paths) {
        if (this.ports.filters(root)(path)) continue;
        this.look(root, path);
        resend(this.ports.state, root, path, emit);
      }
    });
  }

  // ------------------------------------------------------------- figures

  /** The spool of an earlier run: its age is known by the wall clock only. */
  adoptSpool(): void {
    const { state, clock } = this.ports;
    const [first] = state.intentsAfter(state.trimmedSeq, 1);
    if (first === undefined) return;
    const ageMs = Math.max(0, clock.wallMs() - first.atMs);
    this.marks.adopt(state.seq, state.countIntents(state.trimmedSeq).sizeBytes, clock.bootMs() - ageMs);
  }

  forgetMarks(throughSeq: number): void {
    this.marks.forget(throughSeq);
  }

  /** Age in ms of the oldest change after a position, what was hinted at and not looked at included; 0 when there is none. */
  ageOf(seq: number, nowMs: number): number {
    let oldest = this.marks.oldestAfter(seq);
    if (this.active) {
      for (const tracker of this.trackers) {
        const since = tracker.oldestMs();
        if (since !== undefined) oldest = Math.min(oldest ?? since, since);
      }
    }
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest);
  }

  bytesAfter(seq: number): number {
    return this.marks.bytesAfter(seq);
  }

  get pendingCount(): number {
    return this.trackers.reduce((sum, tracker) => sum + tracker.pendingCount, 0);
  }
}
