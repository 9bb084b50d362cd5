/** A Replica's engine in conversation: what it accepts, what it refuses, what it answers. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { FrameType } from '../../shared/protocol/frame.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { GENERATION, ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const METADATA = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_000_000_000n };

function put(path: string, content = 'x'): Change {
  return { op: 'put', root: 0, path, metadata: METADATA, content: new TextEncoder().encode(content) };
}

function masterTree(): { tree: MemoryTree; user: MemoryUser } {
  const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
  return { tree, user: new MemoryUser(tree) };
}

/** A site with every kind of entry. */
function sampleSite(): { tree: MemoryTree; user: MemoryUser } {
  const { tree, user } = masterTree();
  const random = new SeededRandom(7);
  user.makeDirectory('site');
  user.makeDirectory('site/css');
  user.makeDirectory('empty');
  for (let n = 0; n < 30; n += 1) user.writeFile(`site/page${n}.html`, random.bytes(random.below(300)));
  user.writeFile('site/css/a.css', 'body {}');
  user.writeFile('large.bin', random.bytes(2_500_000));
  user.writeFile('holes.bin', new Uint8Array(300_000));
  user.makeSymlink('latest', 'site');
  user.writeFile('site/linked', 'one file');
  user.link('site/linked', 'site/css/linked-too');
  user.link('site/linked', 'a-linked-first');
  user.setMode('empty', 0o500);
  user.setOwner('site/css/a.css', 33, 33);
  user.setMtimeNs('site/css', 123_456_789n);
  return { tree, user };
}

/** A Replica that was synchronized with an empty Master and is live. */
function liveHost(): { host: ReplicaHost; master: ScriptedMaster } {
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(masterTree().tree);
  return { host, master };
}

test('a new Replica says that it has no data, is synchronized, and is then equal', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  t.is(master.hello()?.received, undefined);
  const done = master.synchronize(tree);
  t.like(done, { removed: 0, parked: 0, updated: 0 });
  t.deepEqual(describeTree(host.tree), describeTree(tree));
  t.deepEqual(host.tree.listKept(), []);
});

test('a second synchronization of an unchanged tree asks for nothing', (t) => {
  const { tree } = sampleSite();
  tree.volume.flushAll();
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(tree);
  const written: string[] = [];
  host.tree.beforeOperation = (operation) => {
    if (!['scan', 'stat', 'read', 'flush'].includes(operation)) written.push(operation);
  };
  const done = master.synchronize(tree);
  t.like(done, { removed: 0, created: 0, updated: 0, metadataOnly: 0, parked: 0 });
  t.deepEqual(written, []);
});

for (const method of ['file', 'block'] as const) {
  test(`a Replica that drifted is made equal again (${method} method)`, (t) => {
    const { tree } = sampleSite();
    const host = new ReplicaHost(hasher);
    const master = new ScriptedMaster(host, hasher);
    master.hello();
    master.synchronize(tree);
    const vandal = new MemoryUser(host.tree);
    vandal.writeFile('site/page1.html', 'defaced');
    vandal.remove('site/page2.html');
    vandal.makeDirectory('site/page2.html');
    vandal.writeFile('site/page2.html/inside', 'x');
    vandal.remove('latest');
    vandal.makeSymlink('latest', '/etc');
    vandal.writeFile('extra', 'extra');
    vandal.makeDirectory('extras');
    vandal.writeFile('extras/more', 'x');
    vandal.setMode('site/css', 0o777);
    vandal.remove('site/css/linked-too');
    vandal.writeFile('site/css/linked-too', 'one file');
    vandal.link('site/page3.html', 'site/page3-again.html');
    const large = vandal.readFile('large.bin').slice();
    large[1_000_000]! ^= 1;
    vandal.writeFile('large.bin', large);
    const done = master.synchronize(tree, { method });
    t.deepEqual(describeTree(host.tree), describeTree(tree));
    t.is(done?.parked, 0);
    t.is(done?.removed, 3);
    t.deepEqual(host.tree.listKept(), []);
  });
}

test('files of the same size and time but other content are found when contents are compared', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(tree);
  const vandal = new MemoryUser(host.tree);
  const { mtimeNs } = host.tree.stat('site/css/a.css')!;
  vandal.writeFile('site/css/a.css', 'BODY {}');
  vandal.setMtimeNs('site/css/a.css', mtimeNs);
  t.is(master.synchronize(tree)?.updated, 0);
  t.is(master.synchronize(tree, { ignoreSame: false })?.updated, 1);
  t.deepEqual(describeTree(host.tree), describeTree(tree));
});

