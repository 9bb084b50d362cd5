/** Seeds that failed once, and a few more: the simulated hosts survive them. `npm run sim` runs many. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { World } from '../sim/world.ts';

const hasher = await createContentHasher();

/** What each showed is told in the commit that added it. */
const KEPT: readonly number[] = [4, 30, 40, 66, 92, 113, 128];

for (const seed of KEPT) {
  test(`seed ${seed}: all roots are equal when the faults have stopped`, (t) => {
    const result = new World(seed, { hasher }).run();
    t.deepEqual(result.problems, [], result.trace.join('\n'));
  });
}
