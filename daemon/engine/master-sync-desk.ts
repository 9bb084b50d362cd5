/**
 * Synchronizations and comparisons of a Master: asked for by a call, begun when the Replica is there and capture is alive,
 * begun again after an interruption. The walk of a first one builds the index inside one open transaction.
 */
import { Fault } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import type { MasterSync } from '../sync/master.ts';
import type { WalkPlace } from '../sync/master-walk.ts';
import type { EngineCall, EngineConfig } from './engine-protocol.ts';
import { examplesOf, type MasterBarriers } from './master-barrier.ts';
import type { MasterCapture } from './master-capture.ts';
import type { MasterPeer } from './master-peer.ts';
import type { SpoolKeeper } from './master-spool.ts';
import type { MasterStatistics } from './master-statistics.ts';
import { ContinuousVerification } from './master-verification.ts';
import { ReplayedMoves } from './replayed-moves.ts';
import { SeenAhead } from './seen-ahead.ts';

type SyncCall = Extract<EngineCall, { name: 'synchronize' | 'diff' }>;

export interface SyncDeskPorts {
  readonly clock: Clock;
  readonly state: MasterState;
  readonly capture: MasterCapture;
  readonly barriers: MasterBarriers;
  readonly spool: SpoolKeeper;
  readonly statistics: MasterStatistics;
  readonly config: EngineConfig;
  /** False: nobody reports changes; only comparisons are asked for. */
  readonly captures: boolean;
  readonly peers: ReadonlyMap<string, MasterPeer>;
  readonly position: () => Position;
  /** What was changed during a synchronization ends with this. */
  readonly onTail: (seq: number) => void;
  readonly reply: (id: number, result: unknown, fault?: Fault) => void;
  readonly onEvent: (code: string, details?: Readonly<Record<string, string | number | boolean>>) => void;
  readonly wake: () => void;
  /** Throws why nothing may be made equal now unless the operator asked for it. */
  readonly permit: (asked: boolean) => void;
  readonly isHeldBack: (peer: string) => boolean;
}

interface PendingSync {
  readonly callId: number;
  readonly call: SyncCall;
  /** It was interrupted and starts again. */
  again: boolean;
}

/** A walk starts when the capture source has proved to be alive; without that it starts after this long. */
export const CAPTURE_PROOF_MS = 3_000;
/** The record of a first walk becomes durable at these distances; until it is complete it means nothing. */
const WALK_COMMIT_MS = 500;
/** Of a Replica whose walk the index was not made from, until all that the walk saw was captured. */
const FOLLOWED_PREFIX = 'followed:';
/** A hint of what was written during the walk, by a writer that is not done, leads to a look by then. */
const CATCH_UP_MS = 10_000;

export class MasterSyncDesk {
  private readonly ports: SyncDeskPorts;
  private readonly pending = new Map<string, PendingSync>();
  /** After a synchronization: the position at which all changes made during it are applied. */
  private readonly tails = new Map<string, number | 'flushing'>();
  /** Replicas of `tails` that get changes which the walk saw already. */
  private readonly moves = new Map<string, ReplayedMoves>();
  private readonly ahead = new Map<string, SeenAhead>();
  /** The Master died before that was so: what the walk had seen is not known any more. */
  private readonly halfKnown: Set<string>;
  /** Replicas of `tails` for which it was told what is missing. */
  private readonly excepted = new Set<string>();
  /** A walk is building the index inside an open transaction. */
  private walking: MasterPeer | undefined;
  private walkCommittedMs = 0;
  /** When that walk ended; undefined when all that was changed during it is captured. */
  private walkedMs: number | undefined;
  private syncId: number;
  /** The index describes the roots. */
  indexed: boolean;
  readonly verification: ContinuousVerification;

  constructor(ports: SyncDeskPorts, firstSyncId: number) {
    this.ports = ports;
    this.syncId = firstSyncId;
    this.indexed = ports.state.meta('indexed') === '1';
    this.halfKnown = new Set(ports.state.metaKeys(FOLLOWED_PREFIX).map((key) => key.slice(FOLLOWED_PREFIX.length)));
    const compare = (peer: MasterPeer, places: readonly WalkPlace[]) => this.compareSlice(peer, places);
    this.verification = new ContinuousVerification({ ...ports, compare });
  }

