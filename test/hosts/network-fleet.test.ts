/** The network rig itself: what it says a client saw is what happened, and its faults do what they say and heal. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../runner/needing.ts';
import { NetworkFleet, type NetworkFleetOptions, PRODUCTION } from './network-fleet.ts';
import type { Machine } from './network-machine.ts';
import { delay, eventually } from './rig.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft', 'nginx', 'mount', 'ping', 'ss');
/** What a busy machine may add to a time. */
const SLACK_MS = 400;

async function onFleet(options: NetworkFleetOptions, run: (fleet: NetworkFleet) => Promise<void>): Promise<void> {
  const fleet = await NetworkFleet.start(options);
  try {
    mkdirSync(join(fleet.master.root, 'written'));
    writeFileSync(join(fleet.master.root, 'index.html'), 'the site\n');
    await run(fleet);
  } finally {
    await fleet.remove();
  }
}

const sees = (fleet: NetworkFleet, from: Machine, to: Machine): boolean =>
  fleet.lan.succeeds(from.name, 'ping', '-c', '1', '-W', '0.4', to.address);

story(
  'two engines replicate over the network what clients write; a client knows how long nobody answered',
  async (t) => {
    await onFleet({}, async (fleet) => {
      const { master, replica } = fleet;
      await fleet.createScenario();
      await fleet.run();
      const client = fleet.client({ writeEveryMs: 50 });
      const auditor = fleet.auditor();
      const links = fleet.lan.exec('beta', 'ss', '-Htn', 'state', 'established');
      t.true(links.includes(`${master.address}:`) && !links.includes(PRODUCTION), `not over what moves: ${links}`);
      await Promise.all([client.answeredBy('alpha'), auditor.report()]);
      const beganMs = await client.now();
      await delay(500);
      const quiet = await client.summary(beganMs);
      t.true(quiet.longestGapMs < SLACK_MS, `${quiet.longestGapMs} ms`);
      t.true(quiet.answered >= 20, `${quiet.answered} answers`);

      const stoppedMs = await client.now();
      await master.web.stop();
      await delay(600);
      const startedMs = await client.now();
      await master.web.start();
      await client.answeredBy('alpha');
      const { longestGap, longestGapMs, answeredBy, failures } = await client.summary(stoppedMs - 50);
      t.true(longestGap.fromMs <= stoppedMs + SLACK_MS && longestGap.toMs >= startedMs, JSON.stringify(longestGap));
      t.true(longestGapMs >= 550 && longestGapMs <= startedMs - stoppedMs + SLACK_MS, `${longestGapMs} ms`);
      t.deepEqual(answeredBy, ['alpha']);
      t.true((failures.ECONNREFUSED ?? 0) > 10, JSON.stringify(failures));

      await client.rest();
      t.is(await fleet.differences(), '');
      const written = await client.missingWrites(replica.root);
      t.deepEqual(written.missing, []);
      t.true(written.acknowledged >= 8, `${written.acknowledged} writes`);
      const { looks, conflicts, held, blindMs } = await auditor.report();
      t.deepEqual([conflicts, held.map(({ machines }) => machines)], [[], [['alpha']]]);
      t.true(looks.kernel > 50 && looks.arp > 10 && blindMs < SLACK_MS, JSON.stringify({ looks, blindMs }));
    });
  },
);

story(
  'an address that moves is seen by client and auditor, and two machines that hold it at once are told',
  async (t) => {
    await onFleet({}, async (fleet) => {
      const { master, replica } = fleet;
      writeFileSync(join(replica.root, 'index.html'), 'the site\n');
      const client = fleet.client();
      const auditor = fleet.auditor({ hostHeader: 'web' });
      await Promise.all([client.answeredBy('alpha'), auditor.report()]);
      const beganMs = await client.now();
      master.dropAddress(PRODUCTION);
      replica.takeAddress(PRODUCTION);
      await client.answeredBy('beta');
      t.deepEqual((await client.summary(beganMs - 500)).answeredBy, ['alpha', 'beta']);
      const moved = await auditor.report();
      t.deepEqual(
        moved.held.map(({ machines }) => machines.join()).filter((names) => names !== ''),
        ['alpha', 'beta'],
      );
      t.deepEqual(
        moved.conflicts.map(({ sense }) => sense),
        ['served'],
        'both serve at their own addresses, one at a time holds the production address',
      );
      master.takeAddress(PRODUCTION);
      await eventually('the kernels and the network say it', 5_000, async () => {
        const found = new Set((await auditor.report()).conflicts.map(({ sense, machines }) => `${sense}: ${machines}`));
        return found.has('arp: alpha,beta') && found.has('kernel: alpha,beta') ? true : undefined;
      });
      fleet.faults.cut('alpha');
      const cutMs = await client.now();
      await eventually('behind a cut link only the kernel tells', 5_000, async () => {
        const { conflicts } = await auditor.report();
        const last = (wanted: string) => conflicts.findLast(({ sense }) => sense === wanted)?.toMs ?? 0;
        return last('kernel') > cutMs + 300 && last('arp') < cutMs + 100 ? true : undefined;
      });
    });
  },
);

