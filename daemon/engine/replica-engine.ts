/**
 * The Replica's engine: one per running scenario, single-threaded, synchronous file calls, work cut into slices.
 * It answers a Master's link, makes what arrives durable, applies it, and says truthfully how far it is.
 */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import type { ControlMessage } from '../../shared/protocol/wire.ts';
import { HoldNotice } from '../apply/hold-notice.ts';
import { Standby } from '../apply/standby.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { KeptAside } from '../aside/kept-aside.ts';
import type { RootFilters } from '../capture/filter.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import { profileOf } from '../link/profile.ts';
import type { Clock, RootTree, SegmentLog, StateFile, Timer } from '../ports.ts';
import { BrakeBookmark } from './brake-bookmark.ts';
import { CheckpointHold } from './checkpoint-hold.ts';
import type { EngineCall, EngineConfig, EngineNotice, EngineRequest } from './engine-protocol.ts';
import { Finishing } from './finishing.ts';
import { type Incoming, IncomingQueue } from './incoming-queue.ts';
import type { PointDeskPorts } from './point-desk.ts';
import { askForRepairs } from './repair-requests.ts';
import { answerReplicaCall } from './replica-calls.ts';
import { greet } from './replica-greeting.ts';
import { ReplicaHistory } from './replica-history.ts';
import { ReplicaLink } from './replica-link.ts';
import { ReplicaReporter } from './replica-reporter.ts';
import { ReplicaSyncHost } from './replica-sync-host.ts';
import { sliceOf } from './slice.ts';

/** Batch frames that share one flush. */
const FLUSH_BYTES = 4 * 1024 * 1024;
const RECEIVE_RETRY_MS = 250;
/** While linked, even without anything to do: the roots are looked at so often, … */
const IDLE_MS = 1_500;
/** … or after this long when the Master's ping has woken this thread anyway. */
const IDLE_EARLY_MS = 900;

export interface ReplicaEnginePorts extends Pick<PointDeskPorts, 'points' | 'lostFile'> {
  readonly clock: Clock;
  /** In the order of `config.roots`. */
  readonly trees: readonly RootTree[];
  readonly spoolLog: SegmentLog;
  readonly journalLog: SegmentLog;
  readonly stateFile: StateFile;
  readonly hasher: ContentHasher;
  /** Of the volume of the spool; absent: not watched. */
  readonly freeBytes?: () => number;
  /** Paths the scenario leaves out: they are not removed here either. */
  readonly filters: RootFilters;
  /** Of the trees, where they keep something aside. */
  readonly aside?: KeptAside;
}

export class ReplicaEngine {
  private readonly config: EngineConfig;
  private readonly ports: ReplicaEnginePorts;
  private readonly notify: (notice: EngineNotice) => void;
  private standby: Standby | undefined;
  private sync: ReplicaSyncHost | undefined;
  private link: ReplicaLink | undefined;
  private history: ReplicaHistory | undefined;
  private readonly reporter: ReplicaReporter;
  private readonly incoming = new IncomingQueue();
  private timer: Timer | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;
  /** No receiving before this moment: the spool had no room. */
  private receiveAtMs = 0;
  private readonly receiveHeld: HoldNotice;
  private readonly checkpoints: CheckpointHold;
  private readonly wave: BrakeBookmark;
  private readonly finishing: Finishing;
  private ended = false;

  constructor(config: EngineConfig, ports: ReplicaEnginePorts, notify: (notice: EngineNotice) => void) {
    this.config = config;
    this.ports = ports;
    this.notify = notify;
    this.receiveHeld = new HoldNotice(ports.clock, this.tell);
    this.wave = new BrakeBookmark(ports.clock, this.tell);
    this.finishing = new Finishing(ports.clock, (id, result) => notify({ type: 'reply', id, result }));
    this.checkpoints = new CheckpointHold(ports.clock, this.tell);
    this.reporter = new ReplicaReporter(ports.clock, notify, ports.aside);
    ports.aside?.listen((details) => this.tell('APL-006', details));
  }

  /** Recovers and answers `started`, or `failed` when a root is missing or the disk fails: the supervisor tries again. */
  start(): void {
    try {
      this.standby = new Standby(
        {
          ...this.ports,
          onEvent: this.tell,
          applyDelayMs: this.config.limits.applyDelayMs ?? 0,
          keepDeleted: this.config.keepDeleted?.replication === true,
          keepsHistory: this.config.history !== undefined,
        },
        this.config.epoch,
        profileOf(this.ports.trees, this.config.attributeKinds),
        this.config.adoptRoots === true,
      );
    } catch (error) {
      this.fail(Fault.from(error));
      return;
    }
    this.history = new ReplicaHistory(this.ports, this.standby, this.config, this.notify, {
      inFlux: () => this.synchronizing,
      onIdle: () => this.schedule(0),
      onEvent: this.tell,
    });
    this.notify({ type: 'started', position: this.standby.applied });
    this.schedule(0);
  }

