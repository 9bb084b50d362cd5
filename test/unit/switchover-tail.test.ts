/** The old Master comes back with something that only it has: in quarantine before anything is replaced, or nothing happens at all. */
import test, { type ExecutionContext } from 'ava';
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import { Fault } from '../../shared/faults.ts';
import { World } from '../memory/scenario-world.ts';

const TAIL: TailEntry[] = [{ root: 0, path: 'page', kind: 'put', type: 'file', sizeBytes: 5 }];

async function until(t: ExecutionContext, world: World, what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (holds()) return;
    await world.advance(500);
  }
  t.fail(`not reached: ${what}`);
}

/** Alpha was dead when beta took over, and is about to come back. */
async function replaced(t: ExecutionContext, returnPolicy: 'ask' | 'resynchronize') {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  const document = {
    name: 'web',
    serverType: 'custom',
    solution: 'ha',
    master: { name: 'alpha', address: 'alpha:25000' },
    replicas: [{ name: 'beta', address: 'beta:25000' }],
    roots: [{ master: '/srv/www', replica: '/srv/copy' }],
    settings: { 'switchover.reverseAutomatic': true, 'switchover.returnPolicy': returnPolicy },
  };
  await alpha.command('scenario.create', { document });
  await alpha.command('scenario.run', { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true });
  await world.advance(4_000);
  alpha.reachable = false;
  await world.advance(60_000);
  await beta.command('scenario.switchover', { name: 'web', peerIsFenced: true });
  await until(t, world, 'beta is active', () => beta.status().roles?.role === 'active');
  return { world, alpha, beta };
}

const takesData = (t: ExecutionContext, { stored }: { stored: { returned?: true | undefined } }, waits: boolean) =>
  t.is(stored.returned === true, waits);

for (const policy of ['ask', 'resynchronize'] as const) {
  test(`a quarantine that has no room leaves everything in place and says so; with room, also after a crash, it goes on (${policy})`, async (t) => {
    const { world, alpha } = await replaced(t, policy);
    alpha.tail = TAIL;
    alpha.quarantine.fault = new Fault('FS-FULL', { path: 'quarantine' });
    alpha.reachable = true;
    await until(t, world, 'it says so', () => alpha.codes.includes('SWT-020'));
    await world.advance(120_000);
    t.is(alpha.status().roles?.role, 'fenced');
    t.is(alpha.book.scenarios[0]?.side, 'master', 'not overwritten');
    t.is(alpha.codes.filter((code) => code === 'SWT-020').length, 1, 'once');
    await alpha.restart();
    await world.advance(60_000);
    t.is(alpha.book.scenarios[0]?.side, 'master');
    alpha.quarantine.fault = undefined;
    await until(t, world, 'alpha is standby', () => alpha.status().roles?.role === 'standby');
    t.is(alpha.quarantine.kept.length, 1);
    t.deepEqual(alpha.quarantine.kept[0]?.entries, TAIL);
    t.true(alpha.codes.includes('SWT-013'));
    takesData(t, { stored: alpha.book.scenarios[0]!.run }, policy === 'ask');
  });
}

test('a tail that can no longer be listed when it is to be kept waits for the operator, whatever the policy', async (t) => {
  const { world, alpha } = await replaced(t, 'resynchronize');
  alpha.tail = TAIL;
  alpha.quarantine.fault = new Fault('FS-FULL', { path: 'quarantine' });
  alpha.reachable = true;
  await until(t, world, 'it says so', () => alpha.codes.includes('SWT-020'));
  alpha.tail = 'unrelated';
  alpha.quarantine.fault = undefined;
  await until(t, world, 'alpha is standby', () => alpha.status().roles?.role === 'standby');
  t.true(alpha.codes.includes('SWT-014'));
  takesData(t, { stored: alpha.book.scenarios[0]!.run }, true);
});
