/**
 * Two hosts, their network, a witness and an operator as one value, and everything that can happen next. The hosts decide with the
 * real reducers; the world only carries out what they ask for, loses, doubles, delays and reorders what they say, and
 * cuts their power.
 */

import type { RoleRecord } from '../../daemon/role/record.ts';
import type { RoleEffect, RoleEvent, RoleSetup, RoleState } from '../../daemon/role/state.ts';
import type { Word } from '../../daemon/role/word.ts';
import type { Register, WitnessRequest, WitnessSetup } from '../../daemon/witness/machine.ts';
import type { Epoch } from '../../shared/role.ts';
import type { Rules } from './rules.ts';

export type Name = 'A' | 'B';
export const NAMES: readonly Name[] = ['A', 'B'];
const OTHER = { A: 'B', B: 'A' } as const;

/** What may happen at most in a world. */
export interface Limits {
  readonly arbiter: 'none' | 'witness';
  readonly writes: number;
  readonly switchovers: number;
  readonly forces: number;
  readonly crashes: number;
  readonly ticks: number;
  readonly takeBacks: number;
  /** An operator gives a switchover up before it is committed. */
  readonly cancels: number;
  /** The other host may be called down at any time, rightly or not. */
  readonly verdicts: boolean;
  readonly witnessRestarts: number;
  /** The witness starts with an empty directory. */
  readonly witnessLosses: number;
  /** Words of each host that are still on their way. */
  readonly words: number;
  readonly leaseMs: number;
  readonly marginMs: number;
  readonly gateMs: number;
}

interface Host {
  /** undefined: it is off, or its daemon is. */
  readonly state: RoleState | undefined;
  readonly durable: RoleRecord;
  readonly boots: number;
  /** The highest epoch it has ever accepted. */
  readonly highest: number;
  /** The kernel keeps the gate open until then. */
  readonly gateUntil: number;
  /** Its data: one letter for each change, in their order. */
  readonly tree: string;
  readonly quarantine: string;
}

interface Streamed {
  readonly epoch: Epoch;
  readonly after: string;
  readonly change: string;
}

interface Asked {
  readonly request: WitnessRequest;
  readonly sentAt: number;
}

interface Answered {
  readonly epoch: Epoch;
  readonly granted: boolean;
  readonly sentAt: number;
}

export interface World {
  readonly now: number;
  readonly hosts: Readonly<Record<Name, Host>>;
  /** What each host has said and may yet be heard, any number of times, in any order. */
  readonly words: Readonly<Record<Name, readonly Word[]>>;
  /** What each host has sent of its changes. */
  readonly stream: Readonly<Record<Name, readonly Streamed[]>>;
  readonly register: Register | undefined;
  readonly asked: Readonly<Partial<Record<Name, Asked>>>;
  readonly answered: Readonly<Partial<Record<Name, Answered>>>;
  readonly written: string;
  readonly left: {
    readonly switchovers: number;
    readonly forces: number;
    readonly crashes: number;
    readonly takeBacks: number;
    readonly cancels: number;
    readonly witnessRestarts: number;
    readonly witnessLosses: number;
  };
  /** What was broken on the way here, found while it happened. */
  readonly broken?: string;
}

export interface Next {
  readonly what: string;
  readonly world: World;
}

/** Small numbers for values that are the same: what is immutable is written out once. */
class Numbers {
  private readonly byText = new Map<string, number>();
  private readonly byValue = new WeakMap<object, number>();

  of(value: object | undefined): number {
    if (value === undefined) return 0;
    const known = this.byValue.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(value);
    let number = this.byText.get(text);
    if (number === undefined) {
      number = this.byText.size + 1;
      this.byText.set(text, number);
    }
    this.byValue.set(value, number);
    return number;
  }
}

/** The scenario has begun, and nobody has a lease. */
const SETTLED: Register = { kept: { number: 1, holder: 'A' }, expiresAt: 0, heldUntil: 0 };

export class Model {
  private readonly numbers = new Numbers();
  readonly limits: Limits;
  private readonly rules: Rules;
  private readonly setups: Readonly<Record<Name, RoleSetup>>;
  private readonly witness: WitnessSetup;

  constructor(limits: Limits, rules: Rules) {
    this.limits = limits;
    this.rules = rules;
    const { arbiter, leaseMs, marginMs, gateMs } = limits;
    const setup = (self: Name): RoleSetup => ({
      self,
      peer: OTHER[self],
      arbiter,
      automatic: arbiter === 'witness',
      leaseMs,
      marginMs,
      gateMs,
    });
    this.setups = { A: setup('A'), B: setup('B') };
    this.witness = { leaseMs, marginMs };
  }

