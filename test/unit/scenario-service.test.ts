import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { VerificationResult } from '../../shared/results.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { FakeStream, GENERATION, settle, World, type WorldHost } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: false } as const;

async function pair(document: Record<string, unknown> = input) {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  await alpha.command('scenario.create', { document });
  return { world, alpha, beta };
}

async function running(document: Record<string, unknown> = input) {
  const hosts = await pair(document);
  await hosts.alpha.command('scenario.run', choices);
  await settle();
  return hosts;
}

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

const calls = (host: WorldHost) => host.engine.calls.map((call) => call.name);

test('create, run, barrier and stop of a pair leave the states, events and report of each step on both hosts', async (t) => {
  const { alpha, beta } = await pair();
  t.is(alpha.status().state, 'stopped');
  t.is(alpha.status().stopReason, 'never-run');
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  t.is(beta.status().state, 'protected');
  t.true(alpha.status().running);
  t.deepEqual(await alpha.command('scenario.barrier', { name: 'web' }), {
    position: { generation: GENERATION, seq: 7 },
    tookMs: 0,
  });
  t.is(alpha.reports.length, 1);
  t.like(alpha.reports[0], { host: 'beta', scenario: 'web', sentFiles: 2, ok: true, method: 'file' });
  t.deepEqual(await alpha.command('scenario.stop', { name: 'web' }), { state: 'stopped' });
  await settle();
  t.is(alpha.status().stopReason, 'by-user');
  t.is(beta.status().stopReason, 'by-user');
  t.false(alpha.status().running);
  t.true(beta.engine.ended);
  t.deepEqual(alpha.codes, [
    'SCN-001',
    'VER-001',
    'SCN-010',
    'CAP-001',
    'LNK-001',
    'SYN-001',
    'SYN-002',
    'RPT-001',
    'SYN-003',
    'SCN-014',
    'SCN-011',
    'SCN-012',
  ]);
  t.deepEqual(beta.codes, ['SCN-010', 'LNK-001', 'SCN-011', 'SCN-012']);
  t.deepEqual(alpha.complaints, []);
});

test('the engines get their own roots, one fingerprint and the limits of the settings', async (t) => {
  const { alpha, beta } = await running({
    ...input,
    master: { ...input.master, settings: { 'spool.maxBytes': '1 GiB' } },
  });
  t.deepEqual(alpha.engine.config?.roots, [{ path: '/srv/www' }]);
  t.deepEqual(beta.engine.config?.roots, [{ path: '/srv/copy' }]);
  t.is(alpha.engine.config?.agreedFingerprint, beta.engine.config?.agreedFingerprint);
  t.is(alpha.engine.config?.limits.spoolMaxBytes, 1024 ** 3);
  t.is(alpha.engine.config?.role, 'master');
  t.is(beta.engine.config?.role, 'replica');
});

test('errors of verification block Run and are told; warnings need an acknowledgement', async (t) => {
  const { alpha, beta } = await pair();
  beta.paths.set('/srv/copy', { type: 'missing' });
  const errors = await faultOf(t, alpha.command('scenario.run', choices));
  t.is(errors.code, 'SCENARIO-ERRORS');
  t.is(alpha.status().state, 'stopped');
  t.is(alpha.status().stopReason, 'never-run');
  t.is(alpha.engines.length, 0);
  beta.paths.delete('/srv/copy');
  alpha.paths.set('/srv/www', { mounts: ['/srv/www/upload'] });
  const warnings = await faultOf(t, alpha.command('scenario.run', choices));
  t.is(warnings.code, 'SCENARIO-WARNINGS');
  t.deepEqual(alpha.codes, ['SCN-001', 'VER-003', 'VER-002']);
  await alpha.command('scenario.run', { ...choices, acknowledgeWarnings: true });
  await settle();
  t.is(alpha.status().state, 'protected');
});

test('sizes are added up only where room may be short, and then on both hosts', async (t) => {
  const { alpha, beta } = await pair();
  const verification = async () => (await alpha.command('scenario.verify', { name: 'web' })) as VerificationResult;
  const counted = () => [alpha.counted.splice(0), beta.counted.splice(0)];
  alpha.paths.set('/srv/www', { totalBytes: 1.01e12 });
  await verification();
  t.deepEqual(counted(), [[false], [false]]);
  // 10 GB are in use on the Master's volume, for all that is known the root holds them. It does not.
  beta.paths.set('/srv/copy', { freeBytes: 1e9 });
  t.is((await verification()).errors, 0);
  t.deepEqual(counted(), [
    [false, true],
    [false, true],
  ]);
});

