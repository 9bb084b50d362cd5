import test from 'ava';
import fc from 'fast-check';
import {
  type Effect,
  type Happening,
  MAX_ENGINE_CRASHES,
  type RunningLife,
  refusalToRun,
  type ScenarioLife,
  scenarioState,
  step,
} from '../../daemon/scenario/machine.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const choices = { method: 'file', ignoreSame: true } as const;
const never: ScenarioLife = { is: 'stopped', reason: 'never-run' };

/** Plays happenings one after another and tells what came of them. */
function play(life: ScenarioLife, ...happenings: Happening[]) {
  const effects: Effect[] = [];
  let now = life;
  for (const happening of happenings) {
    const next = step(now, happening);
    now = next.life;
    effects.push(...next.effects);
  }
  return { life: now, state: scenarioState(now), effects, done: effects.map(nameOf) };
}

function nameOf(effect: Effect): string {
  if (effect.do === 'record') return effect.code;
  return 'peer' in effect ? `${effect.do} ${effect.peer}` : effect.do;
}

const run: Happening = { type: 'run', choices };
const prepared = (...peers: string[]): Happening => ({ type: 'prepared', peers, preventResync: false });
const ready: Happening = { type: 'engine-ready' };
const peer = (id: string, linked: boolean, synchronized: boolean): Happening => ({
  type: 'peer',
  peer: id,
  linked,
  synchronized,
});
const stop: Happening = { type: 'stop', reason: 'by-user' };
const lost: Happening = { type: 'engine-lost', reason: 'exit 1' };
const toProtected: Happening[] = [
  run,
  prepared('b'),
  ready,
  peer('b', true, false),
  { type: 'sync-done', peer: 'b' },
  { type: 'caught-up', peer: 'b' },
];
const resume = (synchronized: boolean, preventResync = false): Happening => ({
  type: 'resume',
  choices,
  peers: { b: { synchronized, suspended: false } },
  preventResync,
});

test('a run goes from verifying over synchronizing to protected, with the events of each step', (t) => {
  const verifying = play(never, run);
  t.is(verifying.state, 'verifying');
  t.deepEqual(verifying.done, ['verify']);
  const starting = play(verifying.life, prepared('b'));
  t.is(starting.state, 'verifying');
  t.deepEqual(starting.done, ['SCN-010', 'start-engine']);
  const linking = play(starting.life, ready);
  t.is(linking.state, 'synchronizing');
  t.deepEqual(linking.done, ['open-link b']);
  const copying = play(linking.life, peer('b', true, false));
  t.deepEqual(copying.done, ['synchronize b']);
  const copied = play(copying.life, { type: 'sync-done', peer: 'b' });
  t.is(copied.state, 'synchronizing', 'changes made meanwhile are not applied yet');
  t.deepEqual(copied.done, []);
  const safe = play(copied.life, { type: 'caught-up', peer: 'b' });
  t.is(safe.state, 'protected');
  t.deepEqual(safe.done, ['SCN-014']);
});

test('a refused verification leaves the scenario stopped for the reason it had before', (t) => {
  t.deepEqual(play(never, run, { type: 'refused' }).life, never);
  const failed: ScenarioLife = { is: 'failed', reason: 'x' };
  t.deepEqual(play(failed, run, { type: 'refused' }).life, { is: 'stopped', reason: 'by-error' });
});

test('stop ends the engine first, then the Replicas, and says Stopped by user', (t) => {
  const running = play(never, ...toProtected).life;
  const stopping = play(running, stop);
  t.is(stopping.state, 'protected', 'until the engine has stopped nothing else is true');
  t.deepEqual(stopping.done, ['stop-engine']);
  const stopped = play(stopping.life, { type: 'engine-stopped' });
  t.deepEqual(stopped.life, { is: 'stopped', reason: 'by-user' });
  t.deepEqual(stopped.done, ['stop-replicas', 'SCN-011', 'SCN-012']);
});

test('stop while verifying ends at once and a late answer of the verification changes nothing', (t) => {
  const stopped = play(never, run, stop);
  t.deepEqual(stopped.life, { is: 'stopped', reason: 'by-user' });
  t.deepEqual(play(stopped.life, prepared('b')).done, []);
  t.deepEqual(play(stopped.life, stop).done, []);
});

test('run is refused while it runs, verifies or stops, and allowed when a Replica is out of sync', (t) => {
  const running = play(never, ...toProtected).life;
  t.is(refusalToRun(running), 'it is running already');
  t.truthy(refusalToRun(play(never, run).life));
  t.truthy(refusalToRun(play(running, stop).life));
  t.is(refusalToRun(never), undefined);
  t.is(refusalToRun({ is: 'failed', reason: 'x' }), undefined);
  t.is(refusalToRun(play(never, resume(true, true), ready, peer('b', true, false)).life), undefined);
});

