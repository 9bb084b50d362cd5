/**
 * Real machines for tests of roles: engines and web servers in network namespaces on one network, with a production address that
 * clients use, a client that requests all the time, and an auditor. Needs root. Machines are called by their names.
 */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanFaults } from './lan-faults.ts';
import { Lan } from './namespace-rig.ts';
import { Machine } from './network-machine.ts';
import { GateAuditor, WebClient } from './network-watch.ts';
import { oracle } from './rig.ts';
import { WEB_PORT } from './web-server.ts';

/** The address that clients use. With engines the first machine holds it at the beginning. */
export const PRODUCTION = '10.9.0.10';
const OWN_ADDRESSES = ['10.9.0.11', '10.9.0.12', '10.9.0.13', '10.9.0.14'];
const CLIENT_ADDRESS = '10.9.0.99';
const AUDITOR_ADDRESS = '10.9.0.98';
const WATCH_SECONDS = 180;
const REQUEST_EVERY_MS = 10;
const REQUEST_TIMEOUT_MS = 1_000;

export interface NetworkFleetOptions {
  /** The first one is the Master, the second its Replica; further ones are for a witness and others. Default `alpha`, `beta`. */
  readonly names?: readonly string[];
  /** MiB of a disk of its own, by machine. */
  readonly disks?: Readonly<Record<string, number>>;
  /** Where all of it lies; default the system's temporary directory. */
  readonly below?: string;
  /** Only web servers run, and nobody holds the production address: somebody else's programs are going to move it. */
  readonly withoutEngines?: boolean;
  /** Client and auditor end by themselves after so long, seconds. */
  readonly watchSeconds?: number;
}

export class NetworkFleet {
  readonly faults: LanFaults;
  readonly machines: readonly Machine[];
  readonly lan: Lan;
  private readonly top: string;
  private readonly watchSeconds: number;
  private readonly watchers: { stop(): Promise<void> }[] = [];

  private constructor(top: string, lan: Lan, machines: readonly Machine[], watchSeconds: number) {
    this.watchSeconds = watchSeconds;
    this.top = top;
    this.lan = lan;
    this.machines = machines;
    this.faults = new LanFaults(lan);
  }

  /** Engines and web servers run, nobody is paired. */
  static async start(options: NetworkFleetOptions = {}): Promise<NetworkFleet> {
    const { names = ['alpha', 'beta'], disks = {}, below = tmpdir(), withoutEngines = false } = options;
    const top = realpathSync(mkdtempSync(join(below, 'mainstay-network-')));
    const lan = new Lan();
    const machines: Machine[] = [];
    const fleet = new NetworkFleet(top, lan, machines, options.watchSeconds ?? WATCH_SECONDS);
    try {
      for (const [n, name] of names.entries()) {
        const diskMib = disks[name];
        machines.push(
          await Machine.create(lan, top, {
            name,
            address: OWN_ADDRESSES[n]!,
            alsoHolds: n === 0 && !withoutEngines ? [PRODUCTION] : [],
            ...(diskMib === undefined ? {} : { diskMib }),
          }),
        );
      }
      await Promise.all(machines.map((machine) => machine.start({ engine: !withoutEngines, web: true })));
      return fleet;
    } catch (error) {
      await fleet.remove();
      throw error;
    }
  }

  machine(name: string): Machine {
    const machine = this.machines.find((one) => one.name === name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }

  get master(): Machine {
    return this.machines[0]!;
  }

  get replica(): Machine {
    return this.machines[1]!;
  }

  async pair(from: Machine, to: Machine, role = 'peer'): Promise<void> {
    const invitation = await to.engine.must('pair', 'invite', '--role', role, '--json');
    const { invite } = JSON.parse(invitation) as { invite: string };
    await from.engine.must('pair', 'accept', invite, '--json');
  }

  /** The third machine decides who of the first two is active; the settings that say so. */
  async witness(): Promise<Readonly<Record<string, unknown>>> {
    const witness = this.machines[2]!;
    for (const machine of [this.master, this.replica]) await this.pair(machine, witness);
    return { 'switchover.arbiter': 'witness', 'switchover.arbiterAddress': [witness.engine.address] };
  }

  /** The first two machines are paired and have the scenario `web`, which is not run yet. */
  async createScenario(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { master, replica } = this;
    await this.pair(master, replica);
    const file = join(this.top, 'scenario.json');
    const document = {
      name: 'web',
      serverType: 'custom',
      master: { name: master.name, address: master.engine.address },
      replicas: [{ name: replica.name, address: replica.engine.address }],
      roots: [{ master: master.root, replica: replica.root }],
      settings,
    };
    writeFileSync(file, JSON.stringify(document));
    await master.engine.must('scenario', 'create', file, '--json');
  }

  /** Runs the scenario until it is protected. */
  async run(): Promise<void> {
    await this.master.engine.must('run', 'web', '--yes', '--acknowledge-warnings', '--wait', '--timeout', '60');
  }

  /** The barrier, then what an independent program still finds different. */
  async differences(): Promise<string> {
    await this.master.engine.must('barrier', 'web', '--timeout', '60');
    return oracle(this.master.root, this.replica.root);
  }

  /** A machine that asks for `/` of the production address every 10 ms, and writes when told how often. */
  client({ writeEveryMs }: { readonly writeEveryMs?: number } = {}): WebClient {
    this.lan.machine('client', `${CLIENT_ADDRESS}/24`);
    const client = new WebClient(this.lan, 'client', {
      address: PRODUCTION,
      port: WEB_PORT,
      everyMs: REQUEST_EVERY_MS,
      timeoutMs: REQUEST_TIMEOUT_MS,
      limitSeconds: this.watchSeconds,
      ...(writeEveryMs === undefined ? {} : { writeEveryMs }),
    });
    this.watchers.push(client);
    return client;
  }

  /** Looks at the first two machines. `hostHeader`: service ports are the gate, both are asked at their own addresses too. */
  auditor({ hostHeader }: { readonly hostHeader?: string } = {}): GateAuditor {
    this.lan.machine('auditor', `${AUDITOR_ADDRESS}/24`);
    const auditor = new GateAuditor(this.lan, 'auditor', {
      machines: [this.master, this.replica].map(({ name, address }) => ({
        name,
        address,
        anchor: this.lan.anchor(name),
        hardwareAddress: this.lan.hardwareAddress(name),
      })),
      production: PRODUCTION,
      device: 'd0',
      limitSeconds: this.watchSeconds,
      ...(hostHeader === undefined ? {} : { served: { port: WEB_PORT, hostHeader } }),
    });
    this.watchers.push(auditor);
    return auditor;
  }

  /** Ends all programs and removes all files. */
  async remove(): Promise<void> {
    await Promise.all(this.watchers.map((watcher) => watcher.stop()));
    await Promise.all(this.machines.map((machine) => machine.remove()));
    await this.lan.remove();
    rmSync(this.top, { recursive: true, force: true, maxRetries: 3 });
  }
}
