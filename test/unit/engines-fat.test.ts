/** A Replica whose root lies on a volume like FAT: what fits arrives, the rest is parked with its reason, and nothing is claimed. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { FatTree } from '../memory/fat-tree.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();

function fatPair(t: ExecutionContext): EnginePair {
  const pair = new EnginePair(hasher, { replicaTree: (clock) => new FatTree(clock) });
  t.teardown(() => pair.close());
  return pair;
}

const there = (pair: EnginePair, path: string) =>
  Buffer.from(new MemoryUser(pair.replicaTree).readFile(path)).toString();
const parked = (pair: EnginePair) =>
  pair
    .standby!.parked.list()
    .map(({ path }) => path as string)
    .sort();

test('plain files with modes, owners and odd times arrive, compare equal and are not sent again', (t) => {
  const pair = fatPair(t);
  pair.user.makeDirectory('d');
  for (let n = 0; n < 20; n += 1) {
    pair.user.writeFile(`d/f${n}`, `${n}`);
    pair.user.setMode(`d/f${n}`, 0o640);
    pair.user.setMtimeNs(`d/f${n}`, 1_767_225_601_123_456_789n + BigInt(n) * 1_000_000_000n);
  }
  pair.start();
  t.is(pair.synchronize().parked, 0);
  pair.barrier();
  const again = pair.synchronize();
  t.deepEqual([again.sentFiles, again.updated, again.metadataOnly], [0, 0, 0]);
  pair.user.writeFile('d/live', 'live');
  pair.user.rename('d', 'e');
  pair.user.writeFile('e/f3', 'changed');
  pair.barrier();
  t.is(there(pair, 'e/f3'), 'changed');
  t.is(there(pair, 'e/live'), 'live');
  t.true(pair.diff().identical);
  pair.run(3_000);
  t.true((pair.masterStatus?.peers.replica?.keptAside ?? []).length > 0);
});

/** What FAT refuses, among what it takes. */
function refused(pair: EnginePair): string[] {
  pair.user.makeSymlink('link', 'plain');
  pair.user.writeFile('what?', 'reserved');
  pair.user.makeDirectory('a:b');
  pair.user.writeFile('a:b/inside', 'below a reserved name');
  pair.user.writeFile('Twin', 'large');
  pair.user.writeFile('twin', 'small');
  return ['link', 'what?'];
}

for (const how of ['synchronization', 'live'] as const) {
  test(`${how}: links, reserved characters and names that differ in case are parked and named, everything else is there`, (t) => {
    const pair = fatPair(t);
    pair.user.writeFile('plain', 'plain');
    if (how === 'live') {
      pair.start();
      pair.synchronize();
      pair.barrier();
    }
    const names = refused(pair);
    if (how === 'synchronization') {
      pair.start();
      t.true(pair.synchronize().parked > 0);
    }
    pair.run(30_000);
    const list = parked(pair);
    for (const name of names) t.true(list.includes(name), `${name} in ${list.join()}`);
    t.true(
      list.some((path) => path.startsWith('a:b')),
      list.join(),
    );
    t.is(list.filter((path) => path.toLowerCase() === 'twin').length, 1, list.join());
    t.is(there(pair, 'plain'), 'plain');
    const one = pair.replicaTree
      .scan('')
      .map(({ name }) => name)
      .find((name) => name.toLowerCase() === 'twin')!;
    t.is(there(pair, one), one === 'Twin' ? 'large' : 'small', 'never the content of one under the name of the other');
    t.throws(() => pair.barrier(), undefined, 'a barrier does not pass over it');
    const difference = pair.diff();
    t.false(difference.identical);
    t.deepEqual(pair.failures, []);
    t.true((pair.masterStatus?.peers.replica?.parked ?? 0) >= 4);

    // The Master's user mends what is in the way.
    for (const name of ['link', 'what?', 'a:b', one === 'Twin' ? 'twin' : 'Twin']) pair.user.remove(name);
    pair.run(180_000);
    t.deepEqual(parked(pair), []);
    pair.barrier();
    t.deepEqual(pair.diff().differences, []);
  });
}

test('a hard link becomes a file of its own and keeps the content of the other', (t) => {
  const pair = fatPair(t);
  pair.user.writeFile('a', 'one');
  pair.user.link('a', 'b');
  pair.start();
  pair.synchronize();
  pair.run(10_000);
  t.is(there(pair, 'a'), 'one');
  t.is(there(pair, 'b'), 'one');
  pair.user.writeFile('a', 'two');
  pair.user.link('a', 'c');
  pair.run(60_000);
  t.is(there(pair, 'a'), 'two');
  for (const name of ['b', 'c']) {
    const is = pair.replicaTree.stat(name) === undefined ? 'parked' : there(pair, name);
    t.true(is === 'two' || parked(pair).includes(name), `${name}: ${is}`);
  }
  t.deepEqual(pair.failures, []);
});

test('directories that differ in case only are not mixed, whatever is done in either, and the one that fits stays whole', (t) => {
  const pair = fatPair(t);
  pair.user.makeDirectory('dir');
  pair.user.writeFile('dir/x', 'of dir');
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.user.makeDirectory('Dir');
  pair.user.writeFile('Dir/x', 'of Dir');
  pair.user.writeFile('Dir/new', 'new');
  pair.run(20_000);
  t.is(there(pair, 'dir/x'), 'of dir');
  t.deepEqual(
    pair.replicaTree.scan('dir').map(({ name }) => name),
    ['x'],
  );
  pair.user.writeFile('DIR', 'a file');
  pair.user.rename('Dir/new', 'dir/moved');
  pair.user.remove('Dir/x');
  pair.run(120_000);
  t.is(there(pair, 'dir/x'), 'of dir', 'another x was removed');
  t.is(there(pair, 'dir/moved'), 'new', 'its source was never there: it is sent');
  pair.user.remove('Dir');
  pair.user.remove('DIR');
  pair.run(120_000);
  t.deepEqual(parked(pair), []);
  pair.barrier();
  t.deepEqual(pair.diff().differences, []);
  pair.user.rename('dir', 'Dir');
  pair.user.rename('Dir/x', 'Dir/X');
  pair.run(60_000);
  pair.barrier();
  t.deepEqual(
    pair.replicaTree.scan('').map(({ name }) => name),
    ['Dir'],
  );
  t.deepEqual(pair.diff().differences, []);
  t.deepEqual(pair.failures, []);
});