test('a comparison reports every difference and changes nothing', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(tree);
  t.deepEqual(master.synchronize(tree, { dryRun: true }) && master.of('sync-differences'), []);
  const vandal = new MemoryUser(host.tree);
  vandal.writeFile('site/page1.html', 'defaced');
  vandal.remove('site/page2.html');
  vandal.remove('latest');
  vandal.makeSymlink('latest', '/etc');
  vandal.writeFile('extra', 'extra');
  vandal.setMode('site/page5.html', 0o777);
  vandal.remove('empty');
  vandal.writeFile('empty', '');
  const before = describeTree(host.tree);
  master.synchronize(tree, { dryRun: true });
  t.deepEqual(describeTree(host.tree), before);
  const found = master.of('sync-differences').flatMap(({ differences }) => differences);
  const lines = found.map(({ path, difference }) => `${difference} ${path}`).sort();
  t.deepEqual(lines, [
    'content site/page1.html',
    'extra extra',
    'metadata ',
    'metadata site',
    'metadata site/page5.html',
    'missing site/page2.html',
    'target latest',
    'type empty',
  ]);
});

test('live changes are acknowledged as received and applied', (t) => {
  const { host, master } = liveHost();
  master.batchOf([put('a'), put('b')], 2);
  master.settle();
  t.like(master.of('ack').at(-1), { receivedSeq: 2, appliedSeq: 2, parked: 0 });
  t.is(new MemoryUser(host.tree).readFile('a').length, 1);
  t.is(master.session.consumedBytes, master.session.sentBytes);
});

test('a change inside an unfinished unit is neither acknowledged nor applied, and is forgotten with the link', (t) => {
  const { host, master } = liveHost();
  master.batchOf([put('first')], 1);
  master.batchOf([put('half')], 0);
  master.settle();
  t.like(master.of('ack').at(-1), { receivedSeq: 1, appliedSeq: 1 });
  t.is(host.tree.stat('half'), undefined);
  master.session.close('cut');
  host.onLinkClose = () => {};
  const again = new ScriptedMaster(host, hasher);
  t.deepEqual(again.hello()?.received, { generation: GENERATION, seq: 1 });
  again.batchOf([put('half', 'whole now')], 2);
  again.settle();
  t.is(new TextDecoder().decode(new MemoryUser(host.tree).readFile('half')), 'whole now');
});

test('a Master with an older epoch, other settings or another version is refused with the reason', (t) => {
  const refusals: [Parameters<ScriptedMaster['hello']>[0], string][] = [
    [{ epoch: 0 }, 'LINK-EPOCH'],
    [{ agreedFingerprint: 'other' }, 'LINK-SETTINGS'],
    [{ rootCount: 2 }, 'LINK-SETTINGS'],
    [{ protocol: 9, oldestProtocol: 5 }, 'LINK-VERSION'],
    [{ scenarioId: 'another' }, 'LINK-REFUSED'],
  ];
  for (const [change, code] of refusals) {
    const host = new ReplicaHost(hasher);
    const master = new ScriptedMaster(host, hasher);
    t.is(master.hello(change), undefined);
    t.is(master.of('refuse').at(-1)?.fault.code, code);
    t.truthy(master.closed);
  }
});

test('an epoch once seen is remembered over a restart', (t) => {
  const host = new ReplicaHost(hasher);
  new ScriptedMaster(host, hasher).hello({ epoch: 7 });
  host.boot();
  const late = new ScriptedMaster(host, hasher);
  late.hello({ epoch: 6 });
  t.is(late.of('refuse').at(-1)?.fault.code, 'LINK-EPOCH');
});

function hostile(title: string, send: (master: ScriptedMaster) => void): void {
  test(`hostile frame: ${title}: the link closes and nothing is written`, (t) => {
    const { host, master } = liveHost();
    const before = describeTree(host.tree);
    send(master);
    master.settle();
    t.truthy(master.closed, 'closed');
    t.deepEqual(describeTree(host.tree), before);
    const again = new ScriptedMaster(host, hasher);
    t.deepEqual(again.hello()?.received, { generation: GENERATION, seq: 0 }, 'a good Master is still welcome');
  });
}

