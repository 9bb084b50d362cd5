/** Groups of scenarios: switched over one after the other, with the truth about each. Real services over fake engines. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { GroupRun, GroupStatus } from '../../shared/group.ts';
import type { SwitchoverPlan } from '../../shared/results.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const NAMES = ['shop', 'blog', 'mail'] as const;
const all = { name: 'site', scenarios: [...NAMES] };

class Lab {
  readonly world = new World();
  readonly alpha = this.world.host('alpha');
  readonly beta = this.world.host('beta');
  readonly t: ExecutionContext;

  private constructor(t: ExecutionContext) {
    this.t = t;
  }

  static async start(
    t: ExecutionContext,
    settings: Partial<Record<string, Record<string, unknown>>> = {},
  ): Promise<Lab> {
    const lab = new Lab(t);
    for (const name of NAMES) {
      const document = {
        name,
        serverType: 'custom',
        solution: 'ha',
        master: { name: 'alpha', address: 'alpha:25000' },
        replicas: [{ name: 'beta', address: 'beta:25000' }],
        roots: [{ master: `/srv/${name}`, replica: `/copy/${name}` }],
        settings: { 'switchover.reverseAutomatic': true, ...settings[name] },
      };
      await lab.alpha.command('scenario.create', { document });
      await lab.alpha.command('scenario.run', { name, sync: 'file', ignoreSame: true, acknowledgeWarnings: true });
    }
    await lab.world.advance(4_000);
    await lab.alpha.command('group.create', all);
    return lab;
  }

  async show(host: WorldHost): Promise<GroupStatus> {
    return (await host.command('group.show', { name: 'site' })) as GroupStatus;
  }

  active(host = this.alpha): string {
    return NAMES.map((name) => host.status(name).active).join();
  }

  /** Runs it to its end, in virtual time. */
  async run(host: WorldHost, args: Record<string, unknown> = {}): Promise<GroupRun> {
    await host.command('group.switchover', { name: 'site', ...args });
    return await this.ended(host);
  }

  async ended(host: WorldHost): Promise<GroupRun> {
    for (let tries = 0; tries < 600; tries += 1) {
      const { run } = await this.show(host);
      if (run !== undefined && run.state !== 'running') return run;
      await this.world.advance(500);
    }
    this.t.fail(`no end: ${JSON.stringify((await this.show(host)).run)}`);
    throw new Error('no end');
  }

  /** Its service on alpha can neither be stopped nor started. */
  stick(): void {
    this.alpha.services.running.add('stuck');
    this.alpha.services.stuck.add('stuck');
  }
}

const states = ({ members }: GroupRun) => members.map(({ state }) => state);
const refusal = async (t: ExecutionContext, asked: Promise<unknown>) =>
  (await t.throwsAsync(asked, { instanceOf: Fault })) as Fault;

test('all members are switched over in their order, each after the one before, and back', async (t) => {
  const lab = await Lab.start(t);
  t.deepEqual((await lab.show(lab.beta)).group, (await lab.show(lab.alpha)).group, 'the other host has it too');
  const { plans } = (await lab.alpha.command('group.plan', { name: 'site' })) as { plans: SwitchoverPlan[] };
  t.deepEqual(
    plans.map(({ name, from, to, possible }) => `${name} ${from} ${to} ${possible}`),
    ['shop alpha beta true', 'blog alpha beta true', 'mail alpha beta true'],
  );
  t.is(lab.active(), 'alpha,alpha,alpha', 'a dry run');
  const run = await lab.run(lab.beta);
  t.deepEqual(states(run), ['done', 'done', 'done']);
  t.is(lab.active(lab.beta), 'beta,beta,beta');
  const order = lab.alpha.events
    .query({ limit: 10_000 })
    .filter(({ code, data }) => code === 'SWT-001' && data?.to === 'beta')
    .map(({ scenario }) => scenario);
  t.deepEqual(order, ['shop', 'blog', 'mail']);
  t.true(lab.beta.codes.includes('GRP-003'));
  t.deepEqual(states(await lab.run(lab.alpha)), ['done', 'done', 'done']);
  t.is(lab.active(), 'alpha,alpha,alpha');
});

