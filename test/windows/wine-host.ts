/** An engine under Wine, driven through the command line of this machine: its data directory is an ordinary one. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, freePort, mainstay } from '../hosts/rig.ts';
import { type Wine, windowsPath } from './wine.ts';

const READY_TIMEOUT_MS = 60_000;

export class WineHost {
  readonly name: string;
  readonly data: string;
  readonly address: string;
  private readonly wine: Wine;
  private readonly output: string;
  private child: ChildProcess | undefined;

  private constructor(wine: Wine, name: string, port: number) {
    this.wine = wine;
    this.name = name;
    this.data = join(wine.top, `${name}.data`);
    this.output = join(wine.top, `${name}.log`);
    this.address = `127.0.0.1:${port}`;
    mkdirSync(this.data, { mode: 0o700 });
  }

  static async create(wine: Wine, name: string): Promise<WineHost> {
    return new WineHost(wine, name, await freePort());
  }

  async start(): Promise<void> {
    const args = ['daemon', '--data', windowsPath(this.data), '--name', this.name, '--listen', this.address];
    const before = this.text().length;
    const child = this.wine.start('tui/cli/mainstay.js', args, this.output);
    this.child = child;
    await eventually(`${this.name} is ready`, READY_TIMEOUT_MS, () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended: ${this.text()}`);
      return /^ready\b/m.test(this.text().slice(before)) || undefined;
    });
  }

  text(): string {
    try {
      return readFileSync(this.output, 'utf8');
    } catch {
      return '';
    }
  }

  /** As if the power were cut. */
  async kill(): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async must(...args: string[]): Promise<string> {
    const result = await mainstay([...args, '--data', this.data]);
    if (result.code !== 0) throw new Error(`mainstay ${args.join(' ')} on ${this.name}: ${result.stderr.trim()}`);
    return result.stdout;
  }
}
