/** Hosts in the middle of a tree that go, are replaced, come back late or lead round in a circle. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { VerificationResult } from '../../shared/results.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const NAMES = ['alpha', 'beta', 'gamma', 'delta'] as const;
type Hosts = Readonly<Record<(typeof NAMES)[number], WorldHost>>;
interface Fed {
  readonly name: string;
  readonly source?: string;
}

const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

function documentOf(...replicas: readonly Fed[]) {
  return {
    name: 'web',
    serverType: 'custom',
    master: { name: 'alpha', address: 'alpha:25000' },
    replicas: replicas.map((replica) => ({ address: `${replica.name}:25000`, ...replica })),
    roots: [{ master: '/srv/www', replica: '/replica/www' }],
  };
}

async function until(world: World, state: () => boolean, turns = 240): Promise<void> {
  for (let turn = 0; turn < turns && !state(); turn += 1) {
    for (const host of world.hosts.values()) for (const engine of host.engines) if (!engine.ended) engine.report();
    await world.advance(500);
  }
  await settle();
}

async function running(...replicas: readonly Fed[]) {
  const world = new World();
  const hosts = Object.fromEntries(NAMES.map((name) => [name, world.host(name)])) as Hosts;
  await hosts.alpha.command('scenario.create', { document: documentOf(...replicas) });
  await hosts.alpha.command('scenario.run', choices);
  await until(world, () => hosts.alpha.status().state === 'protected');
  return { world, ...hosts };
}

/** Stops, edits and runs again, as the operator does. */
async function rebuild({ world, alpha }: { world: World; alpha: WorldHost }, ...replicas: readonly Fed[]) {
  await alpha.command('scenario.stop', { name: 'web' });
  await alpha.command('scenario.apply', { document: documentOf(...replicas) });
  await alpha.command('scenario.run', choices);
  await until(world, () => alpha.status().state === 'protected');
}

const fedBy = (host: WorldHost) => host.status().active;
const has = (host: WorldHost) => host.book.scenarios.map(({ side }) => side);

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

function die(host: WorldHost): void {
  host.reachable = false;
  host.cutLinks();
}

test('a middle host that is dead is taken out: the Master feeds the one behind it, and what comes back later is told', async (t) => {
  const line = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  const { world, alpha, beta, gamma } = line;
  die(beta);
  await rebuild(line, { name: 'gamma' });
  t.is(alpha.status().state, 'protected');
  t.is(fedBy(gamma), 'alpha');
  t.deepEqual(has(gamma), ['replica']);
  t.true(gamma.codes.includes('SCN-019'), 'the operator of the Replica is told');
  beta.reachable = true;
  await until(world, () => has(beta).length === 0);
  t.deepEqual(has(beta), [], 'it is told as soon as it is back');
  t.is(fedBy(gamma), 'alpha', 'and does not take the Replica back');
  t.is(alpha.status().state, 'protected');
});

test('a middle host that lives is taken out while it runs nothing: everybody behind it is told', async (t) => {
  const line = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' }, { name: 'delta', source: 'gamma' });
  await rebuild(line, { name: 'gamma' }, { name: 'delta', source: 'gamma' });
  t.deepEqual(has(line.beta), []);
  t.is(fedBy(line.gamma), 'alpha');
  t.is(fedBy(line.delta), 'gamma');
  t.is(line.alpha.status().state, 'protected');
});

test('a new middle host takes the place of a dead one, of which the last Replica knows nothing yet', async (t) => {
  const line = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  die(line.beta);
  await rebuild(line, { name: 'delta' }, { name: 'gamma', source: 'delta' });
  t.is(line.alpha.status().state, 'protected');
  t.is(fedBy(line.gamma), 'delta');
  line.beta.reachable = true;
  await until(line.world, () => has(line.beta).length === 0);
  t.is(fedBy(line.gamma), 'delta');
});

test('a Replica of the Master goes behind another one, and back', async (t) => {
  const line = await running({ name: 'beta' }, { name: 'gamma' });
  await rebuild(line, { name: 'beta' }, { name: 'gamma', source: 'beta' });
  t.is(line.alpha.status().state, 'protected');
  t.is(fedBy(line.gamma), 'beta');
  await rebuild(line, { name: 'beta' }, { name: 'gamma' });
  t.is(line.alpha.status().state, 'protected');
  t.is(fedBy(line.gamma), 'alpha');
});