  first(): World {
    const host = (name: Name): Host => {
      const state = { ...this.rules.newRole(this.setups[name], 'A', `${name}1`, 0), fit: true };
      return { state, durable: state.record, boots: 1, highest: 1, gateUntil: 0, tree: '', quarantine: '' };
    };
    const { switchovers, forces, crashes, takeBacks, cancels, witnessRestarts, witnessLosses } = this.limits;
    const world: World = {
      now: 0,
      hosts: { A: host('A'), B: host('B') },
      words: { A: [], B: [] },
      stream: { A: [], B: [] },
      register: this.limits.arbiter === 'witness' ? SETTLED : undefined,
      asked: {},
      answered: {},
      written: '',
      left: { switchovers, forces, crashes, takeBacks, cancels, witnessRestarts, witnessLosses },
    };
    return this.saying(this.saying(this.armed(this.armed(world, 'A'), 'B'), 'A'), 'B');
  }

  isOpen(world: World, name: Name): boolean {
    return world.hosts[name].gateUntil > world.now;
  }

  /** The same for worlds that are the same. */
  key(world: World): string {
    const { hosts, words, stream, left } = world;
    const of = (value: object | undefined): number => this.numbers.of(value);
    const list = (values: readonly object[]): string => values.map(of).join();
    const others = [world.register, world.asked.A, world.asked.B, world.answered.A, world.answered.B, left].map(of);
    const host = ({ state, durable, boots, gateUntil, tree, quarantine }: Host): string =>
      `${of(state)} ${of(durable)} ${boots} ${Math.max(0, gateUntil - world.now)} ${tree} ${quarantine}`;
    const parts = [
      world.now,
      host(hosts.A),
      host(hosts.B),
      list(words.A),
      list(words.B),
      list(stream.A),
      list(stream.B),
    ];
    return `${parts.join('|')}|${others.join()}|${world.written}`;
  }

  /** Everything that can happen next. */
  next(world: World): Next[] {
    const list: Next[] = [];
    const add = (what: string, next: World | undefined): void => {
      if (next !== undefined) list.push({ what, world: next });
    };
    for (const name of NAMES) {
      const { state } = world.hosts[name];
      if (state === undefined) add(`${name} starts`, this.started(world, name));
      else this.ofHost(world, name, state, add);
    }
    this.ofWitness(world, add);
    if (this.limits.arbiter === 'witness' && world.now < this.limits.ticks) add('time passes', this.passed(world));
    return list;
  }

  private ofHost(
    world: World,
    name: Name,
    state: RoleState,
    add: (what: string, next: World | undefined) => void,
  ): void {
    for (const [n, word] of world.words[OTHER[name]].entries()) {
      add(`${name} hears word ${n} (turn ${word.turn})`, this.stepped(world, name, { type: 'word', word }));
    }
    for (const effect of this.rules.effectsOf(state, this.setups[name], world.now)) {
      add(`${name} does ${effect.type}`, this.carriedOut(world, name, effect));
    }
    add(`${name} writes`, this.writes(world, name));
    for (const [n, change] of world.stream[OTHER[name]].entries()) {
      add(`${name} receives change ${n}`, this.receives(world, name, change));
    }
    add(`${name} copies everything`, this.copies(world, name));
    add(`${name} hears the witness`, this.hearsWitness(world, name));
    if (this.limits.verdicts && !state.peerDown) {
      add(`${name} calls the other down`, this.stepped(world, name, { type: 'peer-down', down: true }));
    }
    this.operator(world, name, state, add);
    if (world.left.crashes === 0) return;
    add(`${name} loses its power`, this.crashed(world, name, true));
    if (this.limits.arbiter === 'witness') add(`the daemon of ${name} is killed`, this.crashed(world, name, false));
  }

  private operator(
    world: World,
    name: Name,
    state: RoleState,
    add: (what: string, next: World | undefined) => void,
  ): void {
    const { left } = world;
    if (left.switchovers > 0) {
      const id = `s${left.switchovers}`;
      const less = { ...world, left: { ...left, switchovers: left.switchovers - 1 } };
      add(`${name} is told to hand over`, this.stepped(less, name, { type: 'switchover', id }));
    }
    const other = world.hosts[OTHER[name]];
    // The statement is true: the other host is off.
    if (left.forces > 0 && other.state === undefined && other.gateUntil <= world.now) {
      const less = { ...world, left: { ...left, forces: left.forces - 1 } };
      add(`${name} is forced`, this.stepped(less, name, { type: 'force', id: `f${left.forces}`, right: 'stated' }));
    }
    if (left.cancels > 0 && state.record.switchover !== undefined) {
      const less = { ...world, left: { ...left, cancels: left.cancels - 1 } };
      add(`${name} is told to give it up`, this.stepped(less, name, { type: 'cancel' }));
    }
    if (left.takeBacks > 0 && state.record.switchover?.step === 'commit') {
      const less = { ...world, left: { ...left, takeBacks: left.takeBacks - 1 } };
      add(`${name} is told to take it back`, this.stepped(less, name, { type: 'take-back' }));
    }
  }

