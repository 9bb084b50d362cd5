/** Replicas behind Replicas: who feeds whom, what the feeding host runs for it, what the top says and asks. */
import test from 'ava';
import { below, fedBy, feeders, relayDocument, routeTo } from '../../daemon/scenario/cascade.ts';
import type { VerificationResult } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [
    { name: 'beta', address: 'beta:25000', roots: ['/replica/beta'] },
    { name: 'gamma', address: 'gamma:25000', source: 'beta' },
    { name: 'delta', address: 'delta:25000', source: 'gamma' },
    { name: 'epsilon', address: 'epsilon:25000' },
  ],
  roots: [{ master: '/srv/www', replica: '/replica/www' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: false } as const;
const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const;

interface Line {
  readonly world: World;
  readonly hosts: Readonly<Record<(typeof NAMES)[number], WorldHost>>;
}

async function running(): Promise<Line> {
  const world = new World();
  const hosts = Object.fromEntries(NAMES.map((name) => [name, world.host(name)])) as Line['hosts'];
  await hosts.alpha.command('scenario.create', { document: input });
  await hosts.alpha.command('scenario.run', choices);
  await until(world, () => hosts.alpha.status().state === 'protected');
  return { world, hosts };
}

/** Fake engines report a position only when their status is asked for by a link: help them. */
async function until(world: World, state: () => boolean): Promise<void> {
  for (let turn = 0; turn < 120 && !state(); turn += 1) {
    for (const host of world.hosts.values()) for (const engine of host.engines) if (!engine.ended) engine.report();
    await world.advance(500);
  }
  await settle();
}

const masterEngine = (host: WorldHost) => host.engines.filter(({ config }) => config?.role === 'master').at(-1);

test('the tree of hosts is read from who feeds whom', (t) => {
  const document = {
    ...input,
    id: 'a'.repeat(32),
    solution: 'ha',
    exclude: [],
    settings: {},
    revision: 1,
  } as ScenarioDocument;
  const names = (hosts: readonly { readonly name: string }[]) => hosts.map(({ name }) => name);
  t.deepEqual(names(fedBy(document)), ['beta', 'epsilon']);
  t.deepEqual(names(below(document, 'beta')), ['gamma', 'delta']);
  t.deepEqual(names(feeders(document)), ['beta']);
  t.is(routeTo(document, 'DELTA')?.name, 'beta');
  t.is(relayDocument(document, document.replicas[3]!), undefined);
  const relay = relayDocument(document, document.replicas[0]!);
  t.like(relay, {
    name: 'web',
    master: { name: 'beta' },
    roots: [{ master: '/replica/beta' }],
    replicas: [
      { name: 'gamma', roots: ['/replica/www'] },
      { name: 'delta', roots: ['/replica/www'], source: 'gamma' },
    ],
  });
  t.is(relay?.replicas[0]?.source, undefined);
  t.not(relay?.id, document.id);
});

test('every hop runs an engine of its own, and the top is protected only when the last Replica is', async (t) => {
  const { world, hosts } = await running();
  t.is(hosts.alpha.status().state, 'protected');
  t.deepEqual(
    hosts.alpha.status().hosts.map(({ name, health }) => `${name} ${health}`),
    NAMES.map((name) => `${name} alive`),
  );
  t.deepEqual(masterEngine(hosts.beta)?.config?.roots, [{ path: '/replica/beta' }]);
  t.deepEqual(masterEngine(hosts.gamma)?.config?.replicas, [hosts.delta.deviceId]);
  const ofReplica = hosts.gamma.engines.find(({ config }) => config?.role === 'replica')?.config;
  t.like(masterEngine(hosts.gamma)?.config, { asideDirectory: ofReplica?.directory, asideShared: true });
  t.true(ofReplica?.feeds);
  const { scenarios } = (await hosts.beta.command('scenario.list', {})) as { scenarios: unknown[] };
  t.is(scenarios.length, 1, 'a relay is not a scenario of its own for anybody');
  hosts.delta.reachable = false;
  hosts.delta.cutLinks();
  await until(world, () => hosts.alpha.status().problem !== undefined);
  t.regex(hosts.alpha.status().problem ?? '', /Behind beta: .*delta/);
});

test('barrier, difference, suspend, stop and delete reach the last Replica', async (t) => {
  const { world, hosts } = await running();
  await hosts.alpha.command('scenario.barrier', { name: 'web' });
  t.true(masterEngine(hosts.gamma)?.calls.some(({ name }) => name === 'barrier'));
  await hosts.alpha.command('scenario.diff', { name: 'web', replica: 'delta', ignoreSame: true });
  t.true(masterEngine(hosts.gamma)?.calls.some(({ name }) => name === 'diff'));
  t.true(
    masterEngine(hosts.alpha)?.calls.some(({ name }) => name === 'diff'),
    'what feeds it counts too',
  );
  await hosts.alpha.command('scenario.suspend', { name: 'web', replica: 'delta' });
  await until(world, () => hosts.alpha.status().state === 'suspended');
  t.is(hosts.alpha.status().state, 'suspended');
  await hosts.alpha.command('scenario.stop', { name: 'web' });
  for (const name of NAMES) t.is(hosts[name].status().state, 'stopped', name);
  await hosts.alpha.command('scenario.delete', { name: 'web' });
  for (const name of NAMES) t.deepEqual(hosts[name].book.scenarios, [], name);
});

test('a Replica behind another one that is away when it begins is waited for, and the top says why', async (t) => {
  const world = new World();
  const hosts = Object.fromEntries(NAMES.map((name) => [name, world.host(name)])) as Line['hosts'];
  await hosts.alpha.command('scenario.create', { document: input });
  hosts.delta.reachable = false;
  const { findings } = (await hosts.alpha.command('scenario.verify', { name: 'web' })) as VerificationResult;
  t.like(findings, [{ code: 'HOST-UNREACHABLE', host: 'delta' }]);
  await t.throwsAsync(hosts.alpha.command('scenario.run', choices));
  hosts.delta.reachable = true;
  await hosts.alpha.command('scenario.run', choices);
  hosts.delta.reachable = false;
  await until(world, () => hosts.alpha.status().problem !== undefined);
  t.not(hosts.alpha.status().state, 'protected');
  t.regex(hosts.alpha.status().problem ?? '', /Behind beta: .*delta/);
  hosts.delta.reachable = true;
  await until(world, () => hosts.alpha.status().state === 'protected');
  t.is(hosts.alpha.status().state, 'protected');
});

test('the middle host killed with -9 goes on with both of its sides and synchronizes nothing again', async (t) => {
  const { world, hosts } = await running();
  await hosts.beta.restart();
  await until(world, () => hosts.alpha.status().hosts.every(({ health }) => health === 'alive'));
  t.is(hosts.alpha.status().state, 'protected');
  t.deepEqual(masterEngine(hosts.beta)?.calls, []);
});
