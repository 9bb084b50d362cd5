/** Machines on one network without any: namespaces of the kernel on a bridge in another one. Needs root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathWithoutPackages } from '../runner/tools.ts';
import type { HolderCommand, HolderOptions } from './address-holder.ts';
import { LineProgram } from './line-program.ts';

const HOLDER = fileURLToPath(new URL('./address-holder.js', import.meta.url));

/** A program's whole output; throws when it fails. */
function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** `trie`: text of /proc/PID/net/fib_trie. */
export function holdsAddress(trie: string, address: string): boolean {
  return new RegExp(`\\|-- ${address.replaceAll('.', '\\.')}\\n\\s+/32 host LOCAL`).test(trie);
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

// Also in programs that npm runs without the test runner, such as measurements.
process.env.PATH = pathWithoutPackages();

let count = 0;

export class Lan {
  private readonly label: string;
  private readonly spaces: string[] = [];
  /** Below /etc/netns, which `ip netns exec` puts over /etc. */
  private readonly folders: string[] = [];
  private readonly holders: LineProgram<HolderCommand>[] = [];
  /** One idle process a machine: its kernel can be looked into when nothing else runs there. */
  private readonly anchors = new Map<string, ChildProcess>();

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

  /** Of the namespace, to see on this machine. */
  space(name: string): string {
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

  /** What a program is started with to run on that machine; it becomes the program, under the same process number. */
  within(name: string): string[] {
    return ['ip', 'netns', 'exec', this.space(name)];
  }

  exec(name: string, ...command: string[]): string {
    return run('ip', 'netns', 'exec', this.space(name), ...command);
  }

  /** Programs that are started on that machine from now on ask this DNS server. */
  nameServer(name: string, address: string): void {
    const folder = join('/etc/netns', this.space(name));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${address}\n`);
    this.folders.push(folder);
  }

  /** All programs of a machine, by process number. */
  programs(name: string): number[] {
    const anchor = this.anchors.get(name)?.pid;
    return run('ip', 'netns', 'pids', this.space(name))
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
      .filter((pid) => pid !== anchor);
  }

  /** Process whose directory in /proc shows that machine's network, also when it is switched off. */
  anchor(name: string): number {
    const existing = this.anchors.get(name);
    if (existing?.pid !== undefined) return existing.pid;
    const child = spawn('ip', ['netns', 'exec', this.space(name), 'sleep', 'infinity'], { stdio: 'ignore' });
    this.anchors.set(name, child);
    const network = `net:[${statSync(`/run/netns/${this.space(name)}`).ino}]`;
    while (readlinkSync(`/proc/${child.pid!}/ns/net`) !== network) Atomics.wait(sleeper, 0, 0, 1);
    return child.pid!;
  }

  /** Whether the kernel of that machine takes the address for one of its own, now. Cheap enough to ask every few milliseconds. */
  holds(name: string, address: string): boolean {
    return holdsAddress(readFileSync(`/proc/${this.anchor(name)}/net/fib_trie`, 'utf8'), address);
  }

  /** As the configuration of the system has it: everything else that was there is gone, the kernel's rules too. */
  configure(name: string, addresses: readonly string[]): void {
    this.exec(name, 'nft', 'flush', 'ruleset');
    this.exec(name, 'ip', '-4', 'address', 'flush', 'dev', 'd0');
    for (const address of addresses) this.exec(name, 'ip', 'address', 'add', address, 'dev', 'd0');
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

  holder(name: string, options: HolderOptions, environment: NodeJS.ProcessEnv = {}): LineProgram<HolderCommand> {
    const command = [...this.within(name), process.execPath, HOLDER, JSON.stringify(options)];
    const holder = new LineProgram<HolderCommand>(command, environment);
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
    for (const anchor of this.anchors.values()) anchor.kill('SIGKILL');
    for (const space of this.spaces) run('ip', 'netns', 'del', space);
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}
