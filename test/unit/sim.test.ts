/** Seeds that failed once, and a few more: the simulated pair survives them. `npm run sim` runs many. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { World } from '../sim/world.ts';

const hasher = await createContentHasher();
const directory = mkdtempSync(join(tmpdir(), 'mainstay-sim-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** What each showed is told in the commit that added it. */
const KEPT: readonly number[] = [1, 2, 6, 9, 35, 56, 90, 253, 576, 729, 158];

for (const seed of KEPT) {
  test(`seed ${seed}: both roots are equal when the faults have stopped`, (t) => {
    const result = new World(seed, { hasher, directory }).run();
    t.deepEqual(result.problems, [], result.trace.join('\n'));
  });
}
