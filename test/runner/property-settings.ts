/**
 * Fixed seeds for every property test: a landing is judged by the same cases each time. `MAINSTAY_SEED=N` tries others (a
 * number from the clock is a good one for the long runs); a failure prints its seed and its path.
 */
const DEFAULT_SEED = 20_261_122;

/** Further ones, which once found something. */
const MORE_SEEDS = [222_054_335, 1_007, 1_016];

/** For a test that shares its runs out among several. */
export const PROPERTY_SEEDS: readonly number[] =
  process.env.MAINSTAY_SEED === undefined ? [DEFAULT_SEED, ...MORE_SEEDS] : [Number(process.env.MAINSTAY_SEED)];

export const PROPERTY_SETTINGS = { seed: Number(process.env.MAINSTAY_SEED ?? DEFAULT_SEED) };
