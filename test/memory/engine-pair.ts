/** Both engines of a scenario over memory trees and a link that can be cut; either can be killed and started again. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Standby } from '../../daemon/apply/standby.ts';
import { compileExcludes } from '../../daemon/capture/filter.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { CaptureHint, Clock, Timer } from '../../daemon/ports.ts';
import type {
  DiffResult,
  EngineCall,
  EngineConfig,
  EngineNotice,
  EngineStatus,
  SyncResult,
} from '../../daemon/scenario/engine-protocol.ts';
import { MasterEngine } from '../../daemon/scenario/master-engine.ts';
import { ReplicaEngine } from '../../daemon/scenario/replica-engine.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { type FaultDocument, fillTemplate } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import { MemoryCapture } from './capture.ts';
import { SeededRandom, SimulatedClock } from './clock.ts';
import { MemorySegmentLog } from './segment-log.ts';
import { MemoryStateFile } from './state-file.ts';
import { MemoryTree, type TreeOperation } from './tree.ts';
import { describeTree, MemoryUser } from './user.ts';
import { type CutOrder, MemoryVolume } from './volume.ts';

/** Every transaction is flushed: on a disk a run of many would take minutes. */
const MEMORY_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The clock of one life of an engine: after a kill nothing it scheduled happens. */
class MortalClock implements Clock {
  private readonly clock: SimulatedClock;
  dead = false;

  constructor(clock: SimulatedClock) {
    this.clock = clock;
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  bootMs(): number {
    return this.clock.bootMs();
  }

  after(delayMs: number, run: () => void): Timer {
    return this.clock.after(delayMs, () => {
      if (!this.dead) run();
    });
  }
}

export type Side = 'master' | 'replica';

export interface PairOptions {
  readonly seed?: number;
  readonly exclude?: readonly string[];
  /** What a power cut leaves of the Replica's names; see MemoryVolume. */
  readonly cutOrder?: CutOrder;
}

export interface EngineEvent {
  readonly side: Side;
  readonly code: string;
  readonly text: string;
}

interface Life<Engine> {
  readonly engine: Engine;
  readonly clock: MortalClock;
}

export class EnginePair {
  readonly clock = new SimulatedClock();
  readonly random: SeededRandom;
  readonly capture: MemoryCapture;
  readonly masterTree: MemoryTree;
  readonly replicaTree: MemoryTree;
  readonly user: MemoryUser;
  readonly events: EngineEvent[] = [];
  readonly failures: FaultDocument[] = [];
  masterStatus: EngineStatus | undefined;
  replicaStatus: EngineStatus | undefined;
  /** Bytes on the wire from Master to Replica. */
  sentBytes = 0;
  /** Time of a message on the wire. */
  latencyMs: () => number = () => 0;
  disturb: (hints: readonly CaptureHint[]) => readonly CaptureHint[] = (hints) => hints;
  private readonly hasher: ContentHasher;
  private readonly directory = mkdtempSync(join(MEMORY_DISK, 'mainstay-pair-'));
  private readonly exclude: readonly string[];
  /** When and how fast the Master sends; used by its next start. */
  sending: Pick<EngineConfig, 'bandwidth' | 'schedule'> = {};
  private readonly logs = { spoolLog: new MemorySegmentLog(), journalLog: new MemorySegmentLog() };
  private stateFile = new MemoryStateFile();
  private masterState: MasterState | undefined;
  private master: Life<MasterEngine> | undefined;
  private replica: Life<ReplicaEngine> | undefined;
  private linkNumber = 0;
  private linked = false;
  private linkAtMs = { toMaster: 0, toReplica: 0 };
  private calls = 0;
  private beforeCommit: () => void = () => {};
  private readonly replies = new Map<number, { result?: unknown; fault?: FaultDocument }>();

  constructor(hasher: ContentHasher, options: PairOptions = {}) {
    this.hasher = hasher;
    this.random = new SeededRandom(options.seed ?? 1);
    this.exclude = options.exclude ?? [];
    this.capture = new MemoryCapture(this.clock, () => this.random.below(4));
    const masterVolume = new MemoryVolume(this.clock);
    this.masterTree = new MemoryTree({
      volume: masterVolume,
      path: '/master',
      capture: { source: this.capture, root: 0 },
    });
    const replicaVolume = new MemoryVolume(this.clock, true, options.cutOrder);
    this.replicaTree = new MemoryTree({ volume: replicaVolume, path: '/replica' });
    this.user = new MemoryUser(this.masterTree, this.capture);
  }

