/** Both engines after trouble that passed by itself: what simulated worlds have shown once (`npm run sim`). */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

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

for (const restarted of [false, true]) {
  test(`a barrier names what cannot be read, and passes only behind it${restarted ? ', also when the Master has just begun' : ''}`, (t) => {
    const pair = new EnginePair(hasher);
    pair.user.writeFile('locked', 'before');
    pair.start();
    pair.synchronize();
    let locked = true;
    pair.masterTree.beforeOperation = (operation, path) => {
      if (locked && operation === 'read' && path === 'locked') throw new Fault('FS-BUSY', { path });
    };
    pair.user.writeFile('locked', 'after');
    pair.run(2_000);
    if (restarted) {
      pair.cut();
      pair.killMaster();
      pair.startMaster();
      pair.connect();
    }
    t.throws(() => pair.call({ name: 'barrier' }), { message: /1 place is not readable on the Master \(locked\)/ });
    locked = false;
    // Whatever moment it would have been tried again at: around that moment too.
    pair.run(2_990);
    checkEqual(t, pair);
    pair.close();
  });
}

test('what becomes readable while a barrier waits for the Replica is behind that barrier too', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('locked', 'before');
  pair.start();
  pair.synchronize();
  let locked = true;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (locked && operation === 'read' && path === 'locked') throw new Fault('FS-BUSY', { path });
  };
  pair.user.writeFile('locked', 'after');
  pair.run(1_000);
  pair.latencyMs = () => 1_500;
  pair.user.writeFile('other', 'x');
  const id = pair.post({ name: 'barrier' });
  pair.run(1_000);
  locked = false;
  for (let waited = 0; pair.answerOf(id) === undefined && waited < 60_000; waited += 10) pair.run(10);
  t.truthy(pair.answerOf(id)?.result);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

for (const how of ['in a synchronization', 'by a change in place', 'by a change in place of both names'] as const) {
  test(`another name of a file arrives when one of them is refused ${how}, and is not set back to what that one has`, (t) => {
    const pair = new EnginePair(hasher);
    pair.user.writeFile('a', 'before');
    pair.user.link('a', 'b');
    pair.start();
    if (how !== 'in a synchronization') pair.synchronize();
    let denied = true;
    pair.replicaTree.beforeOperation = (operation, path) => {
      if (denied && (operation === 'commit' || operation === 'make') && path === 'a')
        throw new Fault('FS-DENIED', { path });
    };
    const there = new MemoryUser(pair.replicaTree);
    if (how === 'in a synchronization') there.writeFile('a', 'stale');
    if (how === 'in a synchronization') there.link('a', 'b');
    if (how !== 'in a synchronization') pair.user.writeFile('a', 'after');
    if (how === 'by a change in place of both names') pair.user.setMode('b', 0o600);
    if (how === 'in a synchronization') pair.synchronize();
    // What is right already when the refused one is first tried again.
    if (how === 'in a synchronization') pair.run(1_000);
    if (how === 'in a synchronization') t.regex(pair.replicaView().get('b') ?? 'nothing', /before/);
    for (let minute = 0; minute < 5; minute += 1) {
      pair.run(61_000);
      const expected = how === 'in a synchronization' ? /before/ : /after/;
      t.regex(pair.replicaView().get('b') ?? 'nothing', expected, `after ${minute} min`);
    }
    t.throws(() => pair.barrier(), { message: /parked/ });
    denied = false;
    pair.run(120_000);
    checkEqual(t, pair);
    pair.close();
  });
}

test('a full comparison finds names that should be one file and are two of the same content', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'content');
  pair.user.link('a', 'b');
  pair.start();
  pair.synchronize();
  pair.barrier();
  t.true(pair.diff().identical);
  const there = new MemoryUser(pair.replicaTree);
  const { mtimeNs } = pair.replicaTree.stat('b')!;
  const above = pair.replicaTree.stat('')!.mtimeNs;
  there.remove('b');
  there.writeFile('b', 'content');
  there.setMtimeNs('b', mtimeNs);
  there.setMtimeNs('', above);
  t.deepEqual(
    pair.diff().differences.map(({ path }) => path),
    ['b'],
  );
  pair.close();
});