test('a Replica that cannot be reached is an error of verification that names it', async (t) => {
  const { alpha, beta } = await pair();
  beta.reachable = false;
  const result = (await alpha.command('scenario.verify', { name: 'web' })) as VerificationResult;
  t.is(result.errors, 1);
  t.like(result.findings[0], { severity: 'error', code: 'HOST-UNREACHABLE', host: 'beta' });
});

test('a Master killed with -9 goes on by itself and synchronizes nothing again', async (t) => {
  const { alpha, beta } = await running();
  await alpha.restart();
  t.is(alpha.status().state, 'protected');
  t.is(beta.status().state, 'protected');
  t.deepEqual(calls(alpha), []);
  t.is(alpha.reports.length, 1);
});

test('a Master killed during the synchronization starts it again', async (t) => {
  const hosts = await pair();
  hosts.world.automatic = false;
  await hosts.alpha.command('scenario.run', choices);
  await settle();
  t.is(hosts.alpha.status().state, 'synchronizing');
  hosts.world.automatic = true;
  await hosts.alpha.restart();
  t.is(hosts.alpha.status().state, 'protected');
  t.deepEqual(calls(hosts.alpha), ['synchronize']);
});

test('a Replica killed with -9 is ready again by itself and the link comes back without a synchronization', async (t) => {
  const { world, alpha, beta } = await running();
  await beta.restart();
  await world.advance(5_000);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(calls(alpha), ['synchronize']);
  t.is(alpha.status().problem, undefined);
  t.true(alpha.codes.includes('LNK-002'));
  t.is(beta.status().state, 'protected');
});

test('a Replica that lost all its state is prepared and synchronized again by itself', async (t) => {
  const { world, alpha, beta } = await running();
  world.synchronized.delete(beta.deviceId);
  await beta.restart(() => {
    beta.book = { scenarios: [] };
  });
  await world.advance(10_000);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(calls(alpha), ['synchronize', 'synchronize']);
  t.is(alpha.codes.filter((code) => code === 'SYN-006').length, 1);
});

test('with automatic re-sync prevented the outdated Replica waits for the operator', async (t) => {
  const settings = { 'replication.preventAutomaticResync': true };
  const { world, alpha, beta } = await running();
  await alpha.command('scenario.set', { name: 'web', values: settings });
  world.synchronized.delete(beta.deviceId);
  alpha.cutLinks();
  await world.advance(3_000);
  t.is(alpha.status().state, 'out-of-sync');
  t.regex(alpha.status().problem ?? '', /run the scenario again/);
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  t.like(alpha.engine.calls.at(-1), { name: 'synchronize', adoptRoots: true, droppedOnly: true });
});

test('an engine whose thread dies is started again; one that goes on dying fails the scenario and stops the Replica', async (t) => {
  const { world, alpha, beta } = await running();
  alpha.engine.crash();
  await settle();
  t.is(alpha.status().state, 'out-of-sync');
  t.regex(alpha.status().problem ?? '', /started again/);
  await world.advance(1_000);
  t.is(alpha.status().state, 'protected');
  t.is(alpha.engines.length, 2);
  for (let crash = 0; crash < 5; crash += 1) {
    alpha.engine.crash();
    await world.advance(30_000);
  }
  t.is(alpha.status().state, 'failed');
  t.is(beta.status().state, 'stopped');
  t.is(alpha.codes.at(-1), 'SCN-013');
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
});

test('a Replica engine that dies is started again while the Master keeps running', async (t) => {
  const { world, alpha, beta } = await running();
  beta.engine.crash();
  await world.advance(5_000);
  t.is(beta.engines.length, 2);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(calls(alpha), ['synchronize']);
});

