/** A Replica finds out by itself what of its history could not be given back any more, and says so before somebody needs it. */
import test from 'ava';
import { checkKept, type KeptCheck } from '../../daemon/journal/kept-check.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { Fault } from '../../shared/faults.ts';
import type { JournalFigures, RewindPoint, RewindPointList } from '../../shared/rewind.ts';
import { ChangeScript, SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
forceLargeFiles(SMALL_LARGE_FILES);
const HOUR = 3_600_000;

function checked(host: HistoryHost, fraction = 0): KeptCheck {
  const check: KeptCheck = { objects: 0, readFiles: 0, readBytes: 0, lost: [], lostCount: 0 };
  const { tree, journalLog } = host;
  const random = { fraction: () => fraction };
  for (const _ of checkKept({ trees: [tree], journalLog, random, readBytes: 2 ** 30 }, check));
  return check;
}

test('whatever happened, a whole history is found whole, and each object that is taken away is found missing', (t) => {
  let found = 0;
  for (let seed = 1; seed <= 15; seed += 1) {
    const random = new SeededRandom(seed);
    const host = new HistoryHost(hasher);
    host.feed(new ChangeScript(hasher, seed, 60, true), random);
    for (let round = 0; round < 3; round += 1) {
      host.rewind(random.pick(host.history().marks).n);
      const check = checked(host);
      t.deepEqual(check.lost, [], `seed ${seed} round ${round}`);
      t.true(check.objects > 0 && check.readFiles > 0);
    }
    const kept = host.tree.listKept();
    const gone = random.pick(kept);
    host.tree.dropKept(gone);
    const check = checked(host);
    t.is(check.lostCount, 1, `seed ${seed}: ${gone}`);
    t.is(check.lost[0]?.reason, 'it is missing');
    found += 1;
  }
  t.is(found, 15);
});

test('what a disk cannot read any more is found, and what was cut', (t) => {
  const host = new HistoryHost(hasher);
  host.feed(new ChangeScript(hasher, 3, 60), new SeededRandom(3));
  const files = host.tree.listKept().filter((name) => (host.tree.keptObjects().stat(name)?.sizeBytes ?? 0) > 20);
  const bad = files.find((name) => host.tree.keptObjects().stat(name)?.type === 'file')!;
  host.tree.beforeOperation = (operation, path) => {
    if (operation === 'read' && path === bad) throw new Fault('FS-IO', { path, reason: 'bad sector' });
  };
  const unreadable = checked(host);
  t.is(unreadable.lostCount, 1);
  t.true(unreadable.lost[0]!.reason.includes('bad sector'));
  t.is(checked(host, 1).lostCount, 0, 'not looked into');
  host.tree.beforeOperation = () => {};
  const staged = host.tree.stage(bad);
  staged.truncate(5);
  staged.release();
  const cut = checked(host);
  t.true(
    cut.lost.some(({ reason }) => reason.startsWith('it has 5 bytes')),
    JSON.stringify(cut.lost.map(({ reason }) => reason)),
  );
});

test('a running Replica checks itself, tells what is lost once, and shows it in the figures of its journal', (t) => {
  const history = {
    retentionMs: 24 * HOUR,
    maxBytes: 2 ** 30,
    minFreeBytes: 0,
    whenFull: 'gap',
    selfCheckMs: HOUR,
  } as const;
  const host = new ReplicaHost(hasher, { history });
  const master = new ScriptedMaster(host, hasher);
  const there = new MemoryTree({ volume: host.volume });
  new MemoryUser(there).writeFile('page', 'first');
  master.hello();
  master.synchronize(there);
  const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 5n };
  master.batchOf([{ op: 'put', root: 0, path: 'page', metadata, content: new Uint8Array(9) }], 1);
  master.settle(3_000);
  let calls = 0;
  const figures = (): JournalFigures => {
    calls += 1;
    host.engine.handle({ type: 'call', id: calls, call: { name: 'journal' } });
    const notice = host.notices.find((one) => one.type === 'reply' && one.id === calls);
    if (notice?.type !== 'reply') throw new Error('no answer');
    return notice.result as JournalFigures;
  };
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      host.clock.advance(10_000);
      host.engine.handle({ type: 'link-bytes', peer: 'nobody', bytes: new Uint8Array(0) });
    }
  };
  t.is(figures().lastSelfCheck, undefined);
  pass(HOUR);
  t.is(figures().lastSelfCheck?.identical, true);
  t.is(figures().lastSelfCheck?.files, 1);
  host.tree.dropKept(host.tree.listKept()[0]!);
  pass(2 * HOUR);
  const after = figures();
  t.is(after.lastSelfCheck?.identical, false);
  t.true(after.gaps.at(-1)!.reason.includes('"page"'), after.gaps.at(-1)?.reason);
  t.is(host.events().filter((code) => code === 'RWD-011').length, 1, 'told once');
});

