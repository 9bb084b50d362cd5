/** The journal's log when history is kept: what it says is what was made, also after starts, refusals and full disks. */
import test from 'ava';
import { Journal } from '../../daemon/journal/journal.ts';
import { HistoryRetention } from '../../daemon/journal/retention.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const METADATA = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 5n };

function put(path: string, text = path): Change {
  return { op: 'put', root: 0, path, metadata: METADATA, content: Buffer.from(text) };
}

test('what a kill left is found behind marks that were made after the last checkpoint', (t) => {
  const log = new MemorySegmentLog();
  const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
  const intent = (path: string) => ({ seq: 1, masterMs: 1, op: 'put', root: 0, path }) as const;
  const mark = { kind: 'bookmark', seq: 1, masterMs: 1, replicaMs: 1, text: 'a bookmark' } as const;
  const first = new Journal(log, [tree], { journalSegment: 1, journalOffset: 0 }, true);
  first.intend(intent('a'));
  first.flush();
  const place = first.seal();
  first.mark(mark);
  first.flush();
  const second = new Journal(log, [tree], place, true);
  t.deepEqual(second.pending(), []);
  second.intend(intent('b'));
  second.flush();
  const later = second.seal();
  second.intend(intent('c'));
  second.flush();
  const third = new Journal(log, [tree], later, true);
  t.deepEqual(
    third.pending().map(({ path }) => path),
    ['c'],
  );
});

test('a unit whose end had to wait for room is a point only when it is there', (t) => {
  const host = new HistoryHost(hasher);
  let full = true;
  host.tree.beforeOperation = (operation, path) => {
    if (full && operation === 'commit' && path === 'second') throw new Fault('FS-FULL', { path });
  };
  host.receive([put('first')], 1);
  host.receive([put('second')], 2);
  host.standby.run(() => true);
  full = false;
  host.clock.advance(120_000);
  host.apply();
  const wanted = describeTree(host.tree);
  host.receive([put('third')], 3);
  host.apply();
  host.standby.checkpoint();
  const marks = host.history().marks.filter(({ kind, seq }) => kind === 'unit' && seq === 2);
  t.true(marks.length > 0);
  for (const { n } of marks) {
    host.rewind(n);
    t.deepEqual(describeTree(host.tree), wanted, `record ${n}`);
  }
});

test('directories made on the way are taken back after what they were made for', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([put('first')], 1);
  host.apply();
  const before = describeTree(host.tree);
  host.receive([put('missing/below/file'), put('last')], 2);
  host.apply();
  host.standby.checkpoint();
  const unit = host.history().marks.find(({ kind, seq }) => kind === 'unit' && seq === 1)!;
  t.deepEqual(host.rewind(unit.n).foreign, []);
  t.deepEqual(describeTree(host.tree), before);
});

test('a rewind that the disk refused half-way leaves the roots as they were, and the next one arrives', (t) => {
  const host = new HistoryHost(hasher);
  for (let n = 1; n <= 6; n += 1) host.receive([put(`file${n % 3}`, `content ${n}`)], n);
  host.apply();
  host.receive([put('last')], 7);
  host.apply();
  host.standby.checkpoint();
  const end = describeTree(host.tree);
  const { last } = host.history();
  const unit = host.history().marks.find(({ kind, seq }) => kind === 'unit' && seq === 3)!;
  host.rewind(unit.n);
  const wanted = describeTree(host.tree);
  host.rewind(last);
  for (const operation of ['keep', 'restore', 'exchange', 'append'] as const) {
    // The one step there is, or the two where a volume does not have it.
    host.tree.exchanges = operation === 'exchange' || operation === 'append';
    let left = 2;
    const refuse = () => {
      left -= 1;
      if (left === 0) throw new Fault('FS-FULL', { path: 'memory' });
    };
    host.tree.beforeOperation = (what) => {
      if (what === operation) refuse();
    };
    host.journalLog.beforeAppend = () => {
      if (operation === 'append') refuse();
    };
    t.throws(() => host.rewind(unit.n), { message: /No space/ }, operation);
    host.tree.beforeOperation = () => {};
    host.journalLog.beforeAppend = () => {};
    host.rewind(unit.n);
    t.deepEqual(describeTree(host.tree), wanted, operation);
    host.rewind(last);
    t.deepEqual(describeTree(host.tree), end, `${operation}, and back`);
  }
});

test('history that its limits have removed does not come back with a power cut: what was kept for it is gone', (t) => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const host = new HistoryHost(hasher);
    for (let n = 1; n <= 6; n += 1) {
      host.receive([put(`file${n % 2}`, `content ${n}`)], n);
      host.apply();
      host.standby.journal.roll();
      host.standby.checkpoint();
    }
    const { journalLog, tree, standby } = host;
    const before = journalLog.list();
    const limits = { retentionMs: 0, maxBytes: 2 ** 30 };
    new HistoryRetention(journalLog, [tree]).enforce(limits, standby.journal.currentSegment, Number.MAX_SAFE_INTEGER);
    const left = journalLog.list();
    t.true(left.length < before.length);
    host.powerCut(new SeededRandom(seed));
    t.deepEqual(journalLog.list(), left);
  }
});
