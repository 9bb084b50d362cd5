/** Recover Active Server while both hosts answer and neither is active: nobody could settle that before, and never are there two. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { FakeAccess } from '../memory/access.ts';
import { World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
  settings: { 'switchover.reverseAutomatic': true },
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

async function running() {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  const access = { alpha: new FakeAccess(world), beta: new FakeAccess(world) };
  alpha.access = access.alpha;
  beta.access = access.beta;
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await world.advance(4_000);
  return { world, alpha, beta, access };
}

const roleOf = (host: WorldHost) => host.status().roles?.role;

async function recover(host: WorldHost, make: 'master' | 'replica', more: object = {}): Promise<string> {
  try {
    await host.command('scenario.recoverActive', { name: 'web', make, ...more });
    return 'done';
  } catch (error) {
    return Fault.from(error).code;
  }
}

/** The active host lost its role record: it is fenced, the other one is standby, and both hear each other. */
async function neitherActive() {
  const pair = await running();
  const { world, alpha, beta } = pair;
  await alpha.restart(() => [...alpha.roleFiles.values()][0]?.damage());
  await world.advance(8_000);
  return { ...pair, roles: [roleOf(alpha), roleOf(beta)] };
}

test('a standby does not become active by the operator’s word while the active host answers', async (t) => {
  const { alpha, beta } = await running();
  t.is(await recover(beta, 'replica'), 'SWITCH-ALIVE');
  t.deepEqual([roleOf(alpha), roleOf(beta)], ['active', 'standby']);
});

test('with neither active the operator says which one shall be, without stating that the other is off', async (t) => {
  const { world, alpha, beta, access, roles } = await neitherActive();
  t.deepEqual(roles, ['fenced', 'standby']);
  t.false(access.alpha.open || access.beta.open, 'nobody takes users');
  t.is(await recover(beta, 'replica'), 'done');
  await world.advance(30_000);
  t.deepEqual([roleOf(alpha), roleOf(beta)], ['standby', 'active']);
  t.true(access.beta.open);
  t.false(access.alpha.open);
});

test('two operators who say it on both hosts at once: never two active hosts, and one more try settles it', async (t) => {
  const { world, alpha, beta, access } = await neitherActive();
  const said = await Promise.all([recover(alpha, 'master'), recover(beta, 'replica')]);
  t.true(said.filter((one) => one === 'done').length <= 1, said.join(' '));
  for (let step = 0; step < 80; step += 1) {
    await world.advance(500);
    t.false(access.alpha.open && access.beta.open, `both open after ${step * 500} ms`);
  }
  if (!said.includes('done')) t.is(await recover(beta, 'replica'), 'done');
  await world.advance(30_000);
  t.is([roleOf(alpha), roleOf(beta)].filter((role) => role === 'active').length, 1);
});

test('a host that has left it to the other one is not made active behind its back', async (t) => {
  const { world, alpha, beta } = await neitherActive();
  t.is(await recover(beta, 'replica'), 'done');
  t.is(await recover(alpha, 'master'), 'SWITCH-REFUSED');
  await world.advance(40_000);
  t.is(await recover(alpha, 'master'), 'SWITCH-ALIVE', 'beta is active and answers');
});

test('a host that does not answer has to be stated off: the name of the scenario alone is not enough', async (t) => {
  const { world, alpha, beta } = await running();
  alpha.reachable = false;
  await world.advance(20_000);
  t.is(await recover(beta, 'replica'), 'SWITCH-REFUSED');
  t.is(roleOf(beta), 'standby');
  t.is(await recover(beta, 'replica', { peerIsFenced: true }), 'done');
  await world.advance(5_000);
  t.is(roleOf(beta), 'active');
});
