/**
 * What users of the known tools complain about, one test each; ENGINE.md lists them with their origin. The complaints about
 * the journal (syncthing#2599, litestream#752) belong to the work on Data Rewind.
 */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { CaptureHint } from '../../daemon/ports.ts';
import { Fault, type FaultCode } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { UserCalls } from '../sim/users.ts';

const hasher = await createContentHasher();

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

function startedPair(fill: (pair: EnginePair) => void = () => {}): EnginePair {
  const pair = new EnginePair(hasher);
  fill(pair);
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

/** `mkdir -p` of `depth` directories with a file in each. */
function makeChain(user: UserCalls, top: string, depth: number): void {
  let path = top;
  for (let level = 0; level < depth; level += 1) {
    user.makeDirectory(path);
    user.writeFile(`${path}/file`, `level ${level}`);
    path = `${path}/${level}`;
  }
}

/** A capture source that watches directories one by one knows nothing of what was in a new one before it was watched. */
function onlyTopmost(hints: readonly CaptureHint[]): readonly CaptureHint[] {
  return hints.filter((hint) => hint.kind !== 'dirty' || !hint.path.includes('/'));
}

test('mkdir -p: nothing made in new directories before they are watched is missed (chokidar, parcel#97)', (t) => {
  const pair = startedPair();
  pair.disturb = onlyTopmost;
  for (let n = 0; n < 20; n += 1) makeChain(pair.user, `deep${n}`, 30);
  pair.run(5_000);
  checkEqual(t, pair);
  t.is(pair.replicaView().size, 1 + 20 * 60);
  pair.close();
});

test('cp -r: a tree copied in one go arrives whole (inotify-tools#121)', (t) => {
  const pair = startedPair();
  pair.user.makeDirectory('copy');
  for (let d = 0; d < 40; d += 1) {
    pair.user.makeDirectory(`copy/${d}`);
    for (let f = 0; f < 25; f += 1) pair.user.writeFile(`copy/${d}/${f}`, `${d}/${f}`);
    // The copy goes on while the engines look.
    pair.run(1);
  }
  pair.run(5_000);
  checkEqual(t, pair);
  pair.close();
});

test('mv-in: a directory moved in from outside arrives with everything in it (parcel#97)', (t) => {
  const pair = startedPair();
  pair.user.moveIn('moved', (elsewhere) => makeChain(elsewhere, 'inner', 50));
  pair.run(1_000);
  checkEqual(t, pair);
  t.is(pair.replicaView().size, 1 + 1 + 100);
  pair.close();
});

test('a renamed directory is not sent again, whatever is in it (lsyncd#225, rsync#590)', (t) => {
  const pair = startedPair(({ user }) => {
    user.makeDirectory('big');
    for (let n = 0; n < 1_000; n += 1) user.writeFile(`big/${n}`, new Uint8Array(20_000).fill(n));
  });
  // What was written within the clock's last seconds is not yet trusted to be what was sent.
  pair.run(5_000);
  const before = pair.sentBytes;
  pair.user.rename('big', 'renamed');
  checkEqual(t, pair);
  t.true(pair.sentBytes - before < 10_000, `${pair.sentBytes - before} bytes for a rename of 20 MB`);
  pair.close();
});

test('a full Replica holds, says so, and catches up by itself; nothing is skipped (lsyncd#57)', (t) => {
  const pair = startedPair(({ user }) => user.writeFile('first', 'x'));
  const { volume } = pair.replicaTree;
  volume.totalBytes = volume.usedBytes + 5_000;
  for (let n = 0; n < 50; n += 1) pair.user.writeFile(`file${n}`, new Uint8Array(1_000).fill(n));
  pair.run(30_000);
  t.true(pair.codes('replica').includes('APL-002'));
  t.true((pair.masterStatus?.peers.replica?.lagMs ?? 0) > 10_000, 'the lag is shown');
  t.notDeepEqual(pair.replicaView(), pair.masterView());
  volume.totalBytes = 2 ** 40;
  checkEqual(t, pair);
  t.true(pair.codes('replica').includes('APL-003'));
  pair.close();
});

test('a change among very many directories costs a look at its own, not at all of them (lsyncd#202)', (t) => {
  const pair = startedPair(({ user }) => {
    for (let n = 0; n < 100; n += 1) {
      user.makeDirectory(`d${n}`);
      for (let m = 0; m < 50; m += 1) user.makeDirectory(`d${n}/${m}`);
    }
  });
  pair.run(5_000);
  let looks = 0;
  pair.watchOperations(() => {
    looks += 1;
  });
  pair.user.writeFile('d50/25/file', 'x');
  pair.run(10_000);
  t.is(pair.replicaView().get('d50/25/file'), pair.masterView().get('d50/25/file'));
  t.true(looks > 0 && looks < 120, `${looks} operations for one file below 5,100 directories`);
  pair.close();
});

test('files written again and again while the link is down take no more room than once (unison#352, chokidar#813)', (t) => {
  const pair = startedPair();
  for (let n = 0; n < 100; n += 1) pair.user.writeFile(`log${n}`, 'begin');
  pair.barrier();
  pair.cut();
  const waiting: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    for (let n = 0; n < 100; n += 1) pair.user.writeFile(`log${n}`, `round ${round}`);
    pair.run(500);
    waiting.push(pair.masterStatus?.spoolBytes ?? 0);
  }
  t.true(waiting[9]! > 0);
  t.true(waiting.at(-1)! <= 2 * waiting[9]!, `${waiting[9]} bytes after 10 rounds, ${waiting.at(-1)} after 60`);
  pair.connect();
  checkEqual(t, pair);
  pair.close();
});

