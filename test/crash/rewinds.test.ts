/** Points of random histories. Many more: `npm run test:crash -- --only rewinds --points N --from SEED`. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { sweepRewinds } from './rewinds.ts';

const POINTS = 250;

test(`${POINTS} points of random histories are gone back to exactly, with kills, power cuts, refusals, prunings and synchronizations`, async (t) => {
  t.timeout(180_000);
  const hasher = await createContentHasher();
  const { points, afterDeaths, problems } = sweepRewinds(hasher, { points: POINTS, firstSeed: 1_000, problemLimit: 1 });
  t.deepEqual(problems, []);
  t.true(points >= POINTS && afterDeaths > 50);
});
