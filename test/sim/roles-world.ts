/**
 * A pair of hosts, a witness and an operator from one seed, in virtual time: first everything goes wrong (what is said is lost,
 * doubled, late; hosts lose their power, are killed, stand still for 0.5 to 3 leases; the witness restarts), then nothing
 * does, and within a bounded time there is one active host or a state that names what the operator has to decide.
 */
import { acceptsChanges } from '../../daemon/role/machine.ts';
import type { RoleRecord } from '../../daemon/role/record.ts';
import type { RoleEffect, RoleEvent } from '../../daemon/role/state.ts';
import {
  lostRegister,
  type Register,
  startRegister,
  stepWitness,
  type WitnessRequest,
} from '../../daemon/witness/machine.ts';
import { type Epoch, NO_EPOCH } from '../../shared/role.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { LEASE_MS, MARGIN_MS, type Name, OTHER, RolesHost } from './roles-host.ts';

const TICK_MS = 150;
const CHAOS_MS = 30_000;
const CALM_MS = 40_000;
const GIVE_UP_MS = 8_000;
const WITNESS = { leaseMs: LEASE_MS, marginMs: MARGIN_MS };
const NAMES: readonly Name[] = ['A', 'B'];

export interface RolesResult {
  readonly problems: readonly string[];
  readonly trace: readonly string[];
  readonly virtualMs: number;
  readonly kills: number;
  readonly switchovers: number;
}

export class RolesWorld {
  private readonly clock = new SimulatedClock();
  private readonly random: SeededRandom;
  private readonly arbiter: 'none' | 'witness';
  private readonly hosts: Readonly<Record<Name, RolesHost>>;
  private register: Register;
  private witnessBoots = 1;
  private witnessUp = true;
  private readonly cutUntil = new Map<string, number>();
  private calm = false;
  private readonly written = new Set<string>();
  private readonly problems: string[] = [];
  private readonly trace: string[] = [];
  private kills = 0;
  private switchovers = 0;

  private readonly losses: boolean;

  /** Without `losses` the witness keeps its register, from a scenario that has begun: the schedules that failed before it could lose it. */
  constructor(seed: number, losses = true) {
    this.losses = losses;
    const begun = { kept: { number: 1, holder: 'A' }, expiresAt: 0, heldUntil: 0 };
    this.register = losses ? lostRegister(WITNESS, 0) : begun;
    this.random = new SeededRandom(seed);
    this.arbiter = this.random.chance(0.7) ? 'witness' : 'none';
    this.hosts = {
      A: new RolesHost('A', this.arbiter, this.clock, this.random),
      B: new RolesHost('B', this.arbiter, this.clock, this.random),
    };
  }

  run(): RolesResult {
    this.note(`arbiter: ${this.arbiter}`);
    for (const name of NAMES) this.clock.after(this.random.below(TICK_MS), () => this.tick(this.hosts[name]));
    this.clock.after(500, () => this.mischief());
    while (this.clock.bootMs() < CHAOS_MS && this.problems.length === 0) this.clock.runNext();
    this.heal();
    const until = CHAOS_MS + CALM_MS;
    while (this.clock.bootMs() < until && this.problems.length === 0) this.clock.runNext();
    if (this.problems.length === 0) this.judgeEnd();
    const { problems, trace, kills, switchovers } = this;
    return { problems, trace, virtualMs: this.clock.bootMs(), kills, switchovers };
  }

  private note(text: string): void {
    this.trace.push(`${this.clock.bootMs().toFixed(0).padStart(6)} ${text}`);
  }

  private broken(problem: string): void {
    this.note(`! ${problem}`);
    this.problems.push(problem);
  }

  // -------------------------------------------------------------- what goes wrong

  private mischief(): void {
    if (this.calm) return;
    const host = this.hosts[this.random.pick(NAMES)];
    const what = this.random.below(10);
    if (what < 2) this.crash(host, what === 0);
    else if (what === 2) this.pause(host);
    else if (what === 3) this.restartWitness();
    else if (what < 6) this.cut();
    else this.operate(host);
    this.clock.after(200 + this.random.below(2500), () => this.mischief());
  }

  private crash(host: RolesHost, power: boolean): void {
    if (host.state === undefined) return;
    this.note(`${host.name} ${power ? 'loses its power' : 'is killed'}`);
    this.kills += 1;
    host.crash(power);
    const { boots } = host;
    this.clock.after(100 + this.random.below(6000), () => host.boots === boots && this.start(host, power));
  }

  private start(host: RolesHost, power: boolean): void {
    if (host.state !== undefined) return;
    host.start(power);
    this.note(`${host.name} starts as ${host.durable.role} of ${host.durable.epoch.number}`);
  }

