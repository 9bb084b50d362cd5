/**
 * The arbiter's register in etcd. etcd keeps who holds it, without a clock: every renewal writes it anew, only if nobody else wrote
 * meanwhile, and whoever wants to replace the holder has to see the same writing for lease + margin by its own clock. The holder counts
 * its lease from before it sent a writing that the other can only see later, so the lease is over by then; clocks of members and
 * hosts are never compared. What is decided is `machine.ts`, as in our own witness.
 */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import { type Epoch, NO_EPOCH } from '../../shared/role.ts';
import type { Clock } from '../ports.ts';
import { recordParts } from '../role/record.ts';
import type { Arbiter, ArbiterAnswer } from '../switchover/ports.ts';
import type { WitnessAddress } from './arbiter.ts';
import type { EtcdGateway, EtcdRead } from './etcd-gateway.ts';
import { type Register, stepWitness, type WitnessRequest } from './machine.ts';

const { epoch, whole } = recordParts;
const stored = z
  .object({
    epoch,
    hosts: z.array(z.string().max(200)).length(2),
    leaseMs: whole,
    marginMs: whole,
    /** Decided over the head of a holder whose lease may not be over: nobody has a lease before. */
    held: z.boolean(),
    /** Only to make every writing another one. */
    by: z.string().max(200),
  })
  .strict();
type Stored = z.output<typeof stored>;

interface Seen extends Omit<EtcdRead, 'value'> {
  readonly stored: Stored | undefined;
  /** By this host's clock, from when it first saw the writing. */
  readonly register: Register;
}

/** Of every key: what the user of the hosts in etcd may read and write. */
export const ETCD_PREFIX = 'mainstay/arbiter/';

/** Somebody else may write between reading and writing, again and again: then the next question is early enough. */
const ATTEMPTS = 3;
const LEAST_MS = 100;

export class EtcdArbiter implements Arbiter {
  readonly #hosts: Omit<WitnessAddress, 'address'>;
  readonly #gateway: EtcdGateway;
  readonly #clock: Clock;
  readonly #key: string;
  #seen: Seen | undefined;

  constructor(hosts: Omit<WitnessAddress, 'address'>, gateway: EtcdGateway, clock: Clock) {
    this.#hosts = hosts;
    this.#gateway = gateway;
    this.#clock = clock;
    this.#key = `${ETCD_PREFIX}${hosts.scenarioId}`;
  }

  renew(current: Epoch, held: boolean): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'renew', epoch: current, ...(held ? { held } : {}) });
  }

  request(above: number): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'request', host: this.#hosts.self, above });
  }

  transfer(to: Epoch): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'transfer', to, by: this.#hosts.self });
  }

  enforce(decided: Epoch): Promise<ArbiterAnswer> {
    return this.#ask({ type: 'force', epoch: decided });
  }

  /** The sooner the last writing was seen, the sooner its holder can be replaced. */
  async look(): Promise<void> {
    this.#see(await this.#gateway.read(this.#key, this.#deadline()));
  }

  #deadline(): number {
    return this.#clock.bootMs() + Math.max(LEAST_MS, this.#hosts.leaseMs / 4);
  }

  async #ask(question: WitnessRequest): Promise<ArbiterAnswer> {
    const deadline = this.#deadline();
    try {
      let seen = this.#seen ?? this.#see(await this.#gateway.read(this.#key, deadline));
      let isFresh = false;
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const sentAt = this.#clock.bootMs();
        const { register, answer } = stepWitness(seen.register, question, this.#setup(seen.stored), sentAt);
        if (register === seen.register) {
          // Nothing to write, by what was seen some time ago.
          if (isFresh) return { type: 'refused', epoch: answer.epoch };
          seen = this.#see(await this.#gateway.read(this.#key, deadline));
          isFresh = true;
          continue;
        }
        const next = this.#written(register, seen.stored, sentAt);
        const read = await this.#gateway.replace(this.#key, seen.written, JSON.stringify(next), deadline);
        if (read.done) {
          this.#keep(read, next, register, question);
          const isOurs = answer.granted && answer.epoch.holder === this.#hosts.self;
          return isOurs ? { type: 'lease', epoch: answer.epoch, sentAt } : { type: 'refused', epoch: answer.epoch };
        }
        seen = this.#see(read);
        isFresh = true;
      }
      return { type: 'silent', reason: 'others write its key all the time' };
    } catch (error) {
      return { type: 'silent', reason: Fault.from(error).message };
    }
  }

  /** The longest times that either host counts on. */
  #setup(value: Stored | undefined): { leaseMs: number; marginMs: number } {
    const { leaseMs, marginMs } = this.#hosts;
    return {
      leaseMs: Math.max(leaseMs, value?.leaseMs ?? 0),
      marginMs: Math.max(marginMs, value?.marginMs ?? 0),
    };
  }

  #written(register: Register, before: Stored | undefined, now: number): Stored {
    const { self, other } = this.#hosts;
    return {
      epoch: register.kept,
      hosts: [self, other].sort(),
      ...this.#setup(before),
      held: register.heldUntil > now,
      by: self,
    };
  }

  /** Our own writing: others see it now at the earliest. */
  #keep({ cluster, revision, written }: EtcdRead, next: Stored, register: Register, { type }: WitnessRequest): void {
    const expiresAt = type === 'force' ? register.expiresAt : this.#clock.bootMs() + next.leaseMs;
    if (this.#isOlder({ cluster, revision })) return;
    this.#seen = { cluster, revision, written, stored: next, register: { ...register, expiresAt } };
  }

  /** Throws when the key holds what is not of this scenario. */
  #see(read: EtcdRead): Seen {
    const before = this.#seen;
    if (before !== undefined && this.#isOlder(read)) return before;
    const { cluster, revision, written } = read;
    // The same writing as before: its time goes on.
    if (before !== undefined && before.cluster === cluster && before.written === written) {
      this.#seen = { ...before, revision };
      return this.#seen;
    }
    const value = read.value === undefined ? undefined : parsed(read.value);
    const { self, other } = this.#hosts;
    if (value !== undefined && value.hosts.join() !== [self, other].sort().join()) {
      throw new Fault('LINK-REFUSED', { reason: `the key ${this.#key} in etcd is of other hosts` });
    }
    const { leaseMs, marginMs } = this.#setup(value);
    const expiresAt = this.#clock.bootMs() + leaseMs;
    // A key that is not there may have been lost: whoever held it may be active yet.
    const heldUntil = value === undefined || value.held ? expiresAt + marginMs : 0;
    const register = { kept: value?.epoch ?? NO_EPOCH, expiresAt, heldUntil };
    this.#seen = { cluster, revision, written, stored: value, register };
    return this.#seen;
  }

  /** Answers of several questions may come in another order. */
  #isOlder({ cluster, revision }: Pick<EtcdRead, 'cluster' | 'revision'>): boolean {
    return this.#seen !== undefined && this.#seen.cluster === cluster && revision < this.#seen.revision;
  }
}

function parsed(text: string): Stored {
  try {
    return stored.parse(JSON.parse(text));
  } catch {
    throw new Fault('LINK-REFUSED', { reason: 'what etcd keeps for this scenario cannot be read' });
  }
}
