/** Automatic failover of real hosts with a witness on a third one. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { until } from './network-rig.ts';
import { Host, oracle, Pair } from './rig.ts';

/** Paired with the witness, which is asked by its address. */
async function joinWitness(host: Host, witness: Host): Promise<void> {
  const { invite } = JSON.parse(await witness.must('pair', 'invite', '--role', 'peer', '--json')) as { invite: string };
  await host.must('pair', 'accept', invite, '--json');
}

test.serial(
  'a Master that dies is replaced by itself with the witness’s grant, and is the standby when it is back',
  async (t) => {
    const pair = await Pair.start();
    const { master: alpha, replica: beta, scenario } = pair;
    const gamma = await Host.create(pair.top, 'gamma');
    try {
      await gamma.start();
      await joinWitness(alpha, gamma);
      await joinWitness(beta, gamma);
      pair.use({
        'switchover.arbiter': 'witness',
        'switchover.arbiterAddress': [gamma.address],
        'switchover.automatic': true,
        'switchover.reverseAutomatic': true,
        'switchover.returnPolicy': 'resynchronize',
        'switchover.leaseMs': 2_000,
        'isAlive.heartbeatMs': 500,
        'isAlive.timeoutMs': 2_000,
      });
      writeFileSync(join(pair.masterRoot, 'page'), 'one');
      await pair.createScenario();
      await pair.run();
      await pair.barrier();
      await until('beta could take over', async () => (await beta.status(scenario))?.roles?.peer !== undefined, 20_000);

      const killed = performance.now();
      await alpha.kill();
      await until('beta is active', async () => (await beta.status(scenario))?.roles?.role === 'active', 30_000);
      t.log(`active ${Math.round(performance.now() - killed)} ms after the kill (lease 2 s, timeout 2 s)`);
      t.like(await beta.status(scenario), { active: beta.name, epoch: 2 });
      t.true((await beta.events()).some(({ code }) => code === 'SWT-005'));
      writeFileSync(join(pair.replicaRoot, 'page'), 'two');

      await alpha.start();
      await until('alpha is standby', async () => (await alpha.status(scenario))?.roles?.role === 'standby', 40_000);
      await beta.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
      t.true((await beta.status(scenario))?.roles?.unacknowledged);
      await beta.must('ack', scenario, '--json');
      t.is((await beta.status(scenario))?.roles?.unacknowledged, undefined);
    } finally {
      await gamma.kill();
      await pair.remove();
    }
  },
);
