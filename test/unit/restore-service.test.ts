/** Restore data as operators see it on both hosts: in order, in the wrong order, killed at every step, cut off. */
import test, { type ExecutionContext } from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { RestoreMethod, RestoreResult, UndoResult } from '../../shared/rewind.ts';
import { settle, World, type WorldHost } from '../memory/scenario-world.ts';

const RECOVERY = 'Recovery scenario of web';
const input = {
  name: 'web',
  serverType: 'custom',
  master: { name: 'alpha', address: 'alpha:25000' },
  replicas: [{ name: 'beta', address: 'beta:25000', settings: { 'recovery.dataRewind': true } }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
};
const choices = { name: 'web', sync: 'file', ignoreSame: true, acknowledgeWarnings: true } as const;

async function stopped() {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  await alpha.command('scenario.create', { document: input });
  await alpha.command('scenario.run', choices);
  await settle();
  await alpha.command('scenario.stop', { name: 'web' });
  await settle();
  return { world, alpha, beta };
}

function restore(host: WorldHost, method: RestoreMethod, point?: string): Promise<RestoreResult> {
  const args = { name: 'web', method, sync: 'block', ...(point === undefined ? {} : { point }) } as const;
  return host.command('scenario.restore', args) as Promise<RestoreResult>;
}

const undo = (host: WorldHost) => host.command('scenario.undo', { name: 'web', forget: false }) as Promise<UndoResult>;

/** Until it is over; virtual time goes on meanwhile. */
async function over<T>(world: World, work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  ended.catch(() => undefined);
  for (let waited = 0; !done && waited < 200; waited += 1) await world.advance(500);
  if (!done) throw new Error('it does not come to an end');
  return await ended;
}

async function faultOf(t: ExecutionContext, action: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(action, { instanceOf: Fault }))!;
}

const names = (host: WorldHost) => host.service.status.scenarios().map(({ name }) => name);

function checkOver(t: ExecutionContext, hosts: readonly WorldHost[], title = ''): void {
  for (const host of hosts) {
    t.deepEqual(names(host), ['web'], `${title}: the Recovery scenario is gone on ${host.name}`);
    t.is(host.status().state, 'stopped', title);
    t.is(host.status().recovery, undefined, title);
    t.is(host.book.scenarios[0]?.recovery?.failed, undefined, title);
    t.deepEqual(host.complaints, [], title);
  }
}

test('the Replica is set back and synchronized back to the Master, which is told of every step', async (t) => {
  const { world, alpha, beta } = await stopped();
  world.automatic = false;
  const restoring = restore(alpha, 'rewind', 'bookmark-7');
  await settle();
  beta.engine.reply('rewind-plan', { steps: 3, back: 'rewind-9' });
  await world.advance(2_000);
  beta.engine.reply('rewind-plan', { steps: 3, back: 'rewind-9' });
  await settle();
  beta.engine.onNotice({
    type: 'status',
    status: { ...IDLE, rewind: { doneSteps: 1, totalSteps: 3, path: 'index.html' } },
  });
  await world.advance(1_000);
  for (const host of [alpha, beta]) {
    t.is(host.status().state, 'stopped');
    t.is(host.status().stopReason, 'by-user');
    t.like(host.status().recovery, {
      phase: 'rewinding',
      doneSteps: 1,
      totalSteps: 3,
      path: 'index.html',
      replica: 'beta',
    });
    t.is(host.status(RECOVERY).state, 'recovering');
    t.is(host.status(RECOVERY).active, 'beta');
  }
  t.is((await faultOf(t, alpha.command('scenario.run', choices))).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, alpha.command('scenario.delete', { name: 'web' }))).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, restore(alpha, 'master'))).code, 'SCENARIO-STATE');
  const questions = alpha.command('scenario.points', { name: 'web', filter: { limit: 10 } });
  t.is((await faultOf(t, questions)).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, undo(alpha))).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, alpha.command('scenario.delete', { name: RECOVERY }))).code, 'SCENARIO-STATE');
  beta.engine.reply('rewind', { steps: 3, foreign: [], foreignCount: 0, undoPoint: '', tookMs: 5 });
  world.automatic = true;
  const result = await over(world, restoring);
  t.like(result, { method: 'rewind', replica: 'beta', steps: 3, undoPoint: 'rewind-9' });
  t.is(result.synchronization?.sentFiles, 2);
  t.true((result.undoUntil ?? 0) > world.clock.wallMs());
  checkOver(t, [alpha, beta]);
  for (const code of ['RST-001', 'RWD-002', 'SYN-002', 'RST-002']) t.true(alpha.codes.includes(code), code);
  t.true(alpha.reports.some(({ kind, scenario }) => kind === 'synchronization' && scenario === RECOVERY));
});