test('a daemon that was killed while protected goes on without a synchronization', (t) => {
  const resumed = play(never, resume(true));
  t.is(resumed.state, 'verifying');
  t.deepEqual(resumed.done, ['SCN-010', 'start-engine']);
  const again = play(resumed.life, ready, peer('b', true, true));
  t.is(again.state, 'protected');
  t.deepEqual(again.done, ['open-link b', 'SCN-014']);
});

test('a daemon that was killed while synchronizing starts the synchronization again', (t) => {
  const again = play(never, resume(false), ready, peer('b', true, false));
  t.is(again.state, 'synchronizing');
  t.deepEqual(again.done, ['SCN-010', 'start-engine', 'open-link b', 'synchronize b']);
});

test('a link that goes and comes back needs no synchronization', (t) => {
  const running = play(never, ...toProtected).life;
  const again = play(running, peer('b', false, false), peer('b', true, true));
  t.is(again.state, 'protected');
  t.deepEqual(again.done, []);
});

test('a Replica that lost its data is out of sync and synchronized by itself', (t) => {
  const running = play(never, ...toProtected).life;
  const again = play(running, peer('b', false, false), peer('b', true, false));
  t.is(again.state, 'synchronizing');
  t.deepEqual(again.done, ['SYN-006', 'synchronize b']);
});

test('with automatic re-sync prevented an outdated Replica is held until the operator runs the scenario', (t) => {
  const held = play(never, resume(true, true), ready, peer('b', true, false));
  t.is(held.state, 'out-of-sync');
  t.false(held.done.includes('synchronize b'));
  const released = play(held.life, run);
  t.is(released.state, 'synchronizing');
  t.deepEqual(released.done, ['synchronize b']);
});

test('a failed synchronization is tried again with growing delays and at once when the link returns', (t) => {
  const copying = play(never, run, prepared('b'), ready, peer('b', true, false)).life;
  const failed: Happening = { type: 'sync-failed', peer: 'b', reason: 'link lost' };
  const first = play(copying, failed);
  t.is(first.state, 'out-of-sync');
  t.deepEqual(first.effects.at(-1), { do: 'retry-sync', peer: 'b', delayMs: 1_000 });
  const second = play(first.life, { type: 'sync-retry', peer: 'b' }, failed);
  t.deepEqual(second.effects.at(-1), { do: 'retry-sync', peer: 'b', delayMs: 2_000 });
  const back = play(second.life, peer('b', false, false), peer('b', true, false));
  t.deepEqual(back.done, ['synchronize b']);
  t.deepEqual(play(back.life, { type: 'sync-retry', peer: 'b' }).done, [], 'the late retry finds it running');
});

test('an engine that dies is started again with growing delays and fails the scenario when it goes on', (t) => {
  let life = play(never, ...toProtected).life;
  for (let crash = 1; crash <= MAX_ENGINE_CRASHES; crash += 1) {
    const next = play(life, lost);
    t.is(next.state, 'out-of-sync');
    t.deepEqual(next.done, ['stop-engine', 'retry-engine', 'SCN-015']);
    t.deepEqual(next.effects[1], { do: 'retry-engine', delayMs: 500 * 2 ** (crash - 1) });
    const again = play(next.life, { type: 'engine-retry' }, ready, peer('b', true, true));
    t.is(again.state, 'protected');
    life = again.life;
  }
  const over = play(life, lost);
  t.deepEqual(over.life, { is: 'failed', reason: 'exit 1' });
  t.deepEqual(over.done, ['stop-engine', 'stop-replicas', 'SCN-013']);
});

test('a quiet while forgets earlier crashes', (t) => {
  const crashed = play(never, ...toProtected, lost, { type: 'engine-retry' }, ready, { type: 'engine-quiet' });
  t.is((crashed.life as RunningLife).crashes, 0);
});

test('an engine that dies during the synchronization starts it again after it is back', (t) => {
  const again = play(
    never,
    run,
    prepared('b'),
    ready,
    peer('b', true, false),
    lost,
    { type: 'engine-retry' },
    ready,
    peer('b', true, false),
  );
  t.is(again.done.filter((name) => name === 'synchronize b').length, 2);
});

test('protected means every Replica', (t) => {
  const both = play(never, run, prepared('b', 'c'), ready, peer('b', true, false), peer('c', true, false));
  t.deepEqual(both.done.slice(-2), ['synchronize b', 'synchronize c']);
  const one = play(both.life, { type: 'sync-done', peer: 'b' }, { type: 'caught-up', peer: 'b' });
  t.is(one.state, 'synchronizing');
  const two = play(one.life, { type: 'sync-done', peer: 'c' }, { type: 'caught-up', peer: 'c' });
  t.is(two.state, 'protected');
});

