/** What the console does with keys, pushes and answers, without a terminal. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { alertRows, eventWindow, scenarioViews, selectedScenario, treeRows, unreadAlerts } from '../../tui/select.ts';
import { type ConsoleState, type Effect, EVENT_RING } from '../../tui/state.ts';
import { update } from '../../tui/update.ts';
import { event, master, moods, NOON, scenario, standby } from './sample.ts';
import { after, connected, fresh, keyPress, lost, moodyState, press, protectedState, ticks, type } from './states.ts';

const SIZE = { columns: 120, rows: 36 };

/** Effects of a last key after the others. */
function effectsOf(state: ConsoleState, name: string): readonly Effect[] {
  return update(state, keyPress(name, state.now + 1000)).effects;
}

function reply(
  state: ConsoleState,
  kind: 'verify' | 'run' | 'confirm',
  scenarioId: string,
  result: unknown,
): ConsoleState {
  const outcome =
    result instanceof Fault ? ({ ok: false, fault: result.toDocument() } as const) : ({ ok: true, result } as const);
  return after(state, { type: 'reply', host: 'web-01', purpose: { kind, scenarioId }, outcome, at: state.now });
}

function pushEvents(state: ConsoleState, first: number, amount: number): ConsoleState {
  const events = Array.from({ length: amount }, (_, index) => event(first + index, `event ${first + index}`));
  const batch = { scenarios: [], removedScenarios: [], events, eventsDropped: 0 };
  return after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: NOON });
}

const WARNINGS = {
  findings: [{ severity: 'warning', code: 'CLOCK', host: 'web-02', text: 'clocks differ', fix: 'ntp' }],
};
const ERRORS = { findings: [{ severity: 'error', code: 'ROOT', host: 'web-02', text: 'no root', fix: 'mkdir' }] };

test('the worst scenario stands first and the healthy ones below', (t) => {
  t.deepEqual(
    scenarioViews(moodyState(SIZE)).map((view) => view.status.name),
    ['legacy', 'intranet', 'media', 'web-shop', 'mail'],
  );
});

test('the cursor stays on its scenario when the order changes', (t) => {
  const state = press(connected(fresh(SIZE), 'web-01', [scenario('a'), scenario('b')]), 'j', 'j', 'j');
  t.is(selectedScenario(state)?.status.name, 'b');
  const failed = scenario('b', { state: 'failed', running: false });
  const next = after(state, {
    type: 'news',
    host: 'web-01',
    news: { type: 'push', batch: { scenarios: [failed], removedScenarios: [], events: [], eventsDropped: 0 } },
    at: NOON,
  });
  t.is(treeRows(next)[0]?.scenario.status.name, 'b');
  t.is(selectedScenario(next)?.status.name, 'b');
});

test('a scenario two hosts report is shown once, by the one that knows more', (t) => {
  const both = connected(
    connected(fresh(SIZE, ['web-02', 'web-01']), 'web-02', [
      scenario('shop', { reportedBy: 'web-02', hosts: [standby('web-02')] }),
    ]),
    'web-01',
    [scenario('shop', { reportedBy: 'web-01' })],
  );
  t.is(scenarioViews(both).length, 1);
  t.is(scenarioViews(both)[0]?.source.name, 'web-01');
  const alone = lost(both, 'web-01');
  t.is(scenarioViews(alone)[0]?.source.name, 'web-02');
  t.false(scenarioViews(alone)[0]?.stale);
  t.true(scenarioViews(lost(alone, 'web-02'))[0]?.stale);
});

test('the report with the newer epoch wins over the old active host', (t) => {
  const state = connected(connected(fresh(SIZE, ['web-01', 'web-02']), 'web-01', [scenario('shop')]), 'web-02', [
    scenario('shop', { reportedBy: 'web-02', active: 'web-02', epoch: 8, hosts: [master('web-02')] }),
  ]);
  t.is(scenarioViews(state)[0]?.status.epoch, 8);
});

test('run asks for the verification first, and for nothing else', (t) => {
  const [effect, ...more] = effectsOf(press(moodyState(SIZE), 'G'), 'r');
  t.like(effect, { type: 'request', command: 'scenario.verify', args: { name: 'mail' }, host: 'web-01' });
  t.deepEqual(more, []);
});