test('a link that arrives while the Replica engine is still starting is given to it, with what was sent meanwhile', async (t) => {
  const { alpha, beta } = await running();
  const { id } = alpha.status();
  const [near, far] = FakeStream.pair();
  beta.holdStart = true;
  await beta.restart();
  beta.links.onIncoming(id, alpha.deviceId)(far);
  near.send(Uint8Array.from([1, 2, 3]));
  await settle();
  t.deepEqual(beta.engine.received, []);
  beta.engine.onNotice({ type: 'started', position: undefined });
  await settle();
  t.deepEqual(beta.engine.received, [Uint8Array.from([1, 2, 3])]);
});

test('a Replica whose root is missing can still be stopped at once', async (t) => {
  const { alpha, beta } = await running();
  beta.holdStart = true;
  await beta.restart();
  beta.engine.event('ROOT-001', { path: '/srv/copy' });
  await settle();
  t.regex(beta.status().problem ?? '', /srv\/copy/);
  await alpha.command('scenario.stop', { name: 'web' });
  t.is(beta.status().state, 'stopped');
  t.is(beta.codes.filter((code) => code === 'ROOT-001').length, 1);
});

test('a root that is not mounted after a restart is waited for without failing', async (t) => {
  const { world, alpha } = await running();
  alpha.startFault = new Fault('ROOT-MISSING', { path: '/srv/www' });
  await alpha.restart();
  for (let i = 0; i < 20; i += 1) await world.advance(5_000);
  t.is(alpha.status().state, 'out-of-sync');
  t.is(alpha.codes.filter((code) => code === 'ROOT-001').length, 1, 'said once');
  alpha.startFault = undefined;
  await world.advance(6_000);
  t.is(alpha.status().state, 'protected');
});

test('a Replica that was away when the scenario stopped is told when it is back', async (t) => {
  const { world, alpha, beta } = await running();
  beta.reachable = false;
  beta.cutLinks();
  await alpha.command('scenario.stop', { name: 'web' });
  await settle();
  t.is(beta.status().state, 'protected', 'it cannot know yet');
  beta.reachable = true;
  await world.advance(60_000);
  t.is(beta.status().state, 'stopped');
});

test('links and requests of a device that is not the Master of the scenario are refused and logged', async (t) => {
  const { world, alpha, beta } = await running();
  const gamma = world.host('gamma');
  const { id } = alpha.status();
  const link = t.throws(() => beta.links.onIncoming(id, gamma.deviceId), { instanceOf: Fault });
  t.is(link.code, 'LINK-REFUSED');
  const session = { role: 'peer', deviceId: gamma.deviceId, deviceName: 'gamma', address: '' } as const;
  const document = JSON.parse(JSON.stringify(beta.book.scenarios[0]!.document)) as Record<string, unknown>;
  for (const action of [
    beta.command('peer.stop', { scenarioId: id, reason: 'x' }, session),
    beta.command('peer.forget', { scenarioId: id }, session),
    beta.command('peer.facts', { scenarioId: id, paths: ['/etc'], spool: 'tmp' }, session),
    beta.command('peer.prepare', { document, epoch: 1 }, session),
  ]) {
    t.is((await faultOf(t, action)).code, 'ACCESS-DENIED');
  }
  t.is(beta.status().state, 'protected');
  t.is(beta.codes.filter((code) => code === 'LNK-003').length, 5);
});

test('an older epoch than the Replica knows is refused', async (t) => {
  const { alpha, beta } = await running();
  beta.book.scenarios[0]!.run.epoch = 5;
  await alpha.command('scenario.stop', { name: 'web' });
  const fault = await faultOf(t, alpha.command('scenario.run', choices));
  t.is(fault.code, 'LINK-EPOCH');
  t.is(alpha.status().state, 'stopped');
});

test('roots that overlap a running scenario are refused on either host', async (t) => {
  const { alpha } = await running();
  const other = { ...input, name: 'other', roots: [{ master: '/srv/www/sub', replica: '/srv/elsewhere' }] };
  await alpha.command('scenario.create', { document: other });
  const master = (await alpha.command('scenario.verify', { name: 'other' })) as VerificationResult;
  t.like(master.findings[0], { code: 'ROOT-OVERLAP', host: 'alpha' });
  const third = { ...input, name: 'third', roots: [{ master: '/srv/apart', replica: '/srv/copy' }] };
  await alpha.command('scenario.create', { document: third });
  const replica = (await alpha.command('scenario.verify', { name: 'third' })) as VerificationResult;
  t.like(replica.findings[0], { code: 'ROOT-OVERLAP', host: 'beta' });
});

