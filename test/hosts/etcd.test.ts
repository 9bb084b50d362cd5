/** Real etcd as the arbiter of real hosts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../runner/needing.ts';
import { EtcdServer } from './etcd-server.ts';
import { until } from './network-rig.ts';
import { Pair } from './rig.ts';

testNeeding('etcd')('a Master that dies is replaced by itself when etcd has it that its lease is over', async (t) => {
  const pair = await Pair.start();
  const { master: alpha, replica: beta, scenario } = pair;
  const etcd = await EtcdServer.start(pair.top);
  try {
    pair.use({
      'switchover.arbiter': 'etcd',
      'switchover.arbiterAddress': [etcd.url],
      'switchover.automatic': true,
      'switchover.leaseMs': 1_000,
      'isAlive.heartbeatMs': 300,
      'isAlive.timeoutMs': 1_000,
    });
    writeFileSync(join(pair.masterRoot, 'page'), 'one');
    await pair.createScenario();
    await pair.run();
    await pair.barrier();
    const arbiter = async () => (await beta.status(scenario))?.roles?.arbiter;
    await until('etcd answers beta', async () => (await arbiter())?.reachable === true, 10_000);
    t.is((await arbiter())?.kind, 'etcd');
    await until('beta could take over', async () => (await beta.status(scenario))?.roles?.peer !== undefined, 20_000);

    const killed = performance.now();
    await alpha.kill();
    await until('beta is active', async () => (await beta.status(scenario))?.roles?.role === 'active', 30_000);
    t.log(`active ${Math.round(performance.now() - killed)} ms after the kill (lease 1 s, timeout 1 s)`);
    t.like(await beta.status(scenario), { active: beta.name, epoch: 2 });

    await etcd.stop();
    await until('its silence is told', async () => (await arbiter())?.reachable === false, 15_000);
    await until('in an event', async () => (await beta.events()).some(({ code }) => code === 'SWT-022'), 15_000);
  } finally {
    await etcd.stop();
    await pair.remove();
  }
});