test('errors block run: no key leads past them', (t) => {
  let state = reply(press(moodyState(SIZE), 'G', 'r'), 'verify', 'id-mail', ERRORS);
  for (const name of ['y', 'a', 'enter']) {
    const step = update(state, keyPress(name, state.now + 1000));
    t.deepEqual(step.effects, [], name);
    state = name === 'enter' ? state : step.state;
  }
});

test('warnings need their acknowledgement, then the question is answered with y', (t) => {
  const found = reply(press(moodyState(SIZE), 'G', 'r'), 'verify', 'id-mail', WARNINGS);
  t.deepEqual(effectsOf(found, 'y'), []);
  const [effect] = effectsOf(press(found, 'a'), 'y');
  t.like(effect, {
    command: 'scenario.run',
    args: { name: 'mail', sync: 'file', ignoreSame: true, acknowledgeWarnings: true },
  });
});

test('the cursor of the question is on Cancel: Enter alone runs nothing', (t) => {
  const asked = reply(press(moodyState(SIZE), 'G', 'r'), 'verify', 'id-mail', { findings: [] });
  const step = update(asked, keyPress('enter', asked.now + 1000));
  t.deepEqual(step.effects, []);
  t.is(step.state.dialogs.length, 0);
});

test('the choices of the run dialog go to the host as they were chosen', (t) => {
  const asked = reply(press(moodyState(SIZE), 'G', 'r'), 'verify', 'id-mail', { findings: [] });
  const chosen = press(asked, 'up', 'space', 'up', 'right', 'down', 'down', 'right');
  t.like(effectsOf(chosen, 'enter')[0], { command: 'scenario.run', args: { sync: 'block', ignoreSame: false } });
});

test('an answer nobody understands blocks run like an error', (t) => {
  const state = reply(press(moodyState(SIZE), 'G', 'r'), 'verify', 'id-mail', { surprise: true });
  t.like(state.dialogs.at(-1), { step: 'findings' });
  t.deepEqual(effectsOf(press(state, 'a'), 'y'), []);
});

test('a key held down, typed ahead, or right after the dialog opened answers no question', (t) => {
  const opened = press(protectedState(SIZE), 'x');
  const at = opened.now;
  t.deepEqual(update(opened, keyPress('y', at + 100)).effects, [], 'too early');
  t.deepEqual(update(opened, { ...keyPress('y', at + 2000), burst: true }).effects, [], 'in a burst');
  const once = update({ ...opened, lastKey: { name: 'y', at: at + 1990 } }, keyPress('y', at + 2000));
  t.deepEqual(once.effects, [], 'held down');
  t.like(update(opened, keyPress('y', at + 2000)).effects[0], { command: 'scenario.stop', args: { name: 'web-shop' } });
});

test('a question whose scenario changed meanwhile does nothing and says so', (t) => {
  const opened = press(protectedState(SIZE), 'x');
  const stopped = scenario('web-shop', { state: 'stopped', stopReason: 'by-user', running: false });
  const changed = after(opened, {
    type: 'news',
    host: 'web-01',
    news: { type: 'push', batch: { scenarios: [stopped], removedScenarios: [], events: [], eventsDropped: 0 } },
    at: NOON,
  });
  const step = update(changed, keyPress('y', changed.now + 1000));
  t.deepEqual(step.effects, []);
  t.regex(step.state.toast?.text ?? '', /changed while the question was open/);
});

test('deleting needs the name typed out; pasting it does not count', (t) => {
  const opened = press(type(press(moodyState(SIZE), 'G', ':'), 'delete'), 'enter');
  t.like(opened.dialogs.at(-1), { kind: 'confirm', typed: 'mail' });
  t.deepEqual(effectsOf(type(opened, 'mai'), 'enter'), []);
  const pasted = after(opened, { type: 'paste', text: 'mail', at: opened.now });
  t.deepEqual(effectsOf(pasted, 'enter'), []);
  t.like(effectsOf(type(opened, 'mail'), 'enter')[0], { command: 'scenario.delete', args: { name: 'mail' } });
});

