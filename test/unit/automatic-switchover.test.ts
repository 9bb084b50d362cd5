/** When a switchover starts by itself, by what right, and what keeps it from it: real services over fake engines, in virtual time. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { AutomaticStatus } from '../../shared/role.ts';
import { FakeAccess } from '../memory/access.ts';
import { World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const FAST = {
  'switchover.automatic': true,
  'switchover.reverseAutomatic': true,
  'switchover.returnPolicy': 'resynchronize',
  'isAlive.heartbeatMs': 500,
  'isAlive.timeoutMs': 2_000,
};
const FENCING = { ...FAST, 'switchover.arbiter': 'fencing', 'switchover.fencingScript': 'off.sh' };
const UNSAFE = { ...FAST, 'switchover.unsafeAuto': true, 'isAlive.referenceAddresses': ['10.0.0.1'] };
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;
const DONE = { exitCode: 0, timedOut: false, output: 'outlet 3 is off\n' };

interface Run {
  readonly host: string;
  readonly check: boolean;
  readonly variables: Readonly<Record<string, string>>;
}

class Lab {
  readonly world = new World();
  readonly alpha = this.world.host('alpha');
  readonly beta = this.world.host('beta');
  readonly access = { alpha: new FakeAccess(this.world), beta: new FakeAccess(this.world) };
  readonly runs: Run[] = [];
  /** What the fencing script does when it is run in earnest. */
  fence = (): Promise<typeof DONE> => Promise.resolve(DONE);
  readonly t: ExecutionContext;

  private constructor(t: ExecutionContext) {
    this.t = t;
  }

  static async start(t: ExecutionContext, settings: Record<string, unknown>): Promise<Lab> {
    const lab = new Lab(t);
    for (const host of [lab.alpha, lab.beta]) {
      host.access = lab.access[host.name as 'alpha' | 'beta'];
      host.script = async (_name, variables, _limitMs, args) => {
        const check = args?.[0] === '--check';
        lab.runs.push({ host: host.name, check, variables });
        return check ? DONE : await lab.fence();
      };
    }
    await lab.alpha.command('scenario.create', { document: { ...input, settings } });
    await lab.alpha.command('scenario.run', choices);
    await lab.until('protected', () => lab.alpha.status().state === 'protected' && lab.access.alpha.open);
    await lab.world.advance(3_000);
    return lab;
  }

  /** Off: everything of it is silent, its address too. */
  turnOff(host: WorldHost): void {
    host.reachable = false;
    host.cutLinks();
    for (const other of this.world.hosts.values()) other.probes.silent.add(host.name);
  }

  turnOn(host: WorldHost): void {
    host.reachable = true;
    for (const other of this.world.hosts.values()) other.probes.silent.delete(host.name);
  }

  earnest(): Run[] {
    return this.runs.filter(({ check }) => !check);
  }

  automatic(host = this.beta): AutomaticStatus {
    return host.status().roles!.automatic!;
  }

  codes(host = this.beta): string[] {
    return this.automatic(host).reasons.map(({ code }) => code);
  }

  roles(): string {
    return [this.alpha, this.beta].map((host) => host.status().roles?.role ?? '?').join();
  }

  count(code: string, host = this.beta): number {
    return host.codes.filter((one) => one === code).length;
  }

  async until(what: string, holds: () => boolean, limitMs = 120_000): Promise<void> {
    for (let ms = 0; ms < limitMs; ms += 100) {
      if (holds()) return;
      await this.world.advance(100);
    }
    const show = (host: WorldHost) => JSON.stringify({ ...host.status().roles, codes: host.codes.slice(-12) });
    this.t.fail(`not reached: ${what}\n${show(this.alpha)}\n${show(this.beta)}`);
  }
}

