/**
 * The Master's engine of one scenario: capture → index and spool → every Replica's link. A plain single-threaded class over
 * ports; requests come in through `handle`, everything it has to say goes to `notify`. Long work is cut into turns.
 */
import type { Fault, FaultDetails } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { SyncProgress } from '../../shared/status.ts';
import { createDigest, type DigestOf } from '../capture/digest.ts';
import { compileFilters, type RootFilters } from '../capture/filter.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { CaptureHint, Clock, Random, RootTree, Timer } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import { storeFault } from '../store/sqlite-fault.ts';
import type { EngineCall, EngineConfig, EngineNotice, EngineRequest, EngineStatus } from './engine-protocol.ts';
import { type AppliedBy, MasterBarriers } from './master-barrier.ts';
import { MasterCapture } from './master-capture.ts';
import { MasterHolds } from './master-holds.ts';
import { MasterPeer } from './master-peer.ts';
import { MasterSending } from './master-sending.ts';
import { SpoolKeeper } from './master-spool.ts';
import { MasterStatistics, masterPhase } from './master-statistics.ts';
import { CAPTURE_PROOF_MS, MasterSyncDesk } from './master-sync-desk.ts';

export interface MasterEnginePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** One for each root of the configuration, in its order. The engine closes them. */
  readonly trees: readonly RootTree[];
  /** The engine closes it. */
  readonly state: MasterState;
  readonly hasher: ContentHasher;
  /** Of the volume of the spool; absent: not watched. */
  readonly freeBytes?: () => number;
}

/** A turn ends after this long, so that messages are handled. */
const TURN_MS = 10;
const STATUS_MS = 100;
/** A quiet engine still looks at its spool, its peers and its roots this often, or when a Replica has answered a ping. */
const IDLE_MS = 1_500;
const STOP_DRAIN_MS = 1_000;

export class MasterEngine {
  private readonly ports: MasterEnginePorts;
  private readonly config: EngineConfig;
  private readonly notify: (notice: EngineNotice) => void;
  private readonly generation: string;
  private readonly capture: MasterCapture;
  private readonly barriers: MasterBarriers;
  private readonly spool: SpoolKeeper;
  private readonly holds: MasterHolds;
  private readonly statistics: MasterStatistics;
  private readonly filters: RootFilters;
  private readonly digestOf: DigestOf;
  private readonly peers = new Map<string, MasterPeer>();
  private readonly syncs: MasterSyncDesk;
  private readonly sending: MasterSending;
  private timer: Timer | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;
  private statusText = '';
  private statusAtMs = Number.NEGATIVE_INFINITY;
  private ended = false;

  constructor(config: EngineConfig, ports: MasterEnginePorts, notify: (notice: EngineNotice) => void) {
    this.config = config;
    this.notify = notify;
    this.ports = ports;
    const { state, clock, trees } = ports;
    this.generation = this.loadGeneration();
    this.filters = compileFilters(config, trees);
    this.digestOf = createDigest(ports.hasher);
    this.statistics = new MasterStatistics(clock);
    const onEvent = (code: string, details: FaultDetails) => this.event(code, details);
    this.spool = new SpoolKeeper({ ...ports, limits: config.limits, onEvent, peers: this.peers });
    const held = {
      receivedEverywhere: () => this.spool.neededFrom(),
      isSteady: () => this.syncs.isSteady,
      onChanged: () => {
        for (const peer of this.peers.values()) peer.sendHold();
      },
    };
    this.holds = new MasterHolds({ clock, state, onEvent, ...held }, config.limits);
    this.capture = new MasterCapture({
      clock,
      trees,
      state,
      filters: this.filters,
      digestOf: this.digestOf,
      hasher: ports.hasher,
      auditPeriodMs: config.limits.auditPeriodMs ?? 0,
      sentSeq: () => this.everSentSeq(),
      spooling: () => this.spool.isNeeded || this.syncs.isSynchronizing,
      onEvent: (code, details) => this.event(code, details),
      onToll: (toll) => this.holds.note(toll),
    });
    this.barriers = new MasterBarriers({
      clock,
      trees,
      capture: this.capture,
      newName: () => Buffer.from(ports.random.bytes(8)).toString('hex'),
      position: () => this.position(),
      appliedBy: (seq, replicas) => this.appliedBy(seq, replicas),
      reply: (id, result, fault) => this.reply(id, result, fault),
    });
    const { capture, barriers, spool, statistics, peers } = this;
    const flushing = { hurry: () => capture.hurry(), isFlushed: () => capture.isFlushed() };
    this.sending = new MasterSending(config, { clock, state, notify, ...flushing });
    const parts = { clock, state, config, capture, barriers, spool, statistics, peers };
    this.syncs = new MasterSyncDesk(
      {
        ...parts,
        captures: config.compareOnly !== true,
        position: () => this.position(),
        onTail: (seq) => this.sending.include(seq),
        reply: (id, result, fault) => this.reply(id, result, fault),
        onEvent: (code, details) => this.event(code, details),
        wake: () => this.wake(),
        isHeldBack: (peer) => this.holds.isHeldBack(peer),
        permit: (asked) => this.holds.permitComparison(config.scenarioName, asked),
      },
      Math.floor(ports.random.fraction() * 2 ** 31),
    );
  }

