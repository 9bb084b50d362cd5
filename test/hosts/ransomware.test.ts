/**
 * The ransomware drill (FEATURES G, ENGINE.md Spool) on two real engines with everything as it comes: files are encrypted and
 * renamed on the Master, the mass-change brake holds the Replica and marks its history, the operator looks, restores to right
 * before, and has everything back on both hosts. `MAINSTAY_DRILL_FILES` sets how many files.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { delay, eventually, oracle, Pair } from './rig.ts';

const FILES = Number(process.env.MAINSTAY_DRILL_FILES ?? 2_000);
/** What changed within a minute of its arrival is everyday work: a first copy is not counted against the files. */
const SETTLED_MS = 62_000;
const PAUSE_EVERY = 100;

const pathOf = (root: string, n: number): string => join(root, `d${n % 50}`, `page${n}.html`);

test('thousands of files encrypted on the Master: held, looked at, and brought back to right before', async (t) => {
  const pair = await Pair.start({ scenario: 'shop' });
  try {
    for (let n = 0; n < FILES; n += 1) {
      mkdirSync(join(pair.masterRoot, `d${n % 50}`), { recursive: true });
      writeFileSync(pathOf(pair.masterRoot, n), `page ${n}\n`.repeat(20));
    }
    const good = join(pair.top, 'good');
    execFileSync('cp', ['-a', pair.masterRoot, good]);
    await pair.createScenario();
    await pair.master.must('scenario', 'set', 'shop', 'recovery.dataRewind@beta=on');
    await pair.run();
    await delay(SETTLED_MS);

    for (let n = 0; n < FILES; n += 1) {
      const path = pathOf(pair.masterRoot, n);
      writeFileSync(path, randomBytes(200));
      renameSync(path, `${path}.locked`);
      if (n % PAUSE_EVERY === 0) await delay(10);
    }
    const brake = await eventually('the brake is on', 60_000, async () => (await pair.master.status('shop'))?.brake);
    t.true(brake.changed >= FILES / 2);
    t.is((await pair.master.status('shop'))?.state, 'suspended');
    t.is((await pair.master.command('brake', 'shop')).code, 7);

    const marked = await pair.master.must('points', 'shop', '--kind', 'bookmark', '--json');
    const point = JSON.parse(marked.split('\n')[0]!) as RewindPoint;
    t.regex(point.text, /Before the mass change/);
    const looked = await pair.master.command('preview', 'shop', '--at', point.id, '--json');
    const { counts } = JSON.parse(looked.stdout) as PreviewResult;
    t.true(counts.restored + counts.changed + counts.renamed < FILES, 'the Replica was held before the end');

    await pair.stopScenario();
    const order = ['--method', 'rewind', '--at', point.id, '--confirm', 'shop'];
    await pair.master.must('restore', 'shop', ...order);
    t.is(await oracle(good, pair.masterRoot), '', 'the Master has everything back');
    t.is(await oracle(good, pair.replicaRoot), '');
    await pair.run();
    t.is(await pair.differences(), '');
  } finally {
    await pair.remove();
  }
});