  private ofWitness(world: World, add: (what: string, next: World | undefined) => void): void {
    const { register } = world;
    if (register === undefined) return;
    for (const name of NAMES) {
      const asked = world.asked[name];
      if (asked === undefined) continue;
      // Its clock may be ahead of theirs by less than the margin in a lease.
      for (const ahead of [0, this.limits.marginMs]) {
        const at = world.now + (asked.request.type === 'request' ? ahead : 0);
        const result = this.rules.stepWitness(register, asked.request, this.witness, at);
        const answer: Answered = { ...result.answer, sentAt: asked.sentAt };
        const { [name]: _done, ...rest } = world.asked;
        add(`the witness answers ${name} (${ahead})`, {
          ...world,
          register: result.register,
          asked: rest,
          answered: { ...world.answered, [name]: answer },
        });
      }
    }
    if (world.left.witnessLosses > 0) {
      add('the witness loses its register', {
        ...world,
        register: this.rules.lostRegister(this.witness, world.now),
        left: { ...world.left, witnessLosses: world.left.witnessLosses - 1 },
      });
    }
    if (world.left.witnessRestarts > 0) {
      add('the witness restarts', {
        ...world,
        register: this.rules.startRegister(register.kept, this.witness, world.now),
        left: { ...world.left, witnessRestarts: world.left.witnessRestarts - 1 },
      });
    }
  }

  private withHost(world: World, name: Name, change: Partial<Host>): World {
    return { ...world, hosts: { ...world.hosts, [name]: { ...world.hosts[name], ...change } } };
  }

  /** A host says again what it is; what it said longest ago is lost. */
  private saying(world: World, name: Name): World {
    const { state } = world.hosts[name];
    if (state === undefined || this.limits.words === 0) return world;
    const word = this.rules.wordOf(state, this.setups[name], world.now);
    const said = world.words[name];
    const number = this.numbers.of(word);
    if (said.some((one) => this.numbers.of(one) === number)) return world;
    return { ...world, words: { ...world.words, [name]: [...said, word].slice(-this.limits.words) } };
  }

  /** Opens as early as it may; it is closed as late as the worlds order it (the worst of both). */
  private armed(world: World, name: Name): World {
    const { state, gateUntil } = world.hosts[name];
    if (state === undefined) return world;
    const open = this.rules.effectsOf(state, this.setups[name], world.now).find(({ type }) => type === 'open');
    return open?.type !== 'open' || open.until <= gateUntil
      ? world
      : this.withHost(world, name, { gateUntil: open.until });
  }

  private passed(world: World): World {
    const later = { ...world, now: world.now + 1 };
    return this.saying(this.saying(this.armed(this.armed(later, 'A'), 'B'), 'A'), 'B');
  }

  private stepped(world: World, name: Name, event: RoleEvent): World | undefined {
    const before = world.hosts[name].state!;
    const state = this.rules.step(before, event, this.setups[name], world.now);
    if (this.numbers.of(state) === this.numbers.of(before)) return undefined;
    const durable = this.rules.durable(before.record, state.record);
    const changed = this.withHost(world, name, {
      state,
      durable,
      highest: Math.max(world.hosts[name].highest, state.record.maxEpoch.number),
    });
    return this.saying(this.armed(this.judged(changed, name, before.record, state.record), name), name);
  }

  private judged(world: World, name: Name, before: RoleRecord, after: RoleRecord): World {
    if (after.maxEpoch.number < before.maxEpoch.number)
      return { ...world, broken: `INV-5: the epoch of ${name} went back` };
    const taken = before.role !== 'active' && after.role === 'active' && after.switchover?.right === 'planned';
    const { A, B } = world.hosts;
    if (taken && A.tree !== B.tree)
      return {
        ...world,
        broken: `INV-6: ${name} took over "${world.hosts[name].tree}" of "${world.hosts[OTHER[name]].tree}"`,
      };
    return world;
  }

  private carriedOut(world: World, name: Name, effect: RoleEffect): World | undefined {
    const host = world.hosts[name];
    const other = world.hosts[OTHER[name]];
    switch (effect.type) {
      case 'open':
        return undefined;
      case 'close':
        return host.gateUntil === 0 ? undefined : this.withHost(world, name, { gateUntil: 0 });
      case 'drain':
        return this.rules.mayDrain(this.isOpen(world, name))
          ? this.stepped(world, name, { type: 'drained', id: effect.id, seq: host.tree.length })
          : undefined;
      case 'seal':
        return !this.rules.maySeal(host.tree.length, effect.seq)
          ? undefined
          : this.stepped(world, name, { type: 'sealed', id: effect.id });
      case 'release':
        return this.stepped(world, name, { type: 'released', id: effect.id });
      case 'promote':
        return this.stepped(world, name, { type: 'promoted', id: effect.id });
      case 'acquire':
        return this.stepped(world, name, { type: 'acquired', id: effect.id });
      case 'reverse':
        return this.stepped(world, name, { type: 'reversed', id: effect.id });
      case 'compare':
        if (other.state === undefined || !this.rules.mayDrain(this.isOpen(world, name))) return undefined;
        return this.stepped(world, name, {
          type: 'compared',
          epoch: effect.epoch,
          diverged: !other.tree.startsWith(host.tree),
        });
      case 'quarantine':
        return this.stepped(this.withHost(world, name, { quarantine: host.quarantine + host.tree }), name, {
          type: 'quarantined',
        });
      default:
        return this.asks(world, name, effect);
    }
  }

