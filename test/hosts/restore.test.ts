/** Restore data on two real engines: what a ransomware attack encrypts comes back to the Master, and the restore is undone. */
import { execFileSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RestoreResult, RewindPoint, UndoResult } from '../../shared/rewind.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { oracle, Pair } from './rig.ts';

const FILES = 2_000;
const ENCRYPTED = 1_500;
const RECOVERY = 'Recovery scenario of web';

const place = (n: number): string => join(`site${n % 20}`, `page${n}.html`);

function fill(root: string): void {
  for (let n = 0; n < FILES; n += 1) {
    mkdirSync(join(root, `site${n % 20}`), { recursive: true });
    writeFileSync(join(root, place(n)), `page ${n}\n`.repeat(1 + (n % 50)));
  }
  linkSync(join(root, place(0)), join(root, 'site0', 'second-name'));
  symlinkSync('page1.html', join(root, 'site1', 'link'));
  chmodSync(join(root, place(2)), 0o600);
}

/** As such programs do: the content encrypted in place, the file renamed, a note in every directory. */
function encrypt(root: string): void {
  const key = randomBytes(32);
  for (let n = 0; n < ENCRYPTED; n += 1) {
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    const path = join(root, place(n));
    writeFileSync(path, cipher.update(readFileSync(path)));
    if (n % 3 === 0) renameSync(path, `${path}.locked`);
  }
  for (let n = 0; n < 20; n += 1) writeFileSync(join(root, `site${n}`, 'READ-ME.txt'), 'pay');
}

function copyOf(root: string, name: string): string {
  const copy = `${root}-${name}`;
  execFileSync('rsync', ['-aHX', `${root}/`, `${copy}/`]);
  return copy;
}

test.serial(
  'ransomware: the data is rewound to just before and brought back to the Master, and the restore is undone',
  async (t) => {
    const pair = await Pair.start({ settings: { 'replication.massChangePercent': 20 } });
    const { master, masterRoot, replicaRoot, scenario } = pair;
    const confirm = ['--confirm', scenario, '--json'];
    try {
      fill(masterRoot);
      await pair.createScenario();
      await master.must('scenario', 'set', scenario, 'recovery.dataRewind@beta=on');
      await pair.run();
      writeFileSync(join(masterRoot, 'site3', 'last-good-change'), 'good');
      t.is(await pair.differences(), '');
      const good = copyOf(masterRoot, 'good');

      encrypt(masterRoot);
      await pair.barrier();
      await pair.stopScenario();
      const bad = copyOf(masterRoot, 'bad');
      const half = copyOf(replicaRoot, 'half');

      const lines = (await master.must('points', scenario, '--json', '--limit', '10000')).split('\n').filter(Boolean);
      const points = lines.map((line) => JSON.parse(line) as RewindPoint);
      const lastGood = points.findIndex(({ path }) => path === 'site3/last-good-change');
      // The moment right before the first change behind the last good one.
      const point = points
        .slice(0, lastGood)
        .findLast(({ kind, path }) => kind === 'event' && path !== undefined && !path.startsWith('site3/last'));
      const refused = await master.command('restore', scenario, '--method', 'rewind', ...confirm);
      t.is(refused.code, 2, 'a rewind without a point');

      const at = point === undefined ? [] : ['--at', point.id];
      const args = point === undefined ? ['--method', 'master'] : ['--method', 'rewind', ...at];
      t.log(`${points.length} points, ${point?.text} ${point?.path}`);
      const restored = JSON.parse(await master.must('restore', scenario, ...args, ...confirm)) as RestoreResult;
      t.is(await oracle(good, masterRoot), '', 'the Master is as before the attack');
      t.is(await oracle(good, replicaRoot), '', 'so is the Replica');
      t.true((restored.synchronization?.updated ?? 0) + (restored.synchronization?.created ?? 0) > 500);
      t.true((restored.undoUntil ?? 0) > Date.now());
      t.is(await master.status(RECOVERY), undefined, 'the temporary scenario is gone');
      t.is(await master.countEvents('SYN-002'), 2);
      const reports = JSON.parse(await master.must('reports', 'list', RECOVERY, '--json')) as { reports?: unknown[] };
      t.log(JSON.stringify(reports).slice(0, 200));

      // It was the wrong decision after all.
      const undone = JSON.parse(await master.must('undo', scenario, ...confirm)) as UndoResult;
      t.is(undone.foreignCount, 0);
      t.is(await oracle(bad, masterRoot), '', 'the Master has its data back');
      t.is(await oracle(half, replicaRoot), '', 'and the Replica its own');
      await master.must('undo', scenario, ...confirm);
      t.is(await oracle(good, masterRoot), '', 'and forth again');
      t.is(await oracle(good, replicaRoot), '');

      await pair.run();
      const status = (await master.status(scenario)) as ScenarioStatus;
      t.is(status.statistics.synchronizedFiles, 0, 'nothing is sent again');
      writeFileSync(join(masterRoot, 'site4', 'after'), 'after');
      t.is(await pair.differences(), '');
    } finally {
      await pair.remove();
    }
  },
);
