/** What can go wrong on a network of namespaces: frames that do not get from one machine to another, and a pulled cable. */
import { execFileSync } from 'node:child_process';
import type { Lan } from './namespace-rig.ts';

/** Frames that get lost; a side that is not named stands for every machine. */
export interface Loss {
  readonly from?: string;
  readonly to?: string;
  /** How many of a hundred, at random; default all. */
  readonly percent?: number;
}

const TABLE = 'table bridge faults';

function rule({ from, to, percent = 100 }: Loss): string {
  const parts = [
    ...(from === undefined ? [] : [`iifname "to-${from}"`]),
    ...(to === undefined ? [] : [`oifname "to-${to}"`]),
    ...(percent >= 100 ? [] : [`numgen random mod 100 < ${percent}`]),
    'drop',
  ];
  return `    ${parts.join(' ')}`;
}

export class LanFaults {
  private readonly lan: Lan;

  constructor(lan: Lan) {
    this.lan = lan;
  }

  /** From now on exactly these, all at once; none heals the network. */
  set(...losses: readonly Loss[]): void {
    const chain = ['  chain forward {', '    type filter hook forward priority 0', ...losses.map(rule), '  }'];
    // Declared before it is deleted: then it may be missing.
    const script = [TABLE, `delete ${TABLE}`, `${TABLE} {`, ...chain, '}', ''].join('\n');
    execFileSync('ip', ['netns', 'exec', this.lan.space('lan'), 'nft', '-f', '-'], { input: script, stdio: 'pipe' });
  }

  /** Nothing gets from or to these machines. */
  cut(...machines: readonly string[]): void {
    this.set(...machines.flatMap((name) => [{ from: name }, { to: name }]));
  }

  heal(): void {
    this.set();
  }

  /** Of this machine alone; it sees that its link is down. */
  pullCable(machine: string): void {
    this.lan.exec('lan', 'ip', 'link', 'set', 'dev', `to-${machine}`, 'down');
  }

  plugCable(machine: string): void {
    this.lan.exec('lan', 'ip', 'link', 'set', 'dev', `to-${machine}`, 'up');
  }
}
