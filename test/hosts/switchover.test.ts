/** Roles of two real hosts: users are moved, the other direction replicates, and nothing is lost whoever is killed. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import { until } from './network-rig.ts';
import { type Host, oracle, Pair } from './rig.ts';

const fill = (root: string): void => {
  for (let n = 0; n < 400; n += 1) {
    mkdirSync(join(root, `d${n % 20}`), { recursive: true });
    writeFileSync(join(root, `d${n % 20}`, `f${n}`), `file ${n}\n`);
  }
};

test.serial(
  'a switchover and a switchback move the roles without a resynchronization; changes go the other way meanwhile',
  async (t) => {
    const pair = await Pair.protectedPair({ settings: { 'switchover.reverseAutomatic': true } }, fill);
    const { master: alpha, replica: beta, scenario } = pair;
    try {
      writeFileSync(join(pair.masterRoot, 'last change'), 'x');
      const took = JSON.parse(await alpha.must('switchover', scenario, '--yes', '--wait', '--json')) as {
        tookMs: number;
      };
      t.log(`switchover: ${took.tookMs} ms`);
      await beta.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      t.like(await beta.status(scenario), { active: beta.name, epoch: 2, state: 'protected' });
      writeFileSync(join(pair.replicaRoot, 'made on beta'), 'beta');
      renameSync(join(pair.replicaRoot, 'd1'), join(pair.replicaRoot, 'renamed on beta'));
      rmSync(join(pair.replicaRoot, 'd2'), { recursive: true });
      appendFileSync(join(pair.replicaRoot, 'd3', 'f3'), 'more');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
      const synchronized = (await beta.events()).find(({ code }) => code === 'SYN-001');
      t.is(synchronized?.data?.method, 'skip', 'nothing was compared');

      await beta.must('switchover', scenario, '--yes', '--wait', '--json');
      await alpha.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      t.like(await alpha.status(scenario), { active: alpha.name, epoch: 3 });
      writeFileSync(join(pair.masterRoot, 'made on alpha'), 'alpha');
      await alpha.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.masterRoot, pair.replicaRoot), '');
    } finally {
      await pair.remove();
    }
  },
);

test.serial(
  'a Master that is killed is replaced by the operator’s word; what only it had is in quarantine when it is back',
  async (t) => {
    const pair = await Pair.protectedPair({ settings: { 'switchover.reverseAutomatic': true } }, fill);
    const { master: alpha, replica: beta, scenario } = pair;
    try {
      const alive = await beta.command('switchover', scenario, '--peer-is-fenced', '--yes', '--json');
      t.is(alive.code, 4, 'the other host answers: it is not off');
      process.kill(beta.pid!, 'SIGSTOP');
      writeFileSync(join(pair.masterRoot, 'only on alpha'), 'never sent');
      writeFileSync(join(pair.masterRoot, 'd5', 'f5'), 'changed on alpha, never sent');
      rmSync(join(pair.masterRoot, 'd6'), { recursive: true });
      await until('captured', async () => (await pendingOn(alpha, scenario)) >= 3, 20_000);
      await alpha.kill();
      process.kill(beta.pid!, 'SIGCONT');
      await until(
        'it counts as silent',
        async () => {
          const silent = await beta.command('switchover', scenario, '--yes', '--json');
          if (silent.code !== 4) throw new Error(silent.stderr);
          const { code } = await beta.command('switchover', scenario, '--peer-is-fenced', '--yes', '--wait', '--json');
          return code === 0;
        },
        40_000,
      );
      t.like(await beta.status(scenario), { active: beta.name, epoch: 2 });
      writeFileSync(join(pair.replicaRoot, 'made on beta'), 'beta');
      writeFileSync(join(pair.replicaRoot, 'd5', 'f5'), 'changed on beta as well');

      await alpha.start();
      await until('alpha is standby', async () => (await alpha.status(scenario))?.roles?.role === 'standby', 30_000);
      const { quarantines } = JSON.parse(await alpha.must('quarantine', scenario, 'list', '--json')) as {
        quarantines: QuarantineHead[];
      };
      t.is(quarantines.length, 1);
      const { id } = quarantines[0]!;
      const { items } = JSON.parse(await alpha.must('quarantine', scenario, 'show', id, '--json')) as {
        items: QuarantineItem[];
      };
      const types = new Map(items.map((item) => [item.path, item.type]));
      t.is(types.get('only on alpha'), 'file');
      t.is(types.get('d5/f5'), 'file');
      // What was in the pipe when alpha died reached beta.
      if (existsSync(join(pair.replicaRoot, 'd6'))) t.is(types.get('d6'), 'gone');
      else t.false(types.has('d6'), 'beta has it');
      const out = join(pair.top, 'taken out');
      await alpha.must('quarantine', scenario, 'extract', id, '--to', out, '--json');
      t.is(readFileSync(join(out, 'only on alpha'), 'utf8'), 'never sent');
      t.is(readFileSync(join(out, 'd5', 'f5'), 'utf8'), 'changed on alpha, never sent');

      t.is(readFileSync(join(pair.masterRoot, 'only on alpha'), 'utf8'), 'never sent', 'replaced only by the operator');
      await beta.must('run', scenario, '--yes', '--acknowledge-warnings', '--wait', '--timeout', '60');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
      t.is(readFileSync(join(pair.masterRoot, 'd5', 'f5'), 'utf8'), 'changed on beta as well');
      const differs = await alpha.command('quarantine', scenario, 'compare', id, '--path', 'd5/f5', '--json');
      t.is(differs.code, 7, 'what users have now is another content');
      const all = await alpha.command('quarantine', scenario, 'compare', id, '--json');
      t.is(all.code, 7);
      const report = JSON.parse(all.stdout) as { items: { path: string; state: string }[]; unknown: number };
      t.is(report.unknown, 0);
      t.is(report.items.find(({ path }) => path === 'd5/f5')?.state, 'differs');
      t.is(report.items.length, items.length);

      await beta.must('quarantine', scenario, 'return', id, '--path', 'd5/f5', '--yes', '--json');
      await beta.must('quarantine', scenario, 'return', id, '--path', 'only on alpha', '--yes', '--json');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(
        readFileSync(join(pair.replicaRoot, 'd5', 'f5'), 'utf8'),
        'changed on alpha, never sent',
        'as it was chosen',
      );
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '', 'and replicated like a change of a user');

      await beta.must('stop', scenario, '--yes');
      await beta.must('scenario', 'delete', scenario, '--confirm', scenario);
      const { quarantines: left } = JSON.parse(await alpha.must('quarantine', '--json')) as {
        quarantines: QuarantineHead[];
      };
      t.like(left[0], { id, scenario, deleted: true }, 'a deleted scenario does not take it with it');
      const more = JSON.parse(await alpha.must('quarantine', scenario, 'show', id, '--json')) as { items: unknown[] };
      t.is(more.items.length, items.length);
      await alpha.must('quarantine', scenario, 'discard', id, '--yes', '--json');
    } finally {
      if (beta.running) process.kill(beta.pid!, 'SIGCONT');
      await pair.remove();
    }
  },
);

/** Changes that are captured and not received. */
async function pendingOn(master: Host, scenario: string): Promise<number> {
  const [own, other] = (await master.status(scenario))?.hosts ?? [];
  return (own?.position.seq ?? 0) - (other?.replica?.receivedSeq ?? 0);
}
