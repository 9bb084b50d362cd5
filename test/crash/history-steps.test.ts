/** Kill, full disk and EIO at the steps of a history. Each single one: `npm run test:crash -- --only steps --from SEED`. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { sweepSteps } from './step-campaign.ts';

const STEPS = 130;

test('whatever operation of keeping, pruning, setting back, undoing or restoring fails, what is listed is exact and what is lost is said', async (t) => {
  t.timeout(180_000);
  const hasher = await createContentHasher();
  const options = { steps: STEPS, firstSeed: 3, stride: 89, problemLimit: 3 };
  const { steps, points, lives, problems } = sweepSteps(hasher, options);
  t.deepEqual(problems, []);
  t.log(`${steps} operations in ${lives} lives, ${points} points`);
  t.true(steps >= STEPS && lives > 9 && points > 600, `${steps} ${lives} ${points}`);
});