  private loadGeneration(): string {
    const { state, random } = this.ports;
    const known = state.meta('generation');
    if (known !== undefined) return known;
    const generation = Buffer.from(random.bytes(16)).toString('hex');
    state.setMeta('generation', generation);
    return generation;
  }

  // ------------------------------------------------------------- requests

  /** Opens for work; answers `started`. */
  start(): void {
    try {
      if (this.syncs.indexed) this.resume();
      this.notify({ type: 'started', ...{ position: this.syncs.indexed ? this.position() : undefined } });
      this.wake();
    } catch (error) {
      this.fail(error);
    }
  }

  private resume(): void {
    this.spool.keepOnly(this.config.replicas);
    for (const peer of this.spool.knownPeers()) this.peer(peer);
    this.capture.adoptSpool();
    this.capture.active = true;
    this.capture.recovering = true;
    // Only what is looked at after capture has begun is sure to be followed by hints for what changes later.
    this.barriers.whenCaptureIsAlive(CAPTURE_PROOF_MS, (alive) => {
      this.capture.recover();
      if (!alive) this.barriers.whenCaptureIsAlive(Number.POSITIVE_INFINITY, () => this.capture.recover());
      this.wake();
    });
  }

  handle(request: EngineRequest): void {
    if (this.ended) return;
    try {
      this.dispatch(request);
    } catch (error) {
      this.fail(error);
    }
    if (!this.ended) this.wake();
  }

  private dispatch(request: EngineRequest): void {
    switch (request.type) {
      case 'hints':
        this.takeHints(request.hints);
        return;
      case 'link-open':
        this.peer(request.peer).open();
        return;
      case 'link-bytes':
        this.peers.get(request.peer)?.takeBytes(request.bytes);
        return;
      case 'link-closed':
        this.peers.get(request.peer)?.takeClose(request.reason);
        return;
      case 'call':
        this.takeCall(request.id, request.call);
        return;
      case 'stop':
        this.stop();
        return;
      default:
    }
  }

  private takeHints(hints: readonly CaptureHint[]): void {
    for (const hint of hints) {
      if (hint.kind === 'cookie') this.barriers.takeCookie(hint.root, hint.name);
      else this.capture.takeHint(hint);
    }
  }

  private takeCall(id: number, call: EngineCall): void {
    if (call.name === 'tail') this.reply(id, this.spool.tail(this.generation, call));
    switch (call.name) {
      case 'synchronize':
      case 'diff':
        this.syncs.request(id, call);
        return;
      case 'barrier':
        this.barriers.add(id, call.replicas);
        return;
      case 'bandwidth':
      case 'release':
        this.sending.take(call);
        this.reply(id, undefined);
        return;
      case 'limits':
        this.syncs.verification.enable(call.limits.continuousVerification);
        this.reply(id, this.holds.take(call));
        return;
      case 'suspend':
      case 'brake-release':
        this.reply(id, this.holds.take(call));
        return;
      case 'audit':
      case 'rescan':
        this.capture.takeCall(call, (result) => this.reply(id, result));
    }
  }

