/** Master and Replica engines together over memory trees: synchronization, live changes, cuts, kills, lost roots. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function populate(pair: EnginePair): void {
  const { user } = pair;
  user.makeDirectory('site');
  user.makeDirectory('site/css');
  user.makeDirectory('empty');
  for (let i = 0; i < 60; i += 1) user.writeFile(`site/page${i}.html`, `<p>${i}</p>`.repeat(i));
  user.writeFile('site/css/a.css', 'body {}');
  user.writeFile('large.bin', pair.random.bytes(700_000));
  user.makeSymlink('latest', 'site');
  user.link('site/page1.html', 'first.html');
  user.setOwner('site/css/a.css', 33, 33);
}

function open(options: ConstructorParameters<typeof EnginePair>[1] = {}): EnginePair {
  const pair = new EnginePair(hasher, options);
  populate(pair);
  pair.start();
  return pair;
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

test('a synchronization makes the Replica equal and says so', (t) => {
  const pair = open();
  const result = pair.synchronize();
  t.like(result, { peer: 'replica', method: 'file', sentFiles: 62, removed: 0, parked: 0 });
  t.is(result.files.length, 62);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.run(1_000);
  t.deepEqual(
    pair.codes().filter((code) => code.startsWith('SYN')),
    ['SYN-001', 'SYN-002', 'SYN-003'],
  );
  t.is(pair.masterStatus?.phase, 'live');
  t.like(pair.masterStatus?.peers.replica, { synchronized: true, link: 'live', lagMs: 0, exposureMs: 0 });
  pair.close();
});

test('changes made after the synchronization arrive', (t) => {
  const pair = open();
  pair.synchronize();
  pair.user.writeFile('new.html', 'new');
  pair.user.rename('site', 'web');
  pair.user.remove('large.bin');
  pair.user.writeFile('web/page3.html', 'changed');
  checkEqual(t, pair);
  pair.close();
});

test('changes made during the synchronization arrive', (t) => {
  const pair = open();
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  let step = 0;
  t.true(
    pair.clock.runUntil(() => {
      step += 1;
      if (step % 3 === 0) pair.user.writeFile(`during${step % 40}.html`, `step ${step}`);
      if (step === 30) pair.user.rename('site', 'moved');
      if (step === 45) pair.user.remove('empty');
      return pair.answerOf(id) !== undefined;
    }),
  );
  checkEqual(t, pair);
  t.true(pair.codes().includes('SYN-003'));
  pair.close();
});

test('a second synchronization of equal roots sends no file', (t) => {
  const pair = open();
  pair.synchronize();
  pair.stopMaster();
  pair.startMaster();
  pair.connect();
  const result = pair.synchronize();
  t.like(result, { sentFiles: 0, sentBytes: 0, created: 0, updated: 0, removed: 0, metadataOnly: 0 });
  checkEqual(t, pair);
  pair.close();
});

test('when nothing differs all is said to be replicated right after the synchronization', (t) => {
  const pair = open();
  pair.synchronize();
  pair.run(5_000);
  const told = () => pair.codes().filter((code) => code === 'SYN-003').length;
  const before = told();
  pair.synchronize();
  const finishedMs = pair.clock.bootMs();
  pair.clock.runUntil(() => told() > before, 5_000);
  const waitedMs = pair.clock.bootMs() - finishedMs;
  t.true(waitedMs <= 50, `the Replica said only after ${waitedMs} ms where it stands`);
  pair.close();
});

test('diff finds nothing after a synchronization, and what was changed on the Replica', (t) => {
  const pair = open();
  pair.synchronize();
  t.deepEqual(pair.diff(), { identical: true, differences: [], truncated: false });
  pair.replicaTree.setMetadata('site/css', { mode: 0o700 });
  pair.replicaTree.keep('site/page5.html', 'x');
  pair.replicaTree.dropKept('x');
  const found = pair.diff();
  t.false(found.identical);
  t.true(found.differences.some(({ path, kind }) => path === 'site/page5.html' && kind === 'missing'));
  t.true(found.differences.some(({ path, kind }) => path === 'site/css' && kind === 'metadata'));
  pair.close();
});

test('a Master that was stopped and changed meanwhile sends only the differences, without a synchronization', (t) => {
  const pair = open();
  pair.synchronize();
  pair.run(5_000);
  pair.stopMaster();
  pair.user.writeFile('site/page7.html', 'offline change');
  pair.user.rename('site/css', 'css');
  pair.user.remove('empty');
  const sent = pair.sentBytes;
  pair.startMaster();
  pair.connect();
  pair.run(1_000);
  checkEqual(t, pair);
  t.true(pair.sentBytes - sent < 20_000, `${pair.sentBytes - sent} bytes`);
  t.true(pair.codes().includes('CAP-004'));
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('a cut link goes on where it stopped', (t) => {
  const pair = open();
  pair.synchronize();
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 10; i += 1) pair.user.writeFile(`r${round}-${i}`, `${round} ${i}`.repeat(100));
    pair.run(pair.random.below(6));
    pair.cut();
    pair.user.rename(`r${round}-1`, `renamed${round}`);
    pair.run(pair.random.below(6));
    pair.connect();
  }
  checkEqual(t, pair);
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('an interrupted synchronization starts again by itself and completes', (t) => {
  const pair = open();
  for (let i = 0; i < 40; i += 1) pair.user.writeFile(`bulk${i}`, pair.random.bytes(200_000));
  pair.latencyMs = () => 5;
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  for (let i = 0; i < 5; i += 1) {
    pair.run(20);
    pair.cut();
    pair.run(50);
    pair.connect();
  }
  t.true(pair.clock.runUntil(() => pair.answerOf(id) !== undefined));
  t.is(pair.answerOf(id)?.fault, undefined);
  checkEqual(t, pair);
  pair.close();
});

test('a root that is not mounted is reported and nothing is deleted; when it is back all goes on', (t) => {
  const pair = open();
  pair.synchronize();
  pair.run(3_000);
  const before = pair.replicaView();
  const mounted = pair.masterTree.unmountToEmptyDirectory();
  pair.capture.overflow(0);
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  t.true(pair.codes().includes('ROOT-001'));
  t.is(pair.masterStatus?.phase, 'held');
  pair.masterTree.mountAgain(mounted);
  pair.user.writeFile('after.html', 'after');
  pair.run(3_000);
  t.true(pair.codes().includes('ROOT-002'));
  checkEqual(t, pair);
  pair.close();
});

test('a notification queue that overflowed is made good by a rescan and reported', (t) => {
  const pair = open();
  pair.synchronize();
  pair.disturb = () => [];
  for (let i = 0; i < 30; i += 1) pair.user.writeFile(`lost${i}`, 'x');
  pair.user.rename('site', 'renamed');
  pair.run(100);
  pair.disturb = (hints) => hints;
  pair.capture.overflow(0);
  checkEqual(t, pair);
  t.true(pair.codes().includes('CAP-002'));
  pair.close();
});

test('excluded places are neither sent nor removed on the Replica', (t) => {
  const pair = open({ exclude: ['*.tmp', 'cache/**'] });
  pair.user.makeDirectory('cache');
  pair.user.writeFile('cache/a', 'a');
  pair.synchronize();
  pair.user.writeFile('b.tmp', 'b');
  pair.user.writeFile('cache/c', 'c');
  pair.barrier();
  const names = [...pair.replicaView().keys()];
  t.false(names.some((name) => name.endsWith('.tmp') || name.startsWith('cache/')));
  t.true(names.includes('cache'));
  pair.close();
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`kills of both engines, cuts and overflows under load lose nothing (seed ${seed})`, (t) => {
    const pair = open({ seed });
    pair.latencyMs = () => pair.random.below(4);
    pair.synchronize();
    const { random, user } = pair;
    const names = ['a', 'b', 'c', 'd', 'e'];
    const pick = () => names[random.below(names.length)]!;
    const attempt = (work: () => void) => {
      try {
        work();
      } catch {
        // The random operation is not possible now.
      }
    };
    const operations: (() => void)[] = [
      () => user.writeFile(pick(), random.bytes(random.below(5_000))),
      () => user.writeFile(`${pick()}/${pick()}`, random.bytes(random.below(300_000))),
      () => user.makeDirectory(pick()),
      () => user.makeDirectory(`${pick()}/${pick()}`),
      () => user.rename(pick(), pick()),
      () => user.rename(`${pick()}/${pick()}`, pick()),
      () => user.rename(pick(), `${pick()}/${pick()}`),
      () => user.remove(pick()),
      () => user.remove(`${pick()}/${pick()}`),
      () => {
        const existing = pick();
        user.readFile(existing);
        user.link(existing, `${pick()}/${pick()}`);
      },
      () => user.makeSymlink(pick(), 'somewhere'),
      () => user.setMode(pick(), 0o600 + random.below(64)),
    ];
    for (let round = 0; round < 120; round += 1) {
      for (let i = random.below(6); i >= 0; i -= 1) attempt(operations[random.below(operations.length)]!);
      pair.run(random.below(8));
      const dice = random.below(20);
      if (dice === 0) {
        pair.killMaster();
        pair.run(random.below(20));
        attempt(operations[random.below(operations.length)]!);
        pair.startMaster();
      } else if (dice === 1) {
        pair.killReplica();
        pair.run(random.below(20));
        pair.startReplica();
      } else if (dice === 2) pair.cut();
      else if (dice === 3) pair.capture.overflow(0);
      if (!pair.isLinked && random.below(3) === 0) pair.connect();
    }
    pair.connect();
    pair.run(5_000);
    pair.connect();
    checkEqual(t, pair);
    t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
    pair.close();
  });
}
