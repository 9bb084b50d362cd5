/** Roles of two real hosts: users are moved, the other direction replicates, and nothing is lost whoever is killed. */
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { until } from './network-rig.ts';
import { oracle, Pair } from './rig.ts';

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
  'a Master that is killed is replaced by the operator’s word; it comes back fenced and becomes the standby',
  async (t) => {
    const pair = await Pair.protectedPair({ settings: { 'switchover.reverseAutomatic': true } }, fill);
    const { master: alpha, replica: beta, scenario } = pair;
    try {
      const alive = await beta.command('switchover', scenario, '--peer-is-fenced', '--yes', '--json');
      t.is(alive.code, 4, 'the other host answers: it is not off');
      await alpha.kill();
      const silent = await beta.command('switchover', scenario, '--yes', '--json');
      t.is(silent.code, 4);
      t.regex(silent.stderr, /--peer-is-fenced/);
      await until(
        'it counts as silent',
        async () => {
          const { code } = await beta.command('switchover', scenario, '--peer-is-fenced', '--yes', '--wait', '--json');
          return code === 0;
        },
        40_000,
      );
      t.like(await beta.status(scenario), { active: beta.name, epoch: 2 });
      writeFileSync(join(pair.replicaRoot, 'made on beta'), 'beta');
      await alpha.start();
      await until('alpha is standby', async () => (await alpha.status(scenario))?.roles?.role === 'standby', 30_000);
      await beta.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
    } finally {
      await pair.remove();
    }
  },
);
