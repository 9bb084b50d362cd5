/** Data Rewind on two real engines: a mistake on the Master, and the Replica set back to before it, and forth again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RewindPoint, RewindResult } from '../../shared/rewind.ts';
import { oracle, Pair } from './rig.ts';

const LARGE_BYTES = 80 * 1024 * 1024;

function fill(root: string): void {
  for (let n = 0; n < 60; n += 1) {
    mkdirSync(join(root, `d${n % 6}`), { recursive: true });
    writeFileSync(join(root, `d${n % 6}`, `f${n}`), `page ${n}\n`.repeat(n));
  }
  writeFileSync(join(root, 'large'), Buffer.alloc(LARGE_BYTES, 'before'));
}

function copyOf(root: string, name: string): string {
  const copy = `${root}-${name}`;
  execFileSync('rsync', ['-aHX', `${root}/`, `${copy}/`]);
  return copy;
}

async function points(pair: Pair, ...options: string[]): Promise<RewindPoint[]> {
  const lines = await pair.master.must('points', pair.scenario, '--json', ...options);
  return lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RewindPoint]));
}

test.serial(
  'a mistake is rewound on the Replica to the bookmark before it, exactly, and the rewind is undone',
  async (t) => {
    const pair = await Pair.start();
    try {
      fill(pair.masterRoot);
      await pair.createScenario();
      await pair.master.must('scenario', 'set', pair.scenario, 'recovery.dataRewind@beta=on');
      await pair.run();
      t.is((await pair.master.command('restore', pair.scenario, '--method', 'rewind-replica', '--at', 'x')).code, 4);

      writeFileSync(join(pair.masterRoot, 'd1', 'good'), 'a good change');
      await pair.master.must('bookmark', pair.scenario, 'before the mistake');
      const good = copyOf(pair.masterRoot, 'good');

      // The mistake: everything a careless script does.
      rmSync(join(pair.masterRoot, 'd2'), { recursive: true });
      renameSync(join(pair.masterRoot, 'd3'), join(pair.masterRoot, 'd1', 'moved'));
      for (const name of ['f0', 'f6', 'f12']) writeFileSync(join(pair.masterRoot, 'd0', name), 'encrypted!');
      const large = Buffer.alloc(LARGE_BYTES, 'before');
      large.fill('after', 4096, 70_000);
      writeFileSync(join(pair.masterRoot, 'large'), large);
      t.is(await pair.differences(), '');
      t.not(await oracle(good, pair.replicaRoot), '');

      const [bookmark] = await points(pair, '--kind', 'bookmark');
      t.is(bookmark?.text, 'before the mistake');
      const [deleted] = await points(pair, '--kind', 'event', '--filter', 'd2');
      t.true(deleted?.text.includes('deleted'), JSON.stringify(deleted));
      const refused = await pair.master.command(
        'restore',
        pair.scenario,
        '--method',
        'rewind-replica',
        '--at',
        bookmark!.id,
        '--confirm',
        pair.scenario,
      );
      t.is(refused.code, 4, 'not while it runs');

      await pair.stopScenario();
      const end = copyOf(pair.masterRoot, 'end');
      const at = ['--method', 'rewind-replica', '--at', bookmark!.id, '--confirm', pair.scenario, '--json'];
      const result = JSON.parse(await pair.master.must('restore', pair.scenario, ...at)) as RewindResult;
      t.is(result.foreignCount, 0);
      t.true(result.steps > 4);
      t.is(await oracle(good, pair.replicaRoot), '', 'exactly as it was at the bookmark');
      t.is(readFileSync(join(pair.replicaRoot, 'd1', 'good'), 'utf8'), 'a good change');
      t.is(await pair.replica.countEvents('RWD-002'), 1);

      await pair.master.must('undo', pair.scenario, '--confirm', pair.scenario);
      t.is(await oracle(end, pair.replicaRoot), '', 'exactly as it was before the rewind');

      // History goes on over the next run.
      await pair.run();
      t.is(await pair.differences(), '');
      await pair.stopScenario();
      await pair.master.must('restore', pair.scenario, ...at);
      t.is(await oracle(good, pair.replicaRoot), '', 'the bookmark can be reached again');
      const unknown = await pair.master.command(
        'restore',
        pair.scenario,
        '--method',
        'rewind-replica',
        '--at',
        'nothing',
        '--confirm',
        pair.scenario,
      );
      t.is(unknown.code, 3);
    } finally {
      await pair.remove();
    }
  },
);