for (const path of [
  '../x',
  'a/../../x',
  '/etc/x',
  'a//b',
  '.',
  'x\0y',
  '.mainstay/x',
  'a/.mainstay',
  `${'n'.repeat(256)}`,
]) {
  hostile(`path ${JSON.stringify(path.slice(0, 20))}`, (master) => {
    master.raw(FrameType.batch, (writer) => {
      writeBatchHeader(writer, { batch: 1, commitSeq: 1, oldestMs: 0, newestMs: 0, changes: 1 });
      writeChange(writer, put(path));
    });
  });
}
hostile('a root that does not exist', (master) => master.batchOf([{ ...put('x'), root: 3 } as Change], 1));
hostile('a batch number left out', (master) => {
  master.raw(FrameType.batch, (writer) => {
    writeBatchHeader(writer, { batch: 2, commitSeq: 1, oldestMs: 0, newestMs: 0, changes: 1 });
    writeChange(writer, put('x'));
  });
});
hostile('more changes announced than sent', (master) => {
  master.raw(FrameType.batch, (writer) => {
    writeBatchHeader(writer, { batch: 1, commitSeq: 1, oldestMs: 0, newestMs: 0, changes: 5 });
    writeChange(writer, put('x'));
  });
});
hostile('an unknown operation', (master) => {
  master.raw(FrameType.batch, (writer) => {
    writeBatchHeader(writer, { batch: 1, commitSeq: 1, oldestMs: 0, newestMs: 0, changes: 1 });
    writer.u8(200);
  });
});
hostile('synchronization data outside a synchronization', (master) => {
  master.raw(FrameType.syncData, (writer) => void writer.u8(0));
});
hostile('a piece of a file outside a synchronization', (master) => {
  master.raw(FrameType.syncContent, (writer) => void writer.u32(1).f64(0).u8(0));
});
hostile('a piece of a file in a comparison', (master) => {
  master.startSync({ dryRun: true });
  master.raw(FrameType.syncContent, (writer) => void writer.u32(1).f64(0).u8(0));
});
hostile('an unknown control message', (master) => {
  master.session.sendControl({ kind: 'sync-done', syncId: 1 } as never);
});

test('a piece for a file nobody began is ignored, and a piece outside its file discards the file', (t) => {
  const { host, master } = liveHost();
  const token = 9;
  master.batchOf([{ op: 'put-data', token, position: 0, content: new Uint8Array(3) }], 1);
  master.batchOf(
    [
      { op: 'put-begin', root: 0, path: 'f', metadata: METADATA, token, sizeBytes: 4 },
      { op: 'put-data', token, position: 3, content: new Uint8Array(30) },
      { op: 'put-end', token, hash: new Uint8Array(16) },
    ],
    2,
  );
  master.settle();
  t.like(master.of('ack').at(-1), { appliedSeq: 2, parked: 1 });
  t.is(host.tree.stat('f'), undefined);
});

test('a file whose hash is wrong is not put in place but asked for again', (t) => {
  const { host, master } = liveHost();
  const token = 9;
  master.batchOf(
    [
      { op: 'put-begin', root: 0, path: 'f', metadata: METADATA, token, sizeBytes: 4 },
      { op: 'put-data', token, position: 0, content: new Uint8Array(4) },
      { op: 'put-end', token, hash: new Uint8Array(16) },
    ],
    1,
  );
  master.settle();
  t.is(host.tree.stat('f'), undefined);
  t.deepEqual(master.of('repair').at(-1)?.paths, ['f']);
  master.batchOf([put('f', 'good')], 2);
  master.settle();
  t.like(master.of('ack').at(-1), { appliedSeq: 2, parked: 0 });
});

test('a rename whose source is missing asks for both places and goes on', (t) => {
  const { master } = liveHost();
  master.batchOf([{ op: 'rename', root: 0, from: 'was', path: 'is' }, put('next')], 2);
  master.settle();
  t.deepEqual(master.of('repair').at(-1)?.paths, ['was', 'is']);
  t.is(master.of('ack').at(-1)?.appliedSeq, 2);
});

test('a link planted in the Replica is never written through; the place is asked for and healed', (t) => {
  const { host, master } = liveHost();
  const vandal = new MemoryUser(host.tree);
  master.batchOf([{ op: 'make-directory', root: 0, path: 'd', metadata: METADATA }, put('d/x')], 1);
  master.settle();
  vandal.remove('d');
  vandal.makeSymlink('d', '/outside');
  master.batchOf([put('d/y'), put('e')], 2);
  master.settle(3_000);
  t.is(host.tree.stat('d')?.type, 'symlink');
  t.true(host.events().includes('APL-004'));
  t.like(master.of('ack').at(-1), { appliedSeq: 2, parked: 1 });
  t.deepEqual(master.of('repair').at(-1)?.paths, ['d']);
  const made = { op: 'make-directory', root: 0, path: 'd', metadata: METADATA } as const;
  master.batchOf([{ op: 'remove', root: 0, path: 'd' }, made, put('d/x'), put('d/y')], 3);
  master.settle();
  t.is(host.tree.stat('d/y')?.type, 'file');
  t.is(master.of('ack').at(-1)?.parked, 0);
});

test('a full disk holds apply, says so, and apply goes on by itself when there is room', (t) => {
  const { host, master } = liveHost();
  host.volume.totalBytes = host.volume.usedBytes + 10;
  master.batchOf([put('big', 'x'.repeat(100)), put('small', 'y')], 1);
  master.settle(500);
  t.like(master.of('ack').at(-1), { receivedSeq: 1, appliedSeq: 0 });
  t.regex(master.of('ack').at(-1)?.held ?? '', /No space/);
  t.is(host.tree.stat('small'), undefined, 'order is kept');
  host.volume.totalBytes = 2 ** 30;
  master.settle(3_000);
  t.is(master.of('ack').at(-1)?.appliedSeq, 1);
  t.is(master.of('ack').at(-1)?.held, undefined);
  t.deepEqual(
    host.events().filter((code) => code.startsWith('APL')),
    ['APL-002', 'APL-003'],
  );
});

