/** What a Replica says it has applied: each change once, whatever was killed or cut. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function tallyOf(pair: EnginePair) {
  return pair.masterStatus?.peers.replica?.tally;
}

test('operations are counted by kind with the content that came with them', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('before.txt', 'synchronized');
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.run(10_000);
  // A file that was written just before a synchronization is looked at again.
  const first = tallyOf(pair)!;
  pair.user.makeDirectory('new');
  pair.user.writeFile('new/small.txt', '12345');
  pair.user.writeFile('large.bin', pair.random.bytes(700_000));
  pair.user.writeFile('gone.txt', 'gone');
  pair.barrier();
  pair.user.remove('gone.txt');
  pair.user.rename('before.txt', 'after.txt');
  pair.barrier();
  pair.run(3_000);
  const { kinds, bytes } = tallyOf(pair)!;
  t.like(kinds, { put: (first.kinds.put ?? 0) + 3, 'make-directory': 1, remove: 1, rename: 1 });
  t.is(bytes - first.bytes, 5 + 700_000 + 4);
  t.true((first.kinds.put ?? 0) <= 1, 'what a synchronization copies is not counted');
  pair.close();
});

for (const seed of [1, 2]) {
  test(`each change counts once although the Replica is killed again and again (seed ${seed})`, (t) => {
    const pair = new EnginePair(hasher, { seed });
    const random = new SeededRandom(seed);
    pair.start();
    pair.synchronize();
    let bytes = 0;
    for (let round = 0; round < 12; round += 1) {
      for (let file = 0; file < 7; file += 1) {
        const size = file === 0 ? 300_000 + random.below(400_000) : random.below(5_000);
        pair.user.writeFile(`f${round}-${file}`, random.bytes(size));
        bytes += size;
      }
      // Also within the second in which applied changes are not in a checkpoint yet.
      pair.run(random.below(1_500));
      if (random.below(3) === 0) pair.cut();
      else {
        pair.killReplica();
        pair.startReplica();
      }
      pair.connect();
      pair.run(random.below(40));
    }
    pair.barrier();
    pair.run(3_000);
    t.deepEqual(pair.replicaView(), pair.masterView());
    t.is(tallyOf(pair)?.kinds.put, 84);
    t.is(tallyOf(pair)?.bytes, bytes);
    pair.close();
  });
}

test('a Replica that lost its state says that it counts anew', (t) => {
  const pair = new EnginePair(hasher);
  pair.start();
  pair.synchronize();
  pair.user.writeFile('a', 'a');
  pair.barrier();
  pair.run(3_000);
  const before = tallyOf(pair)!;
  pair.killReplica();
  pair.forgetReplica();
  pair.startReplica();
  pair.connect();
  pair.synchronize();
  pair.user.writeFile('b', 'b');
  pair.barrier();
  pair.run(3_000);
  const after = tallyOf(pair)!;
  t.is(before.kinds.put, 1);
  t.is(after.kinds.put, 1);
  t.true(after.since > before.since);
  pair.close();
});