  /** Somebody waits for a Replica to become equal. */
  get isSynchronizing(): boolean {
    for (const { call } of this.pending.values()) if (call.name === 'synchronize') return true;
    return false;
  }

  /** It waits for becoming equal. */
  synchronizes(peer: string): boolean {
    return this.pending.get(peer)?.call.name === 'synchronize';
  }

  /** `hasPosition`: that synchronization was complete; else it is begun again anyway. */
  mustCompare(peer: string, hasPosition: boolean): boolean {
    if (!hasPosition) this.halfKnown.delete(peer);
    return this.halfKnown.has(peer);
  }

  /** False while changes wait for the walk that builds the index, and until those were captured. */
  get isSteady(): boolean {
    return this.walking === undefined && this.walkedMs === undefined;
  }

  get isWalking(): boolean {
    return this.walking !== undefined;
  }

  request(id: number, call: SyncCall): void {
    const earlier = this.pending.get(call.peer);
    if (earlier !== undefined) {
      this.ports.reply(
        id,
        undefined,
        new Fault('SCENARIO-STATE', {
          name: this.ports.config.scenarioName,
          state: 'synchronizing',
          reason: 'another comparison with this host is under way',
        }),
      );
      return;
    }
    const pending: PendingSync = { callId: id, call, again: false };
    this.pending.set(call.peer, pending);
    const peer = this.ports.peers.get(call.peer);
    if (peer?.connected) this.beginSync(peer, pending);
  }

  private beginSync(peer: MasterPeer, pending: PendingSync): void {
    this.ports.barriers.whenCaptureIsAlive(this.ports.captures ? CAPTURE_PROOF_MS : 0, () => {
      if (this.pending.get(peer.id) !== pending || !peer.connected || peer.sync !== undefined) return;
      try {
        this.runSync(peer, pending);
      } catch (error) {
        const fault = Fault.from(error);
        if (fault.kind === 'fatal') throw fault;
        this.pending.delete(peer.id);
        this.ports.onEvent('SYN-004', { reason: fault.message });
        this.ports.reply(pending.callId, undefined, fault);
      }
      this.ports.wake();
    });
  }

  private runSync(peer: MasterPeer, { call, again }: PendingSync): void {
    this.syncId += 1;
    if (call.name === 'diff') {
      // Of a stopped scenario there is no record of which directories the roots are: what is there now is meant.
      this.ports.capture.recordIdentities(!this.ports.captures);
      const base = this.ports.position();
      const { syncId } = this;
      const { ignoreSame } = call;
      peer.startSync({ syncId, method: 'file', ignoreSame, dryRun: true, base, recording: 'ignore' });
      return;
    }
    // Only against a complete index can a second walk say what differs; it begins when the first one has ended, either way.
    if (this.walking !== undefined) return;
    this.ports.permit(call.adoptRoots === true);
    this.verification.withdraw(peer.id);
    if (this.runTargeted(peer, call, again)) return;
    this.ports.capture.recordIdentities(call.adoptRoots === true && !again);
    const others = [...this.ports.peers.values()].some((other) => other !== peer && this.dependsOnIndex(other));
    if (!others) this.startIndex(peer);
    if (!again) this.ports.onEvent('SYN-001', { method: call.method });
    const base = this.ports.position();
    this.ports.spool.pin(peer.id, base.seq);
    if (others) this.ports.state.setMeta(FOLLOWED_PREFIX + peer.id, '1');
    peer.startSync({
      syncId: this.syncId,
      method: call.method,
      ignoreSame: call.ignoreSame,
      dryRun: false,
      base,
      ...(others ? { recording: 'report', ahead: new SeenAhead() } : { recording: 'record' }),
    });
  }

