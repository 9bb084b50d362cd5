/** On real hosts: what a preview says is what changed, and what is extracted is what was there, while replication goes on. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { oracle, Pair } from './rig.ts';

const LARGE_BYTES = 70 * 1024 * 1024;

function fill(root: string): void {
  for (let n = 0; n < 40; n += 1) {
    mkdirSync(join(root, `d${n % 4}`), { recursive: true });
    writeFileSync(join(root, `d${n % 4}`, `f${n}`), `page ${n}\n`.repeat(n));
  }
  linkSync(join(root, 'd0', 'f4'), join(root, 'd1', 'linked'));
  symlinkSync('../d0/f8', join(root, 'd2', 'pointer'));
  const large = Buffer.alloc(LARGE_BYTES);
  large.fill('before', 1_000_000, 3_000_000);
  writeFileSync(join(root, 'large'), large);
}

test.serial('a point is looked into and taken out of while the Replica goes on, and when it is stopped', async (t) => {
  const pair = await Pair.start();
  try {
    fill(pair.masterRoot);
    await pair.createScenario();
    await pair.master.must('scenario', 'set', pair.scenario, 'recovery.dataRewind@beta=on');
    await pair.run();
    const good = `${pair.masterRoot}-good`;
    execFileSync('rsync', ['-aHXS', `${pair.masterRoot}/`, `${good}/`]);
    await pair.master.must('bookmark', pair.scenario, 'good');

    rmSync(join(pair.masterRoot, 'd3'), { recursive: true });
    renameSync(join(pair.masterRoot, 'd2'), join(pair.masterRoot, 'd0', 'moved'));
    writeFileSync(join(pair.masterRoot, 'd1', 'f5'), 'page 5\nhacked\npage 5\npage 5\npage 5\n');
    writeFileSync(join(pair.masterRoot, 'd1', 'new'), 'new');
    const large = readFileSync(join(pair.masterRoot, 'large'));
    large.fill('after', 2_000_000, 2_070_000);
    writeFileSync(join(pair.masterRoot, 'large'), large);
    t.is(await pair.differences(), '');

    const lines = await pair.master.must('points', pair.scenario, '--json', '--kind', 'bookmark');
    const { id } = JSON.parse(lines) as RewindPoint;
    const at = ['--at', id];
    const preview = JSON.parse(await pair.master.must('preview', pair.scenario, ...at, '--json')) as PreviewResult;
    const told = new Map(preview.entries.map((entry) => [entry.path, entry]));
    t.is(preview.counts.restored, 11, 'd3 and its files');
    t.is(told.get('d2')?.kind, 'renamed');
    t.is(told.get('d2')?.from, 'd0/moved');
    t.is(told.get('d1/f5')?.kind, 'changed');
    t.is(told.get('d1/new')?.kind, 'removed');
    t.is(told.get('large')?.kind, 'changed');
    t.is(preview.problemCount, 0);
    const file = await pair.master.must('preview', pair.scenario, 'd1/f5', ...at);
    t.true(file.includes('-hacked') && file.includes('+page 5'), file);
    t.is((await pair.master.command('preview', pair.scenario, '--at', 'nothing')).code, 3);

    const to = `${pair.masterRoot}-extracted`;
    await pair.master.must('extract', pair.scenario, '.', ...at, '--to', to);
    t.is(await oracle(good, to), '', 'running: everything as it was');
    const blocks = Number(execFileSync('stat', ['-c', '%b', join(to, 'large')], { encoding: 'utf8' }));
    t.true(blocks * 512 < 10_000_000, `holes stay holes: ${blocks} blocks`);
    writeFileSync(join(to, 'd1', 'f5'), 'mine');
    t.is((await pair.master.command('extract', pair.scenario, 'd1', ...at, '--to', to)).code, 4, 'nothing is replaced');
    t.is(readFileSync(join(to, 'd1', 'f5'), 'utf8'), 'mine');
    t.is((await pair.master.command('extract', pair.scenario, 'none', ...at, '--to', to)).code, 3);

    await pair.stopScenario();
    await pair.master.must('extract', pair.scenario, '.', ...at, '--to', to, '--overwrite');
    t.is(await oracle(good, to), '', 'stopped');
    const again = JSON.parse(await pair.master.must('preview', pair.scenario, ...at, '--json')) as PreviewResult;
    t.deepEqual(again.counts, preview.counts);
    await pair.master.must('restore', pair.scenario, '--method', 'rewind-replica', ...at, '--confirm', pair.scenario);
    t.is(await oracle(good, pair.replicaRoot), '', 'what was shown is what a rewind makes');
    const after = JSON.parse(await pair.master.must('preview', pair.scenario, ...at, '--json')) as PreviewResult;
    t.is(after.total, 0);
  } finally {
    await pair.remove();
  }
});
