/**
 * One seeded world: users work on the Master while links are cut, engines killed, power lost, disks filled, roots unmounted and
 * Replicas suspended. Whenever a barrier is passed, and within bounded virtual time after the faults have stopped, each Replica
 * must be what the Master is, or the status and the comparison must name what is not.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiffResult, EngineNotice, EngineStatus } from '../../daemon/engine/engine-protocol.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemoryUser } from '../memory/user.ts';
import { type Answer, Calls } from './calls.ts';
import { Faults } from './faults.ts';
import { type HostPorts, type Role, SimulatedHost } from './hosts.ts';
import { Judge } from './judge.ts';
import { Line } from './line.ts';
import { Oddities } from './oddities.ts';
import { drawSettings, type Shape, type WorldSettings } from './settings.ts';
import { Users } from './users.ts';

export interface WorldOptions {
  readonly hasher: ContentHasher;
  /** Faults that do not happen, to find out which one matters. */
  readonly without?: readonly string[];
  /** Instead of those drawn. */
  readonly settings?: Partial<WorldSettings>;
}

export interface WorldResult {
  readonly seed: number;
  /** Empty when all is well. */
  readonly problems: readonly string[];
  readonly trace: readonly string[];
  readonly virtualMs: number;
  readonly kills: number;
  readonly cuts: number;
  /** Barriers that were passed while faults went on, and found true. */
  readonly barriers: number;
}

/** Users and faults are active for so long (virtual). */
const FAULT_PHASE_MS = 20_000;
/** What was refused is asked for again after up to a minute. */
const SETTLE_LIMIT_MS = 300_000;
const PROBE_MS = 10_000;
const TRACE_LINES = 400;
/** Of an engine that met what was injected; its supervisor starts it again. */
const OUTSIDE_CAUSES = new Set(['FS-IO', 'FS-FULL', 'FS-LIMIT', 'ROOT-MISSING', 'FS-DENIED', 'FS-BUSY']);

const FEEDS: Readonly<Record<Shape, Readonly<Record<string, readonly string[]>>>> = {
  pair: { alpha: ['beta'], beta: [] },
  several: { alpha: ['beta', 'gamma'], beta: [], gamma: [] },
  chain: { alpha: ['beta'], beta: ['gamma'], gamma: [] },
};

