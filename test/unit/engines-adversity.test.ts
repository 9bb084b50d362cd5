/** Both engines against what a kernel, a careless administrator and bad luck do at the worst moment. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { CaptureHint } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { TreeOperation } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';

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

test('a directory renamed before the first synchronization reached it arrives with its content', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('x');
  pair.user.writeFile('x/a', 'a');
  pair.user.makeDirectory('x/deep');
  pair.user.writeFile('x/deep/b', 'b');
  pair.start();
  rightBefore(pair, 'scan', 'x', () => pair.user.rename('x', 'y'));
  pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});

test('a directory renamed before a later synchronization reached it arrives as it is now', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('x');
  pair.user.writeFile('x/a', 'a');
  pair.start();
  pair.synchronize();
  pair.replicaTree.beforeOperation = () => {};
  // What the Replica has of it is not what the Master believes.
  const place = pair.replicaTree.place('x/a');
  pair.replicaTree.volume.setContent(place.node as never, new TextEncoder().encode('outdated'));
  rightBefore(pair, 'scan', 'x', () => pair.user.rename('x', 'y'));
  pair.synchronize({ ignoreSame: false });
  checkEqual(t, pair);
  pair.close();
});

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

test('a file that cannot be read for a while arrives when it can be read again', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('locked', 'before');
  pair.user.writeFile('other', 'x');
  pair.start();
  pair.synchronize();
  let locked = true;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (locked && operation === 'read' && path === 'locked') throw new Fault('FS-BUSY', { path });
  };
  pair.user.writeFile('locked', 'after');
  pair.user.writeFile('other', 'y');
  pair.run(10_000);
  t.true(pair.codes().includes('SYN-005'));
  t.is(pair.masterStatus?.unreadable, 1);
  t.is(pair.replicaView().get('other'), pair.masterView().get('other'));
  locked = false;
  pair.run(120_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.masterStatus?.unreadable, 0);
  pair.close();
});

test('a file and a directory that cannot be read during the synchronization arrive when they can', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('locked', 'content');
  pair.user.makeDirectory('closed');
  pair.user.writeFile('closed/inside', 'content');
  pair.start();
  let locked = true;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (!locked) return;
    if (operation === 'read' && path === 'locked') throw new Fault('FS-DENIED', { path });
    if (operation === 'scan' && path === 'closed') throw new Fault('FS-DENIED', { path });
  };
  pair.synchronize();
  pair.run(10_000);
  t.is(pair.masterStatus?.unreadable, 2);
  locked = false;
  pair.run(120_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.masterStatus?.unreadable, 0);
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

test('a barrier is not passed in the moments before it is noticed that a Master root is not mounted', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  const mounted = pair.masterTree.unmountToEmptyDirectory();
  const id = pair.post({ name: 'barrier' });
  pair.run(100);
  t.is(pair.answerOf(id), undefined);
  pair.masterTree.mountAgain(mounted);
  pair.run(15_000);
  t.truthy(pair.answerOf(id)?.result);
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

test('a directory renamed to where its content is not excluded any more arrives with its content', (t) => {
  const pair = new EnginePair(hasher, { exclude: ['/cache/*'] });
  pair.user.makeDirectory('cache');
  pair.user.writeFile('cache/a', 'a');
  pair.start();
  pair.synchronize();
  t.false(pair.replicaView().has('cache/a'));
  pair.user.rename('cache', 'data');
  checkEqual(t, pair);
  t.true(pair.replicaView().has('data/a'));
  pair.close();
});

test('the age of what a Replica lacks stays true however many changes wait for it', (t) => {
  const pair = new EnginePair(hasher);
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  pair.cut();
  for (let n = 0; n < 60; n += 1) {
    pair.user.writeFile(`f${n}`, 'x');
    pair.run(1_000);
  }
  t.true((pair.masterStatus?.peers['replica']?.lagMs ?? 0) > 58_000);
  pair.connect();
  checkEqual(t, pair);
  pair.run(2_000);
  t.like(pair.masterStatus?.peers['replica'], {
    lagMs: 0,
    exposureMs: 0,
    exposureBytes: 0,
    pendingChanges: 0,
    link: 'live',
  });
  pair.close();
});

test('a barrier is not passed while a Replica lost its data', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.run(2_000);
  pair.cut();
  pair.killReplica();
  pair.forgetReplica();
  pair.startReplica();
  pair.connect();
  pair.run(1_000);
  t.false(pair.masterStatus?.peers['replica']?.synchronized);
  const id = pair.post({ name: 'barrier' });
  pair.run(30_000);
  t.is(pair.answerOf(id), undefined);
  pair.synchronize();
  pair.run(5_000);
  t.truthy(pair.answerOf(id)?.result);
  pair.close();
});

function refusing(pair: EnginePair): { refused: boolean } {
  const state = { refused: true };
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (state.refused && operation === 'commit' && path === 'a') throw new Fault('FS-DENIED', { path });
  };
  return state;
}

test('a barrier waits for a parked item that its next attempt settles', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  const state = refusing(pair);
  pair.user.writeFile('a', 'b');
  const id = pair.post({ name: 'barrier' });
  pair.run(1_000);
  t.is(pair.masterStatus?.peers['replica']?.parked, 1);
  t.is(pair.answerOf(id), undefined);
  state.refused = false;
  pair.run(120_000);
  t.truthy(pair.answerOf(id)?.result);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('a barrier says so when an item stays parked, instead of waiting for ever', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  refusing(pair);
  pair.user.writeFile('a', 'b');
  const id = pair.post({ name: 'barrier' });
  pair.run(20_000);
  t.is(pair.answerOf(id)?.fault?.code, 'PARKED');
  pair.close();
});

test('a directory of more files than are remembered one by one arrives while another file keeps changing', (t) => {
  t.timeout(180_000);
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('mail');
  pair.start();
  pair.synchronize();
  pair.disturb = () => [{ kind: 'overflow', root: 0, path: '', reason: 'test' }];
  const files = 120_000;
  for (let n = 0; n < files; n += 1) pair.user.writeFile(`mail/${n}`, '');
  let lost = true;
  pair.disturb = (hints) => {
    const given: readonly CaptureHint[] = lost ? [{ kind: 'overflow', root: 0, path: '', reason: 'test' }] : hints;
    lost = false;
    return given;
  };
  pair.run(1);
  // As soon as a change was looked at, the next one is made.
  const arrived = () => (pair.masterStatus?.position?.seq ?? 0) > files;
  for (let n = 0; n < 100 && !arrived(); n += 1) {
    pair.user.writeFile('log', `${n}`);
    pair.run(2);
  }
  t.true(arrived());
  pair.close();
});

test('what a deleted scenario left in the control directory is not in the way of a new one', (t) => {
  const pair = new EnginePair(hasher);
  const replica = new MemoryUser(pair.replicaTree);
  for (const name of ['left', 'extra', 'more']) replica.writeFile(name, name);
  pair.replicaTree.keep('left', 's1-1');
  pair.start();
  t.is(pair.synchronize().parked, 0);
  checkEqual(t, pair);
  pair.close();
});

test('a file written with its time put back and then renamed while the Master was down arrives as it is', (t) => {
  const pair = new EnginePair(hasher);
  // Small, and too large to be sent on a mere suspicion elsewhere.
  for (const [name, size] of [
    ['small', 300],
    ['large', 1_000_000],
  ] as const)
    pair.user.writeFile(name, 'a'.repeat(size));
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.killMaster();
  for (const [name, size] of [
    ['small', 300],
    ['large', 1_000_000],
  ] as const) {
    const { mtimeNs } = pair.masterTree.stat(name)!;
    pair.user.writeFile(name, 'b'.repeat(size));
    pair.user.setMtimeNs(name, mtimeNs);
    pair.user.rename(name, `${name}.new`);
  }
  pair.startMaster();
  pair.connect();
  checkEqual(t, pair);
  pair.close();
});
