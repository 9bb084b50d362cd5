/** A kept object that is missing or damaged: nothing fails half-way, nothing wrong is put back, everything else comes back. */
import test from 'ava';
import { lostOnTheWay } from '../../daemon/journal/kept-check.ts';
import type { UndoRecord } from '../../daemon/journal/record.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { isWithin } from '../../shared/path.ts';
import { ChangeScript, SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { RecoveryPair } from '../memory/recovery-pair.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();
forceLargeFiles(SMALL_LARGE_FILES);

function damage(host: HistoryHost, name: string, random: SeededRandom): void {
  const stat = host.tree.keptObjects().stat(name);
  // One with further names is a file of the root as well.
  if (stat?.type !== 'file' || stat.links > 1 || random.chance(0.5)) {
    host.tree.dropKept(name);
    return;
  }
  const staged = host.tree.stage(name);
  staged.truncate(staged.sizeBytes() + 1_000);
  staged.release();
}

/** What a path of that point was called in the changes behind it. */
function namesLater(path: string, records: readonly UndoRecord[], point: number): string[] {
  const names = [path];
  for (const { n, op, from, path: to } of records) {
    const name = names.at(-1)!;
    if (n > point && op === 'rename' && isWithin(name, from!)) names.push(to + name.slice(from!.length));
  }
  return names;
}

function lostBefore(host: HistoryHost, point: number) {
  const work = lostOnTheWay([host.tree], host.standby.history.wayBack(point));
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

test('a rewind whose kept objects are gone or damaged arrives, leaves those places alone, names them, and can be taken back', (t) => {
  let lost = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 50, true);
    const host = new HistoryHost(hasher);
    host.feed(script, random);
    const end = host.history().last;
    const before = describeTree(host.tree);
    const marks = host.history().marks.filter(({ kind }) => kind === 'unit');
    const mark = marks[Math.floor(marks.length / 4)]!;
    for (let n = 0; n < 2; n += 1) damage(host, random.pick(host.tree.listKept()), random);
    const { records } = host.history();
    const { lostCount } = lostBefore(host, mark.n);
    const counts = host.rewind(mark.n);
    const title = `seed ${seed}`;
    const places = counts.foreign.filter((place) => place.lost !== undefined);
    t.is(places.length > 0, lostCount > 0, `${title}: told before`);
    lost += places.length;
    // A lost place takes along what was in it, and moves what was moved through it.
    const named = counts.foreign.map(({ path }) => path);
    const wanted = script.views[mark.seq - 1]!;
    const found = describeTree(host.tree);
    if (lostCount === 0) t.deepEqual(found, wanted, title);
    for (const [path, text] of wanted) {
      // Another name of a file is shown as such, also where only the first one is lost.
      if (found.get(path) === text || !text.startsWith('file') || text.includes(' = ')) continue;
      const names = namesLater(path, records, mark.n);
      const told = names.some((name) => named.some((place) => isWithin(name, place)));
      t.true(told, `${title}: ${path} is different and nobody said so`);
    }
    host.rewind(end);
    t.deepEqual([...describeTree(host.tree)], [...before], `${title}: back`);
  }
  t.true(lost > 20, `only ${lost}`);
});

test('before anything is touched a restore to such a point is refused with what is lost, unless that is accepted', (t) => {
  const pair = new RecoveryPair(hasher, 4);
  for (const [path, text] of [
    ['a', 'new'],
    ['b', 'new as well'],
  ] as const)
    pair.user.writeFile(path, text);
  for (const [path, text] of [
    ['a', 'old a'],
    ['b', 'old b'],
  ] as const)
    pair.overwritten.writeFile(path, text);
  pair.clock.advance(10_000);
  t.true(pair.restore('file'));
  const restored = [...pair.replicaView()];
  pair.killBoth();
  const [first] = pair.replicaTree.listKept();
  pair.replicaTree.dropKept(first!);
  t.throws(() => pair.ask({ name: 'rewind-plan', point: 'start', whole: true }), {
    message: /1 place cannot be given back/,
  });
  t.deepEqual([...pair.replicaView()], restored);
  t.notThrows(() => pair.ask({ name: 'rewind-plan', point: 'start' }));
  const result = pair.ask({ name: 'rewind', point: 'start' }) as { lostCount: number; foreignCount: number };
  t.is(result.lostCount, 1);
  t.is(result.foreignCount, 1);
  const texts = [...pair.replicaView().values()].filter((text) => text.includes('old'));
  t.is(texts.length, 1, 'the other one is back');
  pair.close();
});
