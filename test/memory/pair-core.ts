/** Both engines of a scenario in virtual time, joined by a link that can be cut; either can be killed and started again. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Standby } from '../../daemon/apply/standby.ts';
import { compileFilters } from '../../daemon/capture/filter.ts';
import type {
  DiffResult,
  EngineCall,
  EngineConfig,
  EngineLimits,
  EngineNotice,
  EngineRequest,
  EngineStatus,
  SyncResult,
} from '../../daemon/engine/engine-protocol.ts';
import { MasterEngine } from '../../daemon/engine/master-engine.ts';
import { ReplicaEngine, type ReplicaEnginePorts } from '../../daemon/engine/replica-engine.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { CaptureHint, Clock, RootTree, Timer } from '../../daemon/ports.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { ALL_KINDS, type AttributeKinds } from '../../shared/attributes.ts';
import { Fault, type FaultDocument, fillTemplate } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { RootRules } from '../../shared/scenario.ts';
import { MemoryCapture } from './capture.ts';
import { SeededRandom, SimulatedClock } from './clock.ts';

/** Every transaction is flushed: on a disk a run of many would take minutes. */
const MEMORY_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The clock of one life of an engine: after a kill nothing it scheduled happens. */
class MortalClock implements Clock {
  private readonly clock: SimulatedClock;
  private readonly within: (run: () => void) => void;
  private readonly wallAheadMs: () => number;
  dead = false;

  /** `wallAheadMs`: how wrong the clock of this host is. */
  constructor(clock: SimulatedClock, wallAheadMs: () => number, within: (run: () => void) => void) {
    this.wallAheadMs = wallAheadMs;
    this.clock = clock;
    this.within = within;
  }

  wallMs(): number {
    return this.clock.wallMs() + this.wallAheadMs();
  }

  bootMs(): number {
    return this.clock.bootMs();
  }

  after(delayMs: number, run: () => void): Timer {
    return this.clock.after(delayMs, () => {
      if (!this.dead) this.within(run);
    });
  }
}

export type Side = 'master' | 'replica';

export interface EngineEvent {
  readonly side: Side;
  readonly code: string;
  readonly text: string;
}

interface Life<Engine> {
  readonly engine: Engine;
  readonly clock: MortalClock;
}

/** What the Replica's engine works on. */
export type ReplicaFiles = Pick<ReplicaEnginePorts, 'aside' | 'trees' | 'spoolLog' | 'journalLog' | 'stateFile'>;

export abstract class PairCore {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly capture: MemoryCapture;
  readonly events: EngineEvent[] = [];
  /** How wrong the wall clock of each host is. */
  readonly wallAheadMs = { master: 0, replica: 0 };
  readonly failures: FaultDocument[] = [];
  masterStatus: EngineStatus | undefined;
  replicaStatus: EngineStatus | undefined;
  /** Bytes on the wire from Master to Replica. */
  sentBytes = 0;
  /** Sees, and may damage, what goes over the link. */
  onTransmit: (from: Side, bytes: Uint8Array) => void = () => {};
  /** Time of a message on the wire. */
  latencyMs: () => number = () => 0;
  /** An engine gave up; nobody starts it again by itself. */
  onFailed: (side: Side) => void = () => {};
  disturb: (hints: readonly CaptureHint[]) => readonly CaptureHint[] = (hints) => hints;
  private readonly hasher: ContentHasher;
  private readonly directory: string;
  readonly exclude: readonly string[];
  /** Used by the next start of an engine. */
  fileFilter: readonly string[] = [];
  /** Which places of the root are replicated; used by the next start of an engine. */
  rootRules: RootRules = {};
  /** Kinds of attributes that are replicated; used by the next start of an engine. */
  attributeKinds: AttributeKinds = ALL_KINDS;
  /** When and how fast the Master sends; used by its next start. */
  sending: Pick<EngineConfig, 'bandwidth' | 'schedule'> = {};
  /** How the Replica's engine is started from now on, beside what `startReplica` is told. */
  replicaSettings: Pick<EngineConfig, 'keepDeleted' | 'history'> = {};
  /** Other limits for engines that start from now on. */
  limits: Partial<EngineLimits> = {};
  /** Whose engine runs right now. */
  protected running: Side | undefined;
  private masterState: MasterState | undefined;
  private master: Life<MasterEngine> | undefined;
  private replica: Life<ReplicaEngine> | undefined;
  private linkNumber = 0;
  private linked = false;
  private linkAtMs = { toMaster: 0, toReplica: 0 };
  private calls = 0;
  protected beforeCommit: () => void = () => {};
  private readonly replies = new Map<number, { result?: unknown; fault?: FaultDocument }>();