test('a refusal stays in the dialog with its code and what to do', (t) => {
  const asked = press(press(protectedState(SIZE), 'x'), 'y');
  const fault = new Fault('SCENARIO-STATE', { name: 'web-shop', state: 'stopped', reason: 'it was stopped' });
  t.like(reply(asked, 'confirm', 'id-web-shop', fault).dialogs.at(-1), {
    step: 'failed',
    fault: { code: 'SCENARIO-STATE' },
  });
});

test('a failure whose dialog was closed meanwhile is told and stays until it is read', (t) => {
  const asked = press(press(protectedState(SIZE), 'x'), 'y', 'esc');
  const state = reply(asked, 'confirm', 'id-web-shop', new Fault('TIMEOUT', { seconds: 30, what: 'stop' }));
  t.is(state.toast?.severity, 'error');
  t.is(ticks(state, 60).toast?.severity, 'error');
  t.is(press(state, 'esc').toast, undefined);
});

test('Esc never quits, however often; q does, and stops nothing', (t) => {
  let state = press(moodyState(SIZE), '3', '/', 's', 'enter', 'k');
  for (let times = 0; times < 10; times += 1) {
    const step = update(state, keyPress('esc', state.now + 1000));
    t.deepEqual(step.effects, []);
    state = step.state;
  }
  t.deepEqual([state.pane, state.eventView.filter], ['tree', '']);
  t.deepEqual(effectsOf(state, 'q'), [{ type: 'quit' }]);
});

test('scrolling up pauses the stream where the reader is, counts what is new, and G goes live', (t) => {
  const many = pushEvents(connected(fresh(SIZE), 'web-01', moods()), 1, 100);
  const reading = press(many, '3', 'k', 'k');
  const before = eventWindow(reading, 8).rows.map((row) => row.record.n);
  const later = pushEvents(reading, 101, 37);
  t.deepEqual(
    eventWindow(later, 8).rows.map((row) => row.record.n),
    before,
  );
  t.is(eventWindow(later, 8).newer, 37);
  t.is(eventWindow(press(later, 'G'), 8).rows.at(-1)?.record.n, 137);
});

test('a burst of events keeps the newest of the ring and counts what the host left out', (t) => {
  let state = connected(fresh(SIZE), 'web-01', []);
  for (let batch = 0; batch < 30; batch += 1) state = pushEvents(state, batch * 250 + 1, 250);
  t.is(state.events.length, EVENT_RING);
  t.is(state.events.at(-1)?.record.n, 7500);
  const dropped = { scenarios: [], removedScenarios: [], events: [], eventsDropped: 12 };
  t.is(
    after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch: dropped }, at: NOON }).eventsDropped,
    12,
  );
});

test('after a break only the missed events are asked for, and none appears twice', (t) => {
  const state = pushEvents(connected(fresh(SIZE), 'web-01', []), 1, 10);
  const again = update(lost(state, 'web-01'), {
    type: 'news',
    host: 'web-01',
    news: { type: 'snapshot', snapshot: { daemon: { ...state.hosts[0]!.daemon! }, scenarios: [] } },
    at: NOON,
  });
  t.like(again.effects[0], { command: 'events.query', args: { after: 10 } });
  const events = [event(9, 'old'), event(10, 'old'), event(11, 'missed')];
  const outcome = { ok: true, result: { events } } as const;
  const merged = after(again.state, { type: 'reply', host: 'web-01', purpose: { kind: 'history' }, outcome, at: NOON });
  t.deepEqual(
    merged.events.map((stored) => stored.record.n),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
});

test('warnings from before the console was opened do not alarm; those since do until ! was pressed', (t) => {
  const start = connected(fresh(SIZE), 'web-01', []);
  const warning = { severity: 'warning' } as const;
  const outcome = { ok: true, result: { events: [event(1, 'long ago', warning)] } } as const;
  const history = after(start, { type: 'reply', host: 'web-01', purpose: { kind: 'history' }, outcome, at: NOON });
  t.is(unreadAlerts(history), 0);
  const batch = { scenarios: [], removedScenarios: [], events: [event(2, 'now', warning)], eventsDropped: 0 };
  const alarmed = after(history, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: NOON });
  t.is(unreadAlerts(alarmed), 1);
  t.is(alertRows(alarmed).length, 2);
  t.is(unreadAlerts(press(alarmed, '!')), 0);
});