  /**
   * Calls `onOperation` before each operation of an engine on its files and its state (`commit`, `append`, `save` …);
   * what it throws is what the engine gets.
   */
  watchOperations(onOperation: (side: Side, operation: string, path: string) => void): void {
    this.masterTree.beforeOperation = (operation: TreeOperation, path) => onOperation('master', operation, path);
    this.beforeCommit = () => onOperation('master', 'commit-state', '');
    this.replicaTree.beforeOperation = (operation: TreeOperation, path) => onOperation('replica', operation, path);
    for (const [name, log] of Object.entries(this.logs)) {
      log.beforeAppend = () => onOperation('replica', 'append', name);
      log.beforeFlush = () => onOperation('replica', 'flush-log', name);
      log.beforeRemove = () => onOperation('replica', 'remove-log', name);
    }
    this.stateFile.beforeSave = () => onOperation('replica', 'save', '');
  }

  private config(role: Side): EngineConfig {
    return {
      scenarioId: 'scenario',
      scenarioName: 'Scenario',
      role,
      roots: [{ path: `/${role}` }],
      directory: this.directory,
      exclude: this.exclude,
      agreedFingerprint: 'agreed',
      epoch: 1,
      limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
      ...(role === 'master' ? this.sending : {}),
    };
  }

  // ------------------------------------------------------------- life and death

  startMaster(): void {
    const clock = new MortalClock(this.clock);
    const state = new MasterState(join(this.directory, 'master.db'));
    const commit = state.commit.bind(state);
    state.commit = () => {
      if (clock.dead) throw new Error('a dead process commits nothing');
      this.beforeCommit();
      commit();
    };
    this.masterState = state;
    const { random, hasher } = this;
    const engine = new MasterEngine(
      this.config('master'),
      { clock, random, trees: [this.masterTree], state, hasher },
      (notice) => {
        if (!clock.dead) this.onNotice('master', notice);
      },
    );
    this.master = { engine, clock };
    engine.start();
    this.capture.start((hints) => {
      if (!clock.dead) engine.handle({ type: 'hints', hints: this.disturb(hints) });
    });
  }

  startReplica(options: Pick<EngineConfig, 'adoptRoots'> = {}): void {
    const clock = new MortalClock(this.clock);
    const { hasher, stateFile, logs } = this;
    const engine = new ReplicaEngine(
      { ...this.config('replica'), ...options },
      {
        clock,
        trees: [this.replicaTree],
        ...logs,
        stateFile,
        hasher,
        excluded: compileExcludes(this.exclude, true),
      },
      (notice) => {
        if (!clock.dead) this.onNotice('replica', notice);
      },
    );
    this.replica = { engine, clock };
    engine.start();
  }

  start(): void {
    this.startReplica();
    this.startMaster();
    this.connect();
  }

  /** kill -9: what was not durable is gone, nothing more is said. */
  killMaster(): void {
    if (this.master !== undefined) this.master.clock.dead = true;
    this.capture.stop();
    this.closeMasterState();
    this.master = undefined;
    this.cut('the Master died');
  }

  private closeMasterState(): void {
    try {
      this.masterState?.close();
    } catch {
      // Closed by the engine's own end before.
    }
    this.masterState = undefined;
  }

  killReplica(): void {
    if (this.replica === undefined) return;
    this.replica.clock.dead = true;
    this.replica = undefined;
    this.cut('the Replica died');
  }

  /** The process is being killed inside an operation: whatever its code still does has no effect outside. */
  strike(side: Side): void {
    const life = side === 'master' ? this.master : this.replica;
    if (life !== undefined) life.clock.dead = true;
  }

  /** The Replica's host loses power: of what was not flushed a random part is there afterwards. */
  cutReplicaPower(random: SeededRandom): void {
    this.killReplica();
    this.replicaTree.volume.powerCut(random);
    for (const log of Object.values(this.logs)) log.powerCut(random);
    this.clock.setWallMs(this.clock.wallMs() + 60_000);
  }

  /** What the Replica's engine holds as durable; undefined without usable data. */
  get replicaReceived(): Position | undefined {
    return this.standby?.received;
  }

  /** Something received waits to be applied. */
  get replicaBacklog(): boolean {
    return this.standby?.backlog === true;
  }

  private get standby(): Standby | undefined {
    return ((this.replica?.engine ?? {}) as unknown as { readonly standby?: Standby }).standby;
  }

  get masterAlive(): boolean {
    return this.master !== undefined;
  }

  get replicaAlive(): boolean {
    return this.replica !== undefined;
  }

  /** Its data directory is lost. */
  forgetReplica(): void {
    this.stateFile = new MemoryStateFile();
  }