const IDLE = {
  position: undefined,
  phase: 'idle',
  peers: {},
  spoolBytes: 0,
  parked: 0,
  statistics: {
    synchronizedFiles: 0,
    synchronizedBytes: 0,
    replicatedChanges: 0,
    replicatedBytes: 0,
    bytesPerSecond: 0,
    changesPerSecond: 0,
  },
} as const;

test('undo gives the Master and then the Replica their data back, and again what was restored', async (t) => {
  const { world, alpha, beta } = await stopped();
  await over(world, restore(alpha, 'rewind', 'e5-4'));
  t.deepEqual(beta.rewinds, ['e5-4']);
  const undone = await over(world, undo(alpha));
  t.deepEqual(
    undone.hosts.map(({ host }) => host),
    ['alpha', 'beta'],
  );
  t.deepEqual(alpha.rewinds, ['start']);
  t.deepEqual(beta.rewinds, ['e5-4', 'rewind-0']);
  await over(world, undo(alpha));
  t.deepEqual(alpha.rewinds, ['start', 'rewind-0']);
  t.deepEqual(beta.rewinds, ['e5-4', 'rewind-0', 'rewind-1']);
});

test('an undo shows how far it is, host by host, on every host it is about, and not any more when it is over', async (t) => {
  const { world, alpha, beta } = await stopped();
  await over(world, restore(alpha, 'rewind', 'e5-4'));
  world.automatic = false;
  const undoing = undo(alpha);
  await settle();
  t.like(alpha.status().recovery, { undo: true, scenario: 'web', replica: 'alpha', totalSteps: 0 });
  alpha.engine.reply('rewind-plan', { steps: 40, back: 'rewind-0' });
  await settle();
  const rewind = (doneSteps: number, totalSteps: number, path: string) => ({
    type: 'status' as const,
    status: { ...IDLE, rewind: { doneSteps, totalSteps, path } },
  });
  alpha.engine.onNotice(rewind(10, 40, 'index.html'));
  await settle();
  t.like(alpha.status().recovery, { doneSteps: 10, totalSteps: 40, path: 'index.html', replica: 'alpha' });
  t.is(beta.status().recovery, undefined, 'it is not its turn');
  t.is((await faultOf(t, undo(alpha))).code, 'SCENARIO-STATE', 'not twice at once');
  alpha.engine.reply('rewind', { steps: 40, foreign: [], foreignCount: 0, undoPoint: '', tookMs: 5 });
  await world.advance(500);
  beta.engine.reply('rewind-plan', { steps: 7, back: 'rewind-1' });
  await settle();
  beta.engine.onNotice(rewind(3, 7, 'prices.csv'));
  await world.advance(1_000);
  const seen = { undo: true, method: 'rewind', replica: 'beta', doneSteps: 3, totalSteps: 7, path: 'prices.csv' };
  for (const host of [alpha, beta]) t.like(host.status().recovery, seen, host.name);
  t.deepEqual(names(alpha), ['web'], 'there is no Recovery scenario');
  beta.engine.reply('rewind', { steps: 7, foreign: [], foreignCount: 0, undoPoint: '', tookMs: 5 });
  world.automatic = true;
  t.is((await over(world, undoing)).steps, 47);
  checkOver(t, [alpha, beta]);
});