story('links that are cut one way, both ways, lossy or pulled do what they say, and heal', async (t) => {
  await onFleet({ names: ['alpha', 'beta', 'witness'] }, async (fleet) => {
    const { faults, lan, master, replica } = fleet;
    const witness = fleet.machine('witness');
    await fleet.createScenario();
    await fleet.run();
    t.true(sees(fleet, master, replica));
    faults.set({ from: 'alpha', to: 'beta' });
    t.false(sees(fleet, master, replica));
    t.true(sees(fleet, master, witness), 'the witness is reached by both');
    t.true(sees(fleet, replica, witness));
    faults.set({ from: 'alpha', percent: 30 });
    const pings = lan.exec('alpha', 'sh', '-c', `ping -q -i 0.005 -c 300 -W 0.3 ${witness.address} || true`);
    const lost = Number(/(\d+(?:\.\d+)?)% packet loss/.exec(pings)?.[1]);
    t.true(lost > 15 && lost < 45, `${lost} % of 30`);
    writeFileSync(join(master.root, 'through loss'), 'x'.repeat(100_000));
    t.is(await fleet.differences(), '');
    faults.cut('beta');
    writeFileSync(join(master.root, 'behind the cut'), 'x');
    t.false(sees(fleet, replica, witness));
    faults.heal();
    t.true(sees(fleet, master, replica));
    t.is(await fleet.differences(), '');
    faults.pullCable('beta');
    t.regex(lan.exec('beta', 'ip', 'link', 'show', 'd0'), /NO-CARRIER/);
    faults.plugCable('beta');
    await eventually('reached again', 5_000, () => (sees(fleet, master, replica) ? true : undefined));
  });
});

story('a machine that is paused, rebooted or without power is what its name says, and comes back', async (t) => {
  await onFleet({ disks: { beta: 64 } }, async (fleet) => {
    const { lan, master, replica } = fleet;
    await fleet.createScenario();
    await master.engine.must('scenario', 'set', 'web', 'spool.minFreeBytes@beta=0');
    await fleet.run();
    const client = fleet.client();
    await client.answeredBy('alpha');

    master.pauseEngine();
    const pausedMs = await client.now();
    await delay(300);
    t.true((await client.summary(pausedMs)).longestGapMs < SLACK_MS, 'the web server does not notice');
    master.resumeEngine();
    const stillMs = await client.now();
    master.pause();
    await delay(500);
    master.resume();
    await client.answeredBy('alpha');
    t.true((await client.summary(stillMs)).longestGapMs >= 450, 'nobody answered while all of it stood still');
    t.true(sees(fleet, replica, master));

    lan.exec('alpha', 'ip', 'address', 'add', '10.9.0.77/24', 'dev', 'd0', 'valid_lft', '60', 'preferred_lft', '60');
    await master.powerCut();
    t.false(sees(fleet, replica, master));
    t.deepEqual([lan.programs('alpha'), lan.addresses('alpha'), master.holds(PRODUCTION)], [[], [], false]);
    await master.powerOn();
    t.deepEqual(
      lan.addresses('alpha'),
      [`${master.address}/24 forever`],
      'nothing moved or leased is there after a boot',
    );
    await replica.reboot();
    writeFileSync(join(master.root, 'after the boots'), 'x');
    await master.engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');
    t.is(await fleet.differences(), '');

    const makeRoom = replica.fillDisk();
    writeFileSync(join(master.root, 'large'), Buffer.alloc(1 << 20, 7));
    const full = t.throws(() => writeFileSync(join(replica.root, 'no room'), 'x'.repeat(10_000)));
    t.is((full as NodeJS.ErrnoException).code, 'ENOSPC');
    rmSync(join(replica.root, 'no room'));
    makeRoom();
    t.is(await fleet.differences(), '');
  });
});
