/** Two simulated hosts with the real engines: what survives a kill, what survives a power cut, and what does not. */

import { rmSync } from 'node:fs';
import type { Standby } from '../../daemon/apply/standby.ts';
import { NOTHING } from '../../daemon/capture/filter.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { Clock, Timer } from '../../daemon/ports.ts';
import type { EngineConfig, EngineNotice, EngineRequest } from '../../daemon/scenario/engine-protocol.ts';
import { MasterEngine } from '../../daemon/scenario/master-engine.ts';
import { ReplicaEngine } from '../../daemon/scenario/replica-engine.ts';
import { MasterState } from '../../daemon/store/master-state.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { MemoryCapture } from '../memory/capture.ts';
import type { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryVolume } from '../memory/volume.ts';

/** A host's clock: boot time starts over with a power cut, and nothing a dead process has planned ever happens. */
class HostClock implements Clock {
  private readonly world: SimulatedClock;
  private process = 0;
  private bootedAtMs = 0;
  /** The host's own process is running right now (not a user, not the world). */
  inside = false;

  constructor(world: SimulatedClock) {
    this.world = world;
  }

  wallMs(): number {
    return this.world.wallMs();
  }

  bootMs(): number {
    return this.world.bootMs() - this.bootedAtMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const { process } = this;
    return this.world.after(delayMs, () => {
      if (process === this.process) this.enter(run);
    });
  }

  enter(run: () => void): void {
    this.inside = true;
    try {
      run();
    } finally {
      this.inside = false;
    }
  }

  endProcess(): void {
    this.process += 1;
  }

  reboot(): void {
    this.endProcess();
    this.bootedAtMs = this.world.bootMs();
  }
}

interface Engine {
  start(): void;
  handle(request: EngineRequest): void;
}

export interface HostPorts {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly hasher: ContentHasher;
  readonly onNotice: (host: SimulatedHost, notice: EngineNotice) => void;
}

function configOf(role: 'master' | 'replica'): EngineConfig {
  return {
    scenarioId: 'simulated',
    scenarioName: 'Simulated',
    role,
    roots: [{ path: `/${role}` }],
    directory: `/${role}-state`,
    exclude: [],
    fileFilter: [],
    attributeKinds: ALL_KINDS,
    agreedFingerprint: 'agreed',
    epoch: 1,
    limits: { spoolMaxBytes: 2 ** 26, spoolMinFreeBytes: 0, syncWindowBytes: 2 ** 24 },
  };
}

export abstract class SimulatedHost {
  abstract readonly name: 'master' | 'replica';
  protected readonly ports: HostPorts;
  readonly clock: HostClock;
  readonly volume: MemoryVolume;
  protected engine: Engine | undefined;
  /** The process was killed inside an operation: everything it still does fails. */
  private dying = false;
  private killCountdown = 0;
  private kills = 0;

  constructor(ports: HostPorts) {
    this.ports = ports;
    this.clock = new HostClock(ports.clock);
    this.volume = new MemoryVolume(ports.clock);
  }

  get alive(): boolean {
    return this.engine !== undefined;
  }

  get killedInside(): boolean {
    return this.dying;
  }

  /** The process dies at its n-th operation from now. */
  killInside(n: number): void {
    this.killCountdown = n;
  }

  /** Before every operation of the engine on its files. */
  protected readonly operation = (): void => {
    if (!this.clock.inside) return;
    if (this.killCountdown > 0) {
      this.killCountdown -= 1;
      if (this.killCountdown === 0) this.dying = true;
    }
    if (this.dying) throw new Error('killed');
  };

  handle(request: EngineRequest): void {
    const { engine } = this;
    if (engine !== undefined) this.clock.enter(() => engine.handle(request));
  }

  boot(): void {
    this.dying = false;
    this.killCountdown = 0;
    const process = this.kills;
    const engine = this.create((notice) => {
      // What a dead process says reaches nobody.
      if (process === this.kills && !this.dying) this.ports.onNotice(this, notice);
    });
    this.engine = engine;
    this.clock.enter(() => engine.start());
  }

