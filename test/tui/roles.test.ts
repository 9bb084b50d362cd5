/** Switchovers as the console asks for them: typed, with what is at stake, on the right host, followed to their end. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { whyDisabled } from '../../tui/keys.ts';
import { availabilityLines } from '../../tui/present/availability.ts';
import { lineText } from '../../tui/present/line.ts';
import { switchSheet } from '../../tui/present/switch-dialog.ts';
import { selectedScenario } from '../../tui/select.ts';
import { type ConsoleState, topDialog } from '../../tui/state.ts';
import type { SwitchDialog } from '../../tui/state-roles.ts';
import { paletteEntries } from '../../tui/update/palette.ts';
import { progressOf } from '../../tui/update/switch-progress.ts';
import { update } from '../../tui/update.ts';
import {
  answer,
  availability,
  availabilityBad,
  availabilityOld,
  bothHosts,
  fencedQuestion,
  forcedQuestion,
  recoverChoice,
  recoverQuestion,
  stepEvents,
  switching,
  switchOver,
  switchoverAsked,
  switchoverQuestion,
  switchoverRefused,
  switchProgress,
  withRoles,
} from './role-states.ts';
import { after, connected, fresh, keyPress, lost, press, ticks, type } from './states.ts';

const SIZE = { columns: 120, rows: 36 };

function dialogOf(state: ConsoleState): SwitchDialog {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'switch') throw new Error(`no switchover dialog is open: ${dialog?.kind}`);
  return dialog;
}

function shown(state: ConsoleState): string {
  return switchSheet(state, dialogOf(state), 400, 60).content.map(lineText).join('\n');
}

function pane(state: ConsoleState): string {
  return availabilityLines(state, selectedScenario(state)!, 100).map(lineText).join('\n');
}

function effectsOf(state: ConsoleState, name: string, burst = false) {
  return update(state, { ...keyPress(name, state.now + 1_000), burst }).effects;
}

// ---------------------------------------------------------------- the question

test('a switchover asks for the typed name and goes to the active host; a half-typed name does nothing', (t) => {
  const half = switchoverQuestion(SIZE);
  t.deepEqual(effectsOf(half, 'enter'), []);
  const whole = type(half, 'shop');
  const [effect] = effectsOf(whole, 'enter');
  t.like(effect, { type: 'request', host: 'web-01', command: 'scenario.switchover', args: { name: 'web-shop' } });
  t.false('peerIsFenced' in (effect as { args: object }).args);
});

test('nothing can be typed before the dry run has answered, nor when it would be refused', (t) => {
  const waiting = press(bothHosts(SIZE), 's');
  t.regex(shown(waiting), /asking both hosts what it would do/);
  t.is(dialogOf(type(waiting, 'web')).fields[0]?.field.text, '');
  const refused = switchoverRefused(SIZE);
  t.regex(shown(refused), /REFUSED now: it is synchronizing/);
  t.deepEqual(effectsOf(type(refused, 'web-shop'), 'enter'), []);
  const [again] = effectsOf(refused, 'u');
  t.like(again, { command: 'scenario.switchoverPlan', args: { name: 'web-shop' } });
});

test('a dry run that fails keeps nobody from switching over, and says that what stands in the way is not known', (t) => {
  const failed = answer(press(bothHosts(SIZE), 's'), 'switch-plan', new Fault('INTERNAL', { reason: 'a check broke' }));
  t.regex(shown(failed), /not known what stands in the way/);
  t.like(effectsOf(type(failed, 'web-shop'), 'enter')[0], { command: 'scenario.switchover' });
});

test('pasted names, held keys and keys typed ahead do not switch over', (t) => {
  const asked = switchoverAsked(SIZE);
  const pasted = after(asked, { type: 'paste', text: 'web-shop', at: asked.now });
  t.is(dialogOf(pasted).fields[0]?.field.text, '');
  t.regex(pasted.toast?.text ?? '', /pasting is not accepted/);
  const typed = type(asked, 'web-shop');
  t.deepEqual(effectsOf(typed, 'enter', true), [], 'in one burst with other keys');
  const held = after(typed, keyPress('x', typed.now + 1_000), keyPress('backspace', typed.now + 2_000));
  const first = update(held, keyPress('enter', held.now + 20));
  t.is(first.effects.length, 1, 'a first press counts');
  const repeated = { ...held, lastKey: { name: 'enter', at: held.now } };
  t.deepEqual(update(repeated, keyPress('enter', held.now + 30)).effects, [], 'a key held down does not');
});

test('without the active host the operator states that it is fenced, and is told what is at risk', (t) => {
  const asked = forcedQuestion(SIZE);
  t.regex(shown(asked), /although web-01 does not answer/);
  t.regex(shown(asked), /must be FENCED/);
  t.regex(shown(asked), /at least 48 kB, 1\.2 s of changes.*not known here/);
  t.deepEqual(effectsOf(type(asked, 'web-shop'), 'enter'), [], 'the name alone is not enough');
  const stated = press(type(asked, 'web-01 is fenced'), 'enter');
  t.is(dialogOf(stated).focus, 1, 'Enter goes on to the name');
  t.deepEqual(effectsOf(type(stated, 'web-sho'), 'enter'), []);
  const [effect] = effectsOf(type(stated, 'web-shop'), 'enter');
  t.like(effect, { host: 'web-02', args: { name: 'web-shop', peerIsFenced: true } });
});

test('a standby that hears the active host passes it on although this console is not connected to that one', (t) => {
  const heard = withRoles({
    reportedBy: 'web-02',
    roles: {
      ...withRoles().roles!,
      role: 'standby',
      peer: { ...withRoles().roles!.peer!, name: 'web-01', role: 'active' },
    },
  });
  const asked = press(connected(fresh(SIZE, ['web-02']), 'web-02', [heard]), 's');
  t.is(dialogOf(asked).job, 'planned');
});

test('an active host that turns out not to answer the standby makes it a question of the operator’s word', (t) => {
  const heard = withRoles({
    reportedBy: 'web-02',
    roles: {
      ...withRoles().roles!,
      role: 'standby',
      peer: { ...withRoles().roles!.peer!, name: 'web-01', role: 'active' },
    },
  });
  const opened = press(connected(fresh(SIZE, ['web-02']), 'web-02', [heard]), 's');
  const plan = {
    name: 'web-shop',
    from: 'web-01',
    to: 'web-02',
    possible: true,
    steps: [],
    findings: [],
    loss: 'none',
  };
  const asked = press(type(answer(opened, 'switch-plan', plan), 'web-shop'), 'enter');
  const fault = new Fault('SWITCH-SILENT', { host: 'web-01', name: 'web-shop', reason: 'no answer' });
  const stated = answer(asked, 'switch', fault);
  t.is(dialogOf(stated).job, 'stated');
  t.is(dialogOf(stated).fields.length, 2);
  t.regex(shown(stated), /SWITCH-SILENT/);
});

test('a switchover that changed while the question was open is refused', (t) => {
  const typed = type(switchoverQuestion(SIZE), 'shop');
  const status = withRoles({ epoch: 8, active: 'web-02' });
  const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
  const later = update(typed, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: typed.now }).state;
  const pressed = update(later, keyPress('enter', later.now + 1_000));
  t.deepEqual(pressed.effects, []);
  t.is(topDialog(pressed.state), undefined);
  t.regex(pressed.state.toast?.text ?? '', /changed while the question was open; nothing was done/);
});

test('a Master that answers again while its death is being stated ends the question', (t) => {
  const typed = type(press(type(forcedQuestion(SIZE), 'web-01 is fenced'), 'enter'), 'web-shop');
  const roles = { ...withRoles().roles!, role: 'standby' as const };
  const status = withRoles({
    reportedBy: 'web-02',
    roles: { ...roles, peer: { ...roles.peer!, name: 'web-01', role: 'active', ageMs: 200 } },
  });
  const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
  const later = after(typed, { type: 'news', host: 'web-02', news: { type: 'push', batch }, at: typed.now });
  t.deepEqual(effectsOf(later, 'enter'), []);
});

test('a refusal leads back to the question with its reason and what to do, and all has to be typed again', (t) => {
  const asked = press(type(switchoverAsked(SIZE), 'web-shop'), 'enter');
  const fault = new Fault('SWITCH-REFUSED', { name: 'web-shop', reason: 'web-02 is not standby' });
  const back = answer(asked, 'switch', fault);
  t.is(dialogOf(back).step, 'question');
  t.is(dialogOf(back).fields[0]?.field.text, '');
  t.regex(shown(back), /web-02 is not standby/);
  t.regex(shown(back), /--dry-run/);
});

test('--readonly refuses every change of roles and looks at all of them', (t) => {
  const state = bothHosts(SIZE);
  const viewer = { ...state, settings: { ...state.settings, readonly: true } };
  for (const action of ['switchover', 'recover-active', 'shadow-on', 'shadow-off', 'acknowledge'] as const) {
    t.regex(whyDisabled(viewer, action) ?? '', /--readonly/, action);
  }
  for (const action of ['ha-tab', 'switchover-plan', 'quarantine'] as const)
    t.is(whyDisabled(viewer, action), undefined);
  t.is(topDialog(press(viewer, 's')), undefined);
});

test('a scenario that never ran says why it cannot be switched over', (t) => {
  const { roles: _roles, ...never } = withRoles();
  const without = press(connected(fresh(SIZE), 'web-01', [never]), 's');
  t.is(topDialog(without), undefined);
  t.regex(without.toast?.text ?? '', /run it first/);
});

test('everything about roles is in the palette', (t) => {
  const offered = new Set<string>(paletteEntries('').map(({ action }) => action));
  for (const action of [
    'switchover',
    'switchover-plan',
    'recover-active',
    'shadow-on',
    'shadow-off',
    'acknowledge',
    'ha-tab',
    'quarantine',
  ])
    t.true(offered.has(action), action);
});

// ---------------------------------------------------------------- the steps

test('each step is shown with the time it took, the one under way with why it does not get on', (t) => {
  const state = switchProgress(SIZE);
  const { steps, problem, over } = progressOf(state, dialogOf(state));
  t.deepEqual(
    steps.map((one) => one.state),
    ['done', 'done', 'done', 'done', 'done', 'done', 'now', 'waiting'],
  );
  t.deepEqual(
    steps.slice(0, 6).map(({ tookMs }) => tookMs),
    [14, 176, 50, 20, 0, 80],
  );
  t.regex(problem ?? '', /in use by/);
  t.is(over, undefined);
});

test('the end says who is active, in which epoch, and how long users were cut off', (t) => {
  const state = switchOver(SIZE);
  const progress = progressOf(state, dialogOf(state));
  t.deepEqual(progress.over, { active: 'web-02', epoch: 8 });
  t.is(progress.cutOffMs, 596);
  t.regex(shown(state), /Switchover completed: web-02 is active in epoch 8; users were cut off for about 596 ms/);
});

test('a console that is opened during a switchover shows it with the times it had before', (t) => {
  const opened = press(stepEvents(switching(SIZE), 8), 's');
  t.is(dialogOf(opened).step, 'progress');
  const { steps } = progressOf(opened, dialogOf(opened));
  t.is(steps[1]?.tookMs, 176);
  t.regex(shown(opened), /REFUSED/, 'the problem of the step');
});

test('a lost connection neither asks a second time nor calls it failed; it is followed when the connection is back', (t) => {
  const asked = press(type(switchoverAsked(SIZE), 'web-shop'), 'enter');
  const unknown = answer(
    asked,
    'switch',
    new Fault('LINK-UNREACHABLE', { host: 'web-01', reason: 'the connection was lost' }),
  );
  t.is(dialogOf(unknown).step, 'progress');
  t.regex(shown(unknown), /not asked for a second time/);
  const alone = lost(lost(unknown, 'web-01'), 'web-02');
  t.regex(shown(alone), /goes on; this window follows it again/);
  t.deepEqual(effectsOf(alone, 'enter'), []);
  const back = stepEvents(unknown, 8, 'another id');
  t.is(dialogOf(back).id, 'another id');
});

test('a switchover that is given up says so, and that nothing has changed', (t) => {
  const state = stepEvents(press(type(switchoverAsked(SIZE), 'web-shop'), 'enter'), 2);
  const at = state.now + 5;
  const event = {
    n: 300,
    at,
    severity: 'error',
    code: 'SWT-003',
    scenario: 'web-shop',
    host: 'web-01',
    text: 'Switchover was given up: web-02 did not get ready',
    data: {},
  } as const;
  const batch = { scenarios: [], removedScenarios: [], events: [event], eventsDropped: 0 };
  const later = after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at });
  t.regex(shown(later), /given up: web-02 did not get ready/);
  t.regex(shown(later), /Nothing has changed for users/);
});

// ---------------------------------------------------------------- Recover Active Server

test('Recover Active Server shows both positions and differences, and asks for the name', (t) => {
  const question = recoverQuestion(SIZE);
  t.regex(shown(question), /3 entries differ/);
  t.regex(shown(question), /same position of the same history/);
  const typed = type(press(type(question, 'web-01 is fenced'), 'enter'), 'web-shop');
  const [effect] = effectsOf(typed, 'enter');
  t.like(effect, {
    host: 'web-02',
    command: 'scenario.recoverActive',
    args: { name: 'web-shop', make: 'replica', peerIsFenced: true },
  });
});

test('a host this console is not connected to cannot be made active, and the choice says so', (t) => {
  const choice = press(recoverChoice(SIZE), 'k');
  const gone = lost(choice, 'web-01');
  t.regex(shown(gone), /not now: this console is not connected to web-01/);
  const stays = press(gone, 'enter');
  t.is(dialogOf(stays).step, 'choice');
});

test('while a host is active and the scenario runs, Recover Active Server is not offered', (t) => {
  t.regex(whyDisabled(bothHosts(SIZE), 'recover-active') ?? '', /switch over \(s\), or stop it first/);
});

// ---------------------------------------------------------------- the HA tab

test('when all is well the tab says that a switchover can start by itself', (t) => {
  t.regex(pane(availability(SIZE)), /\[YES \] possible now/);
});

test('every reason that stands in the way of an automatic switchover comes with what to do', (t) => {
  const text = pane(availabilityBad(SIZE));
  for (const reason of [
    /Automatically" is off/,
    /was not acknowledged/,
    /hold-down ends by itself in 24 min/,
    /witness does not answer web-02: connection refused/,
    /outdated/,
    /shadow mode/,
  ])
    t.regex(text, reason);
  t.is(text.match(/To do:/g)?.length, 5);
});

test('the way that lets both become active is called unsafe, a script that runs is shown', (t) => {
  const roles = withRoles().roles!;
  const automatic = { possible: true, reasons: [], right: 'unsafe', unsafe: true, by: 'web-02' } as const;
  const fencing = {
    state: 'failed',
    script: 'ipmi',
    other: 'web-01',
    attempts: 2,
    text: 'no answer',
    nextInMs: 30_000,
  } as const;
  const state = connected(fresh(SIZE), 'web-01', [withRoles({ roles: { ...roles, automatic, fencing } })]);
  t.regex(pane(state), /UNSAFE: both hosts can become active/);
  t.regex(pane(state), /ipmi against web-01: failed, attempt 2: no answer; again in 30 s/);
});

test('a fencing script takes the place of the statement; when it fails, the operator is asked for his word', (t) => {
  const asked = fencedQuestion(SIZE);
  t.is(dialogOf(asked).fields.length, 1);
  t.regex(shown(asked), /Turn web-01 off by the fencing script/);
  const typed = type(asked, 'web-shop');
  const [effect] = effectsOf(typed, 'enter');
  t.like(effect, { command: 'scenario.switchover', args: { name: 'web-shop' } });
  t.false('peerIsFenced' in (effect as { args: object }).args);
  const fault = new Fault('SWITCH-FENCING', { host: 'web-01', script: 'ipmi', reason: 'exit 1' });
  const stated = answer(press(typed, 'enter'), 'switch', fault);
  t.is(dialogOf(stated).job, 'stated');
  t.is(dialogOf(stated).fields.length, 2);
});

test('checks are words and shapes with the age of their last answer; shadow mode says when and why', (t) => {
  const text = pane(availabilityBad(SIZE));
  t.regex(text, /\[FAIL\] engine +5 s ago +no answer within 10 s/);
  t.regex(text, /\[ok {2}\] ping/);
  t.regex(text, /\[skip\] disk/);
  t.regex(text, /would have switched over at .*, because every round failed for 5 min/);
  t.regex(text, /every 30 s; down when all rounds failed for 5 min; failed now: 13/);
});

test('what the watching host told a minute ago is called old', (t) => {
  t.regex(pane(availabilityOld(SIZE)), /OLD: as web-02 told it 1 min ago/);
  const quiet = ticks(availability(SIZE), 20);
  t.regex(pane(quiet), /\[\? {3}\] not known; it was possible, told 2\d s ago/);
  t.regex(pane(quiet), /OLD: as web-02 told it 2\d s ago/, 'connected, and yet no word of it');
});
