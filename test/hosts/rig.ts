/**
 * Real hosts for tests: engines as processes on loopback, driven only through the product's command line, and an independent
 * oracle (rsync) that says whether a Replica is identical.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventRecord } from '../../shared/events.ts';
import type { ScenarioStatus } from '../../shared/status.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const READY_TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `state` gives a value; fails with `what` and the last error. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  state: () => Promise<T | undefined> | T | undefined,
) {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await state();
      if (value !== undefined) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause });
    await delay(50);
  }
}

/** A port nobody uses now; an engine keeps its address over restarts, so it cannot ask for port 0 each time. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one `mainstay` command to its end, whatever its exit code. `within`: a command that runs what follows it on another machine
 * and becomes it, such as `ip netns exec NAME`.
 */
export function mainstay(
  args: readonly string[],
  timeoutMs = COMMAND_TIMEOUT_MS,
  within: readonly string[] = [],
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const [program, ...rest] = [...within, process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, ...args];
    const options = { timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES };
    execFile(program!, rest, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number')
        reject(new Error(`mainstay ${args.join(' ')}`, { cause: error }));
      else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

export interface HostOptions {
  /** For profiles. */
  readonly nodeOptions?: readonly string[];
  /** Where it listens; default a free port on loopback. */
  readonly address?: string;
  /** What its programs are started with, to run on a machine of their own. */
  readonly within?: readonly string[];
}

/** One host: a data directory and, while it runs, an engine process. */
export class Host {
  readonly name: string;
  readonly data: string;
  readonly address: string;
  readonly log: string;
  private readonly options: HostOptions;
  /** Of the engine, from its next start on, beside what the test has. */
  environment: Readonly<Record<string, string>> = {};
  private process: ChildProcess | undefined;
  /** User and group number of the engine. */
  private account: number | undefined;

  private constructor(top: string, name: string, address: string, options: HostOptions) {
    this.name = name;
    this.data = join(top, `${name}.data`);
    this.log = join(top, `${name}.log`);
    this.address = address;
    this.options = options;
    mkdirSync(this.data, { recursive: true, mode: 0o700 });
  }

  static async create(top: string, name: string, options: HostOptions = {}): Promise<Host> {
    return new Host(top, name, options.address ?? `127.0.0.1:${await freePort()}`, options);
  }

  /** From its next start on; `places` are given to it too. */
  runAs(account: number, ...places: string[]): void {
    this.account = account;
    for (const place of [this.data, ...places]) chownSync(place, account, account);
  }

  get running(): boolean {
    return this.process !== undefined && this.process.exitCode === null && this.process.signalCode === null;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Starts the engine and waits for its `ready`. */
  async start(): Promise<void> {
    const output = openSync(this.log, 'a');
    const { nodeOptions = [], within = [] } = this.options;
    const args = ['daemon', '--data', this.data, '--name', this.name, '--listen', this.address];
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', ...nodeOptions];
    const [program, ...rest] = [...within, ...node, PROGRAM, ...args];
    const child = spawn(program!, rest, {
      stdio: ['ignore', 'pipe', output],
      env: { ...process.env, ...this.environment },
      ...(this.account === undefined ? {} : { uid: this.account, gid: this.account }),
    });
    closeSync(output);
    this.process = child;
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${this.name} ${why}; ${this.lastLog()}`));
      const timer = setTimeout(() => fail('did not get ready'), READY_TIMEOUT_MS);
      let seen = '';
      child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
        seen += chunk;
        if (!/^ready\b/m.test(seen)) return;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended with ${code ?? signal}`);
      });
    });
  }

  lastLog(): string {
    try {
      return readFileSync(this.log, 'utf8').slice(-2000);
    } catch {
      return 'no log';
    }
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.process;
    if (child === undefined || !this.running) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(killer);
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** As if the power were cut: nothing is drained. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  command(...args: string[]): Promise<CommandResult> {
    return mainstay([...args, '--data', this.data], COMMAND_TIMEOUT_MS, this.options.within);
  }

  /** A command that must succeed; its stdout. */
  async must(...args: string[]): Promise<string> {
    const result = await this.command(...args);
    if (result.code !== 0) {
      throw new Error(`mainstay ${args.join(' ')} on ${this.name}: exit ${result.code}: ${result.stderr.trim()}`);
    }
    return result.stdout;
  }

  async status(scenario: string): Promise<ScenarioStatus | undefined> {
    const { scenarios } = JSON.parse(await this.must('status', '--json')) as { scenarios: ScenarioStatus[] };
    return scenarios.find((candidate) => candidate.name === scenario);
  }

  async events(): Promise<EventRecord[]> {
    const output = await this.must('events', '--json');
    return output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as EventRecord);
  }

  async countEvents(code: string): Promise<number> {
    return (await this.events()).filter((event) => event.code === code).length;
  }
}

/**
 * What rsync would still have to do to make `replica` equal to `master`: nothing when they are identical.
 * `ignored`: rsync patterns; in a root that is a mount point, and only there, our control directory lies inside it.
 */