  /** `directory`: for the state of both; made when it is missing, removed by `close`. `shared`: with another pair. */
  protected constructor(
    hasher: ContentHasher,
    seed: number,
    exclude: readonly string[],
    directory?: string,
    shared: { readonly clock?: SimulatedClock; readonly capture?: MemoryCapture } = {},
  ) {
    this.clock = shared.clock ?? new SimulatedClock();
    this.directory = directory ?? mkdtempSync(join(MEMORY_DISK, 'mainstay-pair-'));
    mkdirSync(this.directory, { recursive: true });
    this.hasher = hasher;
    this.random = new SeededRandom(seed);
    this.exclude = exclude;
    this.capture = shared.capture ?? new MemoryCapture(this.clock, () => this.random.below(4));
  }

  /** For one life of the Master's engine. */
  protected abstract openMasterTree(): RootTree;
  /** For one life of the Replica's engine. */
  protected abstract openReplicaFiles(): ReplicaFiles;
  /** After a kill. */
  protected abstract closeFiles(side: Side): void;

  private within(side: Side, run: () => void): void {
    const before = this.running;
    this.running = side;
    try {
      run();
    } finally {
      this.running = before;
    }
  }

  protected config(role: Side): EngineConfig {
    return {
      scenarioId: 'scenario',
      scenarioName: 'Scenario',
      role,
      roots: [{ path: `/${role}`, ...this.rootRules }],
      directory: this.directory,
      exclude: this.exclude,
      fileFilter: this.fileFilter,
      attributeKinds: this.attributeKinds,
      agreedFingerprint: 'agreed',
      epoch: 1,
      limits: { spoolMaxBytes: 2 ** 30, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24, ...this.limits },
      ...(role === 'master' ? this.sending : {}),
    };
  }

  // ------------------------------------------------------------- life and death

  startMaster(): void {
    const clock = new MortalClock(
      this.clock,
      () => this.wallAheadMs.master,
      (run) => this.within('master', run),
    );
    const state = new MasterState(join(this.directory, 'master.db'));
    const commit = state.commit.bind(state);
    state.commit = () => {
      if (clock.dead) throw new Error('a dead process commits nothing');
      this.beforeCommit();
      commit();
    };
    const hashes = state.sentBlocks;
    const store = hashes.transaction.bind(hashes);
    hashes.transaction = (work) => {
      if (clock.dead) throw new Error('a dead process stores nothing');
      this.beforeCommit();
      store(work);
    };
    this.masterState = state;
    const { random, hasher } = this;
    this.within('master', () => {
      const tree = this.opened('master', () => this.openMasterTree());
      if (tree === undefined) return;
      const engine = new MasterEngine(
        this.config('master'),
        { clock, random, trees: [tree], state, hasher },
        (notice) => {
          if (!clock.dead) this.onNotice('master', notice);
        },
      );
      this.master = { engine, clock };
      engine.start();
      this.capture.start((hints) => {
        if (!clock.dead) this.tellMaster({ type: 'hints', hints: this.disturb(hints) });
      });
    });
  }

