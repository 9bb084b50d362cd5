/** Restore data on two real engines: what a ransomware attack encrypts comes back to the Master, and the restore is undone. */
import { execFileSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RestoreResult, RewindPoint, UndoResult } from '../../shared/rewind.ts';
import { eventually, oracle, Pair } from './rig.ts';

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

async function begin(pair: Pair): Promise<RewindPoint> {
  fill(pair.masterRoot);
  await pair.createScenario();
  // The brake would hold the attack back; here everything of it arrives.
  const settings = ['recovery.dataRewind@beta=on', 'replication.massChangePercent=0'];
  await pair.master.must('scenario', 'set', pair.scenario, ...settings);
  await pair.run();
  await pair.master.must('bookmark', pair.scenario, 'before the attack');
  const listed = await pair.master.must('points', pair.scenario, '--json', '--kind', 'bookmark');
  return JSON.parse(listed.split('\n')[0] ?? '') as RewindPoint;
}

/** Both hosts against what was copied before. */
async function differences(pair: Pair, master: string, replica = master): Promise<string> {
  return (await oracle(master, pair.masterRoot)) + (await oracle(replica, pair.replicaRoot));
}

test.serial(
  'ransomware: the data is rewound and brought back to the Master; both get back what they had; killed in the middle it goes on',
  async (t) => {
    const pair = await Pair.start();
    const { master, replica, masterRoot, replicaRoot, scenario } = pair;
    try {
      const point = await begin(pair);
      const good = copyOf(masterRoot, 'good');
      encrypt(masterRoot);
      await pair.barrier();
      await pair.stopScenario();
      const bad = copyOf(masterRoot, 'bad');
      const badReplica = copyOf(replicaRoot, 'bad');

      const args = ['restore', scenario, '--method', 'rewind', '--at', point.id, '--confirm', scenario, '--json'];
      const restored = JSON.parse(await master.must(...args)) as RestoreResult;
      t.is(await differences(pair, good), '', 'both are as before the attack');
      t.true((restored.synchronization?.sentFiles ?? 0) >= ENCRYPTED, JSON.stringify(restored.synchronization));
      t.true((restored.undoUntil ?? 0) > Date.now());
      t.is(await master.status(RECOVERY), undefined, 'the temporary scenario is gone');
      t.true((await master.must('reports', 'list', RECOVERY, '--json')).includes('synchronization'));

      const undone = JSON.parse(await master.must('undo', scenario, '--confirm', scenario, '--json')) as UndoResult;
      t.is(undone.foreignCount, 0);
      t.is(await differences(pair, bad, badReplica), '', 'both have their own data back');

      // Once more, and the power of each host goes in the middle.
      const again = master.command(...args);
      await eventually('the Recovery scenario', 30_000, () => replica.status(RECOVERY));
      await replica.kill();
      await master.kill();
      await Promise.all([again, master.start(), replica.start()]);
      await eventually('the end of the restore', 60_000, async () => {
        const status = await master.status(scenario);
        return status?.recovery === undefined || status.recovery.failed !== undefined ? true : undefined;
      });
      t.is((await master.status(scenario))?.recovery, undefined, 'it is over');
      t.is(await differences(pair, good), '', 'it went on by itself');

      await pair.run();
      t.is((await master.status(scenario))?.statistics.synchronizedFiles, 0, 'nothing is sent again');
      writeFileSync(join(masterRoot, 'site4', 'after'), 'after');
      t.is(await pair.differences(), '');

      // A mistake while nothing is replicated.
      await pair.stopScenario();
      const last = copyOf(masterRoot, 'last');
      rmSync(join(masterRoot, 'site5'), { recursive: true });
      await master.must('restore', scenario, '--method', 'master', '--confirm', scenario);
      t.is(await differences(pair, last), '', 'the Master has what the Replica has');
    } finally {
      await pair.remove();
    }
  },
);