test('run of a running scenario, stop of a stopped one and barrier of a stopped one are refused', async (t) => {
  const { alpha } = await running();
  t.is((await faultOf(t, alpha.command('scenario.run', choices))).code, 'SCENARIO-STATE');
  await alpha.command('scenario.stop', { name: 'web' });
  t.is((await faultOf(t, alpha.command('scenario.stop', { name: 'web' }))).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, alpha.command('scenario.barrier', { name: 'web' }))).code, 'SCENARIO-STATE');
});

test('a barrier waits for a Replica that is not synchronized and says so when time is up', async (t) => {
  const { world, alpha } = await pair();
  world.automatic = false;
  await alpha.command('scenario.run', choices);
  await settle();
  const barrier = faultOf(t, alpha.command('scenario.barrier', { name: 'web', timeoutMs: 3_000 }));
  await world.advance(3_100);
  t.is((await barrier).code, 'TIMEOUT');
  t.false(calls(alpha).includes('barrier'));
});

test('a barrier after a restart of the Master waits until the Replica is connected again', async (t) => {
  const { world, alpha, beta } = await running();
  beta.reachable = false;
  await alpha.restart();
  t.is(alpha.status().state, 'protected');
  let passed = false;
  const barrier = alpha.command('scenario.barrier', { name: 'web', timeoutMs: 60_000 }).then(() => {
    passed = true;
  });
  await world.advance(5_000);
  t.false(passed, 'the new engine has not heard of the Replica');
  beta.reachable = true;
  await world.advance(5_000);
  await barrier;
  t.true(passed);
});

test('a barrier that was waiting when the engine died is answered by the next engine', async (t) => {
  const { world, alpha } = await running();
  world.automatic = false;
  const barrier = alpha.command('scenario.barrier', { name: 'web', timeoutMs: 60_000 });
  await settle();
  alpha.engine.crash();
  world.automatic = true;
  await world.advance(1_000);
  t.like(await barrier, { position: { seq: 7 } });
});

test('a failed synchronization is reported, tried again and does not count as protected', async (t) => {
  const { world, alpha } = await pair();
  world.automatic = false;
  await alpha.command('scenario.run', choices);
  await settle();
  alpha.engine.fail('synchronize', new Fault('LINK-REFUSED', { reason: 'disk full' }));
  t.is(alpha.status().state, 'out-of-sync');
  t.regex(alpha.status().problem ?? '', /disk full/);
  world.automatic = true;
  await world.advance(1_500);
  t.is(alpha.status().state, 'protected');
  t.true(alpha.codes.includes('SYN-004'));
});

test('skip is the operator’s choice once: outdated data found later is compared', async (t) => {
  const hosts = await pair();
  await hosts.alpha.command('scenario.run', { ...choices, sync: 'skip' });
  await settle();
  hosts.world.synchronized.clear();
  hosts.alpha.cutLinks();
  await hosts.world.advance(3_000);
  const methods = hosts.alpha.engine.calls.map((call) => (call.name === 'synchronize' ? call.method : call.name));
  t.deepEqual(methods, ['skip', 'file']);
});

test('several Replicas: one away does not keep the other from being replicated', async (t) => {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  const gamma = world.host('gamma');
  const replicas = [...input.replicas, { name: 'gamma', address: 'gamma:25000' }];
  await alpha.command('scenario.create', { document: { ...input, replicas } });
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  t.deepEqual(
    alpha.status().hosts.map((host) => [host.name, host.role, host.health]),
    [
      ['alpha', 'active', 'alive'],
      ['beta', 'standby', 'alive'],
      ['gamma', 'standby', 'alive'],
    ],
  );
  beta.reachable = false;
  beta.cutLinks();
  await world.advance(3_000);
  t.regex(alpha.status().problem ?? '', /No connection to beta/);
  const barrier = (replica: string) => alpha.command('scenario.barrier', { name: 'web', replica, timeoutMs: 5_000 });
  t.like(await barrier('gamma'), { position: { seq: 7 } });
  t.like(alpha.engine.calls.at(-1), { name: 'barrier', replicas: [gamma.deviceId] });
  const away = faultOf(t, barrier('beta'));
  await world.advance(6_000);
  t.is((await away).code, 'TIMEOUT');
  t.is((await faultOf(t, barrier('nobody'))).code, 'USAGE');
  // A host that is restarted is drained alone.
  t.deepEqual(await alpha.command('host.prepareReboot', { host: 'gamma' }), { scenarios: ['web'] });
  await alpha.command('scenario.resume', { name: 'web', replica: 'gamma' });
  beta.reachable = true;
  await world.advance(60_000);
  t.is(alpha.status().problem, undefined);
});

