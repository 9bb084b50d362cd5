/** Large files that were changed where they are come back byte by byte, from every point to every other. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { ChangeScript, SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();
forceLargeFiles(SMALL_LARGE_FILES);

/** Paths that are not the same. */
function differing(one: Map<string, string>, other: Map<string, string>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((path) => one.get(path) !== other.get(path));
}

test('points between changes in place are gone back to exactly, among all other changes', (t) => {
  let patched = 0;
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 60, true);
    const host = new HistoryHost(hasher, seed % 2 === 0);
    host.feed(script, random);
    t.is(host.standby.parked.count, 0, `seed ${seed}`);
    const history = host.history();
    patched += history.records.filter(({ op }) => op === 'patch').length;
    const marks = history.marks.filter(({ kind }) => kind === 'unit');
    for (let round = 0; round < 10; round += 1) {
      const mark = random.pick(marks);
      t.deepEqual(host.rewind(mark.n).foreign, [], `seed ${seed} round ${round}`);
      t.deepEqual(
        differing(describeTree(host.tree), script.views[mark.seq - 1]!),
        [],
        `seed ${seed} round ${round}: unit ${mark.seq}`,
      );
    }
    host.rewind(history.last);
    t.deepEqual(differing(describeTree(host.tree), script.views.at(-1)!), [], `seed ${seed}: back to the end`);
  }
  t.log(`${patched} changes in place`);
  t.true(patched > 50);
});
