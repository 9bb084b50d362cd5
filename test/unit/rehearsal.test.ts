/** Assured Recovery: a Replica is tested and goes on where it was, whatever ends the test. The real view: hosts/rehearsal.test.ts. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const hasher = await createContentHasher();

const input = {
  name: 'web',
  serverType: 'custom',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
  settings: { 'general.integrityTesting': true },
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: false } as const;

async function running() {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  for (const host of [alpha, beta]) host.service.start();
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await settle();
  return { world, alpha, beta };
}

type Answer = CommandResults['scenario.rehearse'];

async function rehearse(host: WorldHost, action: 'run' | 'begin' | 'end' | 'show'): Promise<Answer> {
  return (await host.command('scenario.rehearse', { name: 'web', action })) as Answer;
}

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

const rehearsing = (host: WorldHost) => host.engine.calls.flatMap((call) => (call.name === 'rehearse' ? call.on : []));

test('a test on demand opens the view after apply stands, undoes everything, lets apply go on, and reports', async (t) => {
  const { alpha, beta } = await running();
  beta.datasets.set('/srv/copy', { entries: 12, bytes: 1_200, complete: true });
  const { result } = await rehearse(alpha, 'run');
  t.like(result, { replica: 'beta', passed: true, trigger: 'demand', undone: { entries: 3, bytes: 300 }, inUse: [] });
  t.deepEqual(
    result?.checks.map(({ name, passed }) => [name, passed]),
    [
      ['Readable: /srv/copy', true],
      ['Writable: /srv/copy', true],
    ],
  );
  t.deepEqual(rehearsing(beta), [true, false]);
  t.is(beta.views.covered.size, 0);
  t.is(beta.status().state, 'protected');
  t.is(beta.reports.length, 1);
  t.like(beta.reports[0], { kind: 'assured-recovery', ok: true, host: 'beta', id: result?.report });
  t.deepEqual(
    beta.codes.filter((code) => code.startsWith('RHS')),
    ['RHS-001', 'RHS-002'],
  );
  t.is(beta.book.scenarios[0]?.run.rehearsal, undefined);
});

test('a check that fails is the result, not an error; the script gets the roots and its output is kept', async (t) => {
  const { alpha, beta } = await running();
  await alpha.command('scenario.set', { name: 'web', values: { 'tasks.integrityTestingScript@beta': 'check-site' } });
  await settle();
  const missing = await rehearse(alpha, 'run');
  t.false(missing.result?.passed);
  t.regex(missing.result?.checks.at(-1)?.text ?? '', /No script "check-site"/);
  let asked: unknown;
  beta.script = (name, variables) => {
    asked = { name, root: variables['MAINSTAY_ROOT_1'], open: [...beta.views.covered.values()] };
    return Promise.resolve({ exitCode: 3, timedOut: false, output: 'page 7 is broken\n' });
  };
  const { result } = await rehearse(alpha, 'run');
  t.deepEqual(asked, { name: 'check-site', root: '/srv/copy', open: [['/srv/copy']] });
  t.like(result?.checks.at(-1), { passed: false, text: 'exit code 3', output: 'page 7 is broken\n' });
  t.is(beta.views.covered.size, 0);
  t.true(beta.codes.includes('RHS-003'));
  t.false(beta.reports.at(-1)?.ok);
});

test('a test that was begun by hand shows on the Replica, is alone, and ends when it is told or its time is over', async (t) => {
  const { world, alpha, beta } = await running();
  await alpha.command('scenario.set', { name: 'web', values: { 'tasks.integrityTestingLimitMs@beta': 60_000 } });
  await settle();
  const { state } = await rehearse(alpha, 'begin');
  t.is((state?.endsBy ?? 0) - (state?.startedAt ?? 0), 60_000);
  t.is(beta.status().state, 'rehearsing');
  t.deepEqual((await rehearse(alpha, 'show')).state, state);
  t.is((await faultOf(t, rehearse(alpha, 'begin'))).code, 'SCENARIO-STATE');
  t.is((await rehearse(beta, 'end')).result?.undone.entries, 3, 'also on the Replica itself');
  t.is((await faultOf(t, rehearse(alpha, 'end'))).code, 'SCENARIO-STATE');
  t.is(beta.reports.length, 0, 'nothing was checked');

  await rehearse(alpha, 'begin');
  await world.advance(61_000);
  t.is(beta.views.covered.size, 0);
  t.is(beta.status().state, 'protected');
  t.true(beta.codes.includes('RHS-004'));
  t.deepEqual(rehearsing(beta), [true, false, true, false]);
});

test('nothing of a test is left when the scenario is stopped, the engine ends or the host is restarted in the middle', async (t) => {
  const { alpha, beta } = await running();
  await rehearse(alpha, 'begin');
  await alpha.command('scenario.stop', { name: 'web' });
  await settle();
  t.is(beta.views.covered.size, 0);
  t.is(beta.status().state, 'stopped');

  await alpha.command('scenario.run', choices);
  await settle();
  await rehearse(alpha, 'begin');
  await beta.restart(() => t.is(beta.views.covered.size, 1, 'a killed daemon leaves its mounts'));
  t.is(beta.views.covered.size, 0);
  t.is(beta.book.scenarios[0]?.run.rehearsal, undefined);

  await rehearse(alpha, 'begin');
  const engines = beta.engines.length;
  beta.engine.crash();
  await beta.world.advance(5_000);
  t.true(beta.engines.length > engines);
  t.is(beta.views.covered.size, 0, 'the new engine must not see the view');
  t.is(beta.codes.filter((code) => code === 'RHS-004').length, 3);
});

test('a stop while the test is just beginning leaves no view behind', async (t) => {
  const { alpha, beta } = await running();
  // At each of its steps.
  for (let turns = 0; turns < 12; turns += 1) {
    const beginning = rehearse(beta, 'begin').catch((error: unknown) => Fault.from(error).code);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    if (turns > 6) await new Promise((resolve) => setImmediate(resolve));
    await alpha.command('scenario.stop', { name: 'web' });
    await settle();
    await beginning;
    t.is(beta.views.covered.size, 0, `${turns} turns`);
    t.is(beta.book.scenarios[0]?.run.rehearsal, undefined);
    await alpha.command('scenario.run', choices);
    await settle();
  }
});

test('a view that is refused leaves apply running and says why', async (t) => {
  const { alpha, beta } = await running();
  beta.views.refused = new Fault('REHEARSAL-UNAVAILABLE', { reason: 'no overlay is possible' });
  const fault = await faultOf(t, rehearse(alpha, 'run'));
  t.is(fault.code, 'REHEARSAL-UNAVAILABLE');
  t.is(rehearsing(beta).at(-1), false);
  t.is(beta.book.scenarios[0]?.run.rehearsal, undefined);
  await alpha.command('scenario.stop', { name: 'web' });
  t.is((await faultOf(t, rehearse(alpha, 'run'))).code, 'SCENARIO-STATE', 'a stopped Replica has no engine');
});

test('scheduled tests run at their time, not while tasks are suspended, and tell when one could not', async (t) => {
  const { world, alpha, beta } = await running();
  const set = (values: Record<string, string | boolean>) => alpha.command('scenario.set', { name: 'web', values });
  await set({ 'tasks.integrityTestingSchedule@beta': '0 * * * *' });
  await world.advance(3_700_000);
  t.is(beta.reports.length, 1);
  t.like(beta.reports[0], { trigger: 'schedule' });
  await set({ 'tasks.suspended@beta': true });
  await world.advance(3_700_000);
  t.is(beta.reports.length, 1);
  await set({ 'tasks.suspended@beta': false });
  beta.views.refused = new Fault('REHEARSAL-UNAVAILABLE', { reason: 'no overlay is possible' });
  await world.advance(3_700_000);
  t.is(beta.reports.length, 1);
  t.true(alpha.codes.includes('RHS-005'));
});

test('what arrives during a test waits in the spool, the roots stay as they are, and all is applied afterwards', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('keep');
  for (let n = 0; n < 50; n += 1) pair.user.writeFile(`keep/${n}`, `${n}`);
  pair.start();
  pair.synchronize();
  pair.barrier();
  const call = (on: boolean) => pair.callReplica({ name: 'rehearse', on }) as { still: boolean };
  call(true);
  pair.run(100);
  t.true(call(true).still);
  const before = pair.replicaView();
  pair.user.writeFile('a', '2');
  pair.user.rename('keep', 'kept');
  pair.run(5_000);
  t.deepEqual(pair.replicaView(), before);
  const status = pair.masterStatus?.peers['replica'];
  t.true(status?.rehearsing);
  t.is(status?.receivedSeq, pair.masterStatus?.position?.seq, 'everything is safe on the Replica');
  t.regex(status?.held ?? '', /tested/);
  call(false);
  pair.barrier();
  pair.run(1_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.is(pair.masterStatus?.peers['replica']?.rehearsing, undefined);
  t.is(pair.codes().filter((code) => code === 'SYN-001').length, 1);
  pair.close();
});

test('a synchronization asked for during a test begins when the test is over', (t) => {
  const pair = new EnginePair(hasher);
  for (let n = 0; n < 50; n += 1) pair.user.writeFile(`${n}`, `${n}`);
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.callReplica({ name: 'rehearse', on: true });
  pair.run(100);
  const before = pair.replicaView();
  pair.user.writeFile('7', 'changed');
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  pair.run(5_000);
  t.is(pair.answerOf(id), undefined);
  t.deepEqual(pair.replicaView(), before);
  pair.callReplica({ name: 'rehearse', on: false });
  pair.run(5_000);
  t.not(pair.answerOf(id), undefined);
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  pair.close();
});