test('what an automatic switchover would do now is said by the standby, and told on the active host too', async (t) => {
  const lab = await Lab.start(t, FENCING);
  t.deepEqual(lab.automatic(), { possible: true, reasons: [], right: 'fencing', by: 'beta' });
  t.like(lab.automatic(lab.alpha), { possible: true, right: 'fencing', by: 'beta' });
  await lab.beta.command('scenario.shadow', { name: 'web', on: true });
  await lab.world.advance(4_000);
  t.deepEqual(lab.codes(), ['shadow']);
  t.deepEqual(lab.codes(lab.alpha), ['shadow']);
  lab.turnOff(lab.beta);
  await lab.until('alpha does not hear it', () => lab.codes(lab.alpha).includes('standby-unheard'));
  t.false(lab.automatic(lab.alpha).possible);
});

test('without anybody who decides, nothing is possible, and every reason is told', async (t) => {
  const lab = await Lab.start(t, { 'isAlive.heartbeatMs': 500, 'isAlive.timeoutMs': 2_000 });
  t.deepEqual(lab.codes(), ['off', 'no-right']);
  t.is(lab.automatic().right, undefined);
});

test('a copy that is further behind than the limit keeps it back, and not the operator', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.alpha.engine.report({ exposureMs: 90_000 });
  await lab.until('beta is behind', () => lab.codes().includes('lag'));
  await lab.beta.restart();
  await lab.until('beta is whole again', () => lab.codes().join() === 'lag');
  lab.turnOff(lab.alpha);
  await lab.until('it is told that nothing starts', () => lab.count('SWT-030') === 1);
  await lab.world.advance(60_000);
  t.is(lab.earnest().length, 0);
  t.is(lab.roles(), 'active,standby');
  t.is(lab.count('SWT-030'), 1, 'once');
  await lab.beta.command('scenario.switchover', { name: 'web', peerIsFenced: true });
  await lab.until('the operator decides', () => lab.beta.status().roles?.role === 'active');
});

test('the fencing script confirms that the Master is off, and its host takes over; its word and its output are kept', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.turnOff(lab.alpha);
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active' && lab.access.beta.open);
  const [run] = lab.earnest();
  t.is(lab.earnest().length, 1);
  t.is(run?.host, 'beta');
  t.like(run?.variables, { MAINSTAY_PEER: 'alpha', MAINSTAY_SCENARIO: 'web', MAINSTAY_FENCING: 'off' });
  t.like(lab.beta.book.scenarios[0]?.run.fenced, {
    switchId: run?.variables.MAINSTAY_SWITCH,
    script: 'off.sh',
    output: 'outlet 3 is off',
  });
  t.like(lab.beta.status().roles?.fencing, { state: 'confirmed', script: 'off.sh', other: 'alpha', attempts: 1 });
  t.true(lab.beta.codes.includes('SWT-032') && lab.beta.codes.includes('SWT-005'));
  t.is(lab.beta.book.scenarios[0]?.run.fencing, undefined);
  t.true(lab.beta.status().roles?.unacknowledged);
});

test('a script that cannot confirm keeps everything as it is, is run again later each time, and that is told', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.fence = () => Promise.resolve({ exitCode: 1, timedOut: false, output: 'the power switch does not answer' });
  lab.turnOff(lab.alpha);
  await lab.until('it failed three times', () => lab.count('SWT-033') === 3);
  t.is(lab.roles(), 'active,standby');
  t.is(new Set(lab.earnest().map(({ variables }) => variables.MAINSTAY_SWITCH)).size, 1, 'one key for all');
  t.like(lab.beta.status().roles?.fencing, { state: 'failed', attempts: 3 });
  t.regex(lab.beta.status().roles?.fencing?.text ?? '', /power switch does not answer/);
  t.true((lab.beta.status().roles?.fencing?.nextInMs ?? 0) > 10_000, 'later each time');
  lab.fence = () => Promise.resolve(DONE);
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active');
  t.is(lab.count('SWT-031'), 4);
});

