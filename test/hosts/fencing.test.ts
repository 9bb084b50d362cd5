/**
 * Automatic switchovers of real engines without an arbiter: by a fencing script, whose engine is killed while it runs, and with the help
 * of a Master whose application is dead.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { until } from './network-rig.ts';
import { oracle, Pair } from './rig.ts';

const RUNS = 'runs';
const AUTOMATIC = {
  'switchover.arbiter': 'fencing',
  'switchover.fencingScript': 'off',
  'switchover.automatic': true,
  'switchover.reverseAutomatic': true,
  'switchover.returnPolicy': 'resynchronize',
  'isAlive.heartbeatMs': 500,
  'isAlive.timeoutMs': 2_000,
};

/** Registered on both hosts. */
async function register(pair: Pair, name: string, text: string): Promise<void> {
  const script = join(pair.top, name);
  writeFileSync(script, `#!/bin/sh\n${text}`);
  chmodSync(script, 0o755);
  for (const host of [pair.master, pair.replica]) {
    await host.must('script', 'register', script, '--as', name, '--data', host.data);
  }
}

test.serial(
  'an application that is dead on a Master that lives is moved with its help: nobody is fenced, nothing is lost',
  async (t) => {
    const pair = await Pair.start();
    const { master: alpha, replica: beta, scenario } = pair;
    const [runs, dead] = [join(pair.top, RUNS), join(pair.top, 'dead')];
    try {
      await register(pair, 'off', `[ "$1" = --check ] || echo ran >> ${runs}\n`);
      await register(pair, 'look', `[ ! -e ${dead} ]\n`);
      pair.use({ ...AUTOMATIC, 'isAlive.script': 'look' });
      mkdirSync(pair.masterRoot, { recursive: true });
      await pair.createScenario();
      await pair.run();
      await pair.barrier();
      const possible = async () => (await beta.status(scenario))?.roles?.automatic?.possible === true;
      await until('beta could take over', possible, 20_000);
      for (let n = 0; n < 50; n += 1) writeFileSync(join(pair.masterRoot, `last ${n}`), `${n}`);
      writeFileSync(dead, '');
      await until('beta is active', async () => (await beta.status(scenario))?.roles?.role === 'active', 30_000);
      rmSync(dead);
      await beta.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
      t.true(existsSync(join(pair.replicaRoot, 'last 49')), 'every change was there before the roles changed');
      t.false(existsSync(runs), 'nobody was fenced');
      t.like((await beta.status(scenario))?.roles, { role: 'active', unacknowledged: true });
      t.like((await alpha.status(scenario))?.roles, { role: 'standby', unacknowledged: true });
      t.true((await alpha.events()).some(({ code }) => code === 'SWT-036'));
      await alpha.must('ack', scenario, '--json');
      const acknowledged = async () => (await beta.status(scenario))?.roles?.unacknowledged === undefined;
      await until('both hosts know that it was acknowledged', acknowledged, 10_000);
    } finally {
      await pair.remove();
    }
  },
);

test.serial(
  'a Master that hangs is turned off by the script, also when the engine is killed while it runs, and is the standby when it is back',
  async (t) => {
    const pair = await Pair.start();
    const { master: alpha, replica: beta, scenario } = pair;
    const [runs, hold] = [join(pair.top, RUNS), join(pair.top, 'hold')];
    try {
      // What a power switch would do: ends the engine of the other host, whatever state it is in, and says so when it is gone.
      await register(
        pair,
        'off',
        `if [ "$1" = --check ]; then exit 0; fi
echo "$MAINSTAY_SWITCH $MAINSTAY_PEER" >> ${runs}
while [ -e ${hold} ]; do sleep 0.05; done
kill -9 "$(cat ${join(pair.top, 'pid')})" 2>/dev/null
echo "outlet of $MAINSTAY_PEER is off"
`,
      );
      pair.use(AUTOMATIC);
      mkdirSync(pair.masterRoot, { recursive: true });
      writeFileSync(join(pair.masterRoot, 'page'), 'one');
      await pair.createScenario();
      await pair.run();
      await pair.barrier();
      await until(
        'beta could take over',
        async () => (await beta.status(scenario))?.roles?.automatic?.possible === true,
        20_000,
      );

      writeFileSync(hold, '');
      writeFileSync(join(pair.top, 'pid'), String(alpha.pid));
      process.kill(alpha.pid!, 'SIGSTOP');
      await until('the script runs', async () => existsSync(runs), 20_000);
      t.like((await beta.status(scenario))?.roles, {
        role: 'standby',
        fencing: { state: 'running', other: alpha.name },
      });
      await beta.kill();
      await beta.start();
      const lines = () => readFileSync(runs, 'utf8').trim().split('\n');
      await until('it is run again', async () => lines().length === 2, 30_000);
      t.is(lines()[0], lines()[1], 'the same key');
      t.is((await beta.status(scenario))?.roles?.role, 'standby', 'nobody takes over before it has confirmed');
      rmSync(hold);
      await until('beta is active', async () => (await beta.status(scenario))?.roles?.role === 'active', 30_000);
      const told = (await beta.events()).find(({ code }) => code === 'SWT-032');
      t.regex(told?.text ?? '', /outlet of .* is off/);
      writeFileSync(join(pair.replicaRoot, 'page'), 'two');

      await alpha.kill();
      await alpha.start();
      await until('alpha is standby', async () => (await alpha.status(scenario))?.roles?.role === 'standby', 40_000);
      await beta.must('wait', scenario, '--state', 'protected', '--timeout', '60');
      await beta.must('barrier', scenario, '--timeout', '60');
      t.is(await oracle(pair.replicaRoot, pair.masterRoot), '');
      t.false(
        (await beta.events()).some(({ code }) => code === 'SWT-034'),
        'the script told the truth',
      );
    } finally {
      await pair.remove();
    }
  },
);