export function oracle(master: string, replica: string, ignored: readonly string[] = []): Promise<string> {
  return new Promise((resolve, reject) => {
    const exclude = ignored.map((pattern) => `--exclude=${pattern}`);
    const args = ['-aniHXA', '--checksum', '--delete', ...exclude, `${master}/`, `${replica}/`];
    execFile('rsync', args, { maxBuffer: MAX_OUTPUT_BYTES, encoding: 'latin1' }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`rsync: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
}

export interface PairOptions {
  /** Where all of it lies; default the system's temporary directory. */
  readonly below?: string;
  readonly scenario?: string;
  /** Where the Replica's root lies, when not beside the Master's. */
  readonly replicaBelow?: string;
  /** An existing tree to protect; it is not removed at the end. */
  readonly masterRoot?: string;
  readonly settings?: Record<string, unknown>;
  readonly nodeOptions?: readonly string[];
  /** User and group number of the Replica's engine (as root only); default those of the test. */
  readonly replicaAccount?: number;
}

/** Two paired hosts and one scenario between them. */
export class Pair {
  readonly top: string;
  readonly scenario: string;
  readonly masterRoot: string;
  readonly replicaRoot: string;
  readonly master: Host;
  readonly replica: Host;
  private readonly replicaTop: string;
  private readonly settings: Record<string, unknown>;

  private constructor(top: string, options: PairOptions, master: Host, replica: Host) {
    this.top = top;
    this.scenario = options.scenario ?? 'web';
    this.settings = { ...options.settings };
    this.masterRoot = options.masterRoot ?? join(top, 'master', 'www');
    this.replicaTop = join(options.replicaBelow ?? top, options.replicaBelow === undefined ? 'replica' : basename(top));
    this.replicaRoot = join(this.replicaTop, 'www');
    this.master = master;
    this.replica = replica;
    mkdirSync(this.masterRoot, { recursive: true });
    mkdirSync(this.replicaRoot, { recursive: true });
    if (options.replicaAccount === undefined) return;
    chmodSync(top, 0o755);
    replica.runAs(options.replicaAccount, this.replicaTop, this.replicaRoot);
  }

  /** Engines started and paired, no scenario yet. */
  static async start(options: PairOptions = {}): Promise<Pair> {
    const top = realpathSync(mkdtempSync(join(options.below ?? tmpdir(), 'mainstay-hosts-')));
    const [master, replica] = await Promise.all([
      Host.create(top, 'alpha', { nodeOptions: options.nodeOptions ?? [] }),
      Host.create(top, 'beta', { nodeOptions: options.nodeOptions ?? [] }),
    ]);
    const pair = new Pair(top, options, master, replica);
    try {
      await Promise.all([master.start(), replica.start()]);
      const invitation = JSON.parse(await replica.must('pair', 'invite', '--role', 'peer', '--json')) as {
        invite: string;
      };
      await master.must('pair', 'accept', invitation.invite, '--json');
    } catch (error) {
      await pair.remove();
      throw error;
    }
    return pair;
  }

  /** Also the scenario, run and protected. `fill` writes what the Master root holds before. */
  static async protectedPair(options: PairOptions = {}, fill?: (root: string) => void): Promise<Pair> {
    const pair = await Pair.start(options);
    try {
      fill?.(pair.masterRoot);
      await pair.createScenario();
      await pair.run();
    } catch (error) {
      await pair.remove();
      throw error;
    }
    return pair;
  }

  /** Settings of the scenario that is created next. */
  use(settings: Record<string, unknown>): void {
    Object.assign(this.settings, settings);
  }

  /** `replicaAddress`: where the Master is to find the Replica, when something lies between them. */
  async createScenario(replicaAddress = this.replica.address): Promise<void> {
    const document = {
      name: this.scenario,
      serverType: 'custom',
      solution: 'ha',
      master: { name: this.master.name, address: this.master.address },
      replicas: [{ name: this.replica.name, address: replicaAddress }],
      roots: [{ master: this.masterRoot, replica: this.replicaRoot }],
      settings: this.settings,
    };
    const file = join(this.top, 'scenario.json');
    writeFileSync(file, JSON.stringify(document));
    await this.master.must('scenario', 'create', file, '--json');
  }

  /** Runs the scenario until it is protected. */
  async run(...options: string[]): Promise<void> {
    await this.master.must('run', this.scenario, '--yes', '--acknowledge-warnings', '--wait', ...options);
  }

  async stopScenario(): Promise<void> {
    await this.master.must('stop', this.scenario, '--yes');
    await this.waitFor('stopped');
  }

  async waitFor(state: string, timeoutSeconds = 60): Promise<void> {
    await this.master.must('wait', this.scenario, '--state', state, '--timeout', String(timeoutSeconds));
  }

  /** Every change made before now is applied on the Replica when it resolves. */
  async barrier(timeoutSeconds = 120): Promise<void> {
    await this.master.must('barrier', this.scenario, '--timeout', String(timeoutSeconds));
  }

  /** The barrier, then what an independent program still finds different. */
  async differences(ignored: readonly string[] = []): Promise<string> {
    await this.barrier();
    return oracle(this.masterRoot, this.replicaRoot, ignored);
  }

  /** Ends all processes and removes all files. */
  async remove(): Promise<void> {
    await Promise.all([this.master.kill(), this.replica.kill()]);
    for (const path of [this.replicaTop, this.top]) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  }
}