  handle(request: EngineRequest): void {
    if (this.ended) return;
    switch (request.type) {
      case 'link-open':
        this.openLink(request.peer);
        return;
      case 'link-bytes':
        this.link?.receive(request.peer, request.bytes);
        if (this.timerDueMs - this.ports.clock.bootMs() < IDLE_MS - IDLE_EARLY_MS) this.schedule(0);
        return;
      case 'link-closed':
        this.link?.streamClosed(request.peer, request.reason);
        return;
      case 'call':
        this.takeCall(request.id, request.call);
        return;
      case 'stop':
        this.stop();
        return;
      default:
      // Nothing a Replica acts on.
    }
  }

  private takeCall(id: number, call: EngineCall): void {
    const { standby } = this;
    try {
      if (standby === undefined) throw new Fault('ENGINE-ENDED', { reason: 'it has not started yet' });
      if (this.history?.takes(id, call)) return;
      if (call.name === 'finish') {
        this.link?.close('it takes over');
        this.finishing.begin(id, standby);
        this.schedule(0);
        return;
      }
      const { scenarioName } = this.config;
      const ports = { clock: this.ports.clock, scenarioName, standby, onEvent: this.tell, journal: this.history };
      const result = answerReplicaCall(call, ports);
      this.notify({ type: 'reply', id, result });
      this.schedule(0);
    } catch (error) {
      this.notify({ type: 'reply', id, fault: Fault.from(error).toDocument() });
    }
  }

  /** What is received stays in the spool; what is applied becomes a checkpoint. */
  private stop(): void {
    this.link?.close('stopping');
    try {
      if (this.standby?.checkpointDueMs !== undefined) this.standby.checkpoint();
    } catch (error) {
      this.fail(Fault.from(error));
      return;
    }
    this.end();
    this.notify({ type: 'stopped' });
  }

  private fail(fault: Fault): void {
    this.link?.close(fault.message);
    this.end();
    this.notify({ type: 'failed', fault: fault.toDocument() });
  }

  private end(): void {
    this.ended = true;
    this.timer?.cancel();
    this.reporter.end();
    this.history?.end();
    this.ports.spoolLog.close();
    this.ports.journalLog.close();
    for (const tree of this.ports.trees) tree.close();
  }

  // ---------------------------------------------------------------- link

  private openLink(peer: string): void {
    // A new stream of the same peer has replaced the old one already: closing that would close the new one.
    if (this.link?.peer === peer) this.link.streamClosed(peer, 'replaced by a newer connection');
    else this.link?.close('another Master connected');
    if (this.standby === undefined || this.finishing.isOn) {
      // Not recovered yet (the Master comes back by itself), or about to be a Master itself.
      this.notify({ type: 'link-close', peer });
      return;
    }
    this.link = new ReplicaLink(peer, this.ports.clock, this.notify, {
      onControl: (message) => this.enqueue({ kind: 'control', message }),
      onFrame: (type, payload) => {
        this.enqueue({ kind: 'frame', type, payload });
        return true;
      },
      onClosed: () => this.linkClosed(),
    });
  }

  private linkClosed(): void {
    this.link = undefined;
    this.incoming.clear();
    this.receiveHeld.end();
    try {
      this.sync?.cancel();
      this.sync = undefined;
      this.standby?.endSession();
    } catch (error) {
      this.fail(Fault.from(error));
    }
    this.schedule(0);
  }

  private enqueue(item: Incoming): void {
    this.incoming.push(item);
    this.schedule(0);
  }

  // ---------------------------------------------------------------- the loop

  private schedule(delayMs: number): void {
    if (this.ended) return;
    const dueMs = this.ports.clock.bootMs() + delayMs;
    if (this.timer !== undefined && this.timerDueMs <= dueMs) return;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = this.ports.clock.after(delayMs, () => {
      this.timer = undefined;
      this.work();
    });
  }