  /** Compares only where changes were dropped from the spool; false when that is not enough or not what the operator asked for. */
  private runTargeted(peer: MasterPeer, call: Extract<SyncCall, { name: 'synchronize' }>, again: boolean): boolean {
    const { spool, state, capture } = this.ports;
    if (!this.indexed || this.halfKnown.has(peer.id) || (call.adoptRoots === true && !this.goesOn(call))) return false;
    const dropped = spool.placesFor(peer.id, peer.heldSeq);
    if (dropped === undefined) return false;
    capture.recordIdentities(false);
    const places = dropped.flatMap(({ root, path, deep }): WalkPlace[] => {
      const row = state.lookup(root, path);
      return row?.type === 'directory' ? [{ root, path, deep, id: row }] : [];
    });
    if (!again) this.ports.onEvent('SYN-008', { peer: peer.id, count: places.length });
    const base = this.ports.position();
    const { syncId } = this;
    const { ignoreSame } = call;
    // What is changed meanwhile is sent from there on, however much it is.
    spool.pin(peer.id, base.seq);
    state.setMeta(FOLLOWED_PREFIX + peer.id, '1');
    peer.startSync({
      syncId,
      method: 'file',
      ignoreSame,
      dryRun: false,
      base,
      recording: 'report',
      ahead: new SeenAhead(),
      places,
    });
    return true;
  }

  /** The operator lets a scenario go on that waited for him, and the record still describes the roots. */
  private goesOn({ droppedOnly, method }: Extract<SyncCall, { name: 'synchronize' }>): boolean {
    if (droppedOnly !== true || method === 'skip') return false;
    try {
      this.ports.capture.recordIdentities(false);
      return true;
    } catch (error) {
      if (Fault.from(error).code === 'ROOT-MISSING') return false;
      throw error;
    }
  }

  private dependsOnIndex(peer: MasterPeer): boolean {
    return (
      peer.synchronized || peer.sync?.options.dryRun === false || this.ports.spool.receivedBy(peer.id) !== undefined
    );
  }

  /** Nobody relies on the index: the walk brings it to what it sees, without intents. */
  private startIndex(peer: MasterPeer): void {
    const { state, clock } = this.ports;
    this.abandonWalk();
    this.moves.clear();
    this.ahead.clear();
    this.halfKnown.clear();
    this.indexed = false;
    this.ports.capture.pauseForWalk();
    state.transaction(() => {
      state.setMeta('indexed', '0');
      for (const key of state.metaKeys(FOLLOWED_PREFIX)) state.deleteMeta(key);
      this.ports.spool.startOver();
    });
    this.walking = peer;
    this.walkCommittedMs = clock.bootMs();
    state.begin();
  }

  /** The walk's transaction is kept, but the index stays marked as incomplete. */
  abandonWalk(): void {
    if (this.walking === undefined) return;
    this.walking = undefined;
    this.ports.state.commit();
  }

  keepWalkDurable(): void {
    const nowMs = this.ports.clock.bootMs();
    if (this.walking === undefined || nowMs - this.walkCommittedMs < WALK_COMMIT_MS) return;
    this.walkCommittedMs = nowMs;
    this.ports.state.commit();
    this.ports.state.begin();
  }

  onWalked(peer: MasterPeer): void {
    if (this.walking !== peer) return;
    this.walking = undefined;
    this.ports.state.setMeta('indexed', '1');
    this.ports.state.commit();
    this.indexed = true;
    this.ports.capture.active = true;
    this.walkedMs = this.ports.clock.bootMs();
    this.ports.capture.hurry();
    this.beginWaiting();
  }

  private beginWaiting(): void {
    for (const [id, pending] of this.pending) {
      const peer = this.ports.peers.get(id);
      if (peer?.connected && peer.sync === undefined) this.beginSync(peer, pending);
    }
  }

  /** Compares places without changing anything; the answer goes to continuous verification. */
  private compareSlice(peer: MasterPeer, places: readonly WalkPlace[]): void {
    this.syncId += 1;
    const { syncId } = this;
    const base = this.ports.position();
    const kind = { method: 'file', ignoreSame: false, dryRun: true, recording: 'ignore', slice: true } as const;
    peer.startSync({ ...kind, syncId, base, places });
  }

