/** An engine dies in the middle of whatever it was doing, on a host that forgets what was not flushed. More: `npm run test:crash`. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { sweepCrashes } from './campaign.ts';

const hasher = await createContentHasher();
const CRASHES = 800;

test(`${CRASHES} kills and power cuts inside operations lose nothing acknowledged and tear no file`, (t) => {
  t.timeout(240_000);
  const { problems, crashes, kinds } = sweepCrashes(hasher, {
    crashes: CRASHES,
    firstSeed: 1,
    stride: 9,
    problemLimit: 5,
  });
  t.deepEqual(problems, []);
  t.is(crashes, CRASHES);
  t.is(Object.keys(kinds).length, 4);
});

const EDITS = 200;

test(`${EDITS} kills and power cuts while files are patched and changed in place tear none and lose nothing`, (t) => {
  t.timeout(240_000);
  const options = { crashes: EDITS, firstSeed: 1, stride: 29, problemLimit: 5, edits: true };
  const { problems, crashes } = sweepCrashes(hasher, options);
  t.deepEqual(problems, []);
  t.is(crashes, EDITS);
});