test('a Replica that refuses its part of an undo leaves no progress behind', async (t) => {
  const { world, alpha, beta } = await stopped();
  await over(world, restore(alpha, 'rewind-replica', 'e5-4'));
  beta.reachable = false;
  await t.throwsAsync(over(world, undo(alpha)));
  t.is(alpha.status().recovery, undefined);
  beta.reachable = true;
  await over(world, undo(alpha));
  t.deepEqual(beta.rewinds, ['e5-4', 'rewind-0']);
});

test('a rewind on the Replica alone leaves the Master out, also in its undo', async (t) => {
  const { world, alpha, beta } = await stopped();
  await over(world, restore(alpha, 'master'));
  await over(world, restore(alpha, 'rewind-replica', 'e5-4'));
  await over(world, undo(alpha));
  t.deepEqual(alpha.rewinds, []);
  t.deepEqual(beta.rewinds, ['e5-4', 'rewind-0']);
  await over(world, undo(alpha));
  t.deepEqual(alpha.rewinds, ['start'], 'the restore before that');
});

test('asked on the Replica, its data is set back while the Master is away; nothing else is done from there', async (t) => {
  const { world, alpha, beta } = await stopped();
  alpha.reachable = false;
  t.is((await over(world, restore(beta, 'rewind-replica', 'e5-4'))).steps, 3);
  t.is((await faultOf(t, restore(beta, 'master'))).code, 'SCENARIO-STATE');
  await over(world, undo(beta));
  t.deepEqual(beta.rewinds, ['e5-4', 'rewind-0']);
  checkOver(t, [beta]);
});

test('what cannot be restored is refused before anything is done', async (t) => {
  const { world, alpha, beta } = await stopped();
  beta.unknownPoints.add('gone');
  t.is((await faultOf(t, over(world, restore(alpha, 'rewind', 'gone')))).code, 'POINT-NOT-FOUND');
  t.is((await faultOf(t, over(world, restore(alpha, 'rewind')))).code, 'USAGE');
  checkOver(t, [alpha, beta]);
  t.is((await faultOf(t, over(world, undo(alpha)))).code, 'UNDO-NONE');
  beta.reachable = false;
  t.is((await faultOf(t, over(world, restore(alpha, 'master')))).code, 'LINK-UNREACHABLE');
  beta.reachable = true;
  checkOver(t, [alpha]);
  await alpha.command('scenario.run', choices);
  await settle();
  t.is((await faultOf(t, restore(alpha, 'master'))).code, 'SCENARIO-STATE');
  t.is((await faultOf(t, undo(alpha))).code, 'SCENARIO-STATE');
});

test('half a copy, an empty one or one whose volume is away never replaces the data of the Master', async (t) => {
  const { world, alpha, beta } = await stopped();
  beta.wholeCopy = false;
  const half = await faultOf(t, over(world, restore(alpha, 'master')));
  t.is(half.code, 'SCENARIO-STATE');
  t.regex(half.message, /not whole/);
  beta.startFault = new Fault('ROOT-MISSING', { path: '/srv/copy' });
  t.is((await faultOf(t, over(world, restore(alpha, 'master')))).code, 'ROOT-MISSING');
  beta.startFault = undefined;
  checkOver(t, [alpha, beta]);
  // Set back it has no position of the Master, and is whole.
  await over(world, restore(alpha, 'rewind-replica', 'e5-4'));
  await over(world, restore(alpha, 'master'));
  checkOver(t, [alpha, beta]);
  // But not when the Master went on with it since.
  await alpha.command('scenario.run', choices);
  await world.advance(2_000);
  await alpha.command('scenario.stop', { name: 'web' });
  t.is((await faultOf(t, over(world, restore(alpha, 'master')))).code, 'SCENARIO-STATE');
});

test('what the copy lacks because it is parked there is told', async (t) => {
  const { world, alpha, beta } = await stopped();
  const item = { root: 0, path: 'a', code: 'FS-DENIED', reason: 'no', hint: '', attempts: 1, nextAttemptAt: 0 };
  beta.parked = [item];
  await over(world, restore(alpha, 'master'));
  t.true(alpha.codes.includes('RST-006'));
});