/** Every transaction is flushed: on a disk a run of many would take minutes. */
const MEMORY_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class World {
  readonly seed: number;
  private readonly random: SeededRandom;
  private readonly clock = new SimulatedClock();
  private readonly settings: WorldSettings;
  private readonly hosts: SimulatedHost[];
  private readonly lines: Line[];
  private readonly master: SimulatedHost;
  private readonly directory = mkdtempSync(join(MEMORY_DISK, 'mainstay-sim-'));
  private readonly users: Users;
  private readonly oddities: Oddities;
  private readonly calls = new Calls();
  private readonly faults: Faults;
  private readonly judge: Judge;
  private faultsActive = true;
  private resting = false;
  private probes = 0;
  private proven = false;
  private proving = false;
  private barriers = 0;
  private readonly releasing = new Set<SimulatedHost>();
  private readonly problems: string[] = [];
  private readonly trace: string[] = [];
  private kills = 0;

  constructor(seed: number, options: WorldOptions) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.settings = { ...drawSettings(new SeededRandom(seed + 0x5e77)), ...options.settings };
    this.judge = new Judge(this.settings);
    const ports: HostPorts = {
      clock: this.clock,
      random: new SeededRandom(seed + 0x5eed),
      hasher: options.hasher,
      onNotice: (host, role, notice) => this.onNotice(host, role, notice),
    };
    const feeds = FEEDS[this.settings.shape];
    const { settings } = this;
    this.hosts = Object.keys(feeds).map((name) => {
      const isFed = Object.values(feeds).some((fed) => fed.includes(name));
      const plan = { name, isFed, feeds: feeds[name]!, settings };
      return new SimulatedHost(ports, plan, join(this.directory, name));
    });
    this.master = this.hosts[0]!;
    const shared = {
      clock: this.clock,
      random: this.random,
      calls: this.calls,
      note: (text: string) => this.note(text),
      problem: (text: string) => this.problem(text),
      kills: () => this.kills,
    };
    this.lines = this.hosts.flatMap((up) => up.plan.feeds.map((name) => new Line(up, this.host(name), shared)));
    this.faults = new Faults({
      ...shared,
      hosts: this.hosts,
      lines: this.lines,
      settings,
      without: options.without ?? [],
      kill: (host, how) => this.kill(host, how),
      afterDeath: (host) => this.afterDeath(host),
      probe: () => this.probe(),
    });
    const user = new MemoryUser(this.master.tree, this.master.capture!);
    const read = settings.patches ? (path: string) => user.readFile(path) : undefined;
    this.users = new Users(this.master.tree, user, this.random, read);
    this.oddities = new Oddities(this.master.tree, user, this.random);
  }

  private host(name: string): SimulatedHost {
    return this.hosts.find((host) => host.name === name)!;
  }

  run(): WorldResult {
    this.note(JSON.stringify(this.settings));
    forceLargeFiles(this.settings.patches ? SMALL_LARGE_FILES : undefined);
    try {
      this.play();
    } catch (error) {
      this.problem(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      forceLargeFiles();
      for (const host of this.hosts) host.dispose();
      rmSync(this.directory, { recursive: true, force: true });
    }
    const { seed, problems, trace, kills, barriers } = this;
    const cuts = this.lines.reduce((sum, line) => sum + line.cuts, 0);
    return { seed, problems, trace, virtualMs: this.clock.bootMs(), kills, cuts, barriers };
  }

  private play(): void {
    for (let n = this.random.below(15); n > 0; n -= 1) this.users.act();
    for (const host of this.hosts) this.boot(host);
    this.userActs();
    this.faultHappens();
    this.advance(FAULT_PHASE_MS);
    this.note('faults stop');
    this.faultsActive = false;
    this.resting = true;
    this.faults.heal();
    if (!this.settles()) this.reportDifferences();
  }

  // ---------------------------------------------------------------- time

  /** Runs everything that is due; a process killed inside an operation is buried right after the event it died in. */
  private advance(durationMs: number): void {
    const untilMs = this.clock.bootMs() + durationMs;
    for (;;) {
      const due = this.clock.nextDueMs();
      if (due === undefined || due > untilMs || this.problems.length > 0) break;
      this.step();
    }
  }

  private step(): void {
    this.clock.runNext();
    for (const host of this.hosts) if (host.killedInside) this.kill(host, 'inside an operation');
  }

  private settles(): boolean {
    const untilMs = this.clock.bootMs() + SETTLE_LIMIT_MS;
    while (this.problems.length === 0) {
      const checkAtMs = this.clock.bootMs() + 1_000;
      // At least one step, however far away: time moves only with what happens.
      do this.step();
      while ((this.clock.nextDueMs() ?? Number.POSITIVE_INFINITY) <= checkAtMs);
      if (this.proven) return true;
      // The window of the schedule may be a day away.
      if (this.settings.schedule !== undefined) this.calls.ask(this.master, { name: 'release', on: true });
      if (this.isSettled() && !this.compareAgain() && this.differences(false).length === 0) this.prove();
      if (this.clock.bootMs() > untilMs || this.clock.nextDueMs() === undefined) return false;
    }
    return true;
  }

  private isSettled(): boolean {
    const withParked = this.settings.refusedName !== undefined;
    return this.lines.every((line) => line.isSettled(withParked));
  }

  /** What an operator does after somebody wrote into a Replica's root: run it again. */
  private compareAgain(): boolean {
    const line = this.lines.find(({ tampered }) => tampered);
    if (line === undefined) return false;
    line.tampered = false;
    line.allowedSynchronizations += 1;
    line.synchronize();
    return true;
  }

  // ---------------------------------------------------------------- users and faults

  private userActs(): void {
    if (!this.faultsActive) return;
    if (!this.resting && !this.master.isUnmounted) {
      const odd = this.settings.shape !== 'pair' || this.settings.limits.continuousVerification === true;
      this.note(odd && this.random.chance(0.1) ? this.oddities.act() : this.users.act());
    }
    this.clock.after(this.random.below(this.random.chance(0.2) ? 1_500 : 150), () => this.userActs());
  }

  private faultHappens(): void {
    this.clock.after(200 + this.random.below(2_000), () => {
      if (!this.faultsActive) return;
      this.faults.happen();
      this.faultHappens();
    });
  }

  // ---------------------------------------------------------------- barriers

  /** Users rest until a barrier is passed or it takes too long. */
  private probe(): void {
    if (this.resting) return;
    this.note('a barrier is asked for');
    this.resting = true;
    this.probes += 1;
    const number = this.probes;
    const isOver = () => number !== this.probes || !this.faultsActive;
    const end = () => {
      if (isOver()) return;
      this.probes += 1;
      this.resting = false;
    };
    this.clock.after(PROBE_MS, end);
    this.barrier((answer) => {
      if (isOver()) return;
      this.note(`the barrier: ${answer.fault?.text ?? 'passed'}`);
      if (answer.fault === undefined) this.checkBarrier(end);
      else end();
    });
  }

  /** As the product asks for it: whatever the schedule says, and behind the Master of all who feed others. */
  private barrier(done: (answer: Answer) => void): void {
    this.calls.ask(this.master, { name: 'release', on: true });
    this.calls.ask(this.master, { name: 'barrier' }, (answer) => {
      this.calls.ask(this.master, { name: 'release', on: false });
      const relay = this.hosts.find(({ plan }) => plan.isFed && plan.feeds.length > 0);
      if (answer.fault !== undefined || relay === undefined) done(answer);
      else this.calls.ask(relay, { name: 'barrier' }, done);
    });
  }

  private checkBarrier(end: () => void): void {
    // A Replica that died after it had said so takes itself there again when it begins; what lies in its root then is no answer.
    const known =
      this.lines.every(({ tampered }) => !tampered) && this.hosts.every((host) => host.alive && !host.isUnmounted);
    const differing = known ? this.differences(true) : [];
    if (differing.length === 0) {
      if (known) this.barriers += 1;
      end();
      return;
    }
    for (const line of differing) this.problem(`barrier: ${line}`);
    end();
  }

  /** All is settled: barrier and comparison must say what the oracle says. */
  private prove(): void {
    if (this.proving) return;
    this.proving = true;
    this.barrier((answer) => {
      this.note(`the last barrier: ${answer.fault?.text ?? 'passed'}`);
      const differing = this.differences(true);
      if (answer.fault === undefined && differing.length > 0) this.problem(`a barrier was passed with ${differing[0]}`);
      if (answer.fault !== undefined && answer.fault.code !== 'PARKED')
        this.problem(`no barrier: ${answer.fault.text}`);
      if (answer.fault?.code === 'PARKED' && differing.length === 0 && this.settings.refusedName === undefined)
        this.problem('a barrier was refused though nothing differs');
      this.compare(0);
    });
  }

  private compare(at: number): void {
    const line = this.lines[at];
    if (line === undefined) {
      this.proving = false;
      this.proven = true;
      return;
    }
    this.calls.ask(line.up, { name: 'diff', peer: line.down.name, ignoreSame: false }, ({ result, fault }) => {
      if (fault?.code === 'SCENARIO-STATE') {
        // Something that was refused is being compared: all is asked again when it is settled.
        this.proving = false;
        return;
      }
      if (fault !== undefined) this.problem(`${line.name}: no comparison: ${fault.text}`);
      else this.checkComparison(line, result as DiffResult);
      this.compare(at + 1);
    });
  }

  private checkComparison(line: Line, { identical, differences }: DiffResult): void {
    const found = new Set(differences.map(({ path }) => path));
    for (const [path, text] of this.judge.differences(line.up, line.down, false)) {
      // Of a whole tree that is missing only its top is named.
      const parts = path.split('/');
      if (!parts.some((_, depth) => found.has(parts.slice(0, depth + 1).join('/'))))
        this.problem(`${line.name}: not in the comparison: ${text}`);
    }
    const alike = this.judge.differences(line.up, line.down, true).size === 0;
    if (!alike && identical) this.problem(`${line.name}: the comparison finds nothing`);
    if (alike && !identical)
      this.problem(`${line.name}: the comparison finds ${JSON.stringify(differences.slice(0, 3))}`);
  }

  // ---------------------------------------------------------------- processes

  private boot(host: SimulatedHost): void {
    if (host.alive) return;
    this.note(`${host.name}: starts`);
    host.boot();
    if (host.killedInside) this.kill(host, 'inside its start');
    for (const line of this.linesOf(host)) {
      if (line.up === host && line.suspended)
        this.calls.ask(host, { name: 'suspend', peer: line.down.name, suspended: true });
      line.dialLater();
    }
  }

  private kill(host: SimulatedHost, how: string): void {
    if (!host.alive) return;
    this.kills += 1;
    this.note(`${host.name}: killed ${how}`);
    host.kill();
    this.afterDeath(host);
  }

  private afterDeath(host: SimulatedHost): void {
    this.calls.forget(host);
    this.releasing.delete(host);
    // What was asked of it is not answered any more.
    this.proving = false;
    for (const line of this.linesOf(host)) line.lost(host);
    this.clock.after(50 + this.random.below(1_500), () => this.boot(host));
  }

  private linesOf(host: SimulatedHost): Line[] {
    return this.lines.filter(({ up, down }) => up === host || down === host);
  }

  private onNotice(host: SimulatedHost, role: Role, notice: EngineNotice): void {
    switch (notice.type) {
      case 'link-send':
        this.lineTo(host, role, notice.peer).carry(host, notice.bytes.slice());
        return;
      case 'link-close':
        this.note(`${host.name}: closes the link${notice.fault === undefined ? '' : `: ${notice.fault.text}`}`);
        if (notice.fault?.code === 'INTERNAL') this.problem(`${host.name}: ${notice.fault.text}`);
        this.clock.after(0, () => this.lineTo(host, role, notice.peer).cut('closed by an engine'));
        return;
      case 'event':
        this.note(`${host.name}: ${notice.code} ${JSON.stringify(notice.details)}`);
        for (const line of this.linesOf(host)) line.onEvent(notice.code, host);
        return;
      case 'status':
        if (role === 'master') this.onStatus(host, notice.status);
        return;
      case 'reply':
        this.calls.answer(notice.id, notice);
        return;
      case 'failed':
        this.onFailed(host, notice.fault);
        return;
      default:
    }
  }

  private onStatus(host: SimulatedHost, status: EngineStatus): void {
    for (const line of this.lines) if (line.up === host) line.onStatus(status);
    if (status.brake !== undefined) this.releaseBrake(host);
  }

  private lineTo(host: SimulatedHost, role: Role, peer: string): Line {
    return this.lines.find(({ up, down }) =>
      role === 'master' ? up === host && down.name === peer : down === host && up.name === peer,
    )!;
  }

  /** The supervisor starts it again; what nobody injected is a defect. */
  private onFailed(host: SimulatedHost, fault: { readonly code: string; readonly text: string }): void {
    if (!OUTSIDE_CAUSES.has(fault.code)) this.problem(`${host.name} failed: ${fault.text}`);
    this.clock.after(0, () => this.kill(host, `after it failed: ${fault.text}`));
  }

  /** The operator looks at it and lets it go on. */
  private releaseBrake(host: SimulatedHost): void {
    if (this.releasing.has(host)) return;
    this.releasing.add(host);
    this.clock.after(300 + this.random.below(3_000), () => {
      this.note(`${host.name}: the brake is taken off`);
      this.calls.ask(host, { name: 'brake-release' }, () => this.releasing.delete(host));
    });
  }

  // ---------------------------------------------------------------- judging

  /** Of all Replicas; `all`: also what one of them refuses. */
  private differences(all: boolean): string[] {
    return this.lines.flatMap(({ down }) =>
      [...this.judge.differences(this.master, down, all).values()].map((text) => `${down.name} ${text}`),
    );
  }

  private reportDifferences(): void {
    this.problems.push(...this.differences(false).slice(0, 8));
    for (const host of this.hosts) this.problems.push(...host.describeParked().slice(0, 5));
    for (const line of this.lines) this.problem(`not settled: ${line.describe()}`);
  }

  private problem(text: string): void {
    if (this.problems.length < 20) this.problems.push(text);
  }

  private note(text: string): void {
    this.trace.push(`${(this.clock.bootMs() / 1000).toFixed(3).padStart(8)} ${text}`);
    if (this.trace.length > 4 * TRACE_LINES) this.trace.splice(0, this.trace.length - TRACE_LINES);
  }
}
