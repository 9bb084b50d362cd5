/** Switchovers of two hosts with the real services over fake engines, in virtual time. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import { FakeAccess } from '../memory/access.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

async function running(
  settings: Record<string, unknown> = {},
  before: (alpha: WorldHost, beta: WorldHost) => void = () => undefined,
) {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  const access = { alpha: new FakeAccess(world), beta: new FakeAccess(world) };
  alpha.access = access.alpha;
  beta.access = access.beta;
  before(alpha, beta);
  await alpha.command('scenario.create', { document: { ...input, settings } });
  await alpha.command('scenario.run', choices);
  await world.advance(4_000);
  return { world, alpha, beta, access };
}

async function until(t: ExecutionContext, world: World, what: string, holds: () => boolean, access?: FakeAccess[]) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (holds()) return;
    await world.advance(500);
    if (access?.every((one) => one.open)) t.fail('two open gates');
  }
  t.fail(`not reached: ${what}`);
}

const sides = (...hosts: WorldHost[]) => hosts.map((host) => host.status().roles?.role);
const idle = (...hosts: WorldHost[]) => hosts.every((host) => host.status().roles?.switchover === undefined);

test('users are moved to the standby and back, and replication runs in the other direction without a resynchronization', async (t) => {
  const { world, alpha, beta, access } = await running({ 'switchover.reverseAutomatic': true });
  t.deepEqual(sides(alpha, beta), ['active', 'standby']);
  t.true(access.alpha.open);
  t.false(access.beta.open);
  const both = [access.alpha, access.beta];

  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active' && idle(alpha, beta), both);
  t.deepEqual(sides(alpha, beta), ['standby', 'active']);
  t.true(access.beta.open);
  t.false(access.alpha.open);
  t.deepEqual(access.alpha.done, ['adopt', 'release']);
  t.deepEqual(access.beta.done, ['acquire']);
  t.is(beta.status().state, 'protected');
  t.is(beta.status().active, 'beta');
  t.is(alpha.status().active, 'beta');
  t.true(beta.status().backward);
  t.is(beta.status().epoch, 2);
  t.deepEqual(
    beta.engine.calls.filter(({ name }) => name === 'synchronize').map((call) => 'method' in call && call.method),
    ['skip'],
    'both have the same data: nothing is compared',
  );
  t.is(beta.engine.config?.role, 'master');
  t.deepEqual(
    beta.engine.config?.roots.map(({ path }) => path),
    ['/srv/copy'],
  );
  t.is(alpha.engine.config?.role, 'replica');
  t.deepEqual(
    alpha.engine.config?.roots.map(({ path }) => path),
    ['/srv/www'],
  );
  t.true(beta.codes.includes('SWT-002'));

  await beta.command('scenario.switchover', { name: 'web' });
  await until(
    t,
    world,
    'alpha is active again',
    () => alpha.status().roles?.role === 'active' && idle(alpha, beta),
    both,
  );
  t.deepEqual(sides(alpha, beta), ['active', 'standby']);
  t.is(alpha.status().backward, undefined);
  t.is(alpha.status().epoch, 3);
  t.is(alpha.status().state, 'protected');
  t.true(beta.codes.includes('SWT-019'), 'what users wrote while it was active is in no journal');
  t.deepEqual(alpha.complaints, []);
  t.deepEqual(beta.complaints, []);
});

test('with manual reverse replication the scenario stops after the switchover, and Run goes backward', async (t) => {
  const { world, alpha, beta } = await running();
  await beta.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active' && idle(alpha, beta));
  t.is(beta.status().state, 'stopped');
  t.is(beta.status().stopReason, 'after-switchover');
  await t.throwsAsync(alpha.command('scenario.run', choices), { instanceOf: Fault });
  await beta.command('scenario.run', choices);
  await world.advance(4_000);
  t.is(beta.status().state, 'protected');
  t.is(beta.engine.config?.role, 'master');
});

test('a switchover is refused while data is not synchronized, and where nothing can switch over', async (t) => {
  const { alpha, world } = await running();
  world.automatic = false;
  world.synchronized.clear();
  alpha.engine.report();
  await settle();
  const refused = await t.throwsAsync(alpha.command('scenario.switchover', { name: 'web' }), { instanceOf: Fault });
  t.is((refused as Fault).code, 'SWITCH-REFUSED');
  const { alpha: other } = await running();
  const elsewhere = await t.throwsAsync(other.command('scenario.switchover', { name: 'web', to: 'gamma' }));
  t.is((elsewhere as Fault).code, 'SWITCH-REFUSED');
});

/** Durable acts of a switchover on one host: its role record and its book, each before and after it is on the disk. */
class Kills {
  acts = 0;
  dead = false;
  readonly #host: WorldHost;
  readonly #at: number;

