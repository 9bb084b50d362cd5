/** Reducers that are spoiled in one place each: the checker is worth what it finds of them. */
import { firstRecord } from '../../daemon/role/record.ts';
import { RULES, type Rules } from './rules.ts';
import type { SMALL } from './worlds.ts';

export interface Mutant {
  readonly name: string;
  /** The world it has to be found out in. */
  readonly world: keyof typeof SMALL;
  readonly rules: Partial<Rules>;
}

const { step, startRole, effectsOf, stepWitness, startRegister, lostRegister, wordOf } = RULES;
const LONG = 100;

export const MUTANTS: readonly Mutant[] = [
  { name: 'the gate stays open while it drains', world: 'planned', rules: { mayDrain: () => true } },
  { name: 'a seal is said before everything has arrived', world: 'planned', rules: { maySeal: () => true } },
  {
    name: 'a host is promoted before the other has committed',
    world: 'planned',
    rules: {
      step: (state, event, setup, now) => {
        if (event.type !== 'word' || event.word.switchover?.side !== 'from') return step(state, event, setup, now);
        return step(
          state,
          { type: 'word', word: { ...event.word, switchover: { ...event.word.switchover, step: 'commit' } } },
          setup,
          now,
        );
      },
    },
  },
  {
    name: 'a commit is said before it is durable',
    world: 'power cut',
    rules: { durable: (before, after) => (after.switchover?.step === 'commit' ? before : after) },
  },
  {
    name: 'the epoch is forgotten by a restart',
    world: 'power cut',
    rules: { durable: (_before, after) => ({ ...after, maxEpoch: { number: 1, holder: 'A' } }) },
  },
  {
    name: 'the role is forgotten by a restart',
    world: 'power cut',
    rules: { startRole: (_record, boot, setup, now) => startRole(firstRecord(setup.self, 'A'), boot, setup, now) },
  },
  {
    name: 'a host that was active opens its gate at once when it starts',
    world: 'forced',
    rules: {
      startRole: (record, boot, setup, now) => ({
        ...startRole(record, boot, setup, now),
        confirmed: true,
        leaseUntil: Number.POSITIVE_INFINITY,
      }),
    },
  },
  {
    name: 'words from before a restart count as answers',
    world: 'forced',
    rules: {
      step: (state, event, setup, now) =>
        step(
          state,
          event.type === 'word' ? { type: 'word', word: { ...event.word, echo: state.boot } } : event,
          setup,
          now,
        ),
    },
  },
  {
    name: 'a tail is called no tail',
    world: 'forced',
    rules: {
      step: (state, event, setup, now) =>
        step(state, event.type === 'compared' ? { ...event, diverged: false } : event, setup, now),
    },
  },
  {
    name: 'every epoch is applied',
    world: 'forced twice',
    rules: { acceptsChanges: ({ role }) => role === 'standby' },
  },
  {
    name: 'a promise never to take an epoch is forgotten',
    world: 'taken back',
    rules: {
      durable: (_before, after) => ({ ...after, voided: 0 }),
      step: (state, event, setup, now) => step({ ...state, record: { ...state.record, voided: 0 } }, event, setup, now),
    },
  },
  {
    name: 'a lease counts from when the answer came',
    world: 'lease',
    rules: {
      step: (state, event, setup, now) =>
        step(state, event.type === 'lease' ? { ...event, sentAt: now } : event, setup, now),
    },
  },
  {
    name: 'the kernel keeps the gate open longer than the lease',
    world: 'lease',
    rules: {
      effectsOf: (state, setup, now) =>
        effectsOf(state, setup, now).map((effect) =>
          effect.type === 'open' ? { ...effect, until: effect.until + setup.leaseMs + setup.marginMs } : effect,
        ),
    },
  },
  {
    name: 'the witness grants before the lease has ended',
    world: 'lease',
    rules: {
      stepWitness: (register, request, setup, now) =>
        stepWitness(register, request, setup, request.type === 'request' ? now + LONG : now),
    },
  },
  {
    name: 'the witness grants without a margin',
    world: 'lease',
    rules: {
      stepWitness: (register, request, setup, now) => stepWitness(register, request, { ...setup, marginMs: 0 }, now),
    },
  },
  {
    name: 'a witness that starts grants at once',
    world: 'witness restart',
    rules: {
      startRegister: (kept, setup, now) => ({
        ...startRegister(kept, setup, now),
        expiresAt: now - LONG,
        heldUntil: 0,
      }),
    },
  },
  {
    name: 'a witness that lost its register grants at once',
    world: 'witness lost',
    rules: {
      lostRegister: (setup, now) => ({ ...lostRegister(setup, now), expiresAt: now - LONG, heldUntil: 0 }),
    },
  },
  {
    name: 'a promise to stay passive is not kept',
    world: 'failsafe',
    rules: { step: (state, event, setup, now) => ({ ...step(state, event, setup, now), notBefore: state.notBefore }) },
  },
  {
    name: 'a word is granted for longer than it was asked',
    world: 'failsafe',
    rules: {
      wordOf: (state, setup, now) => {
        const word = wordOf(state, setup, now);
        return word.promise === undefined ? word : { ...word, promise: now + setup.leaseMs };
      },
    },
  },
  {
    name: 'a lease that ended keeps the gate open',
    world: 'lease',
    rules: {
      step: (state, event, setup, now) => {
        const next = step(state, event, setup, now);
        return next.record.role === 'active' && next.leaseUntil > 0 ? { ...next, leaseUntil: LONG } : next;
      },
    },
  },
];