  private reply(id: number, result: unknown, fault?: Fault): void {
    this.notify({
      type: 'reply',
      id,
      ...(result === undefined ? {} : { result }),
      ...(fault === undefined ? {} : { fault: fault.toDocument() }),
    });
  }

  private event(code: string, details: Readonly<Record<string, string | number | boolean>> = {}): void {
    this.notify({ type: 'event', code, details });
  }

  /** Everything decided so far is durable; then the files are closed. */
  private stop(): void {
    const untilMs = this.ports.clock.bootMs() + STOP_DRAIN_MS;
    const more = () => this.ports.clock.bootMs() < untilMs;
    this.syncs.abandonWalk();
    if (this.capture.active) while (more() && this.capture.work(more));
    this.syncs.close();
    this.sending.files.end();
    for (const peer of this.peers.values()) peer.drop('the engine stops');
    this.end();
    this.notify({ type: 'stopped' });
  }

  private end(): void {
    this.ended = true;
    this.timer?.cancel();
    this.barriers.close();
    this.ports.state.close();
    this.capture.close();
  }

  private fail(error: unknown): void {
    if (this.ended) return;
    const fault = storeFault(error, this.config, this.ports.freeBytes);
    this.notify({ type: 'failed', fault: fault.toDocument() });
    try {
      this.end();
    } catch (closing) {
      // What could not be written is found again by comparison.
      if (fault.code !== 'FS-FULL') throw closing;
    }
  }

  // ------------------------------------------------------------- positions and peers

  private position(): Position {
    return { generation: this.generation, seq: this.ports.state.seq };
  }

  private peer(id: string): MasterPeer {
    const known = this.peers.get(id);
    if (known !== undefined) return known;
    const { clock, trees, state, hasher } = this.ports;
    const peer = new MasterPeer(
      id,
      {
        clock,
        trees,
        state,
        hasher,
        capture: this.capture,
        filters: this.filters,
        digestOf: this.digestOf,
        config: this.config,
        sending: this.sending,
        notify: this.notify,
        captured: () => this.position(),
        holdOf: (peerId) => this.holds.orderFor(peerId),
        indexed: () => this.syncs.indexed,
        onChange: () => this.wake(),
        onReady: (ready) => this.onReady(ready),
        onSyncWalked: (walked) => this.syncs.onWalked(walked),
        onSyncDone: (done, sync) => this.syncs.onDone(done, sync),
        onSessionEnded: (ended) => this.onSessionEnded(ended),
      },
      this.spool.receivedBy(id) ?? 0,
    );
    this.peers.set(id, peer);
    return peer;
  }

  private everSentSeq(): number {
    let seq = 0;
    for (const peer of this.peers.values()) seq = Math.max(seq, peer.everSentSeq);
    return seq;
  }

  /** Every configured Replica counts, or every one of `replicas`, connected and synchronized or not. */
  private appliedBy(seq: number, replicas = this.config.replicas ?? [...this.peers.keys()]): AppliedBy {
    const peers = replicas.map((id) => this.peers.get(id));
    return {
      done: replicas.every((id) => !this.syncs.synchronizes(id)) && peers.every((peer) => peer?.hasApplied(seq)),
      stuck: peers.reduce((sum, peer) => sum + (peer?.stuck ?? 0), 0),
      paths: peers.flatMap((peer) => peer?.parkedPaths ?? []),
    };
  }

  private onReady(peer: MasterPeer): void {
    // Whoever waits for the link is told at once.
    this.statusAtMs = Number.NEGATIVE_INFINITY;
    if (this.syncs.mustCompare(peer.id, peer.synchronized)) peer.synchronized = false;
    if (peer.synchronized) this.spool.know(peer.id, peer.receivedSeq);
    if (this.syncs.onReady(peer) || peer.synchronized || this.spool.receivedBy(peer.id) === undefined) return;
    if (this.spool.hasDropped(peer.id)) return;
    this.spool.forget(peer.id);
    this.event('SYN-006', { reason: 'the Replica is not at a position of this history' });
  }

  private onSessionEnded(peer: MasterPeer): void {
    this.statistics.sessionEnded(peer.id);
    this.syncs.onSessionEnded(peer);
    this.wake();
  }

