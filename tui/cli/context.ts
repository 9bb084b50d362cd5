/** What every command works with: options, output, the hosts it may ask, confirmations. */
import type { CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Discovery } from '../../shared/results.ts';
import type { Snapshot } from '../../shared/status.ts';
import { didYouMean } from '../../shared/suggest.ts';
import type { DaemonClient } from '../client.ts';
import type { Access } from '../profile.ts';
import type { Terminal } from './terminal.ts';
import { safeJson } from './text.ts';

/** Options that mean the same for every command. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly data?: string;
  readonly profile?: string;
  readonly host?: string;
  readonly yes?: boolean;
  readonly confirm?: string;
}

/** What only the program's entry may import. */
export interface Composition {
  /** Runs the engine in the foreground; resolves with the exit code when it has stopped. */
  runDaemon(options: DaemonOptions): Promise<number>;
  discoverOffline(application: 'iis' | 'nginx' | 'apache', text: string, file: string): Promise<Discovery>;
  /** Opens the full-screen console. */
  runConsole(options: CommonOptions & { readonly readonly?: boolean; readonly ascii?: boolean }): Promise<number>;
  /** Registered scripts of the engine with that data directory. */
  openScripts(data: string): Promise<ScriptFolder>;
  /** Absolute path of this program, for services. */
  readonly program: string;
}

/** Faults as daemon/store/script-folder.ts says. */
interface ScriptFolder {
  register(file: string, as: string | undefined): { readonly name: string; readonly bytes: number };
  list(): readonly {
    readonly name: string;
    readonly bytes: number;
    readonly sha256?: string;
    readonly changed?: true;
  }[];
  remove(name: string): void;
}

export interface DaemonOptions {
  readonly data: string;
  readonly name?: string;
  readonly listen?: string;
  readonly config?: string;
}

/** A host of the profile that did not answer, and why. */
export interface Unreachable {
  readonly client: DaemonClient;
  readonly fault: Fault;
}

export class Context {
  readonly terminal: Terminal;
  readonly composition: Composition;
  #clients: readonly DaemonClient[] = [];

  constructor(terminal: Terminal, composition: Composition) {
    this.terminal = terminal;
    this.composition = composition;
  }

  json(value: unknown): void {
    this.terminal.out(`${safeJson(value, this.terminal.redraws ? 2 : undefined)}\n`);
  }

  /** One document a line, for streams. */
  jsonLine(value: unknown): void {
    this.terminal.out(`${safeJson(value)}\n`);
  }

  note(text: string): void {
    this.terminal.err(`${text}\n`);
  }

  async access(options: CommonOptions): Promise<Access> {
    const access = await this.#allAccess(options);
    if (options.host === undefined) return access;
    const wanted = options.host.toLowerCase();
    const hosts = access.hosts.filter((host) =>
      [host.name.toLowerCase(), host.address, host.deviceId].some((id) => id === wanted),
    );
    if (hosts.length > 0) return { ...access, hosts };
    const names = access.hosts.map((host) => host.name);
    throw new Fault('USAGE', {
      reason: `the profile has no host "${options.host}"${didYouMean(options.host, names)}`,
    });
  }