  /** Ends the Master as an operator would. */
  stopMaster(): void {
    this.master?.engine.handle({ type: 'stop' });
    this.capture.stop();
    if (this.master !== undefined) this.master.clock.dead = true;
    this.master = undefined;
    this.cut('stopped');
  }

  close(): void {
    this.killMaster();
    this.killReplica();
    rmSync(this.directory, { recursive: true, force: true });
  }

  // ------------------------------------------------------------- the link

  get isLinked(): boolean {
    return this.linked;
  }

  connect(): void {
    if (this.linked || this.master === undefined || this.replica === undefined) return;
    this.linked = true;
    this.linkNumber += 1;
    this.replica.engine.handle({ type: 'link-open', peer: 'master' });
    this.master.engine.handle({ type: 'link-open', peer: 'replica' });
  }

  /** The connection breaks: what is on the wire is lost. */
  cut(reason = 'cut'): void {
    if (!this.linked) return;
    this.linked = false;
    this.linkNumber += 1;
    this.master?.engine.handle({ type: 'link-closed', peer: 'replica', reason });
    this.replica?.engine.handle({ type: 'link-closed', peer: 'master', reason });
  }

  private transmit(from: Side, bytes: Uint8Array): void {
    const { linkNumber } = this;
    if (!this.linked) return;
    if (from === 'master') this.sentBytes += bytes.length;
    const direction = from === 'master' ? 'toReplica' : 'toMaster';
    this.linkAtMs[direction] = Math.max(this.linkAtMs[direction], this.clock.bootMs() + this.latencyMs());
    this.clock.after(this.linkAtMs[direction] - this.clock.bootMs(), () => {
      if (!this.linked || this.linkNumber !== linkNumber) return;
      if (from === 'master') this.replica?.engine.handle({ type: 'link-bytes', peer: 'master', bytes });
      else this.master?.engine.handle({ type: 'link-bytes', peer: 'replica', bytes });
    });
  }

  private onNotice(side: Side, notice: EngineNotice): void {
    switch (notice.type) {
      case 'link-send':
        this.transmit(side, notice.bytes.slice());
        return;
      case 'link-close': {
        const { linkNumber } = this;
        this.clock.after(0, () => {
          if (this.linkNumber === linkNumber) this.cut(notice.fault?.text ?? 'closed by the other side');
        });
        return;
      }
      case 'event':
        this.events.push({
          side,
          code: notice.code,
          text: fillTemplate(notice.code, notice.details) + JSON.stringify(notice.details),
        });
        return;
      case 'status':
        if (side === 'master') this.masterStatus = notice.status;
        else this.replicaStatus = notice.status;
        return;
      case 'reply':
        this.replies.set(notice.id, notice);
        return;
      case 'failed':
        this.failures.push(notice.fault);
        return;
      default:
    }
  }

  // ------------------------------------------------------------- calls

  post(call: EngineCall): number {
    this.calls += 1;
    this.master!.engine.handle({ type: 'call', id: this.calls, call });
    return this.calls;
  }

  answerOf(id: number): { result?: unknown; fault?: FaultDocument } | undefined {
    return this.replies.get(id);
  }

  /** Runs until the call is answered; throws on a fault. */
  call(call: EngineCall, limitMs = 600_000): unknown {
    const id = this.post(call);
    if (!this.clock.runUntil(() => this.replies.has(id), limitMs)) throw new Error(`no answer to ${call.name}`);
    const reply = this.replies.get(id)!;
    if (reply.fault !== undefined) throw new Error(reply.fault.text);
    return reply.result;
  }

  /** Asks the Replica's engine; throws on a fault. */
  callReplica(call: EngineCall): unknown {
    this.calls += 1;
    const id = this.calls;
    this.replica!.engine.handle({ type: 'call', id, call });
    const reply = this.replies.get(id)!;
    if (reply.fault !== undefined) throw new Error(reply.fault.text);
    return reply.result;
  }

  synchronize(options: Partial<Extract<EngineCall, { name: 'synchronize' }>> = {}): SyncResult {
    return this.call({
      name: 'synchronize',
      peer: 'replica',
      method: 'file',
      ignoreSame: true,
      ...options,
    }) as SyncResult;
  }

  diff(): DiffResult {
    return this.call({ name: 'diff', peer: 'replica', ignoreSame: false }) as DiffResult;
  }

  barrier(): void {
    this.call({ name: 'barrier' });
  }

  run(durationMs: number): void {
    this.clock.advance(durationMs);
  }

  codes(side: Side = 'master'): string[] {
    return this.events.filter((event) => event.side === side).map((event) => event.code);
  }

  masterView(): Map<string, string> {
    return describeTree(this.masterTree);
  }

  replicaView(): Map<string, string> {
    return describeTree(this.replicaTree);
  }
}