test('a suspended Replica keeps its link and goes on without a synchronization', (t) => {
  const running = play(never, ...toProtected).life;
  const suspended = play(running, { type: 'suspend', peer: 'b' }, peer('b', true, true), peer('b', false, false));
  t.is(suspended.state, 'suspended');
  t.deepEqual(suspended.done, ['suspend b']);
  const away = play(suspended.life, peer('b', true, true));
  t.deepEqual(away.done, []);
  const again = play(away.life, { type: 'unsuspend', peer: 'b' }, peer('b', true, true));
  t.is(again.state, 'protected');
  t.deepEqual(again.done, ['suspend b', 'SCN-014']);
});

test('a Replica suspended before it is synchronized gets nothing, and is synchronized when it is resumed', (t) => {
  const copying = play(never, run, prepared('b'), ready, peer('b', true, false)).life;
  const suspended = play(copying, { type: 'suspend', peer: 'b' });
  t.deepEqual(suspended.done, ['suspend b', 'close-link b']);
  const failed = play(suspended.life, { type: 'sync-failed', peer: 'b', reason: 'x' });
  t.is(failed.state, 'suspended');
  const again = play(failed.life, { type: 'unsuspend', peer: 'b' }, peer('b', true, false));
  t.deepEqual(again.done, ['suspend b', 'open-link b', 'synchronize b']);
});

test('a comparison that waits for the operator still waits after a restart', (t) => {
  const remembered = { synchronized: false, suspended: false, held: true };
  const restarted = play(
    never,
    { ...resume(true), peers: { b: remembered } } as Happening,
    ready,
    peer('b', true, false),
  );
  t.is(restarted.state, 'out-of-sync');
  t.deepEqual(play(restarted.life, peer('b', false, false), peer('b', true, false)).done, []);
  t.deepEqual(play(restarted.life, run).done, ['synchronize b']);
});

test('a Replica held for a restart goes on by itself when its link comes back, also over a restart of the Master', (t) => {
  const running = play(never, ...toProtected).life;
  const held = play(running, { type: 'suspend', peer: 'b', untilBack: true }, peer('b', true, true));
  t.is(held.state, 'suspended');
  const back = play(held.life, peer('b', false, false), peer('b', true, true));
  t.is(back.state, 'protected');
  t.deepEqual(back.done, ['SCN-018', 'suspend b', 'SCN-014']);
  const remembered = { synchronized: true, suspended: true, untilBack: true };
  const restarted = play(never, { ...resume(true), peers: { b: remembered } } as Happening, ready);
  t.is(restarted.state, 'suspended');
  t.is(play(restarted.life, peer('b', true, true)).state, 'protected');
  // By the operator alone it stays as it is.
  const kept = play(running, { type: 'suspend', peer: 'b' }, peer('b', false, false), peer('b', true, true));
  t.is(kept.state, 'suspended');
});

const anyPeer = fc.constantFrom('b', 'c', 'stranger');
const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constant(run),
  fc.constant<Happening>({ type: 'refused' }),
  fc.constant(prepared('b', 'c')),
  fc.boolean().map((synchronized) => resume(synchronized, synchronized)),
  fc.constantFrom<Happening>(ready, lost, { type: 'engine-retry' }, { type: 'engine-quiet' }),
  fc.tuple(anyPeer, fc.boolean(), fc.boolean()).map(([id, linked, synchronized]) => peer(id, linked, synchronized)),
  fc
    .tuple(anyPeer, fc.constantFrom('sync-done', 'sync-retry', 'caught-up', 'suspend', 'unsuspend'))
    .map(([id, type]) => ({ type, peer: id }) as Happening),
  anyPeer.map((id): Happening => ({ type: 'sync-failed', peer: id, reason: 'x' })),
  fc.constantFrom<Happening>(stop, { type: 'engine-stopped' }),
);

/** What must hold at every moment; undefined or what is wrong. */
function violation(before: ScenarioLife, life: ScenarioLife, effects: readonly Effect[]): string | undefined {
  for (const effect of effects) {
    if (effect.do !== 'synchronize') continue;
    if (life.is !== 'running' || life.engine !== 'ready') return 'synchronizes without an engine';
    if (!life.peers[effect.peer]?.linked) return 'synchronizes without a link';
    if (before.is === 'running' && before.peers[effect.peer]?.phase === 'synchronizing') return 'synchronizes twice';
  }
  const open = life.is === 'running' ? Object.values(life.peers).filter((one) => one.phase !== 'synchronized') : [];
  return scenarioState(life) === 'protected' && open.length > 0 ? 'protected with an outdated Replica' : undefined;
}

test('in any order of happenings: one synchronization at a time for each Replica, only over a ready engine', (t) => {
  const history = fc.array(anyHappening, { maxLength: 60 });
  const holds = (happenings: readonly Happening[]) => {
    let life: ScenarioLife = never;
    for (const happening of happenings) {
      const next = step(life, happening);
      const wrong = violation(life, next.life, next.effects);
      if (wrong !== undefined) throw new Error(wrong);
      life = next.life;
    }
  };
  t.notThrows(() => fc.assert(fc.property(history, holds), { numRuns: 3_000 }));
});
