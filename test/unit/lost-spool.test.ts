/** A Replica whose spool is gone for good, without its Master. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import { settle, World } from '../memory/scenario-world.ts';

const input = {
  name: 'web',
  serverType: 'custom',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: false } as const;

async function running() {
  const world = new World();
  const [alpha, beta] = [world.host('alpha'), world.host('beta')];
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await settle();
  return { world, alpha, beta };
}

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

test('a stopped Replica whose spool is gone gives it up without its Master; one that is there is kept', async (t) => {
  const { world, alpha, beta } = await running();
  await alpha.command('scenario.stop', { name: 'web' });
  alpha.reachable = false;
  t.is((await faultOf(t, beta.command('scenario.giveUpSpool', { name: 'web' }))).code, 'SCENARIO-STATE');
  beta.startFault = new Fault('SPOOL-MISSING', { path: '/gone/spool' });
  await world.advance(10_000);
  t.is((await faultOf(t, beta.command('scenario.giveUpSpool', { name: 'other' }))).code, 'SCENARIO-NOT-FOUND');
  t.deepEqual(await beta.command('scenario.giveUpSpool', { name: 'web' }), { path: '/gone/spool' });
  t.true(beta.codes.includes('SPL-002'));
  t.false(beta.status().running);
  t.true(
    beta.engines.every(({ ended, config }) => ended || config?.role !== 'replica'),
    'nothing is left running',
  );
  t.is((await faultOf(t, alpha.command('scenario.giveUpSpool', { name: 'web' }))).code, 'SCENARIO-STATE');

  alpha.reachable = true;
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
  beta.startFault = new Fault('SPOOL-MISSING', { path: '/gone/spool' });
  await beta.restart();
  await world.advance(2_000);
  t.regex(beta.status().problem ?? '', /spool/);
  await beta.command('scenario.giveUpSpool', { name: 'web' });
  await world.advance(5_000);
  t.is(beta.status().problem, undefined, 'one that was running goes on');
});
