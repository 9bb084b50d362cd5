/** Both engines against what a kernel, a careless administrator and bad luck do at the worst moment. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { TreeOperation } from '../memory/tree.ts';

const hasher = await createContentHasher();

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

/** Runs `act` once, right before the Master's engine does `operation` on `path`. */
function rightBefore(pair: EnginePair, operation: TreeOperation, path: string, act: () => void): void {
  let done = false;
  pair.masterTree.beforeOperation = (name, place) => {
    if (done || name !== operation || place !== path) return;
    done = true;
    act();
  };
}

test('a file renamed between being listed and being sent does not keep its outdated content', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'first content');
  pair.start();
  pair.synchronize();
  pair.stopMaster();
  pair.user.writeFile('a', 'second, longer content');
  pair.startMaster();
  pair.killReplica();
  pair.startReplica();
  pair.connect();
  rightBefore(pair, 'read', 'a', () => pair.user.rename('a', 'b'));
  pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});

test('two files that change places while a synchronization sends them keep their own contents', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'content of a');
  pair.user.writeFile('b', 'content of b');
  pair.user.writeFile('c', 'content of c');
  pair.start();
  rightBefore(pair, 'read', 'b', () => {
    pair.user.rename('a', 't');
    pair.user.rename('b', 'a');
    pair.user.rename('t', 'b');
  });
  pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});

test('a Replica root that is another directory after a restart is refused until the operator runs the scenario again', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  pair.killReplica();
  pair.replicaTree.unmountToEmptyDirectory();
  pair.startReplica();
  t.deepEqual(
    pair.failures.splice(0).map(({ code }) => code),
    ['ROOT-MISSING'],
  );
  pair.killReplica();
  pair.startReplica({ adoptRoots: true });
  pair.connect();
  pair.run(1_000);
  t.false(pair.masterStatus?.peers['replica']?.synchronized);
  pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});

test('nothing is written into a directory that takes the place of the Replica root, and nothing counts as applied', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  const mounted = pair.replicaTree.unmountToEmptyDirectory();
  pair.user.writeFile('b', 'b');
  pair.run(10_000);
  t.false(pair.replicaView().has('b'));
  t.true(pair.codes('master').includes('ROOT-001'));
  t.is(pair.failures.splice(0)[0]?.code, 'ROOT-MISSING');
  t.true((pair.masterStatus?.peers['replica']?.lagMs ?? 0) > 5_000);
  pair.killReplica();
  pair.replicaTree.mountAgain(mounted);
  pair.startReplica();
  pair.connect();
  checkEqual(t, pair);
  pair.close();
});

test('a synchronization nobody asked for never takes another Master root for the data', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  const mounted = pair.masterTree.unmountToEmptyDirectory();
  t.throws(() => pair.synchronize(), { message: /does not exist|missing|not there|not the/i });
  t.true(pair.replicaView().has('a'));
  pair.masterTree.mountAgain(mounted);
  pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});

test('a Master root that is replaced in the middle of a synchronization deletes nothing', (t) => {
  const pair = new EnginePair(hasher);
  for (const name of ['p', 'q', 'r']) {
    pair.user.makeDirectory(name);
    pair.user.writeFile(`${name}/file`, name);
  }
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  rightBefore(pair, 'scan', 'p', () => {
    const empty = pair.masterTree.volume.createTop();
    for (const name of ['p', 'q', 'r'])
      pair.masterTree.volume.attach(empty, name, pair.masterTree.volume.createDirectory());
    pair.masterTree.root = empty;
  });
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  pair.run(20_000);
  t.falsy(pair.answerOf(id)?.result);
  for (const name of ['q', 'r']) t.true(pair.replicaView().has(`${name}/file`), name);
  pair.close();
});

test('a barrier waits for what the Replica had to ask for again', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('d');
  pair.user.writeFile('d/a', 'a');
  pair.start();
  pair.synchronize();
  const place = pair.replicaTree.place('d/a');
  pair.replicaTree.volume.detach(place.parent, place.name);
  pair.latencyMs = () => 200;
  pair.user.rename('d/a', 'd/b');
  checkEqual(t, pair);
  pair.close();
});
