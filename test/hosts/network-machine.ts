/** A machine of the network rig: its network, an engine, a web server on the protected root, and what can happen to a machine. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fillUp } from './disk-filler.ts';
import type { Lan } from './namespace-rig.ts';
import { eventually, Host } from './rig.ts';
import { WebServer } from './web-server.ts';

const ENGINE_PORT = 4_300;
const NETWORK_BITS = 24;
const END_TIMEOUT_MS = 10_000;

/** What starts with a machine. */
export interface Programs {
  readonly engine: boolean;
  readonly web: boolean;
}

const EVERYTHING: Programs = { engine: true, web: true };

export interface MachineOptions {
  readonly name: string;
  /** Its own, which the engines talk over. */
  readonly address: string;
  /** Further ones that it begins with; after a boot they are not there any more. */
  readonly alsoHolds?: readonly string[];
  /** Everything of it lies on a file system of its own of so many MiB. */
  readonly diskMib?: number;
}

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly engine: Host;
  readonly web: WebServer;
  private readonly lan: Lan;
  private readonly folder: string;
  private readonly hasDisk: boolean;
  private poweredOn = true;

  private constructor(lan: Lan, folder: string, options: MachineOptions, engine: Host) {
    this.lan = lan;
    this.folder = folder;
    this.name = options.name;
    this.address = options.address;
    this.hasDisk = options.diskMib !== undefined;
    this.engine = engine;
    this.root = join(folder, 'www');
    mkdirSync(this.root, { recursive: true });
    this.web = new WebServer(lan.within(this.name), join(folder, 'nginx'), this.name, this.root);
  }

  /** Nothing runs on it yet. `top`: directory in which it gets one of its own. */
  static async create(lan: Lan, top: string, options: MachineOptions): Promise<Machine> {
    const { name, address, alsoHolds = [], diskMib } = options;
    const folder = join(top, name);
    mkdirSync(folder);
    if (diskMib !== undefined) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m`, 'tmpfs', folder]);
    // What moves comes first, as on hosts that get their own address later: the kernel then counts the own one as belonging to it.
    lan.machine(name, ...[...alsoHolds, address].map(withPrefix));
    const engine = await Host.create(folder, name, { address: `${address}:${ENGINE_PORT}`, within: lan.within(name) });
    return new Machine(lan, folder, options, engine);
  }

  async start(what: Programs = EVERYTHING): Promise<void> {
    await Promise.all([what.engine ? this.engine.start() : undefined, what.web ? this.web.start() : undefined]);
  }

  holds(address: string): boolean {
    return this.lan.holds(this.name, address);
  }

  /** By hand, without asking anybody. */
  takeAddress(address: string): void {
    this.lan.exec(this.name, 'ip', 'address', 'add', withPrefix(address), 'dev', 'd0');
    this.lan.exec(this.name, 'arping', '-U', '-c', '1', '-w', '1', '-I', 'd0', address);
  }

  dropAddress(address: string): void {
    // Without it all other addresses of the network go together with the first one.
    this.lan.exec(this.name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/d0/promote_secondaries');
    this.lan.exec(this.name, 'ip', 'address', 'del', withPrefix(address), 'dev', 'd0');
  }

  /** Every program stands still; its kernel goes on: it answers ARP and pings, and its timers run out. */
  pause(): void {
    this.signalAll('SIGSTOP');
  }

  resume(): void {
    this.signalAll('SIGCONT');
  }

  pauseEngine(): void {
    process.kill(this.engine.pid!, 'SIGSTOP');
  }

  resumeEngine(): void {
    process.kill(this.engine.pid!, 'SIGCONT');
  }

  private signalAll(signal: NodeJS.Signals): void {
    for (const pid of this.lan.programs(this.name)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended meanwhile.
      }
    }
  }

  /** From one moment to the next nothing of it answers; what its kernel knew is gone. Its files stay. */
  async powerCut(): Promise<void> {
    this.lan.exec(this.name, 'ip', 'link', 'set', 'dev', 'd0', 'down');
    this.poweredOn = false;
    await this.killAll();
    this.lan.configure(this.name, []);
  }

  private async killAll(): Promise<void> {
    await eventually(`nothing runs on ${this.name}`, END_TIMEOUT_MS, () => {
      this.signalAll('SIGKILL');
      return this.lan.programs(this.name).length === 0 ? true : undefined;
    });
    await Promise.all([this.engine.kill(), this.web.kill()]);
  }

  /** Boots: its own address is there before anything runs, everything else only when somebody sets it. */
  async powerOn(what: Programs = EVERYTHING): Promise<void> {
    if (this.poweredOn) throw new Error(`${this.name} is on`);
    this.lan.exec(this.name, 'ip', 'link', 'set', 'dev', 'd0', 'up');
    this.lan.configure(this.name, [withPrefix(this.address)]);
    this.poweredOn = true;
    await this.start(what);
  }

  async reboot(): Promise<void> {
    await this.powerCut();
    await this.powerOn();
  }

  /** Leaves no room on its disk; returns what makes room again. */
  fillDisk(): () => void {
    if (!this.hasDisk) throw new Error(`${this.name} has no disk of its own`);
    return fillUp(this.folder);
  }

  async remove(): Promise<void> {
    await this.killAll();
    if (this.hasDisk) execFileSync('umount', ['--lazy', this.folder]);
  }
}

function withPrefix(address: string): string {
  return `${address}/${NETWORK_BITS}`;
}