test('a host that is down blocks commands to it and says which host is meant', (t) => {
  const state = lost(protectedState(SIZE), 'web-01');
  const step = update(state, keyPress('x', state.now + 1000));
  t.deepEqual(step.effects, []);
  t.is(step.state.dialogs.length, 0);
  t.regex(step.state.toast?.text ?? '', /no connected host knows web-shop/);
});

test('the roots of a scenario are asked for once, not with every push', (t) => {
  const open = update(protectedState(SIZE), keyPress(']', NOON + 1000));
  t.like(open.effects[0], { command: 'scenario.show', args: { name: 'web-shop' } });
  t.deepEqual(update(open.state, { type: 'tick', at: NOON + 2000 }).effects, []);
});

test('charts show nothing where nothing was known', (t) => {
  const state = ticks(lost(protectedState(SIZE), 'web-01'), 5);
  t.deepEqual(state.charts['id-web-shop']?.throughput.slice(-5).map(Number.isNaN), [true, true, true, true, true]);
});

test('what was fetched later but happened earlier does not count as new while reading', (t) => {
  const live = pushEvents(connected(fresh(SIZE), 'web-01', []), 50, 10);
  const outcome = { ok: true, result: { events: [event(1, 'earlier'), event(2, 'earlier')] } } as const;
  const merged = after(live, { type: 'reply', host: 'web-01', purpose: { kind: 'history' }, outcome, at: NOON });
  t.is(eventWindow(press(merged, '3', 'k'), 8).newer, 0);
});

test('parked items are listed, and dropping them asks first', (t) => {
  const parked = standby('web-02', { parked: 2 });
  const state = connected(fresh(SIZE), 'web-01', [scenario('a', { hosts: [master('web-01'), parked] })]);
  const open = type(press(state, ':'), 'parked items');
  const asked = update(open, keyPress('enter', open.now + 1000));
  t.like(asked.effects[0], { command: 'scenario.parked', args: { name: 'a' } });
  const items = [{ replica: 'web-02', path: 'x/y', reason: 'no space', attempts: 3 }];
  const purpose = { kind: 'parked', scenarioId: selectedScenario(state)?.id ?? '' } as const;
  const outcome = { ok: true, result: { items } } as const;
  const heard = after(asked.state, { type: 'reply', host: 'web-01', purpose, outcome, at: NOON });
  t.like(heard.dialogs.at(-1), { kind: 'list', rows: ['web-02  x/y', '    no space (tried 3 times)'] });
  const drop = press(type(press(state, ':'), 'drop parked'), 'enter');
  t.like(drop.dialogs.at(-1), { kind: 'confirm', command: 'scenario.parkedDrop', button: 'cancel' });
});

test('a restart is prepared for the host that is selected, after a question', (t) => {
  const state = connected(fresh(SIZE), 'web-01', [scenario('a', { hosts: [master('web-01'), standby('web-02')] })]);
  t.is(press(type(press(state, ':'), 'prepare restart'), 'enter').dialogs.length, 0, 'a scenario is selected');
  const onHost = press(state, 'l', 'j', 'j');
  const asked = press(type(press(onHost, ':'), 'prepare restart'), 'enter');
  t.like(asked.dialogs.at(-1), { kind: 'confirm', command: 'host.prepareReboot', button: 'cancel' });
  const said = update(asked, keyPress('y', asked.now + 2_000));
  t.like(said.effects[0], { host: 'web-01', command: 'host.prepareReboot', args: { host: 'web-02' } });
});

test('resume is asked at once and its refusal is shown', (t) => {
  const state = connected(fresh(SIZE), 'web-01', [scenario('a')]);
  const open = type(press(state, ':'), 'resume');
  const asked = update(open, keyPress('enter', open.now + 1000));
  t.like(asked.effects[0], { command: 'scenario.resume' });
  const purpose = { kind: 'ask', scenarioId: 'x', said: 'goes on' } as const;
  const fault = new Fault('SCENARIO-STATE', { name: 'a', state: 'stopped', reason: 'it does not run' }).toDocument();
  const outcome = { ok: false, fault } as const;
  t.is(after(state, { type: 'reply', host: 'web-01', purpose, outcome, at: NOON }).toast?.severity, 'error');
});
