/** Both engines after trouble that passed by itself: what simulated worlds have shown once (`npm run sim`). */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

test('a directory has its time on the Replica also after a move out of it was refused for a while', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('from');
  pair.user.writeFile('from/file', 'content');
  pair.start();
  pair.synchronize();
  let denied = true;
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (denied && operation === 'rename' && path === 'from/file') throw new Fault('FS-DENIED', { path });
  };
  pair.user.rename('from/file', 'file');
  pair.run(1_500);
  denied = false;
  pair.run(120_000);
  checkEqual(t, pair);
  pair.close();
});

test('directories have their times on the Replica also when what is in them is sent again before they are', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('top');
  pair.start();
  pair.synchronize();
  let denied = true;
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (denied && operation === 'make' && path === 'top/middle') throw new Fault('FS-DENIED', { path });
  };
  pair.user.makeDirectory('top/middle');
  pair.user.makeDirectory('top/middle/inner');
  pair.run(3_500);
  pair.user.writeFile('top/middle/inner/file', 'content');
  pair.run(1_000);
  denied = false;
  pair.run(120_000);
  checkEqual(t, pair);
  pair.close();
});

for (const code of ['FS-FULL', 'FS-LIMIT', 'FS-DENIED'] as const) {
  test(`a directory has its time also when its old attributes could not be read at once for what was in it (${code})`, (t) => {
    const pair = new EnginePair(hasher);
    pair.user.makeDirectory('top');
    pair.user.makeDirectory('top/inner');
    pair.start();
    pair.synchronize();
    let refusals = 0;
    pair.replicaTree.beforeOperation = (operation, path) => {
      if (operation !== 'attributes' || path !== 'top' || refusals > 0) return;
      refusals += 1;
      throw new Fault(code, { path });
    };
    pair.user.writeFile('top/inner/file', 'content');
    pair.run(10_000);
    t.is(refusals, 1);
    checkEqual(t, pair);
    pair.close();
  });
}

test('a suspended Replica whose spool is full goes on when it is resumed', (t) => {
  const pair = new EnginePair(hasher);
  pair.limits = { spoolMaxBytes: 4_096 };
  pair.startReplica();
  pair.limits = {};
  pair.startMaster();
  pair.connect();
  pair.synchronize();
  pair.call({ name: 'suspend', peer: 'replica', suspended: true });
  for (let n = 0; n < 40; n += 1) {
    pair.user.writeFile(`file${n}`, 'content '.repeat(100));
    pair.run(50);
  }
  pair.run(5_000);
  t.regex(pair.masterStatus?.peers.replica?.held ?? '', /No space|suspended/);
  t.true((pair.masterStatus?.peers.replica?.lagMs ?? 0) > 5_000);
  pair.call({ name: 'suspend', peer: 'replica', suspended: false });
  pair.run(10_000);
  t.is(pair.masterStatus?.peers.replica?.pendingChanges, 0);
  checkEqual(t, pair);
  pair.close();
});

test('a directory that a Replica refuses again and again is named by a barrier, and asked for less and less often', (t) => {
  const pair = new EnginePair(hasher);
  pair.start();
  pair.synchronize();
  let refusals = 0;
  pair.replicaTree.beforeOperation = (operation, path) => {
    if ((operation !== 'make' && operation !== 'commit') || path !== 'refused') return;
    refusals += 1;
    throw new Fault('FS-DENIED', { path });
  };
  pair.user.makeDirectory('refused');
  pair.user.makeDirectory('refused/inner');
  pair.user.writeFile('refused/inner/file', 'content');
  pair.run(30_000);
  t.throws(() => pair.call({ name: 'barrier' }, 120_000), { message: /refused/ });
  const before = refusals;
  pair.run(600_000);
  t.true(refusals - before < 100, `${refusals - before} attempts in ten minutes`);
  pair.replicaTree.beforeOperation = () => {};
  pair.run(120_000);
  checkEqual(t, pair);
  pair.close();
});

test('more changes than the spool holds, made while only some places are compared, do not end the engine', (t) => {
  const pair = new EnginePair(hasher);
  pair.limits = { spoolMaxBytes: 20 * 256 };
  const many = (salt: string): void => {
    for (let n = 0; n < 60; n += 1) pair.user.writeFile(`file${n}`, `${salt} ${n}`);
  };
  pair.start();
  pair.synchronize();
  pair.cut();
  many('while the link is down');
  pair.run(5_000);
  pair.latencyMs = () => 3_000;
  pair.connect();
  pair.run(10_000);
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  pair.run(1_000);
  t.true(pair.codes().includes('SYN-008'), 'only places are compared');
  many('while they are compared');
  pair.run(60_000);
  t.is(pair.answerOf(id)?.fault, undefined);
  t.deepEqual(pair.failures, []);
  pair.latencyMs = () => 0;
  if (pair.masterStatus?.peers.replica?.synchronized !== true) pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});