test('a Replica added while the scenario runs is synchronized alone; one taken away is told to forget it', async (t) => {
  const { world, alpha, beta } = await running();
  const gamma = world.host('gamma');
  const replicas = [...input.replicas, { name: 'gamma', address: 'gamma:25000' }];
  await alpha.command('scenario.apply', { document: { ...input, replicas } });
  await world.advance(5_000);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(calls(alpha), ['synchronize'], 'by the engine that was started for the new Replicas');
  t.like(alpha.engine.calls[0], { peer: gamma.deviceId });
  t.is(gamma.status().state, 'protected');
  t.deepEqual(beta.engine.config?.agreedFingerprint, gamma.engine.config?.agreedFingerprint);
  await alpha.command('scenario.apply', { document: { ...input, replicas: replicas.slice(1) } });
  await world.advance(5_000);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(calls(alpha), []);
  t.throws(() => beta.status());
  t.deepEqual(alpha.engine.config?.replicas, [gamma.deviceId]);
});

test('set raises the revision, refuses an outdated one and what needs a stop', async (t) => {
  const { alpha } = await running();
  const values = { 'replication.preventAutomaticResync': true };
  const outdated = alpha.command('scenario.set', { name: 'web', values, revision: 7 });
  t.is((await faultOf(t, outdated)).code, 'SCENARIO-REVISION');
  const spool = { 'spool.maxBytes@alpha': '1 GiB' };
  t.is((await faultOf(t, alpha.command('scenario.set', { name: 'web', values: spool }))).code, 'SCENARIO-STATE');
  await alpha.command('scenario.stop', { name: 'web' });
  const changed = (await alpha.command('scenario.set', { name: 'web', values: spool, revision: 1 })) as {
    document: ScenarioDocument;
    changed: string[];
  };
  t.is(changed.document.revision, 2);
  t.deepEqual(changed.changed, ['spool.maxBytes@alpha']);
  t.is(changed.document.master.settings?.['spool.maxBytes'], 1024 ** 3);
});

test('plan says what apply would change, apply does it, and applying the same again changes nothing', async (t) => {
  const { alpha } = await pair();
  const document = { ...input, exclude: ['*.tmp'] };
  const plan = (await alpha.command('scenario.plan', { document })) as { changes: { key: string }[]; exists: boolean };
  t.true(plan.exists);
  t.deepEqual(
    plan.changes.map((change) => change.key),
    ['exclude'],
  );
  t.like(await alpha.command('scenario.apply', { document }), { created: false, changed: ['exclude'] });
  t.like(await alpha.command('scenario.apply', { document }), { created: false, changed: [] });
  t.is(alpha.status().revision, 2);
  t.like(await alpha.command('scenario.apply', { document: { ...document, name: 'new', roots: ['/srv/new'] } }), {
    created: true,
  });
});

test('a scenario of another Master or with one engine twice is refused with the reason', async (t) => {
  const world = new World();
  const alpha = world.host('alpha');
  world.host('beta');
  const create = (document: Record<string, unknown>) => faultOf(t, alpha.command('scenario.create', { document }));
  const foreign = await create({
    ...input,
    master: { name: 'beta', address: 'beta:1' },
    replicas: [{ name: 'alpha', address: 'alpha:1' }],
  });
  t.is(foreign.code, 'SCENARIO-INVALID');
  t.regex(foreign.message, /its Master is beta/);
  const deviceId = alpha.deviceId;
  const itself = await create({ ...input, replicas: [{ name: 'beta', address: 'beta:1', deviceId }] });
  t.regex(itself.message, /one and the same engine/);
});

test('a scenario created before pairing gets the identity of its Replica when it is verified', async (t) => {
  const world = new World();
  const alpha = world.host('alpha');
  await alpha.command('scenario.create', { document: input });
  t.is(alpha.book.scenarios[0]!.document.replicas[0]!.deviceId, undefined);
  const beta = world.host('beta');
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  t.is(alpha.book.scenarios[0]!.document.replicas[0]!.deviceId, beta.deviceId);
});

