/** Switchovers of a Master with several Replicas: the others follow the new one. Real services over fake engines, in virtual time. */
import test, { type ExecutionContext } from 'ava';
import { FakeAccess } from '../memory/access.ts';
import { GENERATION, World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [
    { name: 'beta', address: 'beta:25000' },
    { name: 'gamma', address: 'gamma:25000', roots: ['/data/third'] },
  ],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

async function running(settings: Record<string, unknown> = {}) {
  const world = new World();
  const [alpha, beta, gamma] = ['alpha', 'beta', 'gamma'].map((name) => world.host(name)) as [
    WorldHost,
    WorldHost,
    WorldHost,
  ];
  const access = { alpha: new FakeAccess(world), beta: new FakeAccess(world) };
  alpha.access = access.alpha;
  beta.access = access.beta;
  const all = { 'switchover.reverseAutomatic': true, ...settings };
  await alpha.command('scenario.create', { document: { ...input, settings: all } });
  await alpha.command('scenario.run', choices);
  await world.advance(4_000);
  return { world, alpha, beta, gamma, access };
}

async function until(t: ExecutionContext, world: World, what: string, holds: () => boolean, hosts: WorldHost[]) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (holds()) return;
    await world.advance(500);
  }
  const shown = hosts.map((host) => `${host.name} ${host.status().state} ${host.codes.slice(-10).join()}`);
  t.fail(`not reached: ${what}\n${shown.join('\n')}\n${hosts.flatMap(({ complaints }) => complaints).join('\n')}`);
}

/** Method of each synchronization that `host` ran as the Master, by Replica. */
function methods(host: WorldHost, others: WorldHost[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const engine of host.engines) {
    for (const call of engine.calls) {
      if (call.name !== 'synchronize') continue;
      const name = others.find(({ deviceId }) => deviceId === call.peer)?.name ?? call.peer;
      found[name] = [...(found[name] ?? []), call.method];
    }
  }
  return found;
}

const isOver = (active: WorldHost, standby: WorldHost) =>
  active.status().roles?.role === 'active' &&
  standby.status().roles?.role === 'standby' &&
  [active, standby].every((host) => host.status().roles?.switchover === undefined) &&
  active.status().state === 'protected';

test('the other Replica follows the new Master, and back, without a resynchronization', async (t) => {
  const { world, alpha, beta, gamma, access } = await running();
  const hosts = [alpha, beta, gamma];
  t.is(alpha.status().state, 'protected');
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta leads', () => isOver(beta, alpha), hosts);
  t.true(access.beta.open && !access.alpha.open);
  t.deepEqual(methods(beta, hosts), { alpha: ['skip'], gamma: ['skip'] });
  t.deepEqual(
    beta.status().hosts.map(({ name }) => name),
    ['beta', 'alpha', 'gamma'],
  );
  t.is(gamma.book.scenarios[0]?.document.master.name, 'beta');
  t.is(gamma.engine.config?.role, 'replica');
  t.deepEqual(
    gamma.engine.config?.roots.map(({ path }) => path),
    ['/data/third'],
    'where its data was',
  );
  t.deepEqual(
    beta
      .status()
      .hosts.map(({ synchronized }) => synchronized)
      .slice(1),
    [true, true],
  );

  await beta.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'alpha leads again', () => isOver(alpha, beta), hosts);
  t.deepEqual(methods(alpha, hosts), { beta: ['file', 'skip'], gamma: ['file', 'skip'] });
  t.is(gamma.book.scenarios[0]?.document.master.name, 'alpha');
  t.is(alpha.status().backward, undefined);
});

