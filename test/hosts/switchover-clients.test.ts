/** Switchover as clients see it: real machines, a production address that moves, a client that asks and writes all the time, an auditor. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { testNeeding } from '../runner/needing.ts';
import { NetworkFleet, PRODUCTION } from './network-fleet.ts';
import type { Machine } from './network-machine.ts';
import type { GateAuditor, WebClient } from './network-watch.ts';
import { eventually, oracle } from './rig.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft', 'nginx', 'ss');
const SETTINGS = {
  'redirect.moveIp': true,
  'redirect.moveIpAddresses': [`${PRODUCTION}/24`],
  'switchover.reverseAutomatic': true,
  'switchover.returnPolicy': 'resynchronize',
};
/** A restart of the engine, or anything else that must not be noticed; what a busy machine adds included. */
const UNNOTICED_MS = 400;
const TIMEOUT_MS = 30_000;
const EXPOSED_MS = 500;

interface Watched {
  readonly t: ExecutionContext;
  readonly fleet: NetworkFleet;
  readonly client: WebClient;
  readonly auditor: GateAuditor;
  readonly alpha: Machine;
  readonly beta: Machine;
}

interface Ended {
  readonly active: Machine;
  /** When the machine that was active lost its power for good. */
  readonly cutMs?: number;
}

/** A protected pair with its watchers; afterwards nobody saw two machines, and nothing that was acknowledged is missing where users are. */
async function watched(t: ExecutionContext, run: (watched: Watched) => Promise<Ended>): Promise<void> {
  const fleet = await NetworkFleet.start();
  const { master: alpha, replica: beta } = fleet;
  try {
    mkdirSync(join(alpha.root, 'written'));
    writeFileSync(join(alpha.root, 'index.html'), 'the site\n');
    await fleet.createScenario(SETTINGS);
    await fleet.run();
    const client = fleet.client({ writeEveryMs: 20 });
    const auditor = fleet.auditor();
    await Promise.all([client.answeredBy('alpha'), auditor.report()]);
    const ended = await run({ t, fleet, client, auditor, alpha, beta });
    const { active } = ended;
    await client.rest();
    const { acknowledged, missing } = await client.missingWrites(active.root);
    // What the Replica had not received when the Master lost its power is what the ladder calls exposure.
    const { cutMs = Number.POSITIVE_INFINITY } = ended;
    const lost = missing.filter(({ endedMs }) => endedMs < cutMs - EXPOSED_MS || endedMs > cutMs + EXPOSED_MS);
    t.deepEqual(lost, [], `of ${acknowledged} acknowledged writes`);
    if (missing.length > 0) t.true((await alpha.engine.countEvents('SWT-013')) > 0, 'what is lost is in quarantine');
    t.log(`${acknowledged} acknowledged writes, exposed at the power cut: ${missing.length - lost.length}`);
    t.true(acknowledged > 20, `${acknowledged} writes`);
    await active.engine.must('wait', 'web', '--state', 'protected', '--timeout', '60');
    await active.engine.must('barrier', 'web', '--timeout', '60');
    t.is(await oracle(active.root, (active === alpha ? beta : alpha).root), '');
    const { conflicts, blindMs, looks } = await auditor.report();
    t.deepEqual(conflicts, []);
    t.true(looks.kernel > 500 && looks.arp > 50, JSON.stringify({ looks, blindMs }));
  } catch (error) {
    for (const { engine } of fleet.machines) t.log(engine.name, engine.lastLog());
    throw error;
  } finally {
    await fleet.remove();
  }
}

const switchOver = (machine: Machine, ...options: string[]) =>
  machine.engine.must('switchover', 'web', '--yes', '--wait', '--json', ...options);

const roleOf = async (machine: Machine) => (await machine.engine.status('web'))?.roles?.role;

async function becomes(machine: Machine, role: string): Promise<void> {
  await eventually(`${machine.name} is ${role}`, TIMEOUT_MS, async () =>
    (await roleOf(machine)) === role ? true : undefined,
  );
}

story(
  'users go to the other host and back in well under a second, also through a bad network, and lose no write',
  async (t) => {
    await watched(t, async ({ fleet, client, alpha, beta }) => {
      const there = await client.gapUntil('beta', async () => void (await switchOver(alpha)));
      await beta.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');
      t.is(await roleOf(alpha), 'standby');
      fleet.faults.set({ from: 'alpha', to: 'beta', percent: 10 }, { from: 'beta', to: 'alpha', percent: 10 });
      const back = await client.gapUntil('alpha', async () => void (await switchOver(beta)));
      fleet.faults.heal();
      await alpha.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');
      const restartedMs = await client.now();
      await alpha.engine.stop();
      await alpha.engine.start();
      await becomes(alpha, 'active');
      const { longestGapMs: restart } = await client.summary(restartedMs);
      t.log(
        `planned ${there.toFixed(0)} ms, with one frame of ten lost ${back.toFixed(0)} ms, restart ${restart.toFixed(0)} ms`,
      );
      t.true(there < 2_000, `${there} ms`);
      t.true(restart < UNNOTICED_MS, `a restart of the engine was noticed: ${restart} ms`);
      return { active: alpha };
    });
  },
);

story(
  'a Master that is cut off, rebooted or without power: it goes on, comes back, or is replaced, and never twice',
  async (t) => {
    await watched(t, async ({ fleet, client, alpha, beta }) => {
      fleet.faults.set({ from: 'beta', to: 'alpha' });
      const linkMs = await client.now();
      const refused = await beta.engine.command('switchover', 'web', '--yes', '--wait', '--timeout', '10', '--json');
      t.regex(refused.stderr, /--peer-is-fenced/, 'nobody knows whether the other host is off');
      fleet.faults.set({ from: 'alpha', to: 'beta' }, { from: 'beta', to: 'alpha' });
      t.true(
        (await client.summary(linkMs)).longestGapMs < UNNOTICED_MS,
        'clients do not notice a link between the hosts',
      );
      fleet.faults.heal();
      await alpha.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');

      await alpha.reboot();
      await client.answeredBy('alpha', TIMEOUT_MS);
      await becomes(alpha, 'active');
      await alpha.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');
      await alpha.engine.must('barrier', 'web', '--timeout', '30');

      const cutMs = await client.now();
      await alpha.powerCut();
      await eventually('the operator’s word counts', TIMEOUT_MS, async () =>
        (await beta.engine.command('switchover', 'web', '--peer-is-fenced', '--yes', '--json')).code === 0
          ? true
          : undefined,
      );
      await client.answeredBy('beta');
      await alpha.powerOn();
      await becomes(alpha, 'standby');
      t.false(alpha.holds(PRODUCTION));
      return { active: beta, cutMs };
    });
  },
);