test('another scenario of that name, or a feeder that lives, does not lose its Replica', async (t) => {
  const { world, alpha, beta, gamma } = await running({ name: 'beta' }, { name: 'gamma' });
  const foreign = { ...documentOf({ name: 'gamma' }), master: { name: 'delta', address: 'delta:25000' } };
  const delta = world.hosts.get('delta')!;
  await delta.command('scenario.create', { document: foreign });
  await faultOf(t, delta.command('scenario.run', choices));
  t.is(fedBy(gamma), 'alpha');
  // A paired host that claims to go on from the scenario while its Master is connected.
  const { document } = alpha.book.scenarios[0]!;
  const hosts = [{ name: 'alpha', deviceId: alpha.deviceId }];
  const claimed = {
    ...document,
    id: 'e'.repeat(32),
    master: { name: 'beta', address: 'beta:25000', deviceId: beta.deviceId },
    origin: { scenarioId: document.id, revision: document.revision + 5, hosts },
  };
  const session = { role: 'peer', deviceId: beta.deviceId, deviceName: 'beta', address: '' } as const;
  const fault = await faultOf(t, gamma.command('peer.prepare', { document: claimed, epoch: 1 }, session));
  t.is(fault.code, 'SCENARIO-FED');
  t.is(fedBy(gamma), 'alpha');
});

test('a host that comes twice on the way, under another name, is refused before anything runs', async (t) => {
  const world = new World();
  const hosts = Object.fromEntries(NAMES.map((name) => [name, world.host(name)])) as Hosts;
  const { alpha, beta, gamma } = hosts;
  // Only the last host in the line knows who "again" is.
  for (const host of [alpha, beta]) host.alias.set('again', 'nobody');
  gamma.alias.set('again', 'alpha');
  alpha.paths.set('/elsewhere', {});
  const replicas = [{ name: 'beta' }, { name: 'gamma', source: 'beta' }, { name: 'again', source: 'gamma' }];
  const round = { ...documentOf(...replicas) };
  Object.assign(round.replicas[2]!, { roots: ['/elsewhere'] });
  await alpha.command('scenario.create', { document: round });
  const { findings, errors } = (await alpha.command('scenario.verify', { name: 'web' })) as VerificationResult;
  t.true(errors > 0);
  t.regex(findings.map(({ text, found }) => `${text} ${found}`).join(), /alpha.*beta.*gamma.*again/);
  await faultOf(t, alpha.command('scenario.run', choices));
  t.deepEqual(has(alpha), ['master']);
  const named = documentOf({ name: 'beta', source: 'gamma' }, { name: 'gamma', source: 'beta' });
  const fault = await faultOf(t, alpha.command('scenario.apply', { document: named }));
  t.regex(fault.message, /would feed itself/);
});

test('two scenarios that would feed each other, also through a third host, are refused by whoever comes second', async (t) => {
  const line = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  const back = {
    ...documentOf({ name: 'alpha' }),
    name: 'back',
    master: { name: 'gamma', address: 'gamma:25000' },
    roots: [{ master: '/replica/www', replica: '/srv/www' }],
  };
  await line.gamma.command('scenario.create', { document: back });
  const fault = await faultOf(t, line.gamma.command('scenario.run', { ...choices, name: 'back' }));
  t.regex(String(fault.details.first), /overlaps a root of the running scenario "web"/);
  t.is(line.alpha.status().state, 'protected');
  t.deepEqual(line.alpha.book.scenarios.length, 1);
});

test('a middle host whose pairing was revoked: the top says so, nothing behind it counts as proven, and no barrier passes', async (t) => {
  const { world, alpha, beta } = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  alpha.revoke('beta');
  await until(world, () => alpha.status().hosts[2]?.health === 'unknown');
  const { hosts, problem } = alpha.status();
  t.like(hosts[1], { name: 'beta', health: 'unknown' });
  t.like(hosts[2], { name: 'gamma', health: 'unknown', lagKnown: false });
  t.regex(problem ?? '', /beta.*(revoked|not paired|pairing)/i);
  const asked = alpha.command('scenario.barrier', { name: 'web', replica: 'gamma', timeoutMs: 3_000 });
  const refused = faultOf(t, asked);
  await world.advance(10_000);
  await refused;
  t.is(beta.status().state, 'protected', 'what is there stays');
  alpha.revoked.clear();
  await until(world, () => alpha.status().hosts.every(({ health }) => health === 'alive'));
  t.is(alpha.status().state, 'protected');
  t.is(alpha.status().hosts[2]?.lagKnown, undefined);
});