test('a restart lists every directory once and reads no file (syncthing#5353)', (t) => {
  const pair = startedPair(({ user }) => {
    for (let n = 0; n < 50; n += 1) {
      user.makeDirectory(`d${n}`);
      for (let m = 0; m < 20; m += 1) user.writeFile(`d${n}/${m}`, `${n}/${m}`);
    }
  });
  pair.run(10_000);
  const before = pair.sentBytes;
  pair.stopMaster();
  const operations = new Map<string, number>();
  pair.watchOperations((side, operation) => {
    if (side === 'master') operations.set(operation, (operations.get(operation) ?? 0) + 1);
  });
  pair.startMaster();
  pair.connect();
  checkEqual(t, pair);
  t.is(operations.get('scan'), 51);
  t.is(operations.get('read') ?? 0, 0);
  t.true(pair.sentBytes - before < 5_000, `${pair.sentBytes - before} bytes`);
  t.false(pair.codes().slice(-3).includes('SYN-001'));
  pair.close();
});

for (const code of ['FS-IO', 'FS-DENIED'] satisfies FaultCode[]) {
  test(`a listing that fails with ${code} deletes nothing on the Replica (Arcserve, NEC notice 3140108118)`, (t) => {
    const pair = startedPair(({ user }) => {
      user.makeDirectory('precious');
      for (let n = 0; n < 20; n += 1) user.writeFile(`precious/${n}`, `${n}`);
    });
    const before = [...pair.replicaView().keys()];
    let broken = true;
    pair.masterTree.beforeOperation = (operation, path) => {
      if (broken && operation === 'scan' && path === 'precious') throw new Fault(code, { path, reason: 'injected' });
    };
    pair.capture.overflow(0);
    pair.run(10_000);
    t.deepEqual([...pair.replicaView().keys()], before, 'after a rescan');
    pair.synchronize({ ignoreSame: false });
    pair.run(2_000);
    t.deepEqual([...pair.replicaView().keys()], before, 'after a synchronization');
    t.true(pair.codes().includes('SYN-005'), 'the operator is told');
    pair.user.remove('precious/3');
    broken = false;
    pair.run(120_000);
    checkEqual(t, pair);
    pair.close();
  });
}

for (const later of ['renamed', 'killed and renamed'] as const) {
  test(`a directory that could not be listed and is ${later} before the next try still arrives whole`, (t) => {
    const pair = new EnginePair(hasher);
    makeChain(pair.user, 'closed', 3);
    pair.start();
    let broken = true;
    pair.masterTree.beforeOperation = (operation, path) => {
      if (broken && operation === 'scan' && path === 'closed') throw new Fault('FS-IO', { path, reason: 'injected' });
    };
    pair.synchronize();
    if (later === 'killed and renamed') {
      pair.killMaster();
      pair.startMaster();
      pair.connect();
      pair.run(1_000);
    }
    pair.user.rename('closed', 'elsewhere');
    broken = false;
    pair.run(120_000);
    checkEqual(t, pair);
    pair.close();
  });
}

test('an unmounted root erases nothing on the Replica (mutagen#275)', (t) => {
  const pair = startedPair(({ user }) => makeChain(user, 'site', 10));
  pair.run(5_000);
  const before = pair.replicaView();
  const mounted = pair.masterTree.unmountToEmptyDirectory();
  pair.capture.overflow(0);
  pair.run(60_000);
  t.deepEqual(pair.replicaView(), before);
  t.true(pair.codes().includes('ROOT-001'));
  t.throws(() => pair.synchronize());
  t.deepEqual(pair.replicaView(), before);
  pair.masterTree.mountAgain(mounted);
  pair.user.writeFile('site/later', 'x');
  pair.run(10_000);
  checkEqual(t, pair);
  pair.close();
});

test('a spool at its limit never stops the scenario: it collapses and catches up (Arcserve TEC479022)', (t) => {
  const pair = new EnginePair(hasher);
  pair.limits = { spoolMaxBytes: 20_000 };
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.cut();
  for (let n = 0; n < 3_000; n += 1) {
    pair.user.writeFile(`file${n}`, `${n}`);
    if (n % 100 === 0) pair.run(1_000);
  }
  for (let n = 0; n < 3_000; n += 2) pair.user.remove(`file${n}`);
  pair.run(60_000);
  t.true(pair.masterAlive);
  t.deepEqual(pair.failures, []);
  pair.connect();
  pair.run(60_000);
  if (pair.masterStatus?.peers.replica?.synchronized !== true) pair.synchronize();
  checkEqual(t, pair);
  pair.close();
});
