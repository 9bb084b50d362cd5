/** A production address in the life of a scenario with real engines: who has it, for how long, and what its clients notice. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../runner/needing.ts';
import { NetworkFleet, PRODUCTION } from './network-fleet.ts';
import type { Machine } from './network-machine.ts';
import { eventually } from './rig.ts';
import { WEB_PORT } from './web-server.ts';

const story = testNeeding('root', 'ip', 'arping', 'nft', 'nginx');
const MOVE_IP = { 'redirect.moveIp': true, 'redirect.moveIpAddresses': [`${PRODUCTION}/24`] };

async function onFleet(run: (fleet: NetworkFleet) => Promise<void>): Promise<void> {
  const fleet = await NetworkFleet.start();
  try {
    mkdirSync(join(fleet.master.root, 'written'));
    writeFileSync(join(fleet.master.root, 'index.html'), 'the site\n');
    await run(fleet);
  } finally {
    await fleet.remove();
  }
}

const production = (fleet: NetworkFleet, machine: Machine): string | undefined =>
  fleet.lan
    .addresses(machine.name)
    .find((line) => line.startsWith(PRODUCTION))
    ?.split(' ')[1];

const isProtected = ({ engine }: Machine): Promise<string> =>
  engine.must('wait', 'web', '--state', 'protected', '--timeout', '30');

async function switchOver({ engine }: Machine): Promise<void> {
  await engine.must('switchover', 'web', '--yes', '--confirm', 'web', '--wait', '--timeout', '60');
}

story(
  'the production address is adopted at Run, survives a restart of the engine, moves, comes back and is given back',
  async (t) => {
    await onFleet(async (fleet) => {
      const { master, replica } = fleet;
      await fleet.createScenario({ ...MOVE_IP, 'switchover.reverseAutomatic': true });
      await fleet.run();
      t.is(production(fleet, master), 'leased');
      const client = fleet.client();
      const auditor = fleet.auditor();
      await client.answeredBy('alpha');

      const restartedMs = await client.now();
      await master.engine.stop();
      await master.engine.start();
      await isProtected(master);
      const restart = await client.summary(restartedMs);
      t.deepEqual(restart.answeredBy, ['alpha']);
      const overMs = await client.gapUntil('beta', () => switchOver(master));
      t.deepEqual([production(fleet, master), production(fleet, replica)], [undefined, 'leased']);
      await isProtected(replica);
      const backMs = await client.gapUntil('alpha', () => switchOver(replica));
      t.deepEqual([production(fleet, master), production(fleet, replica)], ['leased', undefined]);
      const gaps = [restart.longestGapMs, overMs, backMs].map(Math.round);
      t.log(`without an answer: restart ${gaps[0]} ms, switchover ${gaps[1]} ms, switchback ${gaps[2]} ms`);
      t.true(gaps[0]! < 500 && gaps[1]! < 3_000 && gaps[2]! < 3_000, gaps.join());
      t.deepEqual((await auditor.report()).conflicts, [], 'never two at a time');

      await isProtected(master);
      await master.engine.must('stop', 'web', '--yes');
      t.deepEqual([production(fleet, master), production(fleet, replica)], ['forever', undefined]);
      await client.rest();
    });
  },
);

story('what would go wrong with the address is said before Run, on the host where it is', async (t) => {
  await onFleet(async (fleet) => {
    const { master, replica } = fleet;
    await fleet.createScenario({ ...MOVE_IP, 'redirect.moveIpAddresses': [`${PRODUCTION}/24`, '10.77.0.1/24'] });
    replica.takeAddress(PRODUCTION);
    const { stdout, code } = await master.engine.command('verify', 'web', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { code: string; host: string }[] };
    const told = findings.filter((one) => one.code.startsWith('MOVE-IP')).map((one) => `${one.host} ${one.code}`);
    t.deepEqual(told.sort(), ['alpha MOVE-IP-SUBNET', 'beta MOVE-IP-BOTH', 'beta MOVE-IP-SUBNET']);
    t.not(code, 0);
  });
});

story('ports of the standby are closed by its kernel, and closed again when somebody flushes the rules', async (t) => {
  await onFleet(async (fleet) => {
    const { lan, master, replica } = fleet;
    lan.machine('client', '10.9.0.99/24');
    const serves = ({ address }: Machine): boolean =>
      lan.succeeds('client', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${WEB_PORT}`);
    await fleet.createScenario({ 'redirect.servicePorts': [String(WEB_PORT)] });
    t.deepEqual([serves(master), serves(replica)], [true, true]);
    await fleet.run();
    await eventually('only the active one serves', 10_000, () => (serves(master) && !serves(replica)) || undefined);
    lan.exec('beta', 'nft', 'flush', 'ruleset');
    t.true(serves(replica), 'nothing guards it now');
    await eventually('closed again', 5_000, () => !serves(replica) || undefined);
    t.regex(await replica.engine.must('events', '--json'), /"RED-005"/);
    t.true(serves(master));
    await master.engine.must('stop', 'web', '--yes');
    t.deepEqual([serves(master), serves(replica)], [true, true], 'a stopped scenario guards nothing');
  });
});
