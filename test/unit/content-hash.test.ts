import test from 'ava';
import { createContentHasher, hashWhole } from '../../daemon/link/content-hash.ts';
import { Contents } from '../bench/data-sets.ts';

test('a content has the same hash in memory shared by threads as elsewhere, also in pieces and after a pause', async (t) => {
  const hasher = await createContentHasher();
  const content = new Contents(12).take(100_003);
  const expected = Buffer.from(hashWhole(hasher, content)).toString('hex');
  const shared = new Uint8Array(new SharedArrayBuffer(content.length + 3)).subarray(3);
  shared.set(content);
  t.is(Buffer.from(hashWhole(hasher, shared)).toString('hex'), expected);
  hasher.start();
  hasher.update(shared.subarray(0, 40_001));
  const state = hasher.save().slice();
  hashWhole(hasher, shared.subarray(5));
  hasher.load(state);
  hasher.update(shared.subarray(40_001));
  t.is(Buffer.from(hasher.digest()).toString('hex'), expected);
  shared[50_000]! ^= 1;
  t.not(Buffer.from(hashWhole(hasher, shared)).toString('hex'), expected);
});