test('stopped in the middle a restore stays and goes on; removed, the half restored Master is not run before it is whole', async (t) => {
  const { world, alpha, beta } = await stopped();
  world.automatic = false;
  const restoring = restore(alpha, 'master');
  await world.advance(3_000);
  t.is(alpha.status().recovery?.phase, 'synchronizing');
  await over(world, alpha.command('scenario.stop', { name: RECOVERY }));
  const failed = await faultOf(t, over(world, restoring));
  t.is(failed.code, 'RESTORE-FAILED');
  t.is(alpha.status(RECOVERY).state, 'failed');
  t.is(beta.status(RECOVERY).state, 'failed');
  t.is((await faultOf(t, alpha.command('scenario.run', choices))).code, 'SCENARIO-STATE');

  world.automatic = true;
  await alpha.command('scenario.run', { ...choices, name: RECOVERY });
  await world.advance(10_000);
  checkOver(t, [alpha, beta], 'it went on');

  world.synchronized.clear();
  world.automatic = false;
  const again = restore(alpha, 'master');
  await world.advance(3_000);
  await over(world, beta.command('scenario.stop', { name: RECOVERY }));
  await faultOf(t, over(world, again));
  await beta.command('scenario.delete', { name: RECOVERY });
  world.automatic = true;
  await world.advance(10_000);
  checkOver(t, [alpha, beta], 'removed on the Replica');
  const refused = await faultOf(t, alpha.command('scenario.run', choices));
  t.is(refused.code, 'SCENARIO-STATE');
  t.regex(refused.message, /half restored/);
  t.regex(alpha.status().problem ?? '', /half restored/);
  await over(world, undo(alpha));
  t.deepEqual(alpha.rewinds, ['start']);
  await alpha.command('scenario.run', choices);
  await settle();
  t.is(alpha.status().state, 'protected');
});

test('after a half restore the next one can still be undone to what the Master had at first', async (t) => {
  const { world, alpha } = await stopped();
  world.automatic = false;
  const restoring = restore(alpha, 'master');
  await world.advance(3_000);
  await alpha.command('scenario.stop', { name: RECOVERY });
  await faultOf(t, over(world, restoring));
  await alpha.command('scenario.delete', { name: RECOVERY });
  const first = alpha.book.scenarios[0]?.undo?.id;
  world.automatic = true;
  await over(world, restore(alpha, 'master'));
  t.is(alpha.book.scenarios[0]?.undo?.id, first, 'the same journal');
  t.is(alpha.book.scenarios[0]?.undo?.half, undefined);
  t.is(alpha.book.scenarios[0]?.undo?.back, 'start');
});

test('the link cut and the Master away in the middle, it goes on by itself', async (t) => {
  const { world, alpha, beta } = await stopped();
  world.automatic = false;
  const restoring = restore(alpha, 'master');
  await world.advance(3_000);
  alpha.reachable = false;
  beta.cutLinks();
  await world.advance(30_000);
  t.is(beta.status(RECOVERY).state, 'recovering');
  t.regex(alpha.status().recovery?.waits ?? '', /does not answer/);
  alpha.reachable = true;
  world.automatic = true;
  // What the engine was asked before is answered by nobody.
  beta.engine.fail('synchronize', new Fault('LINK-UNREACHABLE', { host: 'alpha', reason: 'cut' }));
  t.is((await over(world, restoring)).method, 'master');
  checkOver(t, [alpha, beta]);
});