  private pause(host: RolesHost): void {
    if (host.state === undefined || host.isPaused()) return;
    host.pausedUntil = this.clock.bootMs() + LEASE_MS * (0.5 + this.random.fraction() * 2.5);
    this.note(`${host.name} stands still`);
  }

  private restartWitness(): void {
    if (!this.witnessUp) return;
    this.note('the witness restarts');
    this.witnessUp = false;
    this.witnessBoots += 1;
    this.clock.after(50 + this.random.below(3000), () => {
      this.witnessUp = true;
      const lost = this.losses && this.random.chance(0.2);
      if (lost) this.note('the witness has lost its register');
      this.register = startRegister(lost ? NO_EPOCH : this.register.kept, WITNESS, this.clock.bootMs());
    });
  }

  private cut(): void {
    const way = this.random.pick(['AB', 'BA', 'AW', 'WA', 'BW', 'WB']);
    const both = this.random.chance(0.5) ? [way, `${way[1]}${way[0]}`] : [way];
    const until = this.clock.bootMs() + 500 + this.random.below(6000);
    for (const one of both) this.cutUntil.set(one, until);
    this.note(`cut ${both.join(' ')}`);
  }

  /** Orders of an operator; what is stated about the other host is true. */
  private operate(host: RolesHost): void {
    const { state } = host;
    if (state === undefined || host.isPaused()) return;
    const other = this.hosts[OTHER[host.name]];
    const id = `s${this.clock.bootMs().toFixed(0)}`;
    if (other.state === undefined && !other.isOpen() && this.random.chance(0.6)) {
      this.note(`${host.name} is forced`);
      this.happens(host, { type: 'force', id, right: this.random.chance(0.5) ? 'stated' : 'fenced' });
      return;
    }
    const what = this.random.below(8);
    if (what < 5) this.happens(host, { type: 'switchover', id });
    else if (what === 5) this.happens(host, { type: 'cancel' });
    else if (what === 6) this.happens(host, { type: 'take-back' });
    else this.happens(host, { type: 'acknowledge' });
  }

  private heal(): void {
    this.note('nothing goes wrong from here');
    this.calm = true;
    this.cutUntil.clear();
    for (const name of NAMES) {
      const host = this.hosts[name];
      const power = !host.isOpen();
      if (host.state === undefined) this.start(host, power);
    }
  }

  // -------------------------------------------------------------- what is said

  private isCut(way: string): boolean {
    return (this.cutUntil.get(way) ?? 0) > this.clock.bootMs();
  }

  /** Lost, doubled, late and out of order while things go wrong. */
  private carry(way: string, arrives: () => void): void {
    if (this.isCut(way) || (!this.calm && this.random.chance(0.1))) return;
    const delay = (): number =>
      this.calm || this.random.chance(0.9) ? 1 + this.random.below(40) : this.random.below(4000);
    this.clock.after(delay(), arrives);
    if (!this.calm && this.random.chance(0.1)) this.clock.after(delay(), arrives);
  }

  /** Runs in the daemon of that start, when it does not stand still. */
  private in(host: RolesHost, boots: number, run: () => void): void {
    if (host.boots !== boots || host.state === undefined) return;
    const left = host.pausedUntil - this.clock.bootMs();
    if (left > 0) this.clock.after(left, () => this.in(host, boots, run));
    else run();
  }

  private toHost(way: string, host: RolesHost, run: () => void): void {
    this.carry(way, () => this.in(host, host.boots, run));
  }

  private tell(host: RolesHost): void {
    const word = host.word();
    const other = this.hosts[OTHER[host.name]];
    if (word === undefined) return;
    this.toHost(`${host.name}${other.name}`, other, () => {
      other.lastHeardMs = other.nowMs();
      this.happens(other, { type: 'word', word });
    });
  }

  private ask(host: RolesHost, request: WitnessRequest): void {
    const sentAt = host.nowMs();
    const { boots } = host;
    this.carry(`${host.name}W`, () => {
      if (!this.witnessUp) return;
      const { register, answer } = stepWitness(this.register, request, WITNESS, this.clock.bootMs());
      if (register.kept !== this.register.kept)
        this.note(`witness: ${JSON.stringify(register.kept)} by ${request.type}`);
      this.register = register;
      this.carry(`W${host.name}`, () =>
        this.in(host, boots, () => {
          const { granted, epoch } = answer;
          const given = granted && epoch.holder === host.name;
          this.happens(host, given ? { type: 'lease', epoch, sentAt } : { type: 'lease-refused', epoch });
        }),
      );
    });
  }

  // -------------------------------------------------------------- what a host does

