/** One host of a simulated pair: its daemon with the real reducers, its kernel that keeps the gate, its disk, its boot clock. */
import { effectsOf, wordOf } from '../../daemon/role/effects.ts';
import { step } from '../../daemon/role/machine.ts';
import type { RoleRecord } from '../../daemon/role/record.ts';
import {
  newRole,
  type RoleEffect,
  type RoleEvent,
  type RoleSetup,
  type RoleState,
  startRole,
} from '../../daemon/role/state.ts';
import type { Word } from '../../daemon/role/word.ts';
import type { SeededRandom, SimulatedClock } from '../memory/clock.ts';

export type Name = 'A' | 'B';
export const OTHER: Readonly<Record<Name, Name>> = { A: 'B', B: 'A' };
export const LEASE_MS = 1000;
/** More than two clocks that are 2 % wrong differ in a lease. */
export const MARGIN_MS = 200;
export const GATE_MS = 400;

export class RolesHost {
  readonly name: Name;
  readonly setup: RoleSetup;
  state: RoleState | undefined;
  durable: RoleRecord;
  /** Ids of changes in their order. */
  tree: readonly string[] = [];
  readonly keptAside = new Set<string>();
  /** It was active and another host took over without it: its data does not count before it was compared with that host's. */
  outdated = false;
  /** Number of the epoch in which its tree was compared with the active host's. */
  comparedIn = 1;
  /** Counts starts of the daemon: what was on its way to an earlier one is lost. */
  boots = 1;
  pausedUntil = 0;
  /** The switchover it has begun and not committed, and since when. */
  handsOver: { readonly id: string; readonly sinceMs: number } | undefined;
  lastHeardMs = 0;
  readonly underWay = new Set<string>();
  /** True time at which the kernel closes the gate. */
  private gateUntil = 0;
  private poweredAt = 0;
  private readonly rate: number;
  private readonly clock: SimulatedClock;

  constructor(name: Name, arbiter: RoleSetup['arbiter'], clock: SimulatedClock, random: SeededRandom) {
    this.name = name;
    this.clock = clock;
    this.rate = 0.98 + random.fraction() * 0.04;
    const times = { leaseMs: LEASE_MS, marginMs: MARGIN_MS, gateMs: GATE_MS };
    this.setup = { self: name, peer: OTHER[name], arbiter, automatic: arbiter === 'witness', ...times };
    this.state = newRole(this.setup, 'A', `${name}1`, this.nowMs());
    this.durable = this.state.record;
  }

  /** Its boot clock: begins again with its power and is a little fast or slow. */
  nowMs(): number {
    return (this.clock.bootMs() - this.poweredAt) * this.rate;
  }

  isOpen(): boolean {
    return this.gateUntil > this.clock.bootMs();
  }

  isPaused(): boolean {
    return this.pausedUntil > this.clock.bootMs();
  }

  arm(untilMs: number): void {
    this.gateUntil = this.poweredAt + untilMs / this.rate;
  }

  close(): void {
    this.gateUntil = 0;
  }

  effects(): readonly RoleEffect[] {
    return this.state === undefined ? [] : effectsOf(this.state, this.setup, this.nowMs());
  }

  word(): Word | undefined {
    return this.state === undefined ? undefined : wordOf(this.state, this.setup, this.nowMs());
  }

  /** What the event makes of it; nothing is durable yet. */
  after(event: RoleEvent): RoleState | undefined {
    return this.state === undefined ? undefined : step(this.state, event, this.setup, this.nowMs());
  }

  /** A killed daemon leaves the gate to the kernel; without power it closes at once and the boot clock begins again. */
  crash(power: boolean): void {
    this.state = undefined;
    this.boots += 1;
    this.pausedUntil = 0;
    this.underWay.clear();
    if (power) this.close();
  }

  start(power: boolean): void {
    if (power) this.poweredAt = this.clock.bootMs();
    this.lastHeardMs = this.nowMs();
    this.state = startRole(this.durable, `${this.name}${this.boots}`, this.setup, this.nowMs());
    this.durable = this.state.record;
  }
}