  private work(): void {
    const { standby } = this;
    if (standby === undefined || this.ended) return;
    // During a rehearsal something else is mounted there.
    const lost = standby.gate.rehearsing ? undefined : standby.lostRoot();
    if (lost !== undefined) {
      // Whatever is at its path now must not be written to. The supervisor starts again until the root is back.
      this.link?.sendEvent('ROOT-001', { path: lost });
      this.fail(new Fault('ROOT-MISSING', { path: lost }));
      return;
    }
    const more = sliceOf(this.ports.clock);
    try {
      const receiving = this.receive(standby, more);
      const applying = !this.synchronizing && this.history?.busy !== true && standby.run(more);
      const now = this.ports.clock.bootMs();
      this.checkpoints.keep(standby);
      this.wave.keep(standby);
      this.finishing.step(standby, this.heldReason(standby));
      askForRepairs(standby, now, { link: this.link, busy: this.sync !== undefined, tell: this.tell });
      this.report(standby);
      if (receiving || applying) this.schedule(0);
      else this.scheduleNext(standby, now);
    } catch (error) {
      // A full disk holds the checkpoint back; anything else that gets here is fatal.
      const fault = Fault.from(error);
      const retryMs = this.checkpoints.take(fault);
      if (retryMs === undefined) this.fail(fault);
      else {
        this.schedule(retryMs);
        this.finishing.step(standby, this.heldReason(standby) ?? fault.message);
      }
      if (!this.ended) this.report(standby);
    }
  }

  /** Its data is being copied; a mere comparison holds no change up. */
  private get synchronizing(): boolean {
    return this.sync !== undefined && !this.sync.comparing;
  }

  private scheduleNext(standby: Standby, now: number): void {
    const due = [
      standby.gate.opensAtMs,
      this.checkpoints.dueMs(standby),
      standby.applier.retryAtMs,
      this.finishing.dueMs,
      this.sync?.resumeAtMs,
    ];
    if (this.link?.live) due.push(standby.parked.nextAskMs(), now + IDLE_MS);
    if (this.receiveHeld.fault !== undefined) due.push(this.receiveAtMs);
    const { head } = this.incoming;
    if (head !== undefined && needsDrained(head) && !standby.backlog) due.push(now);
    const next = Math.min(...due.map((at) => at ?? Number.POSITIVE_INFINITY));
    if (next !== Number.POSITIVE_INFINITY) this.schedule(Math.max(1, next - now));
  }