  private tick(host: RolesHost): void {
    this.clock.after(TICK_MS, () => this.tick(host));
    if (host.state === undefined || host.isPaused()) return;
    const down = host.nowMs() - host.lastHeardMs > 2 * LEASE_MS;
    if (down !== host.state.peerDown) this.happens(host, { type: 'peer-down', down });
    const fit = !host.outdated;
    if (host.state !== undefined && host.state.fit !== fit) this.happens(host, { type: 'fit', fit });
    this.giveUp(host);
    this.happens(host, { type: 'tick' });
    this.tell(host);
    this.write(host);
    this.stream(host);
  }

  /** As the service does: a switchover that does not get to its commit is given up. */
  private giveUp(host: RolesHost): void {
    // It may die of the event before.
    if (host.state === undefined) return;
    const { role, switchover } = host.state.record;
    const id = role === 'active' && switchover?.side === 'from' ? switchover.id : undefined;
    if (id !== host.handsOver?.id) host.handsOver = id === undefined ? undefined : { id, sinceMs: host.nowMs() };
    const { sinceMs = host.nowMs() } = host.handsOver ?? {};
    if (host.nowMs() - sinceMs > GIVE_UP_MS) this.happens(host, { type: 'cancel' });
  }

  private happens(host: RolesHost, event: RoleEvent): void {
    const before = host.state;
    const after = host.after(event);
    if (before === undefined || after === undefined) return;
    const isNew = after.record !== before.record;
    if (isNew && !this.survives(host, event, before.record, after.record)) return;
    host.state = after;
    this.act(host);
    if (isNew) this.tell(host);
  }

  /** Its new record becomes durable, or it loses its power right before or after that. */
  private survives(host: RolesHost, event: RoleEvent, before: RoleRecord, after: RoleRecord): boolean {
    const { role, epoch, switchover } = after;
    this.note(
      `${host.name} ${event.type}: ${role} ${epoch.number}${epoch.holder} ${switchover?.side ?? ''} ${switchover?.step ?? ''}`,
    );
    const dies = !this.calm && this.random.chance(0.03) ? this.random.pick(['before', 'after']) : undefined;
    if (dies !== 'before') {
      this.judgeRecord(host, after);
      host.durable = after;
      if (before.role === 'active' && after.role === 'fenced') host.outdated = true;
    }
    if (dies === undefined) return true;
    this.crash(host, this.random.chance(0.5));
    return false;
  }

  private act(host: RolesHost): void {
    for (const effect of host.effects()) {
      if (effect.type === 'close') host.close();
      else if (effect.type === 'open') this.open(host, effect.until);
      else this.begin(host, effect);
    }
    this.judge();
  }

  /** It may stand still between deciding and doing. */
  private open(host: RolesHost, until: number): void {
    if (!this.calm && this.random.chance(0.02)) this.pause(host);
    this.in(host, host.boots, () => host.arm(until));
  }

  private begin(host: RolesHost, effect: RoleEffect): void {
    const key = JSON.stringify(effect);
    if (host.underWay.has(key)) return;
    host.underWay.add(key);
    const { boots } = host;
    this.clock.after(5 + this.random.below(150), () =>
      this.in(host, boots, () => {
        host.underWay.delete(key);
        this.perform(host, effect);
      }),
    );
  }

  private perform(host: RolesHost, effect: RoleEffect): void {
    const request = requestOf(host.name, effect);
    if (request !== undefined) this.ask(host, request);
    else if (effect.type === 'compare') this.compare(host, effect.epoch);
    else {
      if (effect.type === 'quarantine') for (const change of host.tree) host.keptAside.add(change);
      if (effect.type === 'acquire') this.switchovers += 1;
      const came = resultOf(host, effect);
      if (came !== undefined) this.happens(host, came);
    }
  }

  private compare(host: RolesHost, epoch: Epoch): void {
    const other = this.hosts[OTHER[host.name]];
    const linked = other.state !== undefined && !this.isCut('AB') && !this.isCut('BA');
    if (linked) this.happens(host, { type: 'compared', epoch, diverged: !isPrefix(host.tree, other.tree) });
  }

  // -------------------------------------------------------------- data

  private write(host: RolesHost): void {
    const record = host.state?.record;
    if (record === undefined || !host.isOpen() || this.calm || this.random.chance(0.5)) return;
    if (record.epoch.holder !== host.name)
      this.broken(`INV-4: ${host.name} writes in epoch ${JSON.stringify(record.epoch)}`);
    const change = `c${this.written.size}`;
    this.written.add(change);
    host.tree = [...host.tree, change];
  }

  private stream(host: RolesHost): void {
    const record = host.state?.record;
    if (record?.role !== 'active') return;
    const { epoch } = record;
    const { tree } = host;
    const other = this.hosts[OTHER[host.name]];
    this.toHost(`${host.name}${other.name}`, other, () => this.receive(other, epoch, tree));
  }