test('one that lacks something, has something else, or does not answer is compared, and that is told', async (t) => {
  const cases: Record<string, (gamma: WorldHost) => void> = {
    'it lacks 2 changes that this host has': (gamma) =>
      gamma.engine.report({}, { position: { generation: GENERATION, seq: 5 }, receivedSeq: 5 }),
    'it has 2 changes that this host lacks': (gamma) =>
      gamma.engine.report({}, { position: { generation: GENERATION, seq: 9 }, receivedSeq: 9 }),
    'it has 1 change that this host lacks': (gamma) =>
      gamma.engine.report({}, { position: { generation: GENERATION, seq: 7 }, receivedSeq: 8 }),
    'items are parked': (gamma) => gamma.engine.report({}, { parked: 1, receivedSeq: 7 }),
  };
  for (const [reason, make] of Object.entries(cases)) {
    const { world, alpha, beta, gamma } = await running({ 'switchover.returnPolicy': 'resynchronize' });
    const hosts = [alpha, beta, gamma];
    // Its next engine says it too.
    make(gamma);
    gamma.onEngineStarted = () => make(gamma);
    await alpha.command('scenario.switchover', { name: 'web' });
    await until(t, world, 'beta leads', () => isOver(beta, alpha), hosts);
    t.deepEqual(methods(beta, hosts), { alpha: ['skip'], gamma: ['file'] }, reason);
    const told = beta.events.query({ limit: 1_000 }).filter(({ code }) => code === 'SWT-041');
    t.is(told.length, 1);
    t.true(told[0]?.text.includes(reason), told[0]?.text);
    t.is(gamma.codes.includes('SWT-043'), reason.startsWith('it has'), 'what it has alone is told on it');
  }
});

test('one that has more than the new Master is not overwritten before the operator says so', async (t) => {
  const { world, alpha, beta, gamma } = await running();
  const hosts = [alpha, beta, gamma];
  const ahead = () => gamma.engine.report({}, { position: { generation: GENERATION, seq: 9 }, receivedSeq: 9 });
  ahead();
  gamma.onEngineStarted = ahead;
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta leads', () => beta.status().roles?.role === 'active', hosts);
  await world.advance(60_000);
  t.is(gamma.codes.filter((code) => code === 'SWT-042').length, 1);
  t.is(gamma.book.scenarios[0]?.document.master.name, 'alpha', 'it takes nothing of beta');
  await beta.restart();
  await world.advance(60_000);
  t.is(gamma.book.scenarios[0]?.document.master.name, 'alpha');
  t.regex(beta.status().problem ?? '', /waits for the operator/);
  await beta.command('scenario.run', choices);
  await until(t, world, 'gamma follows', () => gamma.book.scenarios[0]?.document.master.name === 'beta', hosts);
  await until(t, world, 'all are protected', () => beta.status().state === 'protected', hosts);
  t.deepEqual(methods(beta, hosts).gamma, ['file']);
});

test('one that is off does not keep users waiting, and follows when it is back', async (t) => {
  const { world, alpha, beta, gamma, access } = await running();
  const hosts = [alpha, beta, gamma];
  gamma.reachable = false;
  gamma.cutLinks();
  await alpha.command('scenario.switchover', { name: 'web' }).catch((error: unknown) => t.log(String(error)));
  await until(t, world, 'beta leads', () => beta.status().roles?.role === 'active' && access.beta.open, hosts);
  gamma.reachable = true;
  await until(t, world, 'gamma follows', () => gamma.book.scenarios[0]?.document.master.name === 'beta', hosts);
  await until(t, world, 'all are protected', () => beta.status().state === 'protected', hosts);
  t.deepEqual(methods(beta, hosts), { alpha: ['skip'], gamma: ['file'] });
});

test('the designated switchover host takes over, and not the first Replica', async (t) => {
  const { world, alpha, beta, gamma } = await running({ 'switchover.host': 'gamma' });
  const hosts = [alpha, beta, gamma];
  t.is(beta.status().roles, undefined, 'it has no part in it');
  await alpha.command('scenario.switchover', { name: 'web', to: 'gamma' });
  await until(t, world, 'gamma leads', () => isOver(gamma, alpha), hosts);
  t.is(beta.book.scenarios[0]?.document.master.name, 'gamma');
  t.deepEqual(methods(gamma, hosts), { alpha: ['skip'], beta: ['skip'] });
});
