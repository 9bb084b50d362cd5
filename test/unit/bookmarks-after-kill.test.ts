/** A bookmark that was told is there after a kill, whatever recovery takes back; or the operator is told that it is not. */
import test from 'ava';
import { setBookmark } from '../../daemon/apply/bookmark.ts';
import { pointsOf, positionOf } from '../../daemon/journal/points.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();

function put(path: string, text: string): Change {
  const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: BigInt(text.length) };
  return { op: 'put', root: 0, path, metadata, content: Buffer.from(text) };
}

/** A large file is arriving: no checkpoint is possible once something was applied meanwhile. */
function arriving(host: HistoryHost): void {
  const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 7n };
  host.receive([{ op: 'put-begin', root: 0, path: 'large', metadata, token: 9, sizeBytes: 8 }], 1);
  host.receive([put('page', 'second, longer')], 2);
  host.apply();
}

function bookmarks(host: HistoryHost) {
  return [...pointsOf(host.history())].filter(({ kind }) => kind === 'bookmark');
}

test('set while a large file arrives, it is there again after a kill, at the state it was set at', (t) => {
  for (const kills of [1, 2]) {
    const host = new HistoryHost(hasher);
    host.receive([put('page', 'first')], 0);
    arriving(host);
    // The time of the root was not told.
    const view = () => [...describeTree(host.tree)].filter(([path]) => path !== '');
    const then = view();
    t.false(host.standby.checkpoint(), 'the case is not what it was');
    setBookmark(host.standby, 2, 'before');
    for (let kill = 0; kill < kills; kill += 1) {
      host.boot();
      t.deepEqual(bookmarks(host), [], 'its changes were taken back');
    }
    host.apply();
    t.is(bookmarks(host).length, 1);
    host.receive([put('page', 'third')], 3);
    host.apply();
    const [point] = bookmarks(host);
    t.is(point?.text, 'before');
    host.rewind(positionOf(point!));
    t.deepEqual(view(), then);
    t.deepEqual(host.told, []);
  }
});

test('where what was before it is not applied again, the operator is told that it is lost', (t) => {
  const host = new HistoryHost(hasher);
  arriving(host);
  setBookmark(host.standby, 2, 'before');
  host.boot();
  host.standby.beginSynchronization();
  t.deepEqual(bookmarks(host), []);
  t.deepEqual(host.told, ['RWD-012']);
});

test('where a checkpoint is possible, a kill takes nothing of it back', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([put('page', 'first')], 1);
  host.apply();
  const { id } = setBookmark(host.standby, 1, 'before');
  host.boot();
  t.deepEqual(
    bookmarks(host).map((point) => point.id),
    [id],
  );
});

test('a journal that had no handle for a flush goes on when there is one', (t) => {
  const host = new HistoryHost(hasher);
  host.journalLog.beforeFlush = () => {
    throw new Fault('FS-LIMIT', { path: 'log' });
  };
  host.receive([put('page', 'first')], 1);
  host.apply();
  t.is(host.tree.stat('page'), undefined);
  host.journalLog.beforeFlush = () => {};
  host.apply();
  t.is(host.tree.stat('page')?.sizeBytes, 5);
});

test('a journal whose flush failed once writes nothing more', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([put('page', 'first')], 1);
  host.apply();
  host.standby.checkpoint();
  host.journalLog.beforeFlush = () => {
    throw new Fault('FS-IO', { path: 'log', reason: 'EIO' });
  };
  t.throws(() => setBookmark(host.standby, 1, 'before'), { code: 'FS-IO' });
  host.journalLog.beforeFlush = () => {};
  t.throws(() => setBookmark(host.standby, 1, 'again'), { code: 'FS-IO' });
  t.throws(() => host.standby.settle(), { code: 'FS-IO' });
  host.boot();
  t.is(setBookmark(host.standby, 1, 'after the restart').text, 'after the restart');
});
