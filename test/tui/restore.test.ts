/** The restore wizard as an administrator walks through it at three in the morning, and what must not happen to him. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { BEFORE_WAVE } from '../../shared/rewind.ts';
import { alertRows } from '../../tui/select.ts';
import { type ConsoleState, DIALOG_GUARD_MS, type Effect } from '../../tui/state.ts';
import { whyNotMethod } from '../../tui/update/restore.ts';
import { update } from '../../tui/update.ts';
import {
  answerOf,
  FIGURES,
  history,
  pointsAnswer,
  pushStatus,
  RECOVERY,
  RESTORED,
  reply,
  restoreOf,
  STOPPED,
  stoppedState,
  underWay,
  walk,
} from './recovery-states.ts';
import { NOON, scenario } from './sample.ts';
import { after, connected, fresh, keyPress, lost, press, ticks, type } from './states.ts';

const size = { columns: 80, rows: 24 };
const RESTORE = { kind: 'restore', scenarioId: 'id-web-shop' } as const;

function effectsOf(state: ConsoleState, key: string): readonly Effect[] {
  return update(state, keyPress(key, state.now + 1000)).effects;
}

function requests(effects: readonly Effect[]): readonly Extract<Effect, { type: 'request' }>[] {
  return effects.filter((effect) => effect.type === 'request');
}

const refused = (fault: Fault) => ({ ok: false, fault: fault.toDocument() }) as const;

test('back to the newest bookmark in six keys and the typed name', (t) => {
  const keys = ['w', 'enter', 'b', 'enter', 'enter'];
  const asked = type(walk(stoppedState(size), answerOf, ...keys), 'web-shop');
  t.is(restoreOf(asked).step, 'confirm');
  const [request] = requests(effectsOf(asked, 'enter'));
  t.is(keys.length + 1, 6);
  t.deepEqual(request?.args, {
    name: 'web-shop',
    replica: 'web-02',
    method: 'rewind',
    sync: 'block',
    point: 'bookmark-5',
  });
  t.is(request?.command, 'scenario.restore');
  t.true((request?.timeoutMs ?? 0) >= 3_600_000, 'a restore takes longer than a question');
});

test('from the alert of the mass-change brake to the preview of the data before it in two keys', (t) => {
  const brake = {
    kinds: ['changes'],
    removed: 0,
    total: 50_000,
    changed: 20_000,
    files: 48_000,
    seq: 900,
    at: NOON - 30 * 60_000,
  } as const;
  const alarmed = connected(fresh(size), 'web-01', [scenario('calm'), scenario('web-shop', { brake })]);
  t.regex(alertRows(alarmed)[0]?.text ?? '', /20000 of 48000 files were overwritten/);
  const shown = restoreOf(walk(alarmed, answerOf, '!', 'p'));
  t.is(shown.step, 'points');
  const point = shown.list.points[shown.list.cursor]!;
  t.true(point.at <= brake.at - 60_000, 'nothing of the wave is in it');
  const marked = { id: 'before', at: brake.at + 900, kind: 'bookmark', text: `${BEFORE_WAVE} since then` } as const;
  const withMark: typeof answerOf = (command, args) =>
    command === 'scenario.points' ? pointsAnswer([marked], args) : answerOf(command, args);
  const atMark = restoreOf(walk(alarmed, withMark, '!', 'p', 'enter'));
  t.is(atMark.list.points[atMark.list.cursor]?.id, 'before', 'where the Replica marked its history, there');
  t.is(atMark.step, 'preview');
  t.is(shown.preview?.result?.point.id, point.id);
  t.is(shown.scenarioId, 'id-web-shop', 'the scenario of the alert, not the one under the cursor');
  const wizard = walk(walk(alarmed, answerOf, '!', 'p'), answerOf, 'w');
  t.is(restoreOf(wizard).point?.id, point.id);
  t.regex(whyNotMethod(wizard, restoreOf(wizard), 'rewind') ?? '', /is running; stop it first/);
});

test('while it runs every method says so, x asks to stop it, and afterwards the wizard is where it was', (t) => {
  const running = walk(connected(fresh(size), 'web-01', [scenario('web-shop')]), answerOf, 'w', 'enter');
  t.is(restoreOf(running).step, 'method');
  t.regex(running.toast?.text ?? '', /is running; stop it first/);
  const asked = walk(running, answerOf, 'x', 'y');
  const stopped = pushStatus(asked, scenario('web-shop', STOPPED));
  t.is(stopped.dialogs.at(-1)?.kind, 'restore');
  t.is(whyNotMethod(stopped, restoreOf(stopped), 'rewind'), undefined);
  t.is(restoreOf(walk(stopped, answerOf, 'enter')).step, 'points');
});

test('Data Rewind off and no points yet leave only the first method, each with its reason', (t) => {
  const off = walk(
    stoppedState(size),
    (command, args) => {
      if (command === 'scenario.journal') return { ...FIGURES, on: false, points: 0, bookmarks: 0 };
      return command === 'scenario.points' ? { points: [], total: 0 } : answerOf(command, args);
    },
    'w',
  );
  t.regex(whyNotMethod(off, restoreOf(off), 'rewind') ?? '', /Data Rewind is off on web-02/);
  t.is(whyNotMethod(off, restoreOf(off), 'master'), undefined);
  const empty = walk(stoppedState(size), (command, args) => answerOf(command, args, []), 'w');
  t.regex(whyNotMethod(empty, restoreOf(empty), 'rewind-replica') ?? '', /no rewind points yet/);
  t.is(restoreOf(walk(empty, answerOf, 'k', 'enter')).step, 'sync', 'without a rewind there is nothing to pick');
});

test('without the Master the Replica can still be looked at and set back, and nothing else', (t) => {
  let state = connected(fresh(size, ['web-01', 'web-02']), 'web-01', [scenario('web-shop', STOPPED)]);
  state = connected(state, 'web-02', [scenario('web-shop', { ...STOPPED, reportedBy: 'web-02' })]);
  state = walk(lost(state, 'web-01'), answerOf, 'w');
  t.regex(whyNotMethod(state, restoreOf(state), 'rewind') ?? '', /web-01 is not connected/);
  t.is(whyNotMethod(state, restoreOf(state), 'rewind-replica'), undefined);
  const asked = type(walk(state, answerOf, 'j', 'enter', 'enter'), 'web-shop');
  t.like(requests(effectsOf(asked, 'enter'))[0], { host: 'web-02', command: 'scenario.restore' });
});

test('--readonly may look at everything and restores nothing', (t) => {
  const reading = connected(fresh(size, ['web-01'], { readonly: true }), 'web-01', [scenario('web-shop', STOPPED)]);
  const wizard = walk(reading, answerOf, 'w');
  t.deepEqual(wizard.dialogs, []);
  t.regex(wizard.toast?.text ?? '', /--readonly/);
  const looking = walk(reading, answerOf, 'H', 'p');
  t.is(restoreOf(looking).step, 'preview');
  const beyond = walk(looking, answerOf, 'w', 'enter');
  t.is(restoreOf(beyond).step, 'method');
  t.regex(whyNotMethod(beyond, restoreOf(beyond), 'rewind-replica') ?? '', /--readonly/);
});

test('Esc goes back a step and loses nothing: point, filter, list and method are as they were', (t) => {
  const there = walk(stoppedState(size), answerOf, 'w', 'enter', 'j', 'j', 'j', 'enter');
  t.is(restoreOf(there).step, 'sync');
  const back = walk(there, answerOf, 'j', 'esc');
  t.is(restoreOf(back).step, 'points');
  t.is(restoreOf(back).list.cursor, 3);
  t.is(restoreOf(back).sync, 'file', 'the method of synchronization too');
  const home = walk(back, answerOf, 'esc');
  t.is(restoreOf(home).step, 'method');
  t.deepEqual(requests(effectsOf(home, 'enter')), [], 'nothing is fetched again');
  t.is(restoreOf(walk(home, answerOf, 'enter')).list.cursor, 3);
  t.deepEqual(walk(home, answerOf, 'esc').dialogs, []);
});

test('keys pressed too fast never confirm: neither a burst, nor a held Enter, nor a paste, nor a wrong name', (t) => {
  const asked = walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter');
  const typed = type(asked, 'web-shop');
  const burst = update(typed, { ...keyPress('enter', typed.now + 1000), burst: true });
  t.deepEqual(burst.effects, []);
  const held = update(
    { ...typed, lastKey: { name: 'enter', at: typed.now + 990 } },
    keyPress('enter', typed.now + 1000),
  );
  t.deepEqual(held.effects, []);
  const early = { ...restoreOf(typed), openedAt: typed.now };
  const opened = { ...typed, dialogs: [early] };
  t.deepEqual(update(opened, keyPress('enter', typed.now + DIALOG_GUARD_MS - 1)).effects, []);
  const pasted = after(asked, { type: 'paste', text: 'web-shop', at: asked.now });
  t.regex(pasted.toast?.text ?? '', /type the name/);
  t.deepEqual(effectsOf(pasted, 'enter'), []);
  t.deepEqual(effectsOf(type(asked, 'web-sho'), 'enter'), []);
  t.is(requests(effectsOf(typed, 'enter')).length, 1, 'and calmly it does');
});

test('Enter held down on the first page does not run on to the question', (t) => {
  let state = walk(stoppedState(size), answerOf, 'w');
  for (let n = 0; n < 20; n += 1) state = after(state, keyPress('enter', state.now + 30));
  t.is(restoreOf(state).step, 'points');
});

test('when the scenario changes behind the open question nothing is asked, and the question is put anew', (t) => {
  const typed = type(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-shop');
  const changed = pushStatus(typed, scenario('web-shop', { ...STOPPED, epoch: 8 }));
  const step = update(changed, keyPress('enter', changed.now + 1000));
  t.deepEqual(step.effects, []);
  t.regex(step.state.toast?.text ?? '', /changed while the question was open/);
  t.is(restoreOf(step.state).typed.text, '');
  const other = pushStatus(typed, scenario('web-shop', { ...STOPPED, recovery: RECOVERY }));
  const over = update(pushStatus(other, scenario('web-shop', STOPPED)), keyPress('enter', typed.now + 1000));
  t.regex(over.state.toast?.text ?? '', /changed while the question was open/, 'somebody restored it meanwhile');
  t.deepEqual(
    requests(over.effects).map(({ command }) => command),
    ['scenario.preview'],
    'with figures of now',
  );
  const ran = pushStatus(typed, scenario('web-shop'));
  t.deepEqual(effectsOf(ran, 'enter'), [], 'somebody ran it');
});

test('a point that was pruned meanwhile leads back to the list, fetched anew', (t) => {
  const asked = press(type(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-shop'), 'enter');
  const { state, effects } = update(asked, {
    type: 'reply',
    host: 'web-01',
    purpose: RESTORE,
    outcome: refused(new Fault('POINT-NOT-FOUND', { point: 'e0' })),
    at: asked.now,
  });
  t.is(restoreOf(state).step, 'points');
  t.is(restoreOf(state).point, undefined);
  t.regex(state.toast?.text ?? '', /no rewind point e0/);
  t.like(requests(effects)[0], { command: 'scenario.points' });
});

test('a second console that restores at once gets the refusal at its question, and can watch the first', (t) => {
  const asked = press(type(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-shop'), 'enter');
  const busy = new Fault('SCENARIO-STATE', { name: 'web-shop', state: 'recovering', reason: 'another restore runs' });
  const told = reply(asked, RESTORE, refused(busy));
  t.is(restoreOf(told).step, 'confirm');
  t.is(restoreOf(told).fault?.code, 'SCENARIO-STATE');
  const other = pushStatus(told, scenario('web-shop', { ...STOPPED, recovery: RECOVERY }));
  t.deepEqual(effectsOf(type(other, 'web-shop'), 'enter'), []);
  const watching = walk(
    pushStatus(stoppedState(size), scenario('web-shop', { ...STOPPED, recovery: RECOVERY })),
    answerOf,
    'w',
  );
  t.is(restoreOf(watching).step, 'progress');
  const over = ticks(pushStatus(ticks(watching, 1), scenario('web-shop', STOPPED)), 1);
  t.is(restoreOf(over).step, 'result');
  t.is(restoreOf(over).outcome?.kind, 'over');
});

test('a connection lost in the middle of a restore is waited out, and its end is still told', (t) => {
  const cut = reply(
    underWay(size),
    RESTORE,
    refused(new Fault('LINK-UNREACHABLE', { host: 'web-01', reason: 'lost' })),
  );
  t.is(restoreOf(cut).step, 'progress', 'that says nothing of the restore');
  const away = ticks(lost(cut, 'web-01'), 30);
  t.is(restoreOf(away).step, 'progress');
  const back = ticks(
    connected(away, 'web-01', [scenario('web-shop', { ...STOPPED, recovery: { ...RECOVERY, doneSteps: 20_000 } })]),
    1,
  );
  t.is(restoreOf(back).seen?.status.doneSteps, 20_000);
  const over = ticks(pushStatus(back, scenario('web-shop', STOPPED)), 6);
  t.is(restoreOf(over).step, 'result');
});

test('a connection lost right after Enter says neither that it runs nor that it failed, until the host tells', (t) => {
  const silent = (command: string, args: unknown) =>
    command === 'scenario.restore' ? undefined : answerOf(command, args);
  const typed = type(walk(stoppedState(size), silent, 'w', 'enter', 'enter', 'enter'), 'web-shop');
  const fault = new Fault('LINK-UNREACHABLE', { host: 'web-01', reason: 'lost' });
  const cut = ticks(lost(reply(walk(typed, silent, 'enter'), RESTORE, refused(fault)), 'web-01'), 20);
  t.is(restoreOf(cut).step, 'progress');
  const runs = { ...STOPPED, recovery: RECOVERY };
  t.is(restoreOf(ticks(connected(cut, 'web-01', [scenario('web-shop', runs)]), 2)).seen?.status.phase, 'rewinding');
  const never = ticks(connected(cut, 'web-01', [scenario('web-shop', STOPPED)]), 2);
  t.is(restoreOf(never).outcome?.kind, 'over');
  t.is(restoreOf(never).seen, undefined);
});

test('Enter before the cursor has rested still brings the figures of that point to the question', (t) => {
  const open = walk(stoppedState(size), answerOf, 'w', 'enter');
  let state = open;
  for (const key of ['j', 'j', 'j']) state = after(state, keyPress(key, state.now + 100));
  const asked = requests(effectsOf(state, 'enter'));
  t.like(asked[0], { command: 'scenario.preview', args: { point: restoreOf(state).list.points[3]!.id } });
});

test('closing the wizard does not stop the restore, and its answer is still told', (t) => {
  const left = press(underWay(size), 'esc');
  t.deepEqual(left.dialogs, []);
  t.regex(left.toast?.text ?? '', /goes on/);
  t.regex(reply(left, RESTORE, { ok: true, result: RESTORED }).toast?.text ?? '', /restored/);
});

test('x under way asks, then stops the temporary Recovery scenario', (t) => {
  const asked = press(underWay(size), 'x');
  t.is(asked.dialogs.at(-1)?.kind, 'confirm');
  t.like(requests(effectsOf(asked, 'y'))[0], { command: 'scenario.stop', args: { name: RECOVERY.scenario } });
  const failed = pushStatus(
    underWay(size),
    scenario('web-shop', { ...STOPPED, recovery: { ...RECOVERY, failed: 'full' } }),
  );
  t.like(requests(effectsOf(press(failed, 'c'), 'y'))[0], {
    command: 'scenario.run',
    args: { name: RECOVERY.scenario },
  });
  t.like(requests(effectsOf(press(failed, 'd'), 'y'))[0], {
    command: 'scenario.delete',
    args: { name: RECOVERY.scenario },
  });
});

test('the result says until when it can be undone, and U goes there', (t) => {
  const done = reply(underWay(size), RESTORE, { ok: true, result: RESTORED });
  t.is(restoreOf(done).step, 'result');
  const undo = press(pushStatus(done, scenario('web-shop', STOPPED)), 'U');
  t.is(restoreOf(undo).job, 'undo');
  const [request] = requests(effectsOf(type(undo, 'web-shop'), 'enter'));
  t.like(request, { command: 'scenario.undo', args: { name: 'web-shop', replica: 'web-02' } });
});

test('an undo shows how far it is, may be left and come back to, and cannot be started twice', (t) => {
  const silent = (command: string, args: unknown) =>
    command === 'scenario.undo' ? undefined : answerOf(command, args);
  const asked = walk(type(walk(stoppedState(size), silent, 'U'), 'web-shop'), silent, 'enter');
  const at = (doneSteps: number) => ({ ...RECOVERY, undo: true as const, scenario: 'web-shop', doneSteps });
  const push = (state: ConsoleState, done: number) =>
    ticks(pushStatus(state, scenario('web-shop', { ...STOPPED, recovery: at(done) })), 1);
  const going = push(push(asked, 5_000), 9_000);
  t.is(restoreOf(going).seen?.status.doneSteps, 9_000);
  t.true((restoreOf(going).pace?.stepsPerSecond ?? 0) > 0);
  const other = ticks(
    pushStatus(going, scenario('web-shop', { ...STOPPED, recovery: { ...at(10), replica: 'web-01' } })),
    1,
  );
  t.is(restoreOf(other).pace, undefined, 'the next host has a pace of its own');
  t.is(restoreOf(press(press(other, 'esc'), 'w')).replica, 'web-02');
  t.is(press(going, 'x').dialogs.at(-1)?.kind, 'restore', 'x does not stop it half way');
  const left = press(going, 'esc');
  t.deepEqual(left.dialogs, []);
  t.regex(press(left, 'U').toast?.text ?? '', /being undone already; w shows/);
  const back = press(left, 'w');
  t.like(restoreOf(back), { step: 'progress', job: 'undo' });
  const over = ticks(pushStatus(ticks(back, 1), scenario('web-shop', STOPPED)), 1);
  t.like(restoreOf(over), { step: 'result', job: 'undo' });
  t.like(restoreOf(reply(going, RESTORE, { ok: true, result: { ...RESTORED, hosts: [] } })).outcome, {
    kind: 'undone',
  });
});

test('a bookmark is refused during synchronization with the reason, and has date and time as its default name', (t) => {
  const copying = connected(fresh(size), 'web-01', [scenario('web-shop', { state: 'synchronizing' })]);
  t.regex(press(copying, 'b').toast?.text ?? '', /during synchronization/);
  const open = press(connected(fresh(size), 'web-01', [scenario('web-shop')]), 'b');
  const [request] = requests(effectsOf(open, 'enter'));
  t.regex(String((request?.args as { text?: string } | undefined)?.text), /^Bookmark 2026-07-01 \d\d:04:32$/);
  const asked = press(open, 'enter');
  const fault = new Fault('REWIND-OFF', {});
  const failed = reply(asked, { kind: 'bookmark', scenarioId: 'id-web-shop' }, refused(fault));
  t.like(failed.dialogs.at(-1), { kind: 'prompt', step: 'failed' });
  t.like(press(failed, 'enter').dialogs.at(-1), { step: 'question' });
});

test('answers that are no points, previews or figures are said to be so and never shown', (t) => {
  const nonsense = walk(stoppedState(size), () => ({ points: 'none', total: [] }), 'w', 'enter');
  t.regex(restoreOf(nonsense).list.fault?.text ?? '', /does not understand/);
  const partly = walk(
    stoppedState(size),
    (command) =>
      command === 'scenario.points' ? { points: [null, { id: 4 }, history(1)[0]], total: 3 } : { on: 'yes' },
    'w',
  );
  t.is(restoreOf(partly).list.points.length, 1);
});

test('the first page comes at once, the next ones before the cursor needs them, each only once', (t) => {
  const all = history(5_000);
  const asked: unknown[] = [];
  const answer = (command: string, args: unknown) => {
    if (command !== 'scenario.points') return answerOf(command, args, all);
    asked.push((args as { filter: unknown }).filter);
    return pointsAnswer(all, args);
  };
  const open = walk(stoppedState(size), answer, 'w', 'enter');
  t.is(restoreOf(open).list.points.length, 300);
  const far = walk(open, answer, ...Array.from({ length: 60 }, () => 'pgdn'));
  t.true(restoreOf(far).list.points.length > restoreOf(far).list.cursor + 10);
  const end = walk(far, answer, 'G');
  t.is(restoreOf(end).list.points.length, 5_000);
  t.is(restoreOf(end).list.cursor, 4_999);
  t.deepEqual(
    restoreOf(end).list.points.map(({ id }) => id),
    all.map(({ id }) => id),
    'none twice, none left out',
  );
  t.true(asked.length < 8);
});
