/** What an operator is told about the history that is kept is what is there. */
import test from 'ava';
import { figuresOf } from '../../daemon/engine/history-keeper.ts';
import { countPoints, journalFigures } from '../../daemon/journal/figures.ts';
import { listPoints, pointsOf } from '../../daemon/journal/points.ts';
import { HistoryRetention } from '../../daemon/journal/retention.ts';
import { type SegmentSummary, summarize } from '../../daemon/journal/segment-summary.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { ChangeScript } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';

const hasher = await createContentHasher();
const HOUR = 3_600_000;
const MIB = 1024 * 1024;
const ASKED = { retentionMs: 8 * HOUR, maxBytes: 100 * MIB, minFreeBytes: 10 * MIB, whenFull: 'gap' } as const;
const NOW = 1_000 * HOUR;

test('points and bookmarks are counted as they are listed, also behind gaps, rewinds and what recovery took back', (t) => {
  let gaps = 0;
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 40);
    const host = new HistoryHost(hasher);
    host.feed(script, random);
    host.standby.history.bookmark(script.units.length, 'Friday');
    host.standby.journal.roll();
    host.standby.checkpoint();
    host.standby.flushSynchronized();
    host.rewind(random.pick(host.history().marks.filter(({ kind }) => kind === 'unit')).n);
    if (random.chance(0.5)) {
      host.standby.history.breakOff('the power failed');
      gaps += 1;
    }
    const segments = host.journalLog.list().map((segment) => summarize(host.journalLog.read(segment)));
    const counted = countPoints(segments);
    const listed = listPoints(pointsOf(host.history()), { limit: 100_000 });
    const inListGaps = listed.points.filter(({ kind }) => kind === 'gap').length;
    t.is(counted.points, listed.total - inListGaps, `seed ${seed}`);
    t.is(counted.bookmarks, listed.points.filter(({ kind }) => kind === 'bookmark').length, `seed ${seed}`);
    t.is(counted.gaps.length, inListGaps, `seed ${seed}`);
  }
  t.true(gaps > 2);
});

test('bytes are those of the log and of what it keeps, and a stopped Replica says the same', (t) => {
  const host = new HistoryHost(hasher);
  host.feed(new ChangeScript(hasher, 5, 60), new SeededRandom(5));
  const figures = figuresOf(
    { clock: host.clock, trees: [host.tree], journalLog: host.journalLog },
    host.standby,
    ASKED,
  );
  const log = host.journalLog.list().reduce((sum, segment) => sum + host.journalLog.read(segment).length, 0);
  const kept = host.tree.listKept().reduce((sum, name) => sum + host.tree.keptBytes(name), 0);
  t.true(kept > 0);
  t.is(figures.bytes, log + kept);
  t.like(figures, { on: true, coverage: 1, maxBytes: ASKED.maxBytes, askedMs: ASKED.retentionMs, gaps: [], pinned: 0 });
  host.boot();
  const stopped = figuresOf(
    { clock: host.clock, trees: [host.tree], journalLog: host.journalLog },
    host.standby,
    ASKED,
  );
  t.deepEqual(stopped, figures);
});

test('what was removed is remembered over a restart: the Replica never claims a history it does not have', (t) => {
  const host = new HistoryHost(hasher);
  const random = new SeededRandom(7);
  host.feed(new ChangeScript(hasher, 7, 60), random);
  const { journal } = host.standby;
  journal.roll();
  host.standby.flushSynchronized();
  const retention = new HistoryRetention(host.journalLog, [host.tree]);
  let trimmedTo = 0;
  const onTrim = (toMs: number) => {
    trimmedTo = toMs;
    host.standby.trimHistory(toMs);
  };
  const limits = { retentionMs: 0, maxBytes: 1 };
  retention.enforce(limits, journal.currentSegment, host.clock.wallMs(), { onTrim });
  t.true(trimmedTo > 0);
  host.boot();
  const figures = figuresOf(
    { clock: host.clock, trees: [host.tree], journalLog: host.journalLog },
    host.standby,
    ASKED,
  );
  t.is(figures.keptSince, trimmedTo);
  t.is(figures.points, 0);
});

function segment(fromMs: number, toMs: number, bytes: number) {
  const summary: SegmentSummary = {
    logBytes: bytes,
    oldestMs: fromMs,
    newestMs: toMs,
    names: new Set(),
    events: [],
    items: [],
    last: 0,
  };
  return { summary, bytes };
}

test('coverage and forecast: nothing lost is complete, and room is foretold only where it will not suffice', (t) => {
  const state = { asked: ASKED, trimmedTo: undefined, pinned: 0, freeBytes: 1_000 * MIB, wallMs: NOW };
  const young = journalFigures({ ...state, segments: [segment(NOW - HOUR, NOW, 5 * MIB)] });
  t.like(young, { keptSince: NOW - HOUR, coverage: 1, bytesPerHour: 5 * MIB });
  t.is(young.trimsInMs, undefined, '8 hours of 5 MiB are 40 of 100 MiB');
  const fast = journalFigures({ ...state, segments: [segment(NOW - HOUR, NOW, 20 * MIB)] });
  t.is(fast.trimsInMs, 4 * HOUR, '80 MiB are left');
  const tight = journalFigures({ ...state, freeBytes: 30 * MIB, segments: [segment(NOW - HOUR, NOW, 20 * MIB)] });
  t.is(tight.trimsInMs, HOUR, 'only 20 MiB above the free space that has to stay');
  const cut = journalFigures({ ...state, trimmedTo: NOW - 6 * HOUR, segments: [segment(NOW - HOUR, NOW, MIB)] });
  t.like(cut, { keptSince: NOW - 6 * HOUR, coverage: 0.75 });
});

test('the id a bookmark is given is the one it is listed under, also when later changes were applied before it was written', (t) => {
  for (let seed = 1; seed <= 6; seed += 1) {
    const script = new ChangeScript(hasher, seed, 30);
    const host = new HistoryHost(hasher);
    host.feed(script, new SeededRandom(seed));
    const seq = 1 + (seed % script.units.length);
    const { id } = host.standby.history.bookmark(seq, 'a while ago');
    const listed = listPoints(pointsOf(host.history()), { limit: 10, kinds: ['bookmark'] }).points;
    t.deepEqual(
      listed.map((point) => point.id),
      [id],
      `seed ${seed}`,
    );
  }
});