  private asks(world: World, name: Name, effect: RoleEffect): World | undefined {
    if (world.asked[name] !== undefined) return undefined;
    const request = ((): WitnessRequest => {
      if (effect.type === 'renew') return effect;
      if (effect.type === 'transfer') return { type: 'transfer', to: effect.to, by: name };
      if (effect.type === 'enforce') return { type: 'force', epoch: effect.epoch };
      return { type: 'request', host: name, above: effect.type === 'request' ? effect.above : 0 };
    })();
    return { ...world, asked: { ...world.asked, [name]: { request, sentAt: world.now } } };
  }

  private hearsWitness(world: World, name: Name): World | undefined {
    const answer = world.answered[name];
    if (answer === undefined) return undefined;
    const { [name]: _heard, ...answered } = world.answered;
    const event: RoleEvent =
      answer.granted && answer.epoch.holder === name
        ? { type: 'lease', epoch: answer.epoch, sentAt: answer.sentAt }
        : { type: 'lease-refused', epoch: answer.epoch };
    return this.stepped({ ...world, answered }, name, event) ?? { ...world, answered };
  }

  private writes(world: World, name: Name): World | undefined {
    const host = world.hosts[name];
    if (!this.isOpen(world, name) || world.written.length >= this.limits.writes) return undefined;
    const { epoch, role } = host.state!.record;
    const change = String.fromCharCode('a'.charCodeAt(0) + world.written.length);
    const streamed: Streamed = { epoch, after: host.tree, change };
    const broken =
      role === 'active' && epoch.holder !== name
        ? { broken: `INV-4: ${name} writes in an epoch of ${epoch.holder}` }
        : {};
    return {
      ...this.withHost(world, name, { tree: host.tree + change }),
      stream: { ...world.stream, [name]: [...world.stream[name], streamed] },
      written: world.written + change,
      ...broken,
    };
  }

  private receives(world: World, name: Name, { epoch, after, change }: Streamed): World | undefined {
    const host = world.hosts[name];
    const { record } = host.state!;
    if (host.tree !== after || !this.rules.acceptsChanges(record, epoch)) return undefined;
    const broken =
      epoch.number < record.maxEpoch.number
        ? { broken: `INV-5: ${name} applied epoch ${epoch.number} in ${record.maxEpoch.number}` }
        : {};
    return { ...this.withHost(world, name, { tree: host.tree + change }), ...broken };
  }

  /** A synchronization: only of what is settled, from the host that is active in the epoch that is followed. */
  private copies(world: World, name: Name): World | undefined {
    const host = world.hosts[name];
    const other = world.hosts[OTHER[name]];
    const own = host.state!.record;
    const theirs = other.state?.record;
    if (theirs?.role !== 'active' || own.switchover !== undefined || !this.rules.acceptsChanges(own, theirs.epoch))
      return undefined;
    if (host.state?.fit && other.tree.startsWith(host.tree)) return undefined;
    return this.stepped(this.withHost(world, name, { tree: other.tree }), name, { type: 'fit', fit: true });
  }

  /** With its power the host loses its open gate; with its daemon it keeps it until the kernel closes it. */
  private crashed(world: World, name: Name, power: boolean): World {
    const { crashes } = world.left;
    const { gateUntil } = world.hosts[name];
    const off = this.withHost(world, name, { state: undefined, gateUntil: power ? 0 : gateUntil });
    const { [name]: _asked, ...asked } = off.asked;
    const { [name]: _answered, ...answered } = off.answered;
    return { ...off, asked, answered, left: { ...off.left, crashes: crashes - 1 } };
  }

  private started(world: World, name: Name): World {
    const { durable, boots, highest } = world.hosts[name];
    const state = this.rules.startRole(durable, `${name}${boots + 1}`, this.setups[name], world.now);
    const on = this.saying(this.withHost(world, name, { state, durable: state.record, boots: boots + 1 }), name);
    return state.record.maxEpoch.number < highest
      ? { ...on, broken: `INV-5: ${name} starts below its epoch ${highest}` }
      : on;
  }
}
