/** Several real hosts and one scenario among them: a Master and its Replicas, each with a root of its own. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Host, oracle } from './rig.ts';

/** Replicas by host name: who feeds them, when not the Master. */
type Replicas = Readonly<Record<string, { readonly source?: string }>>;

export class Fleet {
  readonly hosts: readonly Host[];
  private readonly top: string;

  private constructor(top: string, hosts: readonly Host[]) {
    this.top = top;
    this.hosts = hosts;
    for (const { name } of hosts) mkdirSync(this.root(name), { recursive: true });
  }

  /** The first one is the Master. */
  static async start(names: readonly string[]): Promise<Fleet> {
    const top = realpathSync(mkdtempSync(join(tmpdir(), 'mainstay-fleet-')));
    const fleet = new Fleet(top, await Promise.all(names.map((name) => Host.create(top, name))));
    try {
      await Promise.all(fleet.hosts.map((host) => host.start()));
    } catch (error) {
      await fleet.remove();
      throw error;
    }
    return fleet;
  }

  get master(): Host {
    return this.hosts[0]!;
  }

  host(name: string): Host {
    const host = this.hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  root(name: string): string {
    return join(this.top, name, 'www');
  }

  async pair(from: string, to: string): Promise<void> {
    const invitation = await this.host(to).must('pair', 'invite', '--role', 'peer', '--json');
    const { invite } = JSON.parse(invitation) as { invite: string };
    await this.host(from).must('pair', 'accept', invite, '--json');
  }

  async create(replicas: Replicas, settings: Record<string, unknown> = {}): Promise<void> {
    await this.master.must('scenario', 'create', this.write(replicas, settings), '--json');
  }

  async apply(replicas: Replicas, settings: Record<string, unknown> = {}): Promise<void> {
    await this.master.must('scenario', 'apply', this.write(replicas, settings), '--yes', '--json');
  }

  private write(replicas: Replicas, settings: Record<string, unknown>): string {
    const file = join(this.top, 'scenario.json');
    const document = {
      name: 'web',
      serverType: 'custom',
      master: { name: this.master.name, address: this.master.address },
      replicas: Object.entries(replicas).map(([name, { source }]) => ({
        name,
        address: this.host(name).address,
        roots: [this.root(name)],
        ...(source === undefined ? {} : { source }),
      })),
      roots: [{ master: this.root(this.master.name) }],
      settings,
    };
    writeFileSync(file, JSON.stringify(document));
    return file;
  }

  /** Runs the scenario until it is protected. */
  async run(): Promise<void> {
    await this.master.must('run', 'web', '--yes', '--acknowledge-warnings', '--wait', '--timeout', '60');
  }

  async waitFor(state: string): Promise<void> {
    await this.master.must('wait', 'web', '--state', state, '--timeout', '60');
  }

  async stop(): Promise<void> {
    await this.master.must('stop', 'web', '--yes');
    await this.waitFor('stopped');
  }

  oracle(name: string): Promise<string> {
    return oracle(this.root(this.master.name), this.root(name));
  }

  /** The barrier, then what an independent program still finds different on that Replica. */
  async differences(name: string): Promise<string> {
    await this.master.must('barrier', 'web', '--timeout', '60');
    return this.oracle(name);
  }

  async remove(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.kill()));
    rmSync(this.top, { recursive: true, force: true, maxRetries: 3 });
  }
}