test('what a restore replaced goes after its time, and at once when the operator confirms', async (t) => {
  const { world, alpha } = await stopped();
  await over(world, restore(alpha, 'master'));
  const id = alpha.book.scenarios[0]?.undo?.id ?? '';
  t.deepEqual(alpha.removedFolders, []);
  world.clock.setWallMs(world.clock.wallMs() + 25 * 3_600_000);
  await world.advance(15 * 60_000);
  t.deepEqual(alpha.removedFolders, [], 'the clock was set, its time has not passed');
  await alpha.restart();
  await world.advance(61_000);
  t.deepEqual(alpha.removedFolders, [], 'a clock that is wrong at the start is set right soon');
  await world.advance(10 * 60_000);
  t.deepEqual(alpha.removedFolders, [id]);
  t.is((await faultOf(t, over(world, undo(alpha)))).code, 'UNDO-NONE');
  await over(world, restore(alpha, 'master'));
  await over(world, restore(alpha, 'master'));
  await over(world, alpha.command('scenario.undo', { name: 'web', forget: true }));
  await world.advance(61_000);
  t.is(alpha.removedFolders.length, 3, 'also what the one before that replaced');
  t.is(alpha.book.scenarios[0]?.undo, undefined);
});

test('behind a Replica nothing is restored directly: the one that feeds it is named', async (t) => {
  const world = new World();
  const alpha = world.host('alpha');
  const beta = world.host('beta');
  world.host('gamma');
  const gamma = { name: 'gamma', address: 'gamma:25000', source: 'beta', roots: ['/srv/second'] };
  await alpha.command('scenario.create', { document: { ...input, replicas: [...input.replicas, gamma] } });
  await alpha.command('scenario.run', choices);
  await world.advance(5_000);
  await alpha.command('scenario.stop', { name: 'web' });
  await settle();
  const args = { name: 'web', sync: 'block', method: 'master' } as const;
  const behind = await faultOf(t, alpha.command('scenario.restore', { ...args, replica: 'gamma' }));
  t.is(behind.code, 'SCENARIO-STATE');
  t.regex(behind.message, /restore from beta/);
  const unnamed = await faultOf(t, alpha.command('scenario.restore', args));
  t.is(unnamed.code, 'USAGE');
  // One that feeds others can be restored from: they follow with the next run.
  await over(world, alpha.command('scenario.restore', { ...args, replica: 'beta' }));
  checkOver(t, [alpha, beta]);
  await alpha.command('scenario.run', choices);
  await world.advance(10_000);
  t.is(alpha.status().state, 'protected');
});

/** Kills `victim` at the n-th change of its book, before or after it is durable; true when it came that far. */
function killAt(victim: WorldHost, n: number): { reached: boolean } {
  const state = { reached: false, count: 0 };
  victim.diesAt = (when) => {
    if (when === (n % 2 === 0 ? 'before' : 'after')) state.count += 1;
    if (state.reached || state.count !== Math.ceil(n / 2)) return false;
    state.reached = true;
    return true;
  };
  return state;
}

for (const method of ['master', 'rewind', 'rewind-replica'] as const) {
  for (const name of ['alpha', 'beta'] as const) {
    test(`${method}: ${name} killed at any step of a restore, it is over after that or was never begun`, async (t) => {
      let kills = 0;
      for (let n = 1; n < 60; n += 1) {
        const { world, alpha, beta } = await stopped();
        const victim = name === 'alpha' ? alpha : beta;
        const state = killAt(victim, n);
        const restoring = restore(alpha, method, 'e5-4');
        restoring.catch(() => undefined);
        for (let waited = 0; !state.reached && waited < 30 && names(alpha).length + waited > 0; waited += 1) {
          await world.advance(500);
        }
        if (!state.reached) break;
        kills += 1;
        victim.diesAt = () => false;
        await victim.restart();
        await world.advance(120_000);
        const title = `killed at ${n}`;
        checkOver(t, [alpha, beta], title);
        const done = method === 'master' ? alpha.book.scenarios[0]?.undo !== undefined : beta.rewinds.length > 0;
        t.not(alpha.book.scenarios[0]?.undo?.half, true, title);
        if (!done) continue;
        // What it did can be undone.
        await over(world, undo(alpha));
        if (method !== 'rewind-replica') t.true(alpha.rewinds.includes('start'), title);
        await alpha.command('scenario.run', choices);
        await world.advance(5_000);
        t.is(alpha.status().state, 'protected', title);
      }
      t.log(`${kills} kills`);
      t.true(kills >= 4, `only ${kills}`);
    });
  }
}
