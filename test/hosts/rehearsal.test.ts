/** Assured Recovery on real hosts: the Replica is used and written under its own paths, and nothing of that stays. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { CommandResults } from '../../shared/results.ts';
import { Load } from './load.ts';
import { eventually, Pair } from './rig.ts';

type Answer = CommandResults['scenario.rehearse'];

function fill(root: string): void {
  for (let n = 0; n < 60; n += 1) {
    mkdirSync(join(root, `d${n % 6}`), { recursive: true });
    writeFileSync(join(root, `d${n % 6}`, `f${n}`), `page ${n}\n`.repeat(n + 1));
  }
}

const SCRIPT = `#!/bin/sh
set -e
cd "$MAINSTAY_ROOT_1"
grep -q 'page 7' d1/f7
echo written by the test > d1/f7
rm -r d2
mkdir new && ln -s /etc/passwd new/link && echo '<?xml?>' > new/page
mv d3 d4/moved
head -c 3000000 /dev/zero >> d0/f0
echo tested $MAINSTAY_SCENARIO on $MAINSTAY_HOST
`;

const overlays = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(' - overlay mainstay-'));

test.serial(
  'a test script writes, removes and moves in the copy while the Master goes on; afterwards nothing of it is left',
  async (t) => {
    if (process.getuid?.() !== 0) {
      t.log('SKIPPED: needs root for the view');
      t.pass();
      return;
    }
    // Names that mean something in mount options.
    const below = mkdtempSync(join(tmpdir(), 'mainstay, a:b\\c '));
    const pair = await Pair.protectedPair({ replicaBelow: below }, fill);
    try {
      const file = join(pair.top, 'check-site');
      writeFileSync(file, SCRIPT);
      await pair.replica.must('script', 'register', file);
      await pair.master.must('scenario', 'set', 'web', 'tasks.integrityTestingScript@beta=check-site');
      const load = new Load(join(pair.masterRoot, 'd5'), 7);
      const run = await pair.master.command('rehearse', 'web', '--json');
      const { result } = JSON.parse(run.stdout) as Answer;
      await load.stop();
      t.is(run.code, 0, run.stdout + run.stderr);
      t.true(result?.passed);
      t.is(result?.checks.at(-1)?.output, 'tested web on beta\n');
      t.true((result?.undone.bytes ?? 0) >= 3_000_000);
      t.deepEqual(overlays(), []);
      t.is(await pair.differences(), '', 'the load arrived, the test did not');
      t.is(await pair.master.countEvents('SYN-001'), 1, 'without a synchronization');
      t.regex(
        await pair.replica.must('reports', 'show', result?.report ?? '', '--detailed'),
        /passed every check[\s\S]*tested web on beta/,
      );

      writeFileSync(file, '#!/bin/sh\necho the database is broken; exit 5\n');
      await pair.replica.must('script', 'register', file);
      const failed = await pair.master.command('rehearse', 'web');
      t.is(failed.code, 7);
      t.regex(failed.stdout, /FAILED\s+Script: check-site\s+\S+\s+(?:\S+\s+)?exit code 5/);
      t.is(await pair.differences(), '');
    } finally {
      await pair.remove();
      rmSync(below, { recursive: true, force: true });
    }
  },
);

test.serial(
  'a daemon killed while the view is open takes it away at its next start, before it applies anything',
  async (t) => {
    if (process.getuid?.() !== 0) {
      t.log('SKIPPED: needs root for the view');
      t.pass();
      return;
    }
    const pair = await Pair.protectedPair({}, fill);
    try {
      const { state } = JSON.parse(await pair.master.must('rehearse', 'web', '--begin', '--json')) as Answer;
      t.truthy(state);
      t.is((await pair.replica.status('web'))?.state, 'rehearsing');
      await pair.waitFor('rehearsing');
      writeFileSync(join(pair.replicaRoot, 'd1', 'f7'), 'by hand');
      rmSync(join(pair.replicaRoot, 'd2'), { recursive: true });
      writeFileSync(join(pair.masterRoot, 'd1', 'f7'), 'new on the Master');
      writeFileSync(join(pair.masterRoot, 'd1', 'f13'), 'new on the Master');
      await eventually('it is safe in the spool', 10_000, async () => {
        const replica = (await pair.master.status('web'))?.hosts[1]?.replica;
        return replica !== undefined && replica.pendingChanges > 0 && replica.exposureMs === 0 ? true : undefined;
      });
      t.is(readFileSync(join(pair.replicaRoot, 'd1', 'f7'), 'utf8'), 'by hand', 'the test is not disturbed');
      await pair.replica.kill();
      t.is(overlays().length, 1, 'it is still there');
      await pair.replica.start();
      t.is(await pair.differences(), '');
      t.deepEqual(overlays(), []);
      t.is(await pair.replica.countEvents('RHS-004'), 1);
      t.is(await pair.master.countEvents('SYN-001'), 1);
      const scenario = join(pair.replica.data, 'scenarios', readdirSync(join(pair.replica.data, 'scenarios'))[0]!);
      t.false(readdirSync(scenario).includes('rehearsal'));
    } finally {
      await pair.remove();
    }
  },
);
