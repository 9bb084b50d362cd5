/** The worlds that are searched: each small enough to be visited whole, each with its own dangers. */
import type { Limits } from './world.ts';

const NOTHING: Limits = {
  arbiter: 'none',
  writes: 1,
  switchovers: 0,
  forces: 0,
  crashes: 0,
  ticks: 0,
  takeBacks: 0,
  cancels: 0,
  verdicts: false,
  witnessRestarts: 0,
  witnessLosses: 0,
  words: 1,
  leaseMs: 2,
  marginMs: 1,
  gateMs: 1,
};

/** Seconds-sized: part of `npm test`, and where spoiled reducers have to be found out. */
export const SMALL = {
  /** Planned there and back, words late, doubled and out of order. */
  planned: { ...NOTHING, switchovers: 2, writes: 2, words: 3, cancels: 1 },
  /** Either host loses its power at any moment of a planned switchover. */
  'power cut': { ...NOTHING, switchovers: 1, writes: 2, words: 2, crashes: 1 },
  /** A committed switchover is taken back because the other does not answer. */
  'taken back': { ...NOTHING, switchovers: 2, takeBacks: 1, words: 2, crashes: 1 },
  /** The operator makes one active while the other is off, which then comes back. */
  forced: { ...NOTHING, forces: 1, writes: 2, words: 2, crashes: 1 },
  /** Both sides are forced, one after the other. */
  'forced twice': { ...NOTHING, forces: 2, writes: 1, crashes: 2 },
  /** The hosts cannot hear each other, only the witness. */
  lease: { ...NOTHING, arbiter: 'witness', words: 0, writes: 0, verdicts: true, ticks: 5 },
  /** The witness is restarted. */
  'witness restart': {
    ...NOTHING,
    arbiter: 'witness',
    words: 0,
    writes: 0,
    verdicts: true,
    ticks: 4,
    witnessRestarts: 1,
  },
  /** The witness starts with an empty directory. */
  'witness lost': {
    ...NOTHING,
    arbiter: 'witness',
    words: 0,
    writes: 0,
    verdicts: true,
    ticks: 3,
    witnessLosses: 1,
  },
  /** A daemon is killed, or a host, and the kernel keeps its gate. */
  'killed daemon': { ...NOTHING, arbiter: 'witness', words: 0, writes: 0, verdicts: true, ticks: 4, crashes: 1 },
  /** The witness can be silent for ever while the hosts hear each other. */
  failsafe: { ...NOTHING, arbiter: 'witness', words: 1, writes: 0, verdicts: true, ticks: 3 },
} as const satisfies Record<string, Limits>;

/** Minutes: `npm run model`. */
export const LARGE = {
  'planned, two power cuts': { ...NOTHING, switchovers: 2, writes: 2, words: 2, crashes: 2 },
  'taken back, two power cuts': { ...NOTHING, switchovers: 2, takeBacks: 1, words: 2, writes: 2, crashes: 2 },
  'forced, three power cuts': { ...NOTHING, switchovers: 1, forces: 2, writes: 2, words: 2, crashes: 3 },
  'lease and failsafe': {
    ...NOTHING,
    arbiter: 'witness',
    words: 1,
    writes: 0,
    verdicts: true,
    ticks: 5,
    crashes: 1,
    witnessRestarts: 1,
  },
  /** An operator, or the standby, meets a witness with an empty directory while the other may have its lease. */
  'forced, and the witness lost': {
    ...NOTHING,
    arbiter: 'witness',
    words: 0,
    writes: 0,
    verdicts: true,
    ticks: 5,
    forces: 1,
    crashes: 1,
    witnessLosses: 1,
  },
  /** The operator overrules a holder whose lease is over, and that one asks again. */
  'forced with a witness': {
    ...NOTHING,
    arbiter: 'witness',
    words: 0,
    writes: 0,
    ticks: 5,
    forces: 1,
    crashes: 1,
  },
  'planned with a witness': {
    ...NOTHING,
    arbiter: 'witness',
    words: 1,
    writes: 1,
    switchovers: 1,
    verdicts: true,
    ticks: 5,
  },
} as const satisfies Record<string, Limits>;