  async #allAccess(options: CommonOptions): Promise<Access> {
    const { localAccess, profileAccess, profilePath, readProfile } = await import('../profile.ts');
    if (options.data !== undefined) return localAccess(options.data);
    const path = profilePath(options.profile, this.terminal.environment);
    // Before an identity is made for nothing.
    if (readProfile(path).hosts.length > 0) return profileAccess(path, this.terminal.wallNow());
    throw new Fault('USAGE', {
      reason: `the profile ${path} has no host: on a host run \`mainstay pair invite\`, here \`mainstay pair accept INVITE\`; on the host itself use --data DIR`,
    });
  }

  /** A client for each host of the profile (or the one chosen), the same ones each time; none is connected by this. */
  async clients(options: CommonOptions): Promise<readonly DaemonClient[]> {
    if (this.#clients.length > 0) return this.#clients;
    const access = await this.access(options);
    const { DaemonClient } = await import('../client.ts');
    const now = () => this.terminal.monotonicNow();
    this.#clients = access.hosts.map((host) => new DaemonClient({ host, identity: access.identity, now }));
    return this.#clients;
  }

  /** The only or the chosen host, connected. */
  async oneClient(options: CommonOptions): Promise<DaemonClient> {
    const clients = await this.clients(options);
    if (clients.length > 1) {
      const names = clients.map((client) => client.host.name).join(', ');
      throw new Fault('USAGE', { reason: `say which host: --host NAME (${names})` });
    }
    await clients[0]!.open();
    return clients[0]!;
  }

  /** All hosts that answer; throws the first fault when none does. */
  async reachable(options: CommonOptions): Promise<{ up: DaemonClient[]; down: Unreachable[] }> {
    const clients = await this.clients(options);
    const opened = await Promise.allSettled(clients.map((client) => client.open()));
    const up: DaemonClient[] = [];
    const down: Unreachable[] = [];
    for (const [index, result] of opened.entries()) {
      const client = clients[index]!;
      if (result.status === 'fulfilled') up.push(client);
      else down.push({ client, fault: Fault.from(result.reason) });
    }
    if (up.length === 0) throw down[0]!.fault;
    return { up, down };
  }

  /**
   * The host to ask about a scenario: its Master where that answers, else another host that knows it.
   * Throws `SCENARIO-NOT-FOUND`, or `LINK-UNREACHABLE` when a host that may know it does not answer.
   */
  async forScenario(name: string, options: CommonOptions): Promise<DaemonClient> {
    const { up, down } = await this.reachable(options);
    const found: { client: DaemonClient; master: boolean }[] = [];
    for (const client of up) {
      const { daemon, scenarios } = await this.snapshot(client);
      const scenario = scenarios.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
      if (scenario !== undefined) found.push({ client, master: scenario.hosts[0]?.name === daemon.name });
    }
    const best = found.find((candidate) => candidate.master) ?? found[0];
    if (best !== undefined) return best.client;
    throw down[0]?.fault ?? new Fault('SCENARIO-NOT-FOUND', { name });
  }

  /** What a connected host shows at this moment. */
  snapshot(client: DaemonClient): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      const end = client.subscribe((news) => {
        if (news.type === 'snapshot') {
          end();
          resolve(news.snapshot);
        } else if (news.type === 'down') {
          end();
          reject(Fault.fromDocument(news.fault));
        }
      });
    });
  }

  /** Plain confirmations: `--yes`, or a question on a terminal. Throws `CONFIRM-NEEDED`. */
  async confirm(question: string, what: string, options: CommonOptions): Promise<void> {
    if (options.yes === true) return;
    if (!this.terminal.interactive) throw new Fault('CONFIRM-NEEDED', { what });
    const answer = (await this.terminal.ask(`${question} [y/N] `)).trim().toLowerCase();
    if (answer !== 'y' && answer !== 'yes') throw new Fault('CONFIRM-NEEDED', { what });
  }

  /** Where the console asks to type the name: `--confirm NAME`, or typed on a terminal. Throws `CONFIRM-NEEDED`. */
  async confirmName(name: string, impact: string, what: string, options: CommonOptions): Promise<void> {
    if (options.confirm === name) return;
    if (options.confirm === undefined && this.terminal.interactive) {
      this.note(impact);
      if ((await this.terminal.ask(`Type "${name}" to go on: `)).trim() === name) return;
    }
    throw new Fault('CONFIRM-NEEDED', { what });
  }

  /** Ends all connections, so that the process can end. */
  close(): void {
    for (const client of this.#clients) client.close();
    this.#clients = [];
  }
}

/** A request whose answer has a known shape (shared/results.ts). */
export async function ask<Result>(
  client: DaemonClient,
  command: CommandName,
  args: unknown,
  timeoutMs?: number,
): Promise<Result> {
  const answer = await client.request(command, args, {
    resend: true,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  return answer as Result;
}
