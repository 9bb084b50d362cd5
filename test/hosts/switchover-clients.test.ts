/** Switchover as clients see it: real machines, a production address that moves, a client that asks and writes all the time, an auditor. */
import { testNeeding } from '../runner/needing.ts';
import { becomes, roleOf, switchOver, TIMEOUT_MS, watched } from './watched-pair.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft', 'nginx', 'ss');
/** A restart of the engine, or anything else that must not be noticed; what a busy machine adds included. */
const UNNOTICED_MS = 400;
/** On a machine that does other things too; what it really takes is row P12 of the benchmark. */
const PLANNED_MS = 8_000;

story('users go to the other host and back, also through a bad network, and lose no write', async (t) => {
  await watched(t, {}, async ({ fleet, client, alpha, beta }) => {
    const there = await client.gapUntil('beta', () => switchOver(alpha));
    await beta.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');
    t.is(await roleOf(alpha), 'standby');
    fleet.faults.set({ from: 'alpha', to: 'beta', percent: 10 }, { from: 'beta', to: 'alpha', percent: 10 });
    const back = await client.gapUntil('alpha', () => switchOver(beta));
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
    t.true(there < PLANNED_MS, `${there} ms`);
    t.true(restart < UNNOTICED_MS, `a restart of the engine was noticed: ${restart} ms`);
    return alpha;
  });
});

story(
  'a Master that is cut off from the other host goes on; one that is rebooted comes back and clients are led to it again',
  async (t) => {
    await watched(t, {}, async ({ fleet, client, alpha, beta }) => {
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

      return alpha;
    });
  },
);

story(
  'a full disk of the active host keeps a switchover from beginning and takes nobody the site; with room it happens',
  async (t) => {
    await watched(t, { disks: { alpha: 64 } }, async ({ client, alpha, beta }) => {
      const fullMs = await client.now();
      const makeRoom = alpha.fillDisk();
      const refused = await alpha.engine.command('switchover', 'web', '--yes', '--json');
      t.regex(refused.stderr, /no room on its disk|has to be synchronized first/);
      makeRoom();
      t.true((await client.summary(fullMs)).longestGapMs < PLANNED_MS, 'clients stay where they are');
      await alpha.engine.must('wait', 'web', '--state', 'protected', '--timeout', '60');
      await client.gapUntil('beta', () => switchOver(alpha));
      return beta;
    });
  },
);