  onDone(peer: MasterPeer, sync: MasterSync): void {
    if (sync.options.slice) {
      this.verification.takeSlice(peer.id, sync.differenceResult().differences);
      const waiting = this.pending.get(peer.id);
      if (waiting !== undefined) this.beginSync(peer, waiting);
      return;
    }
    const pending = this.pending.get(peer.id);
    this.pending.delete(peer.id);
    if (sync.options.dryRun) {
      if (pending !== undefined) this.ports.reply(pending.callId, sync.differenceResult());
      return;
    }
    this.ports.spool.know(peer.id, sync.options.base.seq);
    this.ports.statistics.synchronized(sync);
    this.ports.onEvent('SYN-002');
    this.tails.set(peer.id, 'flushing');
    this.halfKnown.delete(peer.id);
    if (sync.options.recording === 'report') this.moves.set(peer.id, new ReplayedMoves(sync.options.base.seq));
    if (sync.options.ahead !== undefined) this.ahead.set(peer.id, sync.options.ahead);
    this.excepted.delete(peer.id);
    this.ports.capture.hurry();
    if (pending !== undefined) this.ports.reply(pending.callId, sync.result());
  }

  /**
   * SYN-003 once what was captured by the end of a synchronization is applied. It is not claimed while something is parked:
   * then SYN-007 says what is missing, and SYN-003 follows when that is there too.
   */
  followTails(): void {
    this.catchUp();
    this.verification.step();
    for (const id of this.tails.keys()) {
      const tail = this.tailOf(id);
      const peer = this.ports.peers.get(id);
      if (tail === undefined || !peer?.synchronized || !peer.heard || peer.appliedSeq < tail) continue;
      if (peer.parked > 0) this.tellExceptions(peer);
      else {
        this.tails.delete(id);
        this.ports.onEvent('SYN-003', { peer: id });
      }
    }
  }

  private catchUp(): void {
    const { clock, capture } = this.ports;
    if (this.walkedMs === undefined || clock.bootMs() - this.walkedMs < CATCH_UP_MS) return;
    if (capture.isFlushed()) this.walkedMs = undefined;
  }

  /** The last change that was captured by the end of a synchronization; undefined while that is not known. */
  private tailOf(id: string): number | undefined {
    const tail = this.tails.get(id);
    if (tail !== 'flushing') return tail;
    const { state, capture } = this.ports;
    const moves = this.moves.get(id);
    if (moves?.follow(state) === false || !capture.isFlushed()) return undefined;
    this.moves.delete(id);
    const mistaken = this.ahead.get(id)?.mistaken(state) ?? [];
    this.ahead.delete(id);
    for (const { root, paths } of [...(moves?.doubtful() ?? []), ...mistaken]) capture.repair(root, paths);
    state.deleteMeta(FOLLOWED_PREFIX + id);
    const { seq } = state;
    this.tails.set(id, seq);
    this.ports.onTail(seq);
    return seq;
  }

  private tellExceptions(peer: MasterPeer): void {
    const { id, parked: count, stuck, parkedPaths: paths } = peer;
    // The others are on their way.
    if (stuck < count || this.excepted.has(id)) return;
    this.excepted.add(id);
    this.ports.onEvent('SYN-007', { peer: id, count, paths: examplesOf(paths, count) });
  }

  // ------------------------------------------------------------- sessions

  /** The handshake is over: what was asked for can begin. False when nothing was. */
  onReady(peer: MasterPeer): boolean {
    const pending = this.pending.get(peer.id);
    if (pending !== undefined) this.beginSync(peer, pending);
    return pending !== undefined;
  }

  onSessionEnded(peer: MasterPeer): void {
    if (peer.sync === undefined) return;
    peer.sync = undefined;
    this.ports.spool.unpin(peer.id);
    const pending = this.pending.get(peer.id);
    if (pending !== undefined) {
      pending.again = true;
      this.ports.onEvent('SYN-004', { reason: 'the link was interrupted' });
    }
    if (this.walking !== peer) return;
    this.abandonWalk();
    this.beginWaiting();
  }

  /** The engine stops. */
  close(): void {
    this.abandonWalk();
    for (const { callId } of this.pending.values()) {
      this.ports.reply(
        callId,
        undefined,
        new Fault('LINK-UNREACHABLE', { host: 'Replica', reason: 'the engine stops' }),
      );
    }
    this.pending.clear();
  }
}