test('a Master that is alive again before it was confirmed is not fenced any more', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.fence = () => Promise.resolve({ exitCode: 7, timedOut: false, output: '' });
  lab.turnOff(lab.alpha);
  await lab.until('it failed', () => lab.count('SWT-033') === 1);
  lab.turnOn(lab.alpha);
  await lab.until('it is given up', () => lab.count('SWT-035') === 1);
  await lab.world.advance(60_000);
  t.is(lab.earnest().length, 1);
  t.is(lab.roles(), 'active,standby');
  t.is(lab.beta.book.scenarios[0]?.run.fencing, undefined);
});

test('a daemon that is killed during the script runs it again with the same key, and takes over', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.fence = () => new Promise(() => {});
  lab.turnOff(lab.alpha);
  await lab.until('the script runs', () => lab.earnest().length === 1);
  t.like(lab.beta.status().roles?.fencing, { state: 'running' });
  t.is(lab.roles(), 'active,standby', 'nobody takes over before it has confirmed');
  lab.fence = () => Promise.resolve(DONE);
  await lab.beta.restart();
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active');
  const keys = lab.earnest().map(({ variables }) => variables.MAINSTAY_SWITCH);
  t.is(keys.length, 2);
  t.is(keys[0], keys[1]);
});

test('what an operator asked for goes on after a kill too, unless the Master is heard again', async (t) => {
  for (const isBack of [false, true]) {
    const lab = await Lab.start(t, { ...FENCING, 'switchover.automatic': false, 'switchover.arbiter': 'none' });
    lab.fence = () => new Promise(() => {});
    lab.turnOff(lab.alpha);
    await lab.world.advance(1_000);
    void lab.beta.command('scenario.switchover', { name: 'web' }).catch(() => undefined);
    await lab.until('the script runs', () => lab.earnest().length === 1);
    lab.fence = () => Promise.resolve(DONE);
    await lab.beta.restart(() => {
      if (isBack) lab.turnOn(lab.alpha);
    });
    if (isBack) {
      await lab.until('it is given up', () => lab.count('SWT-035') === 1);
      t.is(lab.earnest().length, 1);
      t.is(lab.roles(), 'active,standby');
    } else {
      await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active');
      t.is(lab.earnest().length, 2);
      t.is(lab.beta.status().roles?.unacknowledged, undefined, 'it was asked for');
    }
  }
});

test('the manual switchover of a silent Master runs the script too, and a refusal changes nothing', async (t) => {
  const lab = await Lab.start(t, { ...FENCING, 'switchover.automatic': false, 'switchover.arbiter': 'none' });
  lab.turnOff(lab.alpha);
  await lab.world.advance(1_000);
  const plan = (await lab.beta.command('scenario.switchoverPlan', { name: 'web' })) as {
    possible: boolean;
    steps: { lines: string[] }[];
  };
  t.true(plan.possible);
  t.regex(JSON.stringify(plan.steps), /run the fencing script off\.sh/);
  t.is(lab.earnest().length, 0, 'a dry run');
  lab.fence = () => Promise.resolve({ exitCode: 3, timedOut: false, output: 'no such outlet' });
  const refused = await t.throwsAsync(lab.beta.command('scenario.switchover', { name: 'web' }), { instanceOf: Fault });
  t.is((refused as Fault).code, 'SWITCH-FENCING');
  t.regex((refused as Fault).message, /no such outlet/);
  await lab.world.advance(120_000);
  t.is(lab.earnest().length, 1, 'not again behind the back of the operator');
  t.is(lab.roles(), 'active,standby');
  lab.fence = () => Promise.resolve(DONE);
  await lab.beta.command('scenario.switchover', { name: 'web' });
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active');
});

test('a script that says so although the Master lives: the epoch keeps the data right, and the lie is told', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.turnOff(lab.alpha);
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active' && lab.access.beta.open);
  t.is(lab.count('SWT-034'), 0);
  lab.alpha.tail = [];
  lab.turnOn(lab.alpha);
  await lab.until('alpha is standby', () => lab.roles() === 'standby,active');
  t.true(lab.alpha.codes.includes('SWT-006'), 'fenced by the epoch');
  await lab.until('the lie is told', () => lab.count('SWT-034') === 1);
  await lab.beta.restart();
  await lab.world.advance(20_000);
  t.is(lab.count('SWT-034'), 1, 'once');
});

