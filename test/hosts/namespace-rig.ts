/** Three machines on one network without any: namespaces of the kernel on a bridge in a fourth. Needs root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FaultDocument } from '../../shared/faults.ts';
import type { HolderCommand, HolderOptions } from './address-holder.ts';

const HOLDER = fileURLToPath(new URL('./address-holder.js', import.meta.url));

/** A program's whole output; throws when it fails. */
function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

let count = 0;

export class Lan {
  private readonly label: string;
  private readonly spaces: string[] = [];
  private readonly holders: Holder[] = [];

  constructor() {
    count += 1;
    this.label = `ms${process.pid}-${count}`;
    this.add('lan');
    this.exec('lan', 'ip', 'link', 'add', 'br0', 'type', 'bridge');
    this.exec('lan', 'ip', 'link', 'set', 'br0', 'up');
  }

  private add(name: string): void {
    run('ip', 'netns', 'add', this.space(name));
    this.spaces.push(this.space(name));
    this.exec(name, 'ip', 'link', 'set', 'lo', 'up');
  }

  private space(name: string): string {
    return `${this.label}-${name}`;
  }

  /** A machine with the interface d0 and these addresses, in this order. */
  machine(name: string, ...addresses: string[]): void {
    this.add(name);
    const lan = this.space('lan');
    run(
      'ip',
      '-n',
      lan,
      'link',
      'add',
      'name',
      `to-${name}`,
      'type',
      'veth',
      'peer',
      'name',
      'd0',
      'netns',
      this.space(name),
    );
    run('ip', '-n', lan, 'link', 'set', 'dev', `to-${name}`, 'master', 'br0', 'up');
    this.exec(name, 'ip', 'link', 'set', 'd0', 'up');
    for (const address of addresses) this.exec(name, 'ip', 'address', 'add', address, 'dev', 'd0');
  }

  exec(name: string, ...command: string[]): string {
    return run('ip', 'netns', 'exec', this.space(name), ...command);
  }

  /** Whether a command succeeds there. */
  succeeds(name: string, ...command: string[]): boolean {
    return spawnSync('ip', ['netns', 'exec', this.space(name), ...command], { stdio: 'ignore' }).status === 0;
  }

  /** Addresses of d0: `10.9.0.10/24 forever`, or how many seconds they stay. */
  addresses(name: string): string[] {
    const links = JSON.parse(this.exec(name, 'ip', '-j', '-4', 'address', 'show', 'dev', 'd0')) as {
      addr_info: { local: string; prefixlen: number; valid_life_time: number }[];
    }[];
    return (links[0]?.addr_info ?? []).map(
      ({ local, prefixlen, valid_life_time: life }) =>
        `${local}/${prefixlen} ${life === 0xffffffff ? 'forever' : 'leased'}`,
    );
  }

  hardwareAddress(name: string): string {
    const links = JSON.parse(this.exec(name, 'ip', '-j', 'link', 'show', 'dev', 'd0')) as { address: string }[];
    return links[0]!.address;
  }

  /** What a machine believes about who has an address; without asking. */
  neighbour(name: string, address: string): string | undefined {
    const entries = JSON.parse(this.exec(name, 'ip', '-j', 'neigh', 'show', address)) as { lladdr?: string }[];
    return entries[0]?.lladdr;
  }

  holder(name: string, options: HolderOptions): Holder {
    const holder = new Holder(this.space(name), options);
    this.holders.push(holder);
    return holder;
  }

  /** A program that runs in a machine; the function ends it. */
  background(name: string, ...command: string[]): () => void {
    const child = spawn('ip', ['netns', 'exec', this.space(name), ...command], { stdio: 'ignore' });
    return () => child.kill('SIGKILL');
  }

  async remove(): Promise<void> {
    for (const holder of this.holders) await holder.kill();
    for (const space of this.spaces) run('ip', 'netns', 'del', space);
  }
}

export class Holder {
  private readonly child: ChildProcess;
  private readonly waiting: ((line: string) => void)[] = [];
  private readonly ended: Promise<void>;

  constructor(space: string, options: HolderOptions) {
    this.child = spawn('ip', ['netns', 'exec', space, process.execPath, HOLDER, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ended = new Promise((resolve) => this.child.once('exit', () => resolve()));
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.waiting.shift()?.(line));
  }

  /** The value, or the fault, which is never thrown here. */
  async ask(command: HolderCommand): Promise<{ readonly value?: unknown; readonly fault?: FaultDocument }> {
    const line = await new Promise<string>((resolve, reject) => {
      this.waiting.push(resolve);
      this.child.once('exit', (code) => reject(new Error(`the holder ended with ${code}`)));
      this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    });
    return JSON.parse(line) as { value?: unknown; fault?: FaultDocument };
  }

  /** The value; a fault is an error. */
  async tell(command: HolderCommand): Promise<unknown> {
    const { value, fault } = await this.ask(command);
    if (fault !== undefined) throw new Error(fault.text);
    return value;
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