test('a barrier asked for when a Replica is back waits for what that one has set aside', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'a');
  pair.start();
  pair.synchronize();
  pair.barrier();
  let code: 'FS-FULL' | 'FS-DENIED' = 'FS-FULL';
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (operation === 'commit' && path === 'a') throw new Fault(code, { path });
  };
  pair.user.writeFile('a', 'b');
  pair.run(2_000);
  pair.cut();
  code = 'FS-DENIED';
  pair.run(20_000);
  t.is(pair.replicaStatus?.parked, 1);
  const id = pair.post({ name: 'barrier' });
  // No two messages arrive together.
  let latencyMs = 0;
  pair.latencyMs = () => {
    latencyMs += 20;
    return latencyMs;
  };
  pair.connect();
  for (let waited = 0; pair.answerOf(id) === undefined && waited < 30_000; waited += 10) pair.run(10);
  t.is(pair.answerOf(id)?.fault?.code, 'PARKED');
  pair.close();
});

test('a comparison is not misled by a name that the journal keeps of a file', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('a', 'content');
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.replicaTree.keepLink('a', 'kept');
  t.is(pair.replicaTree.stat('a')?.links, 2);
  t.true(pair.diff().identical);
  t.true((pair.call({ name: 'diff', peer: 'replica', ignoreSame: true }) as { identical: boolean }).identical);
  pair.close();
});

test('two files that could not be read under one name, one after the other, both arrive', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('page', 'first');
  pair.start();
  pair.synchronize();
  let denied = true;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (denied && operation === 'read' && path === 'page') throw new Fault('FS-DENIED', { path });
  };
  pair.user.writeFile('page', 'first, changed');
  pair.run(1_000);
  pair.user.rename('page', 'page~');
  pair.user.writeFile('page', 'second');
  pair.run(1_000);
  t.is(pair.masterStatus?.unreadable, 2);
  denied = false;
  checkEqual(t, pair);
  pair.run(1_000);
  t.is(pair.masterStatus?.unreadable, 0);
  pair.close();
});

test('a directory whose move was refused keeps nothing that is not there any more, though something below it is sent again before', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('a');
  pair.user.writeFile('a/old', 'old');
  pair.user.makeDirectory('b');
  pair.start();
  pair.synchronize();
  let denied = true;
  pair.replicaTree.beforeOperation = (operation, path) => {
    const isMove = operation === 'rename' || operation === 'keep';
    if (denied && ((isMove && path === 'a') || (operation === 'make' && path === 'a/new')))
      throw new Fault('FS-DENIED', { path });
  };
  pair.user.rename('a', 'c');
  pair.user.rename('b', 'a');
  pair.run(3_500);
  pair.user.makeDirectory('a/new');
  pair.run(400);
  denied = false;
  pair.run(120_000);
  checkEqual(t, pair);
  pair.close();
});

test('attributes of a root that were refused for a while do not stay parked', (t) => {
  const pair = new EnginePair(hasher);
  pair.start();
  pair.synchronize();
  let denied = true;
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (denied && operation === 'metadata' && path === '') throw new Fault('FS-DENIED', { path });
  };
  pair.user.setMode('', 0o750);
  pair.run(5_000);
  t.is(pair.replicaStatus?.parked, 1);
  denied = false;
  pair.run(120_000);
  t.is(pair.replicaStatus?.parked, 0);
  checkEqual(t, pair);
  pair.close();
});

test('a file that a comparison of some places cannot read arrives, though a change of it waited in the spool when that began', (t) => {
  const pair = new EnginePair(hasher);
  pair.limits = { spoolMaxBytes: 20 * 256 };
  pair.user.writeFile('page', 'first');
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.cut();
  for (let n = 0; n < 60; n += 1) pair.user.writeFile(`file${n}`, `${n}`);
  pair.run(5_000);
  pair.user.writeFile('page', 'second');
  pair.run(5_000);
  let busy = true;
  pair.masterTree.beforeOperation = (operation, path) => {
    if (busy && operation === 'read' && path === 'page') throw new Fault('FS-BUSY', { path });
  };
  pair.connect();
  pair.run(1_000);
  pair.synchronize();
  t.true(pair.codes().includes('SYN-008'), 'only places are compared');
  busy = false;
  checkEqual(t, pair);
  pair.close();
});