test('a Master that was really off and comes back is no lie', async (t) => {
  const lab = await Lab.start(t, FENCING);
  lab.turnOff(lab.alpha);
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active');
  await lab.alpha.restart(() => lab.turnOn(lab.alpha));
  await lab.until('alpha is standby', () => lab.roles() === 'standby,active');
  t.is(lab.count('SWT-034'), 0);
});

test('the unsafe way goes by reference addresses alone, says so, and what only the old Master has is kept', async (t) => {
  const lab = await Lab.start(t, UNSAFE);
  t.like(lab.automatic(), { possible: true, right: 'unsafe', unsafe: true });
  lab.turnOff(lab.alpha);
  await lab.until('beta is active', () => lab.beta.status().roles?.role === 'active' && lab.access.beta.open);
  t.is(lab.count('SWT-038'), 1);
  t.is(lab.count('SWT-005'), 0);
  t.true(lab.access.alpha.open, 'only the network had failed: both are active, as the label says');
  lab.alpha.tail = [{ root: 0, path: 'late', kind: 'content' }] as never;
  lab.turnOn(lab.alpha);
  await lab.until('alpha is standby', () => lab.roles() === 'standby,active');
  t.false(lab.access.alpha.open);
  t.true(lab.alpha.codes.includes('SWT-013'), 'its tail is in quarantine');
});

test('the unsafe way starts nothing when no reference address answers either', async (t) => {
  const lab = await Lab.start(t, UNSAFE);
  lab.beta.probes.silent.add('10.0.0.1');
  lab.turnOff(lab.alpha);
  await lab.world.advance(60_000);
  t.is(lab.roles(), 'active,standby');
  t.false(lab.automatic().possible);
  t.true(lab.codes().includes('cut-off'));
});

test('an application that is dead on a live Master is moved with its help, and nothing is lost', async (t) => {
  const settings = { ...FENCING, 'dbManagement.services': ['web'] };
  const lab = await Lab.start(t, settings);
  lab.alpha.services.running.add('web');
  lab.alpha.services.stuck.add('web');
  lab.alpha.probes.stopped.add('web');
  await lab.until('beta is active', () => lab.roles() === 'standby,active' && lab.access.beta.open);
  t.is(lab.earnest().length, 0, 'nobody had to be fenced');
  t.is(lab.beta.status().roles?.epoch.number, 2);
  t.is(lab.count('SWT-036'), 1);
  t.true(lab.alpha.codes.includes('SWT-040'), 'a service that is dead does not keep it back');
  t.true(lab.beta.status().roles?.unacknowledged);
  await lab.until('alpha knows that too', () => lab.alpha.status().roles?.unacknowledged === true);
});

test('in hold-down no second one starts, on either host, until it is acknowledged or over', async (t) => {
  for (const ends of ['acknowledged', 'over'] as const) {
    const lab = await Lab.start(t, { ...FENCING, 'dbManagement.services': ['web'], 'switchover.holdDownMs': 600_000 });
    lab.alpha.probes.stopped.add('web');
    await lab.until('beta is active', () => lab.roles() === 'standby,active' && lab.access.beta.open);
    await lab.until('alpha could take over but for that', () => lab.codes(lab.alpha).join() === 'hold-down');
    lab.alpha.probes.stopped.delete('web');
    lab.beta.probes.stopped.add('web');
    await lab.until('it is told', () => lab.count('SWT-030', lab.alpha) === 1);
    await lab.world.advance(60_000);
    t.is(lab.roles(), 'standby,active');
    const left = lab.automatic(lab.alpha).heldForMs ?? 0;
    t.true(left > 400_000 && left < 600_000, `${left} ms`);
    // A restart of the host that would take over forgets nothing.
    await lab.alpha.restart();
    await lab.world.advance(30_000);
    t.true(lab.codes(lab.alpha).includes('hold-down'));
    t.is(lab.roles(), 'standby,active');
    if (ends === 'acknowledged') await lab.alpha.command('scenario.ack', { name: 'web' });
    await lab.until('alpha is active again', () => lab.roles() === 'active,standby', 1_200_000);
    t.is(lab.beta.status().roles?.epoch.number, 3);
  }
});

