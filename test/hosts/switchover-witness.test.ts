/** Automatic switchover as clients see it: with a witness on a third machine, never two hosts, whoever is paused or cut off. */
import { testNeeding } from '../runner/needing.ts';
import { PRODUCTION } from './network-fleet.ts';
import { eventually } from './rig.ts';
import { becomes, TIMEOUT_MS, watched } from './watched-pair.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft', 'nginx', 'ss');

story(
  'a host whose engine stands still, or that sees nobody any more, is replaced by itself, and there are never two',
  async (t) => {
    const names = ['alpha', 'beta', 'gamma'];
    await watched(t, { names }, async ({ fleet, client, alpha, beta, takenOverMs }) => {
      await eventually('beta could take over', TIMEOUT_MS, async () =>
        (await beta.engine.status('web'))?.roles?.peer === undefined ? undefined : true,
      );
      // Its web server goes on and answers until the kernel takes the address away.
      takenOverMs.push(await client.now());
      const paused = await client.gapUntil('beta', () => alpha.pauseEngine());
      t.false(alpha.holds(PRODUCTION));
      alpha.resumeEngine();
      await becomes(alpha, 'standby');
      await beta.engine.must('wait', 'web', '--state', 'protected', '--timeout', '60');
      await beta.engine.must('ack', 'web', '--json');

      takenOverMs.push(await client.now());
      const alone = await client.gapUntil('alpha', () => {
        fleet.faults.set({ from: 'alpha', to: 'beta' }, { from: 'beta', to: 'alpha' }, { from: 'beta', to: 'gamma' });
      });
      fleet.faults.heal();
      await becomes(beta, 'standby');
      t.log(`gaps: paused ${paused.toFixed(0)} ms, alone ${alone.toFixed(0)} ms`);
      return alpha;
    });
  },
);
