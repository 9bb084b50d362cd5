/** The index of rewind points says what the log says, whatever happened to log and index, and finds a page at once. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { logBackwards } from '../../daemon/journal/log-backwards.ts';
import { pointsBackwards } from '../../daemon/journal/point-stream.ts';
import { listPoints, type PointFilter } from '../../daemon/journal/points.ts';
import { HistoryRetention } from '../../daemon/journal/retention.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { SegmentLog } from '../../daemon/ports.ts';
import { PointIndex } from '../../daemon/store/listed-points.ts';
import { decodeName } from '../../shared/path.ts';
import type { RewindPoint, RewindPointList } from '../../shared/rewind.ts';
import { ChangeScript } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';

const hasher = await createContentHasher();

function listed(index: PointIndex, log: SegmentLog, filter: PointFilter): RewindPointList {
  const work = index.list(log, filter);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

function truth(log: SegmentLog): RewindPoint[] {
  return [...pointsBackwards(logBackwards(log))].map(({ point }) => point);
}

const FILTERS: readonly PointFilter[] = [
  { limit: 1_000 },
  { limit: 7 },
  { limit: 1_000, kinds: ['bookmark', 'rewind', 'gap', 'synchronized'] },
  { limit: 5, kinds: ['event'] },
  { limit: 1_000, text: 'RENAMED' },
  { limit: 1_000, text: 'n1' },
  { limit: 1_000, path: 'n1' },
  { limit: 1_000, path: 'n?/n2' },
  { limit: 1_000, path: '**/n3' },
  { limit: 1_000, path: 'n*' },
  { limit: 3, root: 0 },
  { limit: 3, root: 1 },
];

/** Everything that can happen to a log between two looks. */
function happen(host: HistoryHost, random: SeededRandom, script: ChangeScript, round: number): void {
  host.feed(script, random);
  if (random.chance(0.7)) host.standby.journal.roll();
  if (random.chance(0.3)) host.rewind(random.pick(host.history().marks).n);
  if (random.chance(0.1)) host.standby.history.breakOff('a reason');
  if (random.chance(0.1)) host.standby.history.mark('gap', 0, 'a reason');
  host.standby.history.mark('bookmark', random.below(30), `bookmark ${round}`);
  host.standby.flushSynchronized();
  if (random.chance(0.3)) host.boot();
  if (host.standby.received === undefined) host.standby.finishSynchronization({ generation: 'a'.repeat(32), seq: 0 });
  const stays = host.journalLog.list().at(-3);
  if (stays === undefined || !random.chance(0.4)) return;
  new HistoryRetention(host.journalLog, [host.tree]).enforce({ retentionMs: 0, maxBytes: 0 }, stays, 1e15);
}

test('after any history, prunings, gaps, crashes and rewinds it lists what the log says, page by page', (t) => {
  let compared = 0;
  const compare = (index: PointIndex, log: SegmentLog, title: string) => {
    const all = truth(log);
    for (const filter of FILTERS) {
      const expected = listPoints(all, filter);
      t.deepEqual(listed(index, log, filter), expected, `${title} ${JSON.stringify(filter)}`);
      const last = expected.points.at(-1);
      compared += expected.points.length;
      // Of several bookmarks at one state any may be where the next page begins.
      if (last?.kind !== 'event') continue;
      const older = { ...filter, before: last.id };
      t.deepEqual(listed(index, log, older), listPoints(all, older), `${title} after ${last.id}`);
    }
  };
  for (let seed = 1; seed <= 6; seed += 1) {
    const random = new SeededRandom(seed);
    const host = new HistoryHost(hasher);
    const index = new PointIndex(':memory:');
    for (let round = 0; round < 6; round += 1) {
      happen(host, random, new ChangeScript(hasher, seed, 20 + 20 * round), round);
      compare(index, host.journalLog, `seed ${seed} round ${round}`);
    }
    index.close();
  }
  t.log(`${compared} points compared`);
  t.true(compared > 2_000);
});

test('a damaged, foreign or outdated index is made again from the log', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'preview-index-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'points.sqlite');
  const host = new HistoryHost(hasher);
  const grow = (seed: number) => {
    host.feed(new ChangeScript(hasher, seed, 40), new SeededRandom(seed));
    host.standby.journal.roll();
    host.standby.flushSynchronized();
  };
  for (const actions of [1, 2]) grow(actions);
  const check = (title: string) => {
    const index = new PointIndex(file);
    const filter = { limit: 10_000 };
    t.deepEqual(listed(index, host.journalLog, filter), listPoints(truth(host.journalLog), filter), title);
    index.close();
  };
  check('new');
  check('opened again');
  const bytes = readFileSync(file);
  writeFileSync(file, 'this is no database at all, and never was one; it is long enough to be read as a header page');
  check('nonsense');
  for (let at = 0; at < bytes.length; at += 4_096) {
    const damaged = Buffer.from(bytes);
    damaged.fill(0xa5, at, at + 512);
    for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true });
    writeFileSync(file, damaged);
    const index = new PointIndex(file);
    t.notThrows(() => listed(index, host.journalLog, { limit: 10_000 }), `damaged at ${at}`);
    index.close();
  }
  rmSync(file);
  check('gone');
});

test('names that are no text are listed and found as they are', (t) => {
  const host = new HistoryHost(hasher);
  const name = decodeName(Buffer.from([0x66, 0xff, 0x67]));
  const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 5n };
  host.receive([{ op: 'put', root: 0, path: name, metadata, content: new Uint8Array(3) }], 1);
  host.apply();
  host.standby.checkpoint();
  const index = new PointIndex(':memory:');
  for (const filter of [{ limit: 9 }, { limit: 9, path: name }, { limit: 9, path: 'f*g' }]) {
    t.is(listed(index, host.journalLog, { ...filter, kinds: ['event'] }).points[0]?.path, name);
  }
  t.is(listed(index, host.journalLog, { limit: 9, path: 'other' }).total, 0);
  index.close();
});

test('a disk that does not take the list is no reason not to show what can be given back', (t) => {
  const host = new HistoryHost(hasher);
  const random = new SeededRandom(1);
  host.feed(new ChangeScript(hasher, 1, 30), random);
  const index = new PointIndex(join(tmpdir(), 'mainstay-no-such-directory', 'points.sqlite'));
  const filter = { limit: 10_000 };
  for (const time of ['first', 'again'])
    t.deepEqual(listed(index, host.journalLog, filter), listPoints(truth(host.journalLog), filter), time);
  t.true(listed(index, host.journalLog, filter).total > 5);
  index.close();
});
