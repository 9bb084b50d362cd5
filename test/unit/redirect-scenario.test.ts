/** A production address under the real services of a scenario, in virtual time: whatever becomes of replication, users keep it. */
import test, { type ExecutionContext } from 'ava';
import type { RedirectionService } from '../../daemon/redirect/service.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const MOVED = '192.0.2.10';
const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
  settings: {
    'redirect.moveIp': true,
    'redirect.moveIpAddresses': [`${MOVED}/24`],
    'redirect.servicePorts': ['80'],
    'switchover.reverseAutomatic': true,
  },
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

async function running() {
  const world = new World();
  const [alpha, beta] = [world.host('alpha'), world.host('beta')];
  for (const [host, own] of [
    [alpha, '192.0.2.11'],
    [beta, '192.0.2.12'],
  ] as const) {
    await host.network.table().put(own, 24, 'd0', 'forever');
    leadBy(host);
  }
  await alpha.network.table().put(MOVED, 24, 'd0', 'forever');
  await alpha.restart();
  await beta.restart();
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await world.advance(5_000);
  return { world, alpha, beta };
}

/** What leads clients is the redirection of the scenario itself. */
function leadBy(host: WorldHost): void {
  host.accessOf = (redirection: RedirectionService, document) => redirection.desk(document);
}

const has = ({ network }: WorldHost): string | undefined =>
  network.addresses.find((line) => line.startsWith(MOVED))?.split(' ')[1];
const serves = ({ network }: WorldHost): boolean | 'unguarded' =>
  network.filters.size === 0 ? 'unguarded' : [...network.filters.values()].some((until) => until > network.nowMs);

function shows(t: ExecutionContext, hosts: readonly WorldHost[], wanted: readonly unknown[], why?: string): void {
  t.deepEqual(
    hosts.map((host) => [has(host), serves(host)]),
    wanted as never,
    why,
  );
}

test('the active host keeps the address while replication runs, fails, is mended and stops', async (t) => {
  const { world, alpha, beta } = await running();
  t.is(alpha.status().state, 'protected');
  shows(
    t,
    [alpha, beta],
    [
      ['leased', true],
      [undefined, false],
    ],
  );
  for (let crash = 0; crash < 7; crash += 1) {
    alpha.engine.crash();
    await world.advance(30_000);
  }
  t.is(alpha.status().state, 'failed');
  await world.advance(120_000);
  shows(
    t,
    [alpha, beta],
    [
      ['leased', true],
      [undefined, false],
    ],
    'users do not lose the site with the copy',
  );
  await alpha.command('scenario.run', choices);
  await world.advance(60_000);
  t.is(alpha.status().state, 'protected');
  shows(
    t,
    [alpha, beta],
    [
      ['leased', true],
      [undefined, false],
    ],
  );
  await alpha.command('scenario.stop', { name: 'web' });
  await settle();
  shows(
    t,
    [alpha, beta],
    [
      ['forever', 'unguarded'],
      [undefined, 'unguarded'],
    ],
  );
  await world.advance(120_000);
  shows(
    t,
    [alpha, beta],
    [
      ['forever', 'unguarded'],
      [undefined, 'unguarded'],
    ],
    'nothing guards a stopped scenario',
  );
});

test('it goes over and back with the roles, and a deleted scenario leaves it where it is', async (t) => {
  const { world, alpha, beta } = await running();
  await alpha.command('scenario.switchover', { name: 'web' });
  await world.advance(15_000);
  shows(
    t,
    [alpha, beta],
    [
      [undefined, false],
      ['leased', true],
    ],
  );
  await beta.command('scenario.switchover', { name: 'web' });
  await world.advance(15_000);
  shows(
    t,
    [alpha, beta],
    [
      ['leased', true],
      [undefined, false],
    ],
  );
  await alpha.command('scenario.stop', { name: 'web' });
  await alpha.command('scenario.delete', { name: 'web' });
  await world.advance(60_000);
  shows(
    t,
    [alpha, beta],
    [
      ['forever', 'unguarded'],
      [undefined, 'unguarded'],
    ],
  );
});

test('an engine that was killed has the address again after its start, and what it owes is still written down', async (t) => {
  const { world, alpha, beta } = await running();
  await alpha.restart();
  await world.advance(20_000);
  shows(
    t,
    [alpha, beta],
    [
      ['leased', true],
      [undefined, false],
    ],
  );
  t.deepEqual(alpha.adopted.value.adopted, [{ address: MOVED, prefix: 24, device: 'd0', state: 'leased' }]);
});
