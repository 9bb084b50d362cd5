/** Random histories of a whole pair in memory; over real files and in thousands: `npm run test:crash -- --only histories`. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { findUnequalHistory } from '../crash/pair-property.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { PROPERTY_SEEDS } from '../runner/property-settings.ts';

const hasher = await createContentHasher();
const RUNS = 30;

for (const seed of PROPERTY_SEEDS) {
  test(`${RUNS} random histories with kills, cuts and overflows end with equal roots (seed ${seed})`, (t) => {
    t.timeout(120_000);
    t.is(findUnequalHistory({ runs: RUNS, seed, makePair: () => new EnginePair(hasher, { seed }) }), '');
  });
}