test('only a stopped scenario is deleted, and then on every host', async (t) => {
  const { alpha, beta } = await running();
  t.is((await faultOf(t, alpha.command('scenario.delete', { name: 'web' }))).code, 'SCENARIO-STATE');
  await alpha.command('scenario.stop', { name: 'web' });
  await alpha.command('scenario.delete', { name: 'web' });
  t.deepEqual(alpha.service.status.scenarios(), []);
  t.deepEqual(beta.service.status.scenarios(), []);
  t.deepEqual(alpha.book.scenarios, []);
  t.deepEqual(beta.book.scenarios, []);
});

test('a suspended Replica holds what it gets, also over a restart, and goes on without a synchronization', async (t) => {
  const { world, alpha } = await running();
  t.deepEqual(await alpha.command('scenario.suspend', { name: 'web' }), { state: 'suspended' });
  await world.advance(5_000);
  const holds = () => alpha.engine.calls.filter((call) => call.name === 'suspend');
  t.like(holds()[0], { suspended: true });
  t.is((await faultOf(t, alpha.command('scenario.barrier', { name: 'web' }))).code, 'SCENARIO-STATE');
  await alpha.restart();
  await world.advance(5_000);
  t.is(alpha.status().state, 'suspended');
  t.like(holds()[0], { suspended: true });
  await alpha.command('scenario.resume', { name: 'web', replica: 'beta' });
  await settle();
  t.is(alpha.status().state, 'protected');
  t.like(holds().at(-1), { suspended: false });
  t.deepEqual(
    calls(alpha).filter((name) => name === 'synchronize'),
    [],
  );
  t.is((await faultOf(t, alpha.command('scenario.suspend', { name: 'web', replica: 'nobody' }))).code, 'USAGE');
});

test('hosts are drained and held before a restart, and go on by themselves when they are back', async (t) => {
  const { world, alpha, beta } = await running();
  t.deepEqual(await alpha.command('host.prepareReboot', { host: 'gamma' }), { scenarios: [] });
  t.deepEqual(await alpha.command('host.prepareReboot', { host: 'beta' }), { scenarios: ['web'] });
  t.is(alpha.status().state, 'suspended');
  t.is(alpha.engine.calls.filter((call) => call.name === 'barrier').length, 1);
  await beta.restart();
  await world.advance(60_000);
  t.is(alpha.status().state, 'protected');
  t.deepEqual(await alpha.command('host.prepareReboot', { host: 'alpha' }), { scenarios: ['web'] });
  await alpha.restart();
  await world.advance(60_000);
  t.is(alpha.status().state, 'protected');
  t.is(alpha.codes.filter((code) => code === 'SYN-001').length, 1);
});

test('the mass-change brake is shown as what needs the operator, and released by him', async (t) => {
  const { alpha } = await running();
  alpha.engine.report(
    {},
    { brake: { kinds: ['deletions'], removed: 90, total: 100, changed: 0, files: 80, seq: 7, at: 1 } },
  );
  t.is(alpha.status().state, 'suspended');
  t.regex(alpha.status().problem ?? '', /90 of 100 entries .* brake web release/);
  t.regex((await faultOf(t, alpha.command('scenario.barrier', { name: 'web' }))).message, /brake/);
  t.deepEqual(await alpha.command('scenario.brakeRelease', { name: 'web' }), { released: true });
  alpha.engine.report();
  t.is(alpha.status().state, 'protected');
});

test('a barrier that the replication delay would outlast says so at once', async (t) => {
  const { alpha } = await running();
  await alpha.command('scenario.set', { name: 'web', values: { 'recovery.delayMs@beta': 3_600_000 } });
  const fault = await faultOf(t, alpha.command('scenario.barrier', { name: 'web', timeoutMs: 60_000 }));
  t.regex(fault.message, /replication delay of 1 h/);
});

test('a scenario deleted while its Replica was away makes room there for a new one of the same name', async (t) => {
  const { alpha, beta } = await running();
  await alpha.command('scenario.stop', { name: 'web' });
  beta.reachable = false;
  await alpha.command('scenario.delete', { name: 'web' });
  beta.reachable = true;
  t.is(beta.status().state, 'stopped');
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  t.is(beta.book.scenarios.length, 1);
});