test('the active host itself hands over by request of its standby only where that is allowed', async (t) => {
  const { 'switchover.automatic': _automatic, ...manual } = FENCING;
  const lab = await Lab.start(t, manual);
  const { id } = lab.alpha.book.scenarios[0]!.document;
  const session = { role: 'peer', deviceId: lab.beta.deviceId, deviceName: 'beta', address: '' } as const;
  const asked = lab.alpha.command('peer.switchover', { scenarioId: id, because: 'the site is dead' }, session);
  const refused = await t.throwsAsync(asked, { instanceOf: Fault });
  t.is((refused as Fault).code, 'SWITCH-REFUSED');
  t.is(lab.roles(), 'active,standby');
});

test('a host whose application is dead and that does not hand over is asked again, later each time', async (t) => {
  const lab = await Lab.start(t, { ...FENCING, 'dbManagement.services': ['web'] });
  lab.world.automatic = false;
  lab.world.synchronized.clear();
  lab.alpha.engine.report();
  lab.alpha.probes.stopped.add('web');
  await lab.until('it was refused twice', () => lab.count('SWT-037') === 2);
  t.is(lab.roles(), 'active,standby');
  const asked = lab.count('SWT-036');
  await lab.world.advance(20_000);
  t.is(lab.count('SWT-036'), asked);
});

test('verification knows what would decide, and asks the fencing script without fencing', async (t) => {
  const found = async (settings: Record<string, unknown>, script?: WorldHost['script']) => {
    const world = new World();
    const alpha = world.host('alpha');
    const beta = world.host('beta');
    if (script !== undefined) for (const host of [alpha, beta]) host.script = script;
    await alpha.command('scenario.create', { document: { ...input, settings } });
    const { findings } = (await alpha.command('scenario.verify', { name: 'web' })) as {
      findings: { code: string; severity: string; host: string }[];
    };
    return findings
      .filter(({ code }) => /^(ARBITER|FENCING|UNSAFE)/.test(code))
      .map(({ code, severity, host }) => `${severity} ${code} ${host}`)
      .sort();
  };
  const asked: (readonly string[] | undefined)[] = [];
  const answering = (exitCode: number): WorldHost['script'] => {
    return (_name, _variables, _limitMs, args) => {
      asked.push(args);
      return Promise.resolve({ exitCode, timedOut: false, output: '' });
    };
  };
  const plain = { 'switchover.automatic': true };
  t.deepEqual(await found(plain), ['error ARBITER-NONE alpha']);
  t.deepEqual(await found({ ...plain, 'switchover.arbiter': 'fencing' }), ['error FENCING-SCRIPT alpha']);
  const fencing = { ...plain, 'switchover.arbiter': 'fencing', 'switchover.fencingScript': 'off.sh' };
  t.deepEqual(await found(fencing), ['error FENCING-CHECK beta', 'warning FENCING-CHECK alpha']);
  t.deepEqual(await found(fencing, answering(0)), []);
  t.deepEqual(await found(fencing, answering(1)), ['error FENCING-CHECK beta', 'warning FENCING-CHECK alpha']);
  t.true(asked.length >= 4 && asked.every((args) => args?.join() === '--check'));
  const unsafe = { ...plain, 'switchover.unsafeAuto': true };
  t.deepEqual(await found(unsafe), ['error UNSAFE-REFERENCE alpha', 'warning UNSAFE-AUTOMATIC alpha']);
  const referenced = { ...unsafe, 'isAlive.referenceAddresses': ['10.0.0.1'] };
  t.deepEqual(await found(referenced), ['warning UNSAFE-AUTOMATIC alpha']);
});
