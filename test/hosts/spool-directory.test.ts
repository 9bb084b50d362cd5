import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { eventually, oracle, Pair } from './rig.ts';

test('spools move to directories of the operator with what they hold, and one that is gone is waited for', async (t) => {
  const spools = realpathSync(mkdtempSync(join(tmpdir(), 'mainstay-spools-')));
  // The other way round a spool would be refused: in memory while the rest is on a disk.
  const below = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const pair = await Pair.protectedPair({ below }, (root) => writeFileSync(join(root, 'before'), 'x'.repeat(10_000)));
  try {
    const [ours, theirs] = [join(spools, 'a', 'spool'), join(pair.top, 'b')];
    await pair.stopScenario();
    writeFileSync(join(pair.masterRoot, 'meanwhile'), 'y');
    const refused = await pair.master.command('scenario', 'set', 'web', 'spool.directory@alpha=../x');
    t.is(refused.code, 2, refused.stderr);
    await pair.master.must('scenario', 'set', 'web', `spool.directory@alpha=${join(pair.masterRoot, 'spool')}`);
    const inside = await pair.master.command('run', 'web', '--yes', '--acknowledge-warnings');
    t.is(inside.code, 4);
    t.regex((await pair.master.command('verify', 'web')).stdout, /SPOOL-IN-ROOT/);
    await pair.master.must('scenario', 'set', 'web', `spool.directory@alpha=${ours}`, `spool.directory@beta=${theirs}`);
    await pair.run('--sync', 'file');
    t.is(globSync(join(ours, '*.master.*', 'master.sqlite')).length, 1);
    t.is(globSync(join(theirs, '*.replica.*', 'received')).length, 1);
    t.deepEqual(globSync(join(pair.top, '*.data', 'tmp', '*')), []);
    for (const host of [pair.master, pair.replica]) t.is(await host.countEvents('SPL-001'), 1, host.name);
    t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');

    // The volume of the Master's spool does not come back with the host.
    await pair.master.kill();
    renameSync(ours, `${ours}.unmounted`);
    mkdirSync(ours);
    writeFileSync(join(pair.masterRoot, 'late'), 'z');
    await pair.master.start();
    await eventually('the Master says what it waits for', 20_000, async () =>
      (await pair.master.countEvents('SPL-003')) > 0 ? true : undefined,
    );
    t.deepEqual(readdirSync(ours), []);
    rmSync(ours, { recursive: true });
    renameSync(`${ours}.unmounted`, ours);
    await pair.waitFor('protected');
    await pair.master.must('barrier', 'web', '--timeout', '30');
    t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
    t.is(await pair.master.countEvents('SPL-004'), 1);
    t.is(await pair.master.countEvents('SYN-001'), 2, 'nothing was compared for it');

    // The volume of the Replica's spool is gone for good, and the Master too: the operator of the Replica gives it up.
    await pair.stopScenario();
    await pair.master.kill();
    rmSync(theirs, { recursive: true });
    const looked = await pair.replica.command('journal', 'web');
    t.regex(looked.stderr, /give-up-spool/);
    t.is((await pair.replica.command('give-up-spool', 'web')).code, 4, 'never without a plain confirmation');
    await pair.replica.must('give-up-spool', 'web', '--confirm', 'web');
    await pair.replica.must('journal', 'web');
    const again = await pair.replica.command('give-up-spool', 'web', '--confirm', 'web');
    t.regex(again.stderr, /its spool is there/);
    await pair.master.start();
    writeFileSync(join(pair.masterRoot, 'afterwards'), 'z');
    await pair.run();
    t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');

    await pair.stopScenario();
    await pair.master.must('scenario', 'delete', 'web', '--confirm', 'web');
    t.deepEqual(readdirSync(ours), []);
  } finally {
    await pair.remove();
    rmSync(spools, { recursive: true, force: true });
  }
});