  /** SIGKILL: memory is gone, what was handed to the kernel is not. */
  kill(): void {
    this.kills += 1;
    this.engine = undefined;
    this.dying = false;
    this.killCountdown = 0;
    this.clock.endProcess();
    this.afterKill();
  }

  powerCut(): void {
    this.kill();
    this.clock.reboot();
    this.afterPowerCut();
  }

  protected abstract create(notify: (notice: EngineNotice) => void): Engine;
  protected abstract afterKill(): void;
  protected abstract afterPowerCut(): void;
}

export class SimulatedMaster extends SimulatedHost {
  readonly name = 'master';
  readonly capture: MemoryCapture;
  readonly tree: MemoryTree;
  private readonly file: string;
  private state: MasterState | undefined;

  constructor(ports: HostPorts, file: string) {
    super(ports);
    this.file = file;
    this.capture = new MemoryCapture(ports.clock, () => ports.random.below(ports.random.chance(0.1) ? 400 : 10));
    this.tree = new MemoryTree({
      volume: this.volume,
      path: '/master',
      capture: { source: this.capture, root: 0 },
    });
    this.tree.beforeOperation = this.operation;
  }

  protected override create(notify: (notice: EngineNotice) => void): Engine {
    const { random, hasher } = this.ports;
    this.state = new MasterState(this.file);
    // A dead process commits nothing.
    const commit = this.state.commit.bind(this.state);
    this.state.commit = () => {
      this.operation();
      commit();
    };
    const { clock, tree, state } = this;
    const engine = new MasterEngine(configOf('master'), { clock, random, trees: [tree], state, hasher }, notify);
    this.capture.start((hints) => this.clock.enter(() => engine.handle({ type: 'hints', hints })));
    return engine;
  }

  protected override afterKill(): void {
    this.capture.stop();
    try {
      this.state?.close();
    } catch {
      // Closed by the engine's own end before.
    }
    this.state = undefined;
  }

  protected override afterPowerCut(): void {
    // What users wrote and never flushed is theirs to lose; the engine is tested with what is there.
    this.volume.flushAll();
  }

  dispose(): void {
    if (this.alive) this.kill();
    for (const ending of ['', '-wal', '-shm']) rmSync(this.file + ending, { force: true });
  }
}

export class SimulatedReplica extends SimulatedHost {
  readonly name = 'replica';
  readonly tree: MemoryTree;
  private readonly spoolLog = new MemorySegmentLog();
  private readonly journalLog = new MemorySegmentLog();
  private readonly stateFile = new MemoryStateFile();

  constructor(ports: HostPorts) {
    super(ports);
    this.tree = new MemoryTree({ volume: this.volume, path: '/replica' });
    this.tree.beforeOperation = this.operation;
    this.spoolLog.beforeAppend = this.operation;
    this.spoolLog.beforeFlush = this.operation;
    this.journalLog.beforeAppend = this.operation;
    this.journalLog.beforeFlush = this.operation;
    this.stateFile.beforeSave = this.operation;
  }

  protected override create(notify: (notice: EngineNotice) => void): Engine {
    const { clock, tree, spoolLog, journalLog, stateFile } = this;
    const { hasher } = this.ports;
    return new ReplicaEngine(
      configOf('replica'),
      { clock, trees: [tree], spoolLog, journalLog, stateFile, hasher, filters: () => NOTHING },
      notify,
    );
  }

  /** What is parked as the engine knows it, for the report of a failing seed. */
  describeParked(): string[] {
    const { standby } = this.engine as unknown as { readonly standby?: Standby };
    return (standby?.parked.list() ?? []).map(({ path, code, reason }) => `parked ${path}: ${code} ${reason}`);
  }

  protected override afterKill(): void {}

  protected override afterPowerCut(): void {
    const { random } = this.ports;
    this.volume.powerCut(random);
    this.spoolLog.powerCut(random);
    this.journalLog.powerCut(random);
  }
}