test('points say how many places cannot be given back there, also after a restart, and never of another history', (t) => {
  const history = { retentionMs: 24 * HOUR, maxBytes: 2 ** 30, minFreeBytes: 0, whenFull: 'gap' } as const;
  const host = new ReplicaHost(hasher, { history: { ...history, selfCheckMs: HOUR } });
  const master = new ScriptedMaster(host, hasher);
  const there = new MemoryTree({ volume: host.volume });
  for (const name of ['page', 'other']) new MemoryUser(there).writeFile(name, 'first');
  master.hello();
  master.synchronize(there);
  const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 5n };
  for (const [at, path] of ['page', 'other', 'page'].entries()) {
    master.batchOf([{ op: 'put', root: 0, path, metadata, content: new Uint8Array(9 + at) }], at + 1);
    master.settle(3_000);
  }
  let calls = 0;
  const points = (): RewindPoint[] => {
    calls += 1;
    host.engine.handle({ type: 'call', id: calls, call: { name: 'points', filter: { limit: 100 } } });
    host.clock.advance(1_000);
    const notice = host.notices.findLast((one) => one.type === 'reply' && one.id === calls);
    if (notice?.type !== 'reply' || notice.fault !== undefined) throw new Error(JSON.stringify(notice));
    return [...(notice.result as RewindPointList).points];
  };
  const lost = () => points().map(({ kind, path, lost: count }) => `${kind} ${path ?? ''} ${count ?? 0}`);
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) host.clock.advance(10_000);
  };
  const whole = ['event page 0', 'event other 0', 'event page 0', 'synchronized  0', 'before-synchronization  0'];
  pass(HOUR);
  t.deepEqual(lost(), whole);
  // What was kept of "other": there is one object for each change, in their order.
  const kept = host.tree.listKept();
  t.is(kept.length, 3, kept.join(' '));
  host.tree.dropKept(kept.toSorted()[1]!);
  pass(2 * HOUR);
  const marked = ['event page 0', 'event other 1', 'event page 1', 'synchronized  1', 'before-synchronization  1'];
  t.deepEqual(lost(), marked, 'younger points do not need it');
  host.engine.handle({ type: 'stop' });
  host.boot();
  t.deepEqual(lost(), marked, 'at once after a restart');

  // The same name and numbers, but another history.
  const other = new ReplicaHost(hasher, { history: { ...history, selfCheckMs: 0 } });
  other.lostFile.save(host.lostFile.load()!);
  const again = new ScriptedMaster(other, hasher);
  const elsewhere = new MemoryTree({ volume: other.volume });
  for (const name of ['one', 'two']) new MemoryUser(elsewhere).writeFile(name, 'first');
  again.hello();
  again.synchronize(elsewhere);
  again.batchOf([{ op: 'put', root: 0, path: 'one', metadata, content: new Uint8Array(9) }], 1);
  again.settle(3_000);
  again.batchOf([{ op: 'put', root: 0, path: 'two', metadata, content: new Uint8Array(9) }], 2);
  again.settle(3_000);
  calls += 1;
  other.engine.handle({ type: 'call', id: calls, call: { name: 'points', filter: { limit: 100 } } });
  other.clock.advance(1_000);
  const reply = other.notices.findLast((one) => one.type === 'reply' && one.id === calls);
  const listed = reply?.type === 'reply' ? (reply.result as RewindPointList).points : [];
  t.true(listed.length >= 2);
  t.true(listed.every((point) => point.lost === undefined));
  other.lostFile.save(new TextEncoder().encode('not what it was'));
  other.engine.handle({ type: 'stop' });
  other.boot();
  other.engine.handle({ type: 'call', id: calls + 1, call: { name: 'points', filter: { limit: 100 } } });
  other.clock.advance(1_000);
  const mended = other.notices.findLast((one) => one.type === 'reply' && one.id === calls + 1);
  t.true(mended?.type === 'reply' && mended.fault === undefined, 'a damaged memory keeps nobody from listing');
});