test('a full disk during a synchronization only delays it', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher);
  host.volume.totalBytes = 1_000_000;
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  t.is(master.synchronize(tree), undefined);
  t.true(host.events().includes('APL-002'));
  host.volume.totalBytes = 2 ** 30;
  master.settle(10_000);
  t.truthy(master.of('sync-done').at(-1));
  t.deepEqual(describeTree(host.tree), describeTree(tree));
});

test('a synchronization cut short starts over and does not send finished files again', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher);
  const first = new ScriptedMaster(host, hasher);
  first.hello();
  first.synchronize(tree);
  const second = new ScriptedMaster(host, hasher);
  second.hello();
  second.startSync();
  second.list(tree, '', 0);
  second.settle();
  host.boot();
  const third = new ScriptedMaster(host, hasher);
  t.is(third.hello()?.received, undefined, 'interrupted: no position');
  const done = third.synchronize(tree);
  t.like(done, { created: 0, updated: 0, removed: 0 });
});

test('where case does not count, the second of two names is parked and the first kept', (t) => {
  const clock = new SimulatedClock();
  const host = new ReplicaHost(
    hasher,
    {},
    {
      volume: new MemoryVolume(clock),
      capabilities: { caseSensitive: false },
    },
  );
  const { tree, user } = masterTree();
  user.writeFile('Readme', '1');
  user.writeFile('readme', '2');
  const master = new ScriptedMaster(host, hasher);
  t.false(master.hello()?.caseSensitive);
  t.is(master.synchronize(tree)?.parked, 1);
  t.is(new TextDecoder().decode(new MemoryUser(host.tree).readFile('Readme')), '1');
});

test('what the scenario leaves out is not removed on the Replica', (t) => {
  const { tree } = sampleSite();
  const host = new ReplicaHost(hasher, { exclude: ['local.conf'] });
  new MemoryUser(host.tree).writeFile('local.conf', 'mine');
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  t.is(master.synchronize(tree)?.removed, 0);
  t.is(host.tree.stat('local.conf')?.type, 'file');
});

test('a root that is missing at the start is a failure with its reason', (t) => {
  const host = new ReplicaHost(hasher);
  host.tree.vanish();
  host.boot();
  const failed = host.notices.find((notice) => notice.type === 'failed');
  t.is(failed?.fault.code, 'ROOT-MISSING');
});

test('a failed flush ends the engine and is not tried again', (t) => {
  const { host, master } = liveHost();
  host.spoolLog.beforeFlush = () => {
    throw new Fault('FS-IO', { path: 'spool', reason: 'EIO' });
  };
  master.batchOf([put('a')], 1);
  master.settle();
  t.true(host.notices.some((notice) => notice.type === 'failed' && notice.fault.code === 'FS-IO'));
  t.is(master.of('ack').at(-1)?.receivedSeq, 0);
});

test('stopping makes a checkpoint and says so', (t) => {
  const { host, master } = liveHost();
  master.batchOf([put('a')], 1);
  master.settle(20);
  host.engine.handle({ type: 'stop' });
  t.is(host.notices.at(-1)?.type, 'stopped');
  host.boot();
  const started = host.notices.filter((notice) => notice.type === 'started').at(-1);
  t.deepEqual(started?.position, { generation: GENERATION, seq: 1 });
});

test('killed at any step of a synchronization, the next one makes both equal', (t) => {
  const { tree } = sampleSite();
  for (let n = 1; ; n += 17) {
    const host = new ReplicaHost(hasher);
    const vandal = new MemoryUser(host.tree);
    vandal.makeDirectory('site');
    vandal.writeFile('site/page3.html', 'old');
    vandal.writeFile('extra', 'x');
    const master = new ScriptedMaster(host, hasher);
    master.hello();
    let count = 0;
    host.tree.beforeOperation = () => {
      count += 1;
      if (count >= n) throw new Error('killed');
    };
    master.startSync();
    master.list(tree, '', 0);
    master.settle();
    master.list(tree, 'site', 1);
    master.settle();
    host.tree.beforeOperation = () => {};
    host.boot();
    const again = new ScriptedMaster(host, hasher);
    again.hello();
    again.synchronize(tree);
    t.deepEqual(describeTree(host.tree), describeTree(tree), `killed at ${n}`);
    t.deepEqual(host.tree.listKept(), [], `killed at ${n}`);
    if (count < n) return;
  }
});