  startReplica(options: Pick<EngineConfig, 'adoptRoots' | 'keepDeleted' | 'history'> = {}): void {
    const clock = new MortalClock(
      this.clock,
      () => this.wallAheadMs.replica,
      (run) => this.within('replica', run),
    );
    const { hasher } = this;
    this.within('replica', () => {
      const files = this.opened('replica', () => this.openReplicaFiles());
      if (files === undefined) return;
      const engine = new ReplicaEngine(
        { ...this.config('replica'), ...this.replicaSettings, ...options },
        { clock, ...files, hasher, filters: compileFilters(this.config('replica'), files.trees) },
        (notice) => {
          if (!clock.dead) this.onNotice('replica', notice);
        },
      );
      this.replica = { engine, clock };
      engine.start();
    });
  }

  /** What cannot be opened is a failed engine, as in its worker. */
  private opened<Files>(side: Side, open: () => Files): Files | undefined {
    try {
      return open();
    } catch (error) {
      this.onNotice(side, { type: 'failed', fault: Fault.from(error).toDocument() });
      return undefined;
    }
  }

  private tellMaster(request: EngineRequest): void {
    this.within('master', () => this.master?.engine.handle(request));
  }

  private tellReplica(request: EngineRequest): void {
    this.within('replica', () => this.replica?.engine.handle(request));
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
    this.closeFiles('master');
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
    this.closeFiles('replica');
    this.cut('the Replica died');
  }

  /** The process is being killed inside an operation: whatever its code still does has no effect outside. */
  strike(side: Side): void {
    const life = side === 'master' ? this.master : this.replica;
    if (life !== undefined) life.clock.dead = true;
  }

  /** What the Replica's engine holds as durable; undefined without usable data. */
  get replicaReceived(): Position | undefined {
    return this.standby?.received;
  }

  /** Something received waits to be applied. */
  get replicaBacklog(): boolean {
    return this.standby?.backlog === true;
  }

  /** While its engine runs. */
  get standby(): Standby | undefined {
    return ((this.replica?.engine ?? {}) as unknown as { readonly standby?: Standby }).standby;
  }

  get masterAlive(): boolean {
    return this.master !== undefined;
  }

  get replicaAlive(): boolean {
    return this.replica !== undefined;
  }

  /** Ends the Master as an operator would. */
  stopMaster(): void {
    this.tellMaster({ type: 'stop' });
    this.capture.stop();
    if (this.master !== undefined) this.master.clock.dead = true;
    this.master = undefined;
    this.cut('stopped');
  }

  /** Ends the Replica's engine as its host would. */
  stopReplica(): void {
    this.tellReplica({ type: 'stop' });
    if (this.replica !== undefined) this.replica.clock.dead = true;
    this.replica = undefined;
    this.closeFiles('replica');
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
    this.tellReplica({ type: 'link-open', peer: 'master' });
    this.tellMaster({ type: 'link-open', peer: 'replica' });
  }

  /** The connection breaks: what is on the wire is lost. */
  cut(reason = 'cut'): void {
    if (!this.linked) return;
    this.linked = false;
    this.linkNumber += 1;
    this.tellMaster({ type: 'link-closed', peer: 'replica', reason });
    this.tellReplica({ type: 'link-closed', peer: 'master', reason });
  }

  private transmit(from: Side, bytes: Uint8Array): void {
    const { linkNumber } = this;
    if (!this.linked) return;
    if (from === 'master') this.sentBytes += bytes.length;
    this.onTransmit(from, bytes);
    const direction = from === 'master' ? 'toReplica' : 'toMaster';
    this.linkAtMs[direction] = Math.max(this.linkAtMs[direction], this.clock.bootMs() + this.latencyMs());
    this.clock.after(this.linkAtMs[direction] - this.clock.bootMs(), () => {
      if (!this.linked || this.linkNumber !== linkNumber) return;
      if (from === 'master') this.tellReplica({ type: 'link-bytes', peer: 'master', bytes });
      else this.tellMaster({ type: 'link-bytes', peer: 'replica', bytes });
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
        this.onFailed(side);
        return;
      default:
    }
  }

  // ------------------------------------------------------------- calls

  post(call: EngineCall): number {
    this.calls += 1;
    this.tellMaster({ type: 'call', id: this.calls, call });
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
    this.clock.runUntil(() => this.replies.has(id), 600_000);
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
}
