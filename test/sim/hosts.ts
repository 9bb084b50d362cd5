/** A simulated host with the real engines: what survives a kill, what survives a power cut, and what does not. */
import type { DatabaseSync } from 'node:sqlite';
import type { Standby } from '../../daemon/apply/standby.ts';
import { KeptAside, RootAside } from '../../daemon/aside/kept-aside.ts';
import { AsideTree } from '../../daemon/aside/tree.ts';
import { NOTHING } from '../../daemon/capture/filter.ts';
import type { EngineConfig, EngineNotice, EngineRequest } from '../../daemon/engine/engine-protocol.ts';
import { MasterEngine } from '../../daemon/engine/master-engine.ts';
import { ReplicaEngine } from '../../daemon/engine/replica-engine.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { RootTree } from '../../daemon/ports.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import { MemoryAsideStore } from '../memory/aside-store.ts';
import { MemoryCapture } from '../memory/capture.ts';
import type { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { type DirectoryNode, MemoryVolume } from '../memory/volume.ts';
import { HostClock } from './host-clock.ts';
import type { WorldSettings } from './settings.ts';

/** A host that feeds others has a Master's engine, one that is fed a Replica's; one in the middle has both. */
export type Role = 'master' | 'replica';

interface Engine {
  start(): void;
  handle(request: EngineRequest): void;
}

export interface HostPorts {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly hasher: ContentHasher;
  readonly onNotice: (host: SimulatedHost, role: Role, notice: EngineNotice) => void;
}

export interface HostPlan {
  readonly name: string;
  readonly isFed: boolean;
  readonly feeds: readonly string[];
  readonly settings: WorldSettings;
}

export class SimulatedHost {
  readonly name: string;
  readonly plan: HostPlan;
  private readonly ports: HostPorts;
  readonly clock: HostClock;
  readonly volume: MemoryVolume;
  readonly tree: MemoryTree;
  readonly capture: MemoryCapture | undefined;
  private readonly engines = new Map<Role, Engine>();
  private readonly logs = { spoolLog: new MemorySegmentLog(), journalLog: new MemorySegmentLog() };
  private readonly stateFile = new MemoryStateFile();
  private readonly asideStore = new MemoryAsideStore();
  private readonly databaseFile: string;
  private state: MasterState | undefined;
  /** The process was killed inside an operation: everything it still does fails. */
  private dying = false;
  private killCountdown = 0;
  private lives = 0;
  /** Before each operation of the engines on their files; throws what they get. */
  trouble: (operation: string, path: string) => void = () => {};
  /** What the root's path leads to while something else is mounted over it. */
  private covered: DirectoryNode | undefined;

  /** `databaseFile`: of the Master's engine. */
  constructor(ports: HostPorts, plan: HostPlan, databaseFile: string) {
    this.ports = ports;
    this.plan = plan;
    this.name = plan.name;
    this.clock = new HostClock(ports.clock);
    this.volume = new MemoryVolume(this.clock);
    this.databaseFile = databaseFile;
    const { random } = ports;
    const path = `/${plan.name}`;
    const capabilities = (plan.isFed && plan.settings.replicaLacks) || {};
    if (plan.feeds.length > 0) {
      this.capture = new MemoryCapture(ports.clock, () => random.below(random.chance(0.1) ? 400 : 10));
      const capture = { source: this.capture, root: 0 };
      this.tree = new MemoryTree({ volume: this.volume, path, capture, capabilities });
    } else this.tree = new MemoryTree({ volume: this.volume, path, capabilities });
    this.tree.beforeOperation = (operation, at) => this.operation(operation, at);
    for (const [name, log] of Object.entries(this.logs)) {
      log.beforeAppend = () => this.operation('append', name);
      log.beforeFlush = () => this.operation('flush-log', name);
    }
    this.stateFile.beforeSave = () => this.operation('save', '');
  }

  get alive(): boolean {
    return this.engines.size > 0;
  }

  get killedInside(): boolean {
    return this.dying;
  }

  /** The process dies at its n-th operation from now. */
  killInside(n: number): void {
    this.killCountdown = n;
  }

  private operation(operation: string, path: string): void {
    if (!this.clock.inside) return;
    if (this.killCountdown > 0) {
      this.killCountdown -= 1;
      if (this.killCountdown === 0) this.dying = true;
    }
    if (this.dying) throw new Error('killed');
    this.trouble(operation, path);
  }

  handle(role: Role, request: EngineRequest): void {
    const engine = this.engines.get(role);
    if (engine !== undefined) this.clock.enter(() => engine.handle(request));
  }

  boot(): void {
    this.dying = false;
    this.killCountdown = 0;
    const life = this.lives;
    const roles: Role[] = [...(this.plan.isFed ? (['replica'] as const) : [])];
    if (this.plan.feeds.length > 0) roles.push('master');
    for (const role of roles) {
      const notify = (notice: EngineNotice) => {
        // What a dead process says reaches nobody.
        if (life === this.lives && !this.dying) this.ports.onNotice(this, role, notice);
      };
      const engine = role === 'master' ? this.createMaster(notify) : this.createReplica(notify);
      this.engines.set(role, engine);
      this.clock.enter(() => engine.start());
    }
  }

  /** SIGKILL: memory is gone, what was handed to the kernel is not. */
  kill(): void {
    this.lives += 1;
    this.engines.clear();
    this.dying = false;
    this.killCountdown = 0;
    this.clock.endProcess();
    this.asideStore.close();
    this.capture?.stop();
    try {
      this.state?.close();
    } catch {
      // Closed by the engine's own end before.
    }
    this.state = undefined;
  }

  /** As at the end of the service: engines drain, then the process ends. */
  stop(): void {
    for (const role of [...this.engines.keys()]) this.handle(role, { type: 'stop' });
    this.kill();
  }

  powerCut(): void {
    this.kill();
    this.clock.reboot();
    const { random } = this.ports;
    if (this.plan.isFed) {
      this.volume.powerCut(random);
      for (const log of Object.values(this.logs)) log.powerCut(random);
      // What users wrote and never flushed is theirs to lose; the engine is tested with what is there.
    } else this.volume.flushAll();
  }

  private config(role: Role): EngineConfig {
    const { settings, feeds, name } = this.plan;
    const common: EngineConfig = {
      scenarioId: 'simulated',
      scenarioName: 'Simulated',
      role,
      roots: [{ path: `/${name}` }],
      directory: `/${name}-state`,
      exclude: [],
      fileFilter: [],
      attributeKinds: ALL_KINDS,
      agreedFingerprint: 'agreed',
      epoch: 1,
      limits: settings.limits,
    };
    if (role === 'replica') return common;
    const { bandwidth, schedule } = settings;
    return {
      ...common,
      replicas: feeds,
      ...(bandwidth === undefined ? {} : { bandwidth }),
      // Only what the users change waits for its moment.
      ...(schedule === undefined || this.plan.isFed ? {} : { schedule }),
    };
  }

  private createMaster(notify: (notice: EngineNotice) => void): Engine {
    const { random, hasher } = this.ports;
    const state = new MasterState(this.databaseFile);
    // A dead process commits nothing.
    const commit = state.commit.bind(state);
    state.commit = () => {
      try {
        this.operation('commit-state', '');
      } catch (error) {
        throw isFull(error) ? fullDatabase(state) : error;
      }
      commit();
    };
    this.state = state;
    const { clock } = this;
    // Of one in the middle, what the Replica's engine keeps aside belongs to the files.
    const tree = this.isPoor ? new AsideTree(this.tree, new RootAside(this.tree, this.asideStore.shared())) : this.tree;
    const engine = new MasterEngine(this.config('master'), { clock, random, trees: [tree], state, hasher }, notify);
    this.capture!.start((hints) => this.clock.enter(() => engine.handle({ type: 'hints', hints })));
    return engine;
  }

  private createReplica(notify: (notice: EngineNotice) => void): Engine {
    return new ReplicaEngine(this.config('replica'), { ...this.replicaPorts(), filters: () => NOTHING }, notify);
  }

  private get isPoor(): boolean {
    return this.plan.isFed && this.plan.settings.replicaLacks !== undefined;
  }

  private replicaPorts() {
    const { clock, tree, logs, stateFile, plan } = this;
    const { hasher } = this.ports;
    const common = { clock, ...logs, stateFile, hasher };
    if (!this.isPoor) return { ...common, trees: [tree] };
    const root = new RootAside(tree, this.asideStore);
    const trees = [new AsideTree(tree, root, plan.feeds.length > 0)];
    return { ...common, trees, aside: new KeptAside([root]) };
  }

  /** The root with what belongs to it. */
  get whole(): RootTree {
    return this.isPoor ? new AsideTree(this.tree, new RootAside(this.tree, this.asideStore)) : this.tree;
  }

  /** What is parked as the engine knows it, for the report of a failing seed. */
  describeParked(): string[] {
    const { standby } = (this.engines.get('replica') ?? {}) as unknown as { readonly standby?: Standby };
    return (standby?.parked.list() ?? []).map(({ path, code, reason }) => `parked ${path}: ${code} ${reason}`);
  }

  // ------------------------------------------------------------- the root's volume

  get isUnmounted(): boolean {
    return this.covered !== undefined;
  }

  unmount(): void {
    this.covered ??= this.tree.unmountToEmptyDirectory();
  }

  /** Names that somebody wrote below it meanwhile: nobody may. */
  mountAgain(): string[] {
    if (this.covered === undefined) return [];
    const strays = [...this.tree.root.entries.keys()];
    this.tree.mountAgain(this.covered);
    this.covered = undefined;
    return strays;
  }

  dispose(): void {
    if (this.alive) this.kill();
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Fault && error.code === 'FS-FULL';
}

/** What SQLite does when there is no room: the transaction is rolled back, and the error has this code. */
function fullDatabase(state: MasterState): Error {
  const { database } = state as unknown as { readonly database: DatabaseSync };
  if (database.isTransaction) database.exec('ROLLBACK');
  return Object.assign(new Error('database or disk is full'), { errcode: 13 });
}