  /** What comes late is less than what is there; what is replaced by another history is kept in the journal. */
  private receive(host: RolesHost, epoch: Epoch, tree: readonly string[]): void {
    const record = host.state?.record;
    if (record === undefined || !acceptsChanges(record, epoch)) return;
    // In a new epoch everything is compared, also what is longer here; in the same one a shorter history is an old one.
    if (host.comparedIn === epoch.number && isPrefix(tree, host.tree)) return;
    host.comparedIn = epoch.number;
    host.outdated = false;
    if (epoch.number < record.maxEpoch.number) this.broken(`INV-5: ${host.name} applied epoch ${epoch.number}`);
    if (!isPrefix(host.tree, tree)) for (const change of host.tree) host.keptAside.add(change);
    host.tree = tree;
  }

  // -------------------------------------------------------------- what must hold

  private judgeRecord(host: RolesHost, after: RolesHost['durable']): void {
    const before = host.durable;
    if (after.maxEpoch.number < before.maxEpoch.number) this.broken(`INV-5: the epoch of ${host.name} went back`);
    const other = this.hosts[OTHER[host.name]];
    const planned = before.role !== 'active' && after.role === 'active' && after.switchover?.right === 'planned';
    if (planned && !same(host.tree, other.tree))
      this.broken(`INV-6: ${host.name} took over ${host.tree.length} of ${other.tree.length} changes`);
  }

  private judge(): void {
    if (this.hosts.A.isOpen() && this.hosts.B.isOpen() && this.problems.length === 0)
      this.broken('INV-1: both gates are open');
  }

  private judgeEnd(): void {
    const { A, B } = this.hosts;
    const kept = new Set([...A.tree, ...B.tree, ...A.keptAside, ...B.keptAside]);
    for (const change of this.written) if (!kept.has(change)) this.broken(`INV-2: ${change} is nowhere`);
    const open = NAMES.filter((name) => this.hosts[name].isOpen());
    for (const name of NAMES)
      this.note(`${name}: ${JSON.stringify({ ...this.hosts[name].state, tree: this.hosts[name].tree.length })}`);
    this.note(`witness: ${JSON.stringify(this.register)}`);
    // Both were forced while neither heard the other: without an arbiter only the operator can say which one goes on.
    // Where neither has the data of the last active host, only the operator can say which data goes on.
    const passive = NAMES.every((name) => this.hosts[name].durable.role !== 'active');
    const asks = passive && (this.arbiter === 'none' || NAMES.every((name) => this.hosts[name].outdated));
    if (open.length === 0 && asks) this.note('the operator has to decide');
    else if (open.length === 1) this.judgeStandby(this.hosts[OTHER[open[0]!]]);
    else this.broken(`INV-8: ${open.length} open gates after everything was well for ${CALM_MS} ms`);
  }

  private judgeStandby(standby: RolesHost): void {
    const { A, B } = this.hosts;
    if (standby.durable.role !== 'standby') this.broken(`INV-8: the other host is ${standby.durable.role}`);
    else if (!same(A.tree, B.tree)) this.broken('INV-8: the trees differ');
    for (const name of NAMES) {
      const own = this.hosts[name].durable.switchover;
      if (own !== undefined) this.broken(`INV-8: ${name} is still at ${own.step} (${own.side}) of ${own.id}`);
    }
  }
}

/** What the witness is asked for by an effect, if it is for the witness. */
function requestOf(name: Name, effect: RoleEffect): WitnessRequest | undefined {
  switch (effect.type) {
    case 'renew':
      return effect;
    case 'transfer':
      return { type: 'transfer', to: effect.to, by: name };
    case 'request':
      return { type: 'request', host: name, above: effect.above };
    case 'enforce':
      return { type: 'force', epoch: effect.epoch };
    default:
      return undefined;
  }
}

const ENDS = { release: 'released', promote: 'promoted', acquire: 'acquired', reverse: 'reversed' } as const;

/** What comes of an effect on the host itself; undefined: it has to be tried again. */
function resultOf(host: RolesHost, effect: RoleEffect): RoleEvent | undefined {
  switch (effect.type) {
    case 'drain':
      return host.isOpen() ? undefined : { type: 'drained', id: effect.id, seq: host.tree.length };
    case 'seal':
      return host.tree.length < effect.seq ? undefined : { type: 'sealed', id: effect.id };
    case 'quarantine':
      return { type: 'quarantined' };
    case 'release':
    case 'promote':
    case 'acquire':
    case 'reverse':
      return { type: ENDS[effect.type], id: effect.id };
    default:
      return undefined;
  }
}

function isPrefix(a: readonly string[], b: readonly string[]): boolean {
  return a.length <= b.length && a.every((change, n) => change === b[n]);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && isPrefix(a, b);
}