test('a Replica is deleted there alone only when its Master is not connected', async (t) => {
  const { world, alpha, beta } = await running();
  t.is((await faultOf(t, beta.command('scenario.delete', { name: 'web' }))).code, 'SCENARIO-STATE');
  alpha.reachable = false;
  await alpha.service.shutdown();
  await world.advance(2_000);
  await beta.command('scenario.delete', { name: 'web' });
  t.deepEqual(beta.service.status.scenarios(), []);
});

test('an orderly end of the daemon keeps the scenario wanted, so that it runs after the next start', async (t) => {
  const { alpha } = await running();
  await alpha.service.shutdown();
  t.true(alpha.engine.ended);
  t.true(alpha.book.scenarios[0]!.run.wanted);
  await alpha.restart();
  t.is(alpha.status().state, 'protected');
});

test('a Master killed while stopping is stopped after the start and tells the Replica', async (t) => {
  const { world, alpha, beta } = await running();
  beta.reachable = false;
  void alpha.command('scenario.stop', { name: 'web' }).catch(() => undefined);
  await alpha.restart();
  t.is(alpha.status().state, 'stopped');
  t.is(alpha.status().stopReason, 'by-user');
  beta.reachable = true;
  await world.advance(31_000);
  t.is(beta.status().state, 'stopped');
});

test('parked items are asked of the Replica through its Master or itself, and dropped there', async (t) => {
  const { alpha, beta } = await running();
  const item = { root: 0, path: 'x', code: 'FS-DENIED', reason: 'no', hint: 'chmod', attempts: 2, nextAttemptAt: 9 };
  beta.parked = [item];
  const expected = { items: [{ replica: 'beta', ...item }], dropped: 0 };
  t.deepEqual(await alpha.command('scenario.parked', { name: 'web' }), expected);
  t.deepEqual(await beta.command('scenario.parked', { name: 'web' }), expected);
  await alpha.command('scenario.parkedDrop', { name: 'web', replica: 'beta' });
  t.deepEqual(beta.parked, []);
  t.is((await faultOf(t, alpha.command('scenario.parked', { name: 'web', replica: 'gamma' }))).code, 'USAGE');
  const stranger = { role: 'peer', deviceId: '1'.repeat(64), deviceName: 'x', address: '' } as const;
  const asked = beta.command('peer.parked', { scenarioId: alpha.status().id, action: 'drop' }, stranger);
  t.is((await faultOf(t, asked)).code, 'ACCESS-DENIED');
});

test('a scenario that had to park something is protected, and says what is missing', async (t) => {
  const { alpha } = await running();
  alpha.engine.report();
  t.is(alpha.status().problem, undefined);
  alpha.engine.report({ parked: 2 });
  t.is(alpha.status().state, 'protected');
  t.regex(alpha.status().problem ?? '', /2 items are parked on beta/);
  alpha.engine.report({ parked: 0, dropped: 1 });
  t.regex(alpha.status().problem ?? '', /1 parked item was dropped on beta: not proven identical/);
});

test('a full disk of the Master is told once, waited for as long as it takes, and its end is told', async (t) => {
  const { world, alpha } = await running();
  const fault = new Fault('FS-FULL', { path: '/data' });
  alpha.startFault = fault;
  alpha.engine.onNotice({ type: 'failed', fault: fault.toDocument() });
  await world.advance(120_000);
  t.not(alpha.status().state, 'failed');
  t.regex(alpha.status().problem ?? '', /No space left for "\/data"/);
  t.is(alpha.codes.filter((code) => code === 'DSK-001').length, 1);
  alpha.startFault = undefined;
  await world.advance(30_000);
  t.is(alpha.status().state, 'protected');
  t.is(alpha.codes.filter((code) => code === 'DSK-002').length, 1);
  t.false(alpha.codes.includes('SCN-013'));
});