test('it stops at the first that fails, says what became of each, and goes on from there', async (t) => {
  const lab = await Lab.start(t, { blog: { 'dbManagement.services': ['stuck'] } });
  lab.stick();
  const run = await lab.run(lab.alpha);
  t.is(run.state, 'failed');
  t.deepEqual(states(run), ['done', 'failed', 'not-begun']);
  t.regex(run.members[1]?.reason ?? '', /stuck/);
  await lab.world.advance(5_000);
  t.is(lab.active(), 'beta,alpha,alpha');
  const told = lab.alpha.events.query({ limit: 10_000 }).find(({ code }) => code === 'GRP-004');
  t.regex(told?.text ?? '', /shop is on beta; blog failed \(.*stuck.*\); mail was not begun/);

  const unclear = await refusal(t, lab.alpha.command('group.switchover', { name: 'site' }));
  t.is(unclear.code, 'GROUP-REFUSED', 'back, or on?');
  lab.alpha.services.stuck.clear();
  const rest = await lab.run(lab.alpha, { resume: true });
  t.deepEqual(states(rest), ['already', 'done', 'done']);
  t.is(lab.active(), 'beta,beta,beta');
  t.deepEqual(states(await lab.run(lab.alpha, { to: 'alpha' })), ['done', 'done', 'done']);
});

test('nothing is begun while any member would be refused', async (t) => {
  const lab = await Lab.start(t);
  await lab.alpha.command('scenario.stop', { name: 'mail' });
  await lab.world.advance(2_000);
  const refused = await refusal(t, lab.alpha.command('group.switchover', { name: 'site' }));
  t.is(refused.code, 'GROUP-REFUSED');
  t.regex(refused.message, /mail/);
  t.is(lab.active(), 'alpha,alpha,alpha');
  t.is((await lab.show(lab.alpha)).run, undefined);
  const nowhere = await refusal(t, lab.alpha.command('group.switchover', { name: 'site', to: 'gamma' }));
  t.regex(nowhere.message, /its hosts are alpha and beta/);
});

test('a member that does not end in time has failed, and it is said that it goes on', async (t) => {
  const lab = await Lab.start(t);
  await lab.alpha.command('group.create', { ...all, limitMs: 5_000 });
  await lab.alpha.command('group.switchover', { name: 'site' });
  // The last change is never applied.
  lab.world.automatic = false;
  const run = await lab.ended(lab.alpha);
  t.deepEqual(states(run), ['failed', 'not-begun', 'not-begun']);
  t.regex(run.members[0]?.reason ?? '', /goes on by itself/);
});

test('an engine that is killed meanwhile says so when it is back, and begins no other member', async (t) => {
  const lab = await Lab.start(t);
  await lab.alpha.command('group.switchover', { name: 'site' });
  await settle();
  await lab.alpha.restart();
  const run = await lab.ended(lab.alpha);
  t.is(run.state, 'interrupted');
  t.deepEqual(states(run).slice(1), ['not-begun', 'not-begun']);
  await lab.world.advance(120_000);
  t.true(lab.active().endsWith('alpha,alpha'));
  t.true(lab.alpha.codes.includes('GRP-005'));
  t.is((await lab.run(lab.alpha, { resume: true })).state, 'done');
  t.is(lab.active(), 'beta,beta,beta');
});

test('a group that was changed or deleted while the other host was away is so there when it is back', async (t) => {
  const lab = await Lab.start(t);
  lab.beta.reachable = false;
  const { missed } = (await lab.alpha.command('group.create', { name: 'site', scenarios: ['mail', 'shop'] })) as {
    missed: string[];
  };
  t.deepEqual(missed, ['beta']);
  lab.beta.reachable = true;
  await lab.world.advance(61_000);
  t.deepEqual((await lab.show(lab.beta)).group.scenarios, ['mail', 'shop']);
  lab.beta.reachable = false;
  await lab.alpha.command('group.delete', { name: 'site' });
  lab.beta.reachable = true;
  await lab.beta.restart();
  await lab.world.advance(61_000);
  for (const host of [lab.alpha, lab.beta]) {
    const gone = await refusal(t, host.command('group.show', { name: 'site' }));
    t.is(gone.code, 'GROUP-NOT-FOUND', host.name);
  }
});

test('a group knows only scenarios of its host, each once, and only hosts of them change it', async (t) => {
  const lab = await Lab.start(t);
  const unknown = await refusal(t, lab.alpha.command('group.create', { name: 'x', scenarios: ['nothing'] }));
  t.is(unknown.code, 'SCENARIO-NOT-FOUND');
  const twice = await refusal(t, lab.alpha.command('group.create', { name: 'x', scenarios: ['shop', 'SHOP'] }));
  t.is(twice.code, 'USAGE');
  const stranger = { role: 'peer', deviceId: 'c'.repeat(64), deviceName: 'c', address: '' } as const;
  const denied = await refusal(t, lab.alpha.command('peer.group', { name: 'site', revision: 9 }, stranger));
  t.is(denied.code, 'ACCESS-DENIED');
});
