/** What cannot be applied: listed with its reason, asked for again, forgotten, and never passed over in silence. */
import test from 'ava';
import { ParkedItems } from '../../daemon/apply/parked.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import type { ParkedAnswer } from '../../shared/results.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

/** Writing `path` on the Replica fails until the returned function is called. */
function refuse(pair: EnginePair, path: string): () => void {
  let refused = true;
  pair.replicaTree.beforeOperation = (_operation, place) => {
    if (refused && place === path) throw new Fault('FS-DENIED', { path });
  };
  return () => {
    refused = false;
  };
}

function parkedPair(path: string): { pair: EnginePair; allow: () => void } {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('plain', 'x');
  pair.start();
  pair.synchronize();
  const allow = refuse(pair, path);
  pair.user.writeFile(path, 'new');
  pair.clock.runUntil(() => pair.masterStatus?.peers['replica']?.parked === 1, 60_000);
  return { pair, allow };
}

test('a parked item is listed with reason, advice, tries and the next try', (t) => {
  const { pair } = parkedPair('denied');
  const answer = pair.callReplica({ name: 'parked', action: 'list' }) as ParkedAnswer;
  t.is(answer.items.length, 1);
  t.like(answer.items[0], { root: 0, path: 'denied', code: 'FS-DENIED' });
  t.not(answer.items[0]?.hint, '');
  t.true((answer.items[0]?.nextAttemptAt ?? 0) >= pair.clock.wallMs());
  t.is(answer.dropped, 0);
  pair.close();
});

test('retry asks at once, and the item arrives when its cause is mended', (t) => {
  const { pair, allow } = parkedPair('denied');
  // Its next try by itself would be a minute away.
  pair.run(120_000);
  allow();
  pair.callReplica({ name: 'parked', action: 'retry' });
  pair.run(1_000);
  t.is(pair.replicaStatus?.parked, 0);
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('dropped items are forgotten, also by a restart, but never taken for identical', (t) => {
  const { pair } = parkedPair('denied');
  t.is((pair.callReplica({ name: 'parked', action: 'drop' }) as ParkedAnswer).dropped, 1);
  t.true(pair.codes('replica').includes('APL-005'));
  pair.killReplica();
  pair.startReplica();
  pair.connect();
  pair.run(3_000);
  t.is(pair.masterStatus?.peers['replica']?.parked, 0);
  t.is(pair.masterStatus?.peers['replica']?.dropped, 1);
  t.deepEqual(
    pair.diff().differences.map(({ path, kind }) => [path, kind]),
    [['denied', 'missing']],
  );
  pair.close();
});

test('a barrier names what is parked', (t) => {
  const { pair } = parkedPair('denied');
  t.throws(() => pair.barrier(), { message: /1 item is parked on the Replica \(denied\)/ });
  pair.close();
});

test('a synchronization that had to park something claims only the rest, and all of it once that is there', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('plain', 'x');
  pair.user.writeFile('denied', 'y');
  const allow = refuse(pair, 'denied');
  pair.start();
  t.is(pair.synchronize().parked, 1);
  pair.run(30_000);
  t.true(pair.codes().includes('SYN-007'));
  t.false(pair.codes().includes('SYN-003'));
  t.regex(pair.events.find(({ code }) => code === 'SYN-007')?.text ?? '', /denied/);
  allow();
  pair.run(120_000);
  t.true(pair.codes().includes('SYN-003'));
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});

test('an item that was dropped can be parked again', (t) => {
  const items = new ParkedItems();
  items.park({ root: 0, path: 'a', code: 'FS-DENIED', reason: 'no' }, 0);
  items.drop();
  t.is(items.dropped, 1);
  t.true(items.park({ root: 0, path: 'a', code: 'FS-DENIED', reason: 'no' }, 1));
  t.is(items.count, 1);
});

test('attempts are not begun anew by what only sends things again: a directory above, a synchronization of some places', (t) => {
  const items = new ParkedItems();
  const item = { root: 0, path: 'dir/file', code: 'FS-DENIED', reason: 'refused' };
  const refused = (nowMs: number) => items.park(item, nowMs);
  const attempts = () => items.list()[0]?.attempts;
  refused(0);
  items.takeDue(2_000, 10);
  refused(2_000);
  t.is(attempts(), 1);
  t.is(items.stuckCount, 1);
  // Due since a while, as the engine was busy; then the directory is sent whole.
  items.settle({ op: 'remove', root: 0, path: 'dir' });
  t.is(items.count, 0);
  refused(20_000);
  t.is(attempts(), 1);
  // What the engine of this life knows stays known when some places are compared.
  const before = items.list();
  items.clear();
  items.load(before, 21_000);
  t.is(attempts(), 1);
  t.is(items.takeDue(21_000, 10).length, 1, 'asked for at once all the same');
  items.settle({ op: 'remove', root: 0, path: 'dir' });
  refused(600_000);
  t.is(attempts(), 0, 'much later it is something new');
});
