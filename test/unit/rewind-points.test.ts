/** What an operator sees of the history, and how long it is kept. */
import test from 'ava';
import { JournalHistory } from '../../daemon/journal/history.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { findPoint, listPoints, pointsOf, positionOf } from '../../daemon/journal/points.ts';
import { type ObjectBefore, objectBefore } from '../../daemon/journal/record.ts';
import { HistoryRetention } from '../../daemon/journal/retention.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const START = { journalSegment: 1, journalOffset: 0 };
const ALL = { limit: 1_000 };

class Rig {
  readonly tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
  readonly user = new MemoryUser(this.tree);
  readonly log = new MemorySegmentLog();
  readonly journal = new Journal(this.log, [this.tree], START, true);
  private seq = 0;

  /** A change of the Master at a time, as the applier makes it. */
  remove(path: string, masterMs: number): void {
    this.seq += 1;
    const before: ObjectBefore = objectBefore(this.tree.stat(path)!);
    const record = this.journal.intend({ seq: this.seq, masterMs, op: 'remove', root: 0, path, before });
    this.journal.endUnit(this.seq, masterMs);
    this.journal.flush();
    this.journal.keep(record, 'move');
  }

  mark(kind: 'bookmark' | 'synchronized' | 'gap', masterMs: number, text = ''): void {
    this.journal.mark({ kind, seq: this.seq, masterMs, replicaMs: masterMs, text });
    this.journal.flush();
  }

  points(filter = ALL) {
    return listPoints(pointsOf(new JournalHistory(this.log)), filter).points;
  }
}

function rig(...names: string[]): Rig {
  const made = new Rig();
  for (const name of names) made.user.writeFile(name, name.repeat(10));
  made.mark('synchronized', 1_000);
  return made;
}

test('points are listed newest first, a file event as the moment right before it, and found again by their id', (t) => {
  const { journal } = rig();
  t.is(journal.last, 0);
  const made = rig('a', 'b', 'c');
  made.remove('a', 2_000);
  made.mark('bookmark', 3_000, 'Friday');
  made.remove('b', 4_000);
  const points = made.points();
  t.deepEqual(
    points.map(({ kind, at, path, text }) => [kind, at, path ?? text]),
    [
      ['event', 4_000, 'b'],
      ['bookmark', 3_000, 'Friday'],
      ['event', 2_000, 'a'],
      ['synchronized', 1_000, 'After synchronization'],
    ],
  );
  const history = new JournalHistory(made.log);
  t.deepEqual(points.map(positionOf), [1, 1, 0, 0]);
  for (const point of points) t.deepEqual(findPoint(history, point.id), point);
  t.is(findPoint(history, 'e7-0'), undefined);
});

test('points are filtered by kind, time and text, and the total says how many there are beyond the limit', (t) => {
  const made = rig('a', 'b', 'c');
  made.remove('a', 2_000);
  made.remove('b', 3_000);
  made.remove('c', 4_000);
  const history = new JournalHistory(made.log);
  const paths = (filter: Parameters<typeof listPoints>[1]) =>
    listPoints(pointsOf(history), filter).points.map(({ path, kind }) => path ?? kind);
  t.deepEqual(paths({ ...ALL, kinds: ['event'] }), ['c', 'b', 'a']);
  t.deepEqual(paths({ ...ALL, since: 3_000 }), ['c', 'b']);
  t.deepEqual(paths({ ...ALL, until: 1_500 }), ['synchronized']);
  t.deepEqual(paths({ ...ALL, text: 'B' }), ['b']);
  const limited = listPoints(pointsOf(history), { limit: 2 });
  t.is(limited.points.length, 2);
  t.is(limited.total, 4);
});

test('nothing before a gap is offered', (t) => {
  const made = rig('a', 'b');
  made.remove('a', 2_000);
  made.mark('gap', 3_000, 'the power failed');
  made.remove('b', 4_000);
  t.deepEqual(
    made.points().map(({ kind, text }) => `${kind} ${text}`),
    ['event Deleted', 'gap the power failed'],
  );
});

test('the oldest segments go when they are too old or too much is kept, with what they kept and nothing else', (t) => {
  const made = rig('a', 'b', 'c');
  const retention = new HistoryRetention(made.log, [made.tree]);
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    made.remove(name, (index + 2) * 1_000);
    made.journal.roll();
    made.journal.seal();
  }
  const enforce = (retentionMs: number, maxBytes: number, wallMs = 5_000) =>
    retention.enforce({ retentionMs, maxBytes }, made.journal.currentSegment, wallMs);
  const before = enforce(10_000, 2 ** 30);
  t.is(before.since, 1_000);
  t.true(before.bytes > 30);
  t.is(made.tree.listKept().length, 3);

  t.is(enforce(2_500, 2 ** 30).since, 2_000, 'older than the retention period');
  t.deepEqual(
    made.points().map(({ path }) => path),
    ['c', 'b'],
  );
  t.is(made.tree.listKept().length, 2);

  const { bytes } = enforce(10_000, 2 ** 30);
  t.is(enforce(10_000, bytes - 1).since, 3_000, 'over the limit of bytes');
  t.is(made.tree.listKept().length, 1);
});