  // ------------------------------------------------------------- turns

  /** Runs a turn soon. */
  private wake(): void {
    this.schedule(this.ports.clock.bootMs());
  }

  private schedule(dueMs: number): void {
    if (this.ended || (this.timer !== undefined && this.timerDueMs <= dueMs)) return;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = this.ports.clock.after(Math.max(0, dueMs - this.ports.clock.bootMs()), () => {
      this.timer = undefined;
      this.timerDueMs = Number.POSITIVE_INFINITY;
      this.turn();
    });
  }

  private turn(): void {
    if (this.ended) return;
    const { clock } = this.ports;
    try {
      const untilMs = clock.bootMs() + TURN_MS;
      const more = () => clock.bootMs() < untilMs;
      this.capture.retryUnreadable();
      let busy = this.capture.work(more);
      const sentUntilMs = clock.bootMs() + TURN_MS;
      const moreToSend = () => clock.bootMs() < sentUntilMs;
      for (const peer of this.peers.values()) busy = peer.pump(moreToSend) || busy;
      this.syncs.keepWalkDurable();
      this.barriers.step();
      this.syncs.followTails();
      if (!this.ports.state.inTransaction) {
        this.trimSpool();
        this.sending.step();
      }
      this.reportStatus();
      if (this.ended) return;
      this.schedule(busy ? clock.bootMs() : this.nextDueMs());
    } catch (error) {
      this.fail(error);
    }
  }

  private nextDueMs(): number {
    const nowMs = this.ports.clock.bootMs();
    const capture = this.capture.nextDueMs(nowMs) ?? Number.POSITIVE_INFINITY;
    const sending = this.sending.nextDueMs(!this.ports.state.inTransaction);
    return Math.max(nowMs, Math.min(nowMs + IDLE_MS, capture, this.barriers.nextDueMs(), sending));
  }

  private trimSpool(): void {
    for (const peer of this.peers.values()) if (peer.synchronized) this.spool.acknowledge(peer.id, peer.receivedSeq);
    for (const lost of this.spool.keep()) {
      const peer = this.peers.get(lost);
      if (peer !== undefined) peer.synchronized = false;
    }
    this.capture.forgetMarks(Math.min(...[...this.peers.values()].map((peer) => peer.appliedSeq)));
  }

  // ------------------------------------------------------------- status

  private reportStatus(): void {
    const nowMs = this.ports.clock.bootMs();
    if (nowMs - this.statusAtMs < STATUS_MS) {
      this.schedule(this.statusAtMs + STATUS_MS);
      return;
    }
    const status = this.status(nowMs);
    const text = JSON.stringify(status);
    if (text === this.statusText) return;
    this.statusText = text;
    this.statusAtMs = nowMs;
    this.notify({ type: 'status', status });
  }

  private status(nowMs: number): EngineStatus {
    const peers: Record<string, ReturnType<MasterPeer['status']>> = {};
    let sync: SyncProgress | undefined;
    for (const peer of this.peers.values()) {
      peers[peer.id] = {
        ...peer.status(nowMs),
        ...this.spool.marksOf(peer.id),
        ...this.syncs.verification.verifiedAt(peer),
      };
      if (peer.sync !== undefined && !peer.sync.options.dryRun) sync = peer.sync.progress();
      this.statistics.count(peer);
    }
    const { held } = this.capture;
    return {
      position: this.syncs.indexed || this.syncs.isWalking ? this.position() : undefined,
      phase: masterPhase(held, sync !== undefined, this.syncs.indexed),
      ...(held === undefined ? {} : { held }),
      ...(this.sending.nextAt === undefined ? {} : { nextSendAt: this.sending.nextAt }),
      peers,
      ...(sync === undefined ? {} : { sync }),
      statistics: this.statistics.figures(nowMs, sync),
      spoolBytes: this.spool.usedBytes,
      ...(this.spool.fullInMs === undefined ? {} : { spoolFullInMs: this.spool.fullInMs }),
      parked: 0,
      ...this.holds.status,
      unreadable: this.capture.unreadableCount,
      ...this.capture.special.status,
    };
  }
}
