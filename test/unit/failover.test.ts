/** Two hosts and a witness, with the real services over fake engines: who is active when somebody is gone. In virtual time. */
import test, { type ExecutionContext } from 'ava';
import type { Session } from '../../daemon/services.ts';
import { WitnessArbiter } from '../../daemon/witness/arbiter.ts';
import { WitnessService } from '../../daemon/witness/service.ts';
import type { CommandArgs } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import { FakeAccess } from '../memory/access.ts';
import { World, type WorldHost } from '../memory/scenario-world.ts';
import { MemoryStateFile } from '../memory/state-file.ts';

const LEASE_MS = 2_000;
const input = {
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
  settings: {
    'switchover.arbiter': 'witness',
    'switchover.arbiterAddress': ['gamma:25000'],
    'switchover.automatic': true,
    'switchover.leaseMs': LEASE_MS,
    'isAlive.heartbeatMs': 500,
    'isAlive.timeoutMs': 2_000,
  },
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

class Lab {
  readonly world = new World();
  readonly alpha = this.world.host('alpha');
  readonly beta = this.world.host('beta');
  readonly access = { alpha: new FakeAccess(this.world), beta: new FakeAccess(this.world) };
  readonly register = new MemoryStateFile();
  witness = this.startWitness();
  /** Hosts that cannot reach the witness. */
  readonly cut = new Set<string>();
  witnessUp = true;
  readonly t: ExecutionContext;

  private constructor(t: ExecutionContext) {
    this.t = t;
  }

  static async start(t: ExecutionContext): Promise<Lab> {
    const lab = new Lab(t);
    for (const host of [lab.alpha, lab.beta]) {
      host.access = lab.access[host.name as 'alpha' | 'beta'];
      host.arbiterOf = (document, other) =>
        new WitnessArbiter(
          {
            address: 'gamma:25000',
            scenarioId: document.id,
            self: host.deviceId,
            other,
            leaseMs: LEASE_MS,
            marginMs: 200,
          },
          { request: (_host, command, args) => lab.ask(host, command, args) },
          lab.world.clock,
        );
    }
    // What verification asks before anything runs.
    const gamma = lab.world.host('gamma');
    Object.assign(gamma.service.handlers, lab.witness.handlers());
    for (const host of [lab.alpha, lab.beta]) host.alias.set('gamma:25000', 'gamma');
    await lab.alpha.command('scenario.create', { document: input });
    await lab.alpha.command('scenario.run', choices);
    await lab.until(
      'protected with an open gate',
      () => lab.alpha.status().state === 'protected' && lab.access.alpha.open,
    );
    return lab;
  }

  startWitness(): WitnessService {
    return new WitnessService({ clock: this.world.clock, openFile: () => this.register });
  }

  restartWitness(): void {
    this.witness = this.startWitness();
  }

  async ask(host: WorldHost, command: string, args: object): Promise<unknown> {
    if (this.cut.has(host.name) || !this.witnessUp)
      throw new Fault('LINK-UNREACHABLE', { host: 'gamma', reason: 'cut' });
    const session: Session = { role: 'peer', deviceId: host.deviceId, deviceName: host.name, address: '' };
    const { 'witness.ask': ask, 'witness.look': look } = this.witness.handlers();
    if (command === 'witness.look') return await look!({}, session);
    return await ask!(args as CommandArgs<'witness.ask'>, session);
  }

  /** From everybody. */
  isolate(host: WorldHost): void {
    host.reachable = false;
    host.cutLinks();
    this.cut.add(host.name);
  }

  heal(host: WorldHost): void {
    host.reachable = true;
    this.cut.delete(host.name);
  }

  roles(): string[] {
    return [this.alpha, this.beta].map((host) => host.status().roles?.role ?? '?');
  }

  async until(what: string, holds: () => boolean, limitMs = 120_000): Promise<number> {
    for (let ms = 0; ms < limitMs; ms += 100) {
      if (this.access.alpha.open && this.access.beta.open) this.t.fail(`two open gates (${what})`);
      if (holds()) return ms;
      await this.world.advance(100);
    }
    const show = (host: WorldHost) => JSON.stringify({ ...host.status().roles, codes: host.codes.slice(-8) });
    this.t.fail(`not reached: ${what}\n${show(this.alpha)}\n${show(this.beta)}`);
    return limitMs;
  }
}

test('an active host that is cut off closes before the standby opens, and comes back fenced, then standby', async (t) => {
  const lab = await Lab.start(t);
  lab.isolate(lab.alpha);
  const closed = await lab.until('alpha is closed', () => !lab.access.alpha.open);
  t.true(closed <= LEASE_MS + 500, `closed after ${closed} ms`);
  const open = await lab.until('beta is open', () => lab.access.beta.open);
  t.log(`closed after ${closed} ms, the other one open ${open} ms later`);
  t.is(lab.beta.status().roles?.role, 'active');
  t.is(lab.beta.status().epoch, 2);
  lab.heal(lab.alpha);
  await lab.until('alpha is standby', () => lab.roles().join() === 'standby,active');
  t.true(lab.access.beta.open);
  t.true(lab.beta.status().roles?.unacknowledged, 'no further one before somebody has seen this one');
});

test('a lost link between the hosts is no failover: the witness still renews the active one', async (t) => {
  const lab = await Lab.start(t);
  // A register that begins gives its first lease when nobody can have an older one; until then alpha is open by beta's promise.
  await lab.world.advance(2 * LEASE_MS);
  lab.alpha.reachable = false;
  lab.beta.reachable = false;
  lab.alpha.cutLinks();
  for (let tenths = 0; tenths < 200; tenths += 1) {
    await lab.world.advance(100);
    t.true(lab.access.alpha.open);
    t.false(lab.access.beta.open);
  }
  t.deepEqual(lab.roles(), ['active', 'standby']);
});

test('without the witness the active host stays while its standby agrees, and a restarted witness takes it up again', async (t) => {
  const lab = await Lab.start(t);
  lab.witnessUp = false;
  for (let tenths = 0; tenths < 200; tenths += 1) {
    await lab.world.advance(100);
    t.true(lab.access.alpha.open, `after ${tenths / 10} s`);
  }
  lab.restartWitness();
  lab.witnessUp = true;
  for (let tenths = 0; tenths < 100; tenths += 1) {
    await lab.world.advance(100);
    t.true(lab.access.alpha.open && !lab.access.beta.open);
  }
  lab.isolate(lab.alpha);
  await lab.until('beta is open', () => lab.access.beta.open);
});

test('a planned switchover goes through the witness, and back', async (t) => {
  const lab = await Lab.start(t);
  await lab.alpha.command('scenario.switchover', { name: 'web' });
  await lab.until('beta is open', () => lab.roles().join() === 'standby,active' && lab.access.beta.open);
  t.is(lab.beta.status().roles?.unacknowledged, undefined);
});

test('the witness answers nobody else, and nobody in the name of the other host', async (t) => {
  const lab = await Lab.start(t);
  const [stored] = lab.alpha.book.scenarios;
  const args = {
    scenarioId: stored!.document.id,
    hosts: [lab.alpha.deviceId, lab.beta.deviceId].sort(),
    leaseMs: LEASE_MS,
    marginMs: 200,
    question: { type: 'force', epoch: { number: 9, holder: lab.beta.deviceId } },
  };
  const asked = (deviceId: string, question: Record<string, unknown>) => {
    const session: Session = { role: 'peer', deviceId, deviceName: 'x', address: '' };
    return () => lab.witness.handlers()['witness.ask']!({ ...args, question }, session);
  };
  t.throws(asked('c'.repeat(64), args.question), { instanceOf: Fault });
  t.throws(asked(lab.alpha.deviceId, args.question), { instanceOf: Fault }, 'alpha speaks for beta');
  t.throws(asked(lab.beta.deviceId, { type: 'steal' }), { instanceOf: Fault });
});

test('verification tells an arbiter that cannot do its work before it is needed', async (t) => {
  const found = async (settings: Record<string, unknown>) => {
    const world = new World();
    const alpha = world.host('alpha');
    world.host('beta');
    await alpha.command('scenario.create', { document: { ...input, settings } });
    const { findings } = (await alpha.command('scenario.verify', { name: 'web' })) as { findings: { code: string }[] };
    return findings.map(({ code }) => code).filter((code) => code.startsWith('ARBITER'));
  };
  t.deepEqual(await found({ 'switchover.automatic': true }), ['ARBITER-NONE']);
  t.deepEqual(await found({ 'switchover.arbiter': 'witness' }), ['ARBITER-ADDRESS']);
  const shared = await found({ 'switchover.arbiter': 'witness', 'switchover.arbiterAddress': ['beta:25000'] });
  t.true(shared.includes('ARBITER-SHARED'));
  const both = {
    ...input.settings,
    'switchover.reverseAutomatic': true,
    'switchover.arbiterAddress': ['nobody:25000'],
  };
  const silent = await found(both);
  t.true(silent.includes('ARBITER-BOTH'));
  t.is(silent.filter((code) => code === 'ARBITER-SILENT').length, 2, 'asked from both hosts');
});