  /** Handles what arrived; true when there is more to do at once. */
  private receive(standby: Standby, more: () => boolean): boolean {
    try {
      if (this.link?.greeted) for (const order of this.incoming.takeOrders()) this.takeOrder(standby, order);
      while (this.link !== undefined && more()) {
        if (!this.receiveOne(standby, more)) return false;
      }
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) === 'fatal') throw fault;
      this.link?.close(fault.message, fault);
    }
    return this.link !== undefined && (this.incoming.head !== undefined || this.sync?.working === true);
  }

  /** One frame, message or step of a synchronization; false when there is nothing or it has to wait. */
  private receiveOne(standby: Standby, more: () => boolean): boolean {
    if (this.sync?.busy) return this.sync.resume(this.ports.clock.bootMs());
    const item = this.incoming.head;
    if (item === undefined) return this.sync?.background() === true;
    if (item.kind === 'frame' && item.type === FrameType.batch) return this.takeBatches(standby);
    // What a test sees must not change, nor must a synchronization look at what the test wrote.
    if (standby.gate.rehearsing && synchronizationIn(item) !== undefined) return false;
    if (needsDrained(item) && !standby.drain(more)) return false;
    this.incoming.advance();
    this.takeItem(standby, item);
    return true;
  }

  private takeItem(standby: Standby, item: Incoming): void {
    if (item.kind === 'control') this.takeControl(standby, item.message);
    else if (this.sync === undefined) throw new Fault('LINK-FRAME', { reason: `frame ${item.type} out of place` });
    else this.sync.frame(item.type, item.payload);
  }

  private takeControl(standby: Standby, message: ControlMessage): void {
    const { link } = this;
    if (link === undefined) return;
    switch (message.kind) {
      case 'hello':
        greet(message, this.config, this.ports.trees, standby, link);
        return;
      case 'sync-start':
        this.startSync(standby, link, message);
        return;
      case 'sync-finish':
        this.sync?.finish(message.syncId);
        return;
      case 'sync-cancel':
        this.sync?.cancel();
        this.sync = undefined;
        return;
      case 'sync-walked':
        return;
      case 'hold':
        this.takeOrder(standby, message);
        return;
      case 'refuse':
        link.close(message.fault.text);
        return;
      default:
        throw new Fault('LINK-FRAME', { reason: `${message.kind} from a Master` });
    }
  }

  private takeOrder(standby: Standby, order: Extract<ControlMessage, { kind: 'hold' }>): void {
    standby.setHold({ suspended: order.suspended, afterSeq: order.afterSeq });
    standby.gate.setMasterClock(order.masterMs, this.ports.clock.bootMs());
  }

  /** Spools the batch frames at hand with one flush; false when there is no room just now. */
  private takeBatches(standby: Standby): boolean {
    const { link } = this;
    if (link === undefined) return false;
    if (!link.live || this.synchronizing) throw new Fault('LINK-FRAME', { reason: 'batch out of place' });
    if (this.spoolIsFull(standby)) return false;
    let bytes = 0;
    try {
      while (bytes < FLUSH_BYTES) {
        const item = this.incoming.head;
        if (item?.kind !== 'frame' || item.type !== FrameType.batch) break;
        standby.accept(item.payload, link.nextBatch);
        link.nextBatch += 1;
        this.incoming.advance();
        bytes += item.payload.length;
        link.release();
      }
      this.receiveHeld.end();
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) !== 'hold') throw fault;
      this.holdReceiving(fault);
    }
    standby.flushReceived();
    link.consumed(bytes);
    link.sendAck(this.reporter.ackOf(standby, this.heldReason(standby)));
    return this.receiveHeld.fault === undefined;
  }

  /** Over its limit nothing more is taken, as long as apply can make room. */
  private spoolIsFull(standby: Standby): boolean {
    const { spoolMaxBytes, spoolMinFreeBytes } = this.config.limits;
    const noRoom = (this.ports.freeBytes?.() ?? Number.POSITIVE_INFINITY) < spoolMinFreeBytes;
    const full = (noRoom || standby.spool.sizeBytes >= spoolMaxBytes) && this.checkpoints.willFreeRoom(standby);
    if (full) this.holdReceiving(new Fault('FS-FULL', { path: 'spool' }));
    this.reporter.spoolAt(full ? 1 : standby.spool.sizeBytes / spoolMaxBytes);
    return full;
  }

  private holdReceiving(fault: Fault): void {
    this.receiveHeld.hold(fault);
    this.receiveAtMs = this.ports.clock.bootMs() + RECEIVE_RETRY_MS;
  }

  // ---------------------------------------------------------------- conversation

  private startSync(standby: Standby, link: ReplicaLink, start: Extract<ControlMessage, { kind: 'sync-start' }>): void {
    this.sync?.cancel();
    if (!start.dryRun) {
      link.live = false;
      if (start.targeted) standby.beginMending();
      else standby.beginSynchronization();
    }
    const { clock, hasher, filters, aside } = this.ports;
    const { keepDeleted } = this.config;
    const onDone = () => {
      this.sync = undefined;
      if (!start.dryRun) link.live = true;
    };
    const ignoreSame = start.ignoreSame && !standby.suspect;
    const ports = { standby, link, clock, hasher, filters, onEvent: this.tell, onDone, keepDeleted, aside };
    this.sync = new ReplicaSyncHost(ports, { ...start, ignoreSame });
  }

  private report(standby: Standby): void {
    const ack = this.reporter.ackOf(standby, this.heldReason(standby));
    if (this.link?.greeted) {
      this.link.sendAckIfNews(ack);
      this.link.sendTallyIfNews(standby.tally.now, !standby.backlog);
    }
    this.reporter.report(standby, this.sync?.progress, this.heldReason(standby), this.link?.live === true);
  }

  private heldReason(standby: Standby): string | undefined {
    const received = this.checkpoints.reason ?? this.receiveHeld.reason ?? standby.gate.reason;
    return standby.applier.heldReason ?? this.sync?.heldReason ?? received;
  }

  /** Recorded on this host and, while a link is up, on the Master's as well. */
  private readonly tell = (code: string, details: FaultDetails): void => {
    this.notify({ type: 'event', code, details });
    this.link?.sendEvent(code, details);
    this.history?.heard(code);
  };
}

/** A targeted synchronization begins where everything received is applied. */
function needsDrained(item: Incoming): boolean {
  const start = synchronizationIn(item);
  return start?.targeted === true && !start.dryRun;
}

function synchronizationIn(item: Incoming): Extract<ControlMessage, { kind: 'sync-start' }> | undefined {
  return item.kind === 'control' && item.message.kind === 'sync-start' ? item.message : undefined;
}
