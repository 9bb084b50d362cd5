/** Is Alive of two hosts with the real services over fake engines, in virtual time: who watches, what is said, and what follows. */
import test from 'ava';
import { World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'nginx',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;
/** Default: 300 s, and a round. */
const TIMEOUT_MS = 331_000;

async function running(settings: Record<string, unknown> = {}, changes: Record<string, unknown> = {}) {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  await alpha.command('scenario.create', { document: { ...input, ...changes, settings } });
  await alpha.command('scenario.run', choices);
  await world.advance(4_000);
  await world.advance(40_000);
  return { world, alpha, beta };
}

const isAlive = (host: WorldHost) => host.status().hosts.find(({ name }) => name === 'alpha')?.isAlive;

function die(alpha: WorldHost, beta: WorldHost): void {
  alpha.reachable = false;
  alpha.cutLinks();
  beta.probes.silent.add('alpha');
}

test('the standby watches once it has a whole copy: each check is shown with its age, and alpha is alive', async (t) => {
  const { world, alpha, beta } = await running();
  const shown = isAlive(beta)!;
  t.like(shown, { state: 'alive', watchedBy: 'beta' });
  t.deepEqual(
    shown.checks.map(({ name, state }) => `${name} ${state}`),
    ['engine passed', 'ping alpha passed', 'service nginx passed', 'disk passed'],
  );
  t.true(shown.checks.every(({ ageMs = Number.POSITIVE_INFINITY }) => ageMs <= 31_000));
  t.is(isAlive(alpha), undefined, 'the Master does not watch itself');
  await alpha.command('scenario.stop', { name: 'web' });
  await world.advance(1_000);
  t.is(isAlive(beta), undefined, 'nothing is watched that is stopped');
});

test('a disaster recovery scenario is not watched', async (t) => {
  const { beta } = await running({}, { solution: 'dr' });
  t.is(isAlive(beta), undefined);
});

test('with automatic switchover off an alert says once that the Master is down, and nothing is switched over', async (t) => {
  const { world, alpha, beta } = await running();
  die(alpha, beta);
  await world.advance(290_000);
  t.false(beta.codes.includes('HLT-001'), 'not before the timeout');
  await world.advance(TIMEOUT_MS - 290_000);
  await world.advance(TIMEOUT_MS);
  t.is(beta.codes.filter((code) => code === 'HLT-001').length, 1);
  t.is(beta.status().hosts.find(({ name }) => name === 'alpha')?.health, 'down');
  t.regex(beta.status().problem ?? '', /^alpha is down: engine: /);
  t.is(beta.status().active, 'alpha');
  alpha.reachable = true;
  beta.probes.silent.clear();
  await world.advance(40_000);
  t.is(isAlive(beta)?.state, 'alive');
  t.is(beta.codes.filter((code) => code === 'HLT-005').length, 1);
});

test('a service that ended while the engine lives is an application that is down', async (t) => {
  const { world, alpha, beta } = await running();
  alpha.probes.stopped.add('nginx');
  await world.advance(TIMEOUT_MS);
  t.like(isAlive(beta), { state: 'down', cause: 'application' });
  t.true(beta.codes.includes('HLT-002'));
  t.false(beta.codes.includes('HLT-001'));
});

test('a site that answers keeps a silent engine from counting as a Master that is down', async (t) => {
  const { world, alpha, beta } = await running({ 'isAlive.sites': ['http://www.example.org/'] });
  t.is(beta.probes.asked.at(-1)?.address, 'alpha', 'asked at the Master, wherever its name leads');
  alpha.reachable = false;
  alpha.cutLinks();
  await world.advance(TIMEOUT_MS);
  t.like(isAlive(beta), { state: 'suspect', cause: 'inconclusive' });
  t.deepEqual(
    beta.codes.filter((code) => code.startsWith('HLT-')),
    ['HLT-004'],
  );
  beta.probes.statuses.set('www.example.org', 503);
  await world.advance(TIMEOUT_MS);
  t.like(isAlive(beta), { state: 'down', cause: 'peer' });
});

test('a status that is not accepted fails the site, and the default accepts what is below 500', async (t) => {
  const { world, beta } = await running({ 'isAlive.sites': ['http://www.example.org/'] });
  beta.probes.statuses.set('www.example.org', 404);
  await world.advance(31_000);
  t.is(isAlive(beta)?.state, 'alive');
  beta.probes.statuses.set('www.example.org', 500);
  await world.advance(31_000);
  t.is(isAlive(beta)?.state, 'suspect');
  t.regex(isAlive(beta)?.checks.find(({ kind }) => kind === 'site')?.detail ?? '', /500 is not one of 100-499/);
});

test('a standby that reaches no reference address is cut off itself', async (t) => {
  const { world, alpha, beta } = await running({ 'isAlive.referenceAddresses': ['gateway', 'other:443'] });
  die(alpha, beta);
  beta.probes.silent.add('gateway').add('other');
  await world.advance(TIMEOUT_MS);
  t.like(isAlive(beta), { state: 'unknown', cause: 'link' });
  t.true(beta.codes.includes('HLT-003'));
  beta.probes.silent.delete('other');
  await world.advance(61_000);
  t.like(isAlive(beta), { state: 'down', cause: 'peer' });
});

test('a script of the user is asked on the standby and fails rounds by its exit code', async (t) => {
  const { world, beta } = await running({ 'isAlive.script': 'shop' });
  t.is(isAlive(beta)?.checks.find(({ kind }) => kind === 'script')?.state, 'skipped', 'not registered there');
  const asked: Readonly<Record<string, string>>[] = [];
  beta.script = (_name, variables) => {
    asked.push(variables);
    return Promise.resolve({ exitCode: 1, timedOut: false, output: '' });
  };
  await world.advance(TIMEOUT_MS + 61_000);
  t.like(asked[0], { MAINSTAY_MASTER: 'alpha', MAINSTAY_MASTER_ADDRESS: 'alpha', MAINSTAY_HOST: 'beta' });
  t.like(isAlive(beta), { state: 'down', cause: 'application' });
});

test('a disk of the Master that takes no write is an application that is down; a full one is shown', async (t) => {
  const { world, alpha, beta } = await running();
  alpha.probes.diskState = { flushedAgeMs: 500, fullest: { path: '/srv', freeBytes: 4_096, freePercent: 0 } };
  await world.advance(31_000);
  t.is(isAlive(beta)?.state, 'alive');
  t.regex(isAlive(beta)?.checks.find(({ kind }) => kind === 'disk')?.detail ?? '', /FULL/);
  alpha.probes.diskState = { flushedAgeMs: 60_000 };
  await world.advance(TIMEOUT_MS);
  t.like(isAlive(beta), { state: 'down', cause: 'application' });
});

test('shadow mode is set from either host, outlives a restart, and says what would have happened', async (t) => {
  const { world, alpha, beta } = await running();
  t.like(await alpha.command('scenario.shadow', { name: 'web', on: true }), { shadow: true, host: 'beta' });
  await beta.restart();
  await world.advance(40_000);
  t.true(isAlive(beta)?.shadow);
  die(alpha, beta);
  await world.advance(TIMEOUT_MS + 30_000);
  t.is(beta.codes.filter((code) => code === 'HLT-006').length, 1);
  t.regex(isAlive(beta)?.wouldSwitch?.reason ?? '', /engine: /);
  await beta.command('scenario.shadow', { name: 'web', on: false });
  t.is(isAlive(beta)?.shadow, undefined);
  t.is(isAlive(beta)?.wouldSwitch, undefined);
});