test('scheduled replication: the engine gets the schedule, a barrier that cannot pass in time is refused with the moment', async (t) => {
  const settings = { 'replication.mode': 'scheduled', 'replication.scheduleGrid': ['mon-fri 20-22'] };
  const { world, alpha, beta } = await running({ ...input, settings });
  t.deepEqual(alpha.engine.config?.schedule, {
    mode: 'scheduled',
    grid: ['mon-fri 20-22'],
    periodMs: 3_600_000,
    excludedDates: [],
  });
  t.is(beta.engine.config?.schedule, undefined);
  alpha.engine.nextSendAt = world.clock.wallMs() + 3_600_000;
  alpha.engine.report();
  t.is(alpha.status().nextSendAt, alpha.engine.nextSendAt);
  const refused = await faultOf(t, alpha.command('scenario.barrier', { name: 'web', timeoutMs: 60_000 }));
  t.is(refused.code, 'SCENARIO-SCHEDULED');
  await t.notThrowsAsync(alpha.command('scenario.barrier', { name: 'web', timeoutMs: 4_000_000 }));
  await alpha.command('scenario.sendNow', { name: 'web' });
  await settle();
  t.deepEqual(
    alpha.engine.calls.filter(({ name }) => name === 'release'),
    [
      { name: 'release', on: true },
      { name: 'release', on: false },
    ],
  );
});

test('a bandwidth limit is edited while the scenario runs and reaches the engine at once', async (t) => {
  const { alpha } = await running();
  const values = {
    'link.bandwidthBytesPerSecond': '5 MB',
    'link.bandwidthGrid': ['mon-fri 8-18 1MB', 'sat-sun 0-24 0'],
  };
  await alpha.command('scenario.set', { name: 'web', values });
  await settle();
  const policy = { bytesPerSecond: 5_000_000, grid: values['link.bandwidthGrid'] };
  t.like(alpha.engine.calls.at(-1), { name: 'bandwidth', policy });
  const wrong = { 'link.bandwidthGrid': ['mon-fri 8-18'] };
  t.is((await faultOf(t, alpha.command('scenario.set', { name: 'web', values: wrong }))).code, 'CONFIG-INVALID');
});

test('a stopped scenario is compared by engines made for it, which go afterwards; meanwhile it is not run', async (t) => {
  const { world, alpha, beta } = await pair();
  world.automatic = false;
  const comparing = alpha.command('scenario.diff', { name: 'web', ignoreSame: true });
  await settle();
  t.like(alpha.engine.config, { role: 'master', compareOnly: true });
  t.is(beta.engine.config?.role, 'replica');
  t.is(beta.status().state, 'stopped');
  t.is((await faultOf(t, alpha.command('scenario.run', choices))).code, 'SCENARIO-STATE');
  alpha.engine.reply('diff', {
    identical: false,
    differences: [{ root: 0, path: 'stray', kind: 'extra' }],
    truncated: false,
  });
  t.like(await comparing, { identical: false, differences: [{ path: 'stray', replica: 'beta' }] });
  await settle();
  t.true(alpha.engine.ended && beta.engine.ended);
  t.like(alpha.reports.at(-1), { kind: 'difference', host: 'beta', ok: false });
  t.deepEqual(
    beta.codes.filter((code) => code.startsWith('SCN')),
    [],
    'it was not run there',
  );
  world.automatic = true;
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
});

test('a comparison of a stopped scenario whose Replica gets no connection gives up with the reason', async (t) => {
  const { world, alpha, beta } = await pair();
  world.automatic = false;
  const comparing = alpha.command('scenario.diff', { name: 'web', ignoreSame: true });
  beta.reachable = false;
  beta.cutLinks();
  const refused = faultOf(t, comparing);
  await world.advance(30_000);
  t.is((await refused).code, 'LINK-UNREACHABLE');
  t.true(alpha.engine.ended);
  await world.advance(70_000);
  t.true(beta.engine.ended, 'the other host did not hear of the end: it ends by itself');
});

test('a missing root of the Master shows in state and health, and an unsynchronized Replica as such', async (t) => {
  const { alpha } = await running();
  alpha.engine.report({}, { phase: 'held', held: 'The root "/srv/www" is missing.' });
  t.is(alpha.status().state, 'out-of-sync');
  t.is(alpha.status().hosts[0]?.health, 'suspect');
  t.regex(alpha.status().problem ?? '', /missing/);
  alpha.engine.report();
  t.is(alpha.status().state, 'protected');
  t.true(alpha.status().hosts[1]?.synchronized);
  alpha.engine.report({ synchronized: false });
  t.false(alpha.status().hosts[1]?.synchronized);
});