  /** `at`: the durable act at which it dies, counted from 0. */
  constructor(host: WorldHost, at: number) {
    this.#host = host;
    this.#at = at;
    const file = [...host.roleFiles.values()][0]!;
    const dies = () => {
      if (this.dead) return true;
      this.dead = this.acts === this.#at;
      this.acts += 1;
      return this.dead;
    };
    const killed = () => {
      if (dies()) throw new Fault('FS-IO', { path: 'role', reason: 'killed' });
    };
    file.beforeSave = killed;
    file.afterSave = killed;
    host.diesAt = () => dies();
  }

  async restart(): Promise<void> {
    this.#host.diesAt = () => false;
    const file = [...this.#host.roleFiles.values()][0]!;
    file.beforeSave = () => {};
    file.afterSave = () => {};
    this.dead = false;
    await this.#host.restart();
  }
}

/** The scenario has one active host that clients reach, and nothing is under way. */
function isOver(hosts: readonly WorldHost[], access: Readonly<Record<string, FakeAccess>>): string | undefined {
  if (
    !idle(...hosts) ||
    sides(...hosts)
      .sort()
      .join() !== 'active,standby'
  )
    return undefined;
  const active = hosts.find((host) => host.status().roles?.role === 'active')!;
  return active.status().state === 'protected' && access[active.name]?.open === true ? active.name : undefined;
}

const shown = (host: WorldHost) =>
  JSON.stringify({ ...host.status().roles, state: host.status().state, events: host.codes.slice(-12) });

async function switchoverWithKills(t: ExecutionContext, alphaAt: number, betaAt: number) {
  const { world, alpha, beta, access } = await running({ 'switchover.reverseAutomatic': true });
  const kills = [new Kills(alpha, alphaAt), new Kills(beta, betaAt)];
  const what = `alpha killed at ${alphaAt}, beta at ${betaAt}`;
  await alpha.command('scenario.switchover', { name: 'web' }).catch(() => undefined);
  let killed = 0;
  for (let tries = 0; tries < 600; tries += 1) {
    await world.advance(250);
    if (access.alpha.open && access.beta.open) t.fail(`${what}: two open gates`);
    const dead = kills.filter((kill) => kill.dead);
    killed += dead.length;
    for (const kill of dead) await kill.restart();
    const active = tries > 20 ? isOver([alpha, beta], access) : undefined;
    if (active !== undefined) return { killed, acts: kills.map(({ acts }) => acts), active };
  }
  t.fail(`${what}: no end\n${shown(alpha)}\n${shown(beta)}`);
  return { killed, acts: [0, 0], active: '' };
}

test('a switchover that is killed at any durable act of either host, or of both, ends by itself with one active host', async (t) => {
  const whole = await switchoverWithKills(t, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  t.is(whole.active, 'beta');
  const [ofAlpha = 0, ofBeta = 0] = whole.acts;
  t.true(ofAlpha >= 8 && ofBeta >= 8, `${ofAlpha} and ${ofBeta} durable acts`);
  const never = Number.POSITIVE_INFINITY;
  const ends = { alpha: 0, beta: 0 };
  let runs = 0;
  for (let at = 0; at < Math.max(ofAlpha, ofBeta); at += 1) {
    for (const [one, other] of [
      [at, never],
      [never, at],
      [at, at],
    ] as const) {
      const { killed, active } = await switchoverWithKills(t, one, other);
      if (one < ofAlpha || other < ofBeta) t.true(killed > 0);
      ends[active as 'alpha' | 'beta'] += 1;
      runs += 1;
    }
  }
  t.log(`${runs} killed switchovers: ${ends.alpha} ended on the old active host, ${ends.beta} on the new one`);
  t.true(ends.alpha > 0 && ends.beta > 0);
});

test('services of the scenario run on the active host only, and the action upon success runs where it is asked for', async (t) => {
  const ran: string[] = [];
  const settings = {
    'dbManagement.services': ['web', 'pool'],
    'success.script': 'tell.sh',
    'success.arguments': ['moved'],
    'success.host': 'alpha',
  };
  const { world, alpha, beta } = await running(settings, (one, other) => {
    for (const host of [one, other]) {
      host.services.running.add('web').add('pool');
      host.script = (name, variables, _timeoutMs, args) => {
        ran.push(`${host.name} ${name} ${args?.join()} ${variables.MAINSTAY_SCENARIO}`);
        return Promise.resolve({ exitCode: 0, timedOut: false, output: '' });
      };
    }
  });
  t.deepEqual([...alpha.services.running], ['web', 'pool']);
  t.deepEqual([...beta.services.running], [], 'the standby has them stopped');
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active' && idle(alpha, beta));
  t.deepEqual([...alpha.services.running], []);
  t.deepEqual(alpha.services.done, ['stop pool', 'stop web'], 'in the opposite order');
  t.deepEqual(beta.services.done.slice(-2), ['start web', 'start pool']);
  t.deepEqual(ran, ['alpha tell.sh moved web']);
});

test('the host that handed over is restarted once when its part is over, and not while users need it', async (t) => {
  const settings = { 'switchover.reverseAutomatic': true, 'redirect.computerName': true, 'redirect.reboot': true };
  let restarts = 0;
  const counting = (alpha: WorldHost, beta: WorldHost) => {
    beta.restartHost = () => Promise.reject(new Fault('SERVICE-FAILED', { name: 'restart', reason: 'refused' }));
    alpha.restartHost = () => {
      restarts += 1;
      return Promise.resolve();
    };
  };
  const { world, alpha, beta } = await running(settings, counting);
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active' && idle(alpha, beta));
  await until(t, world, 'alpha restarts', () => restarts === 1);
  t.true(alpha.codes.includes('SWT-044'));
  t.is(beta.codes.filter((code) => code === 'SWT-044').length, 0, 'only the host that handed over');
  await alpha.restart();
  await world.advance(20_000);
  t.is(restarts, 1, 'not in a circle');

  await beta.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'alpha is active', () => alpha.status().roles?.role === 'active' && idle(alpha, beta));
  await until(t, world, 'it is told that beta was not restarted', () => beta.codes.includes('SWT-045'));

  const other = { ...input, name: 'blog', roots: [{ master: '/srv/blog', replica: '/srv/copy-blog' }] };
  await alpha.command('scenario.create', { document: other });
  await alpha.command('scenario.run', { ...choices, name: 'blog' });
  await world.advance(4_000);
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active again', () => beta.status().roles?.role === 'active' && idle(alpha, beta));
  await until(t, world, 'it is told why alpha is not restarted', () => alpha.codes.includes('SWT-045'));
  t.is(restarts, 1, 'users of the other scenario need it');
});

test('shares exist on the active host only, with the file services that each host has; without any that is refused', async (t) => {
  const settings = { 'dbManagement.shares': true };
  const files = (alpha: WorldHost, beta: WorldHost) => {
    alpha.services.unknown.delete('smbd');
    beta.services.unknown.delete('smbd');
    beta.services.unknown.delete('nfs-server');
    alpha.services.running.add('smbd');
    beta.services.running.add('smbd').add('nfs-server');
  };
  const { world, alpha, beta } = await running(settings, files);
  t.deepEqual([...beta.services.running], [], 'the standby has them stopped');
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active' && idle(alpha, beta));
  t.deepEqual([...alpha.services.running], []);
  t.deepEqual([...beta.services.running], ['smbd', 'nfs-server']);

  const empty = new World();
  const [one] = [empty.host('alpha'), empty.host('beta')];
  await one.command('scenario.create', { document: { ...input, settings } });
  const { findings } = (await one.command('scenario.verify', { name: 'web' })) as {
    findings: { code: string; host: string }[];
  };
  t.deepEqual(
    findings.filter(({ code }) => code === 'SHARES-NONE').map(({ host }) => host),
    ['alpha', 'beta'],
  );
});

test('a service that does not stop keeps the switchover from being committed, and everything is as before', async (t) => {
  const { world, alpha, beta, access } = await running({ 'dbManagement.services': ['web', 'stuck'] }, (one) => {
    one.services.running.add('web').add('stuck');
    one.services.stuck.add('stuck');
  });
  await alpha.command('scenario.switchover', { name: 'web' });
  await until(t, world, 'it is given up', () => alpha.codes.includes('SWT-003') && idle(alpha, beta));
  await world.advance(2_000);
  t.deepEqual(sides(alpha, beta), ['active', 'standby']);
  t.true(alpha.services.running.has('web'));
  t.true(access.alpha.open);
  t.is(alpha.status().state, 'protected');
});