test('a middle host that feeds nobody passes no barrier for those behind it', async (t) => {
  const { world, alpha, beta } = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  // Its book is older than the Replica behind it, as after a backup was put back.
  await beta.restart(() => {
    beta.book.scenarios = beta.book.scenarios
      .filter(({ relayOf }) => relayOf === undefined)
      .map((stored) => ({ ...stored, document: { ...stored.document, replicas: [stored.document.replicas[0]!] } }));
  });
  const linked = () => alpha.status().hosts[1]?.health === 'alive';
  await until(world, () => linked() && (alpha.status().problem ?? '').includes('feed'), 20);
  t.is(beta.book.scenarios.length, 1);
  t.not(alpha.status().state, 'protected');
  t.regex(alpha.status().problem ?? '', /beta does not feed gamma yet/);
  const refused = t.throwsAsync(alpha.command('scenario.barrier', { name: 'web', timeoutMs: 500 }));
  await world.advance(1_500);
  await refused;
  await until(world, () => alpha.status().state === 'protected');
  t.is(alpha.status().state, 'protected', 'it is told of the Replica behind it again by itself');
  t.is(alpha.status().problem, undefined);
});

test('identical behind another Replica means identical with the Master: the way there is compared too', async (t) => {
  const { alpha, beta } = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  const masterOf = (host: WorldHost) => host.engines.filter(({ config }) => config?.role === 'master').at(-1)!;
  await alpha.command('scenario.diff', { name: 'web', replica: 'gamma', ignoreSame: true });
  t.true(masterOf(beta).calls.some(({ name }) => name === 'diff'));
  t.true(
    masterOf(alpha).calls.some(({ name }) => name === 'diff'),
    'what feeds it may differ itself',
  );
});

test('a Replica of a synchronized feeder is not called synchronized while the feeder is not', async (t) => {
  const { world, alpha, beta, gamma } = await running({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  world.synchronized.delete(beta.deviceId);
  world.automatic = false;
  await beta.restart();
  await until(world, () => alpha.status().hosts[1]?.synchronized === false, 40);
  t.is(alpha.status().hosts[1]?.synchronized, false);
  t.is(alpha.status().hosts[2]?.synchronized, false);
  t.not(alpha.status().state, 'protected');
  t.is(gamma.status().hosts.length, 2);
});

test('a middle host killed while it synchronizes the one behind it begins that again and claims nothing before', async (t) => {
  const world = new World();
  const hosts = Object.fromEntries(NAMES.map((name) => [name, world.host(name)])) as Hosts;
  const { alpha, beta, gamma } = hosts;
  const document = documentOf({ name: 'beta' }, { name: 'gamma', source: 'beta' });
  await alpha.command('scenario.create', { document });
  await alpha.command('scenario.run', choices);
  await until(world, () => beta.status().state === 'protected' && alpha.status().hosts[1]?.synchronized === true, 60);
  const relay = () => beta.engines.filter(({ config, ended }) => config?.role === 'master' && !ended).at(-1);
  world.automatic = false;
  world.synchronized.delete(gamma.deviceId);
  await gamma.restart();
  await until(world, () => relay()?.calls.some(({ name }) => name === 'synchronize') === true, 60);
  t.true(relay()?.calls.some(({ name }) => name === 'synchronize'));
  await beta.restart();
  t.not(alpha.status().state, 'protected');
  await until(world, () => relay()?.calls.some(({ name }) => name === 'synchronize') === true, 60);
  t.not(alpha.status().state, 'protected');
  t.not(alpha.status().hosts[2]?.synchronized, true);
  world.automatic = true;
  await beta.restart();
  await until(world, () => alpha.status().state === 'protected', 120);
  t.is(alpha.status().state, 'protected');
});
