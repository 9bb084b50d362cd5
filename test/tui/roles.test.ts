/** Switchovers as the console asks for them: typed, with what is at stake, on the right host. */
import test from 'ava';
import { selectedScenario } from '../../tui/select.ts';
import { topDialog } from '../../tui/state.ts';
import { update } from '../../tui/update.ts';
import { forcedQuestion, switchoverQuestion, withRoles } from './role-states.ts';
import { connected, fresh, keyPress, press, type } from './states.ts';

const SIZE = { columns: 120, rows: 36 };

test('a switchover asks for the typed name and goes to the active host; a half-typed name does nothing', (t) => {
  const half = switchoverQuestion(SIZE);
  t.deepEqual(update(half, keyPress('enter', half.now + 1_000)).effects, []);
  const whole = type(half, 'shop');
  const [effect] = update(whole, keyPress('enter', whole.now + 1_000)).effects;
  t.like(effect, { type: 'request', host: 'web-01', command: 'scenario.switchover', args: { name: 'web-shop' } });
});

test('without the active host the operator states that it is off, and is told that the loss is not known', (t) => {
  const asked = forcedQuestion(SIZE);
  const dialog = topDialog(asked);
  t.is(dialog?.kind, 'confirm');
  if (dialog?.kind !== 'confirm') return;
  t.regex(dialog.question, /although web-01 does not answer/);
  t.true(dialog.impact.some((line) => line.includes('must be OFF')));
  t.true(dialog.impact.some((line) => line.includes('not known')));
  const typed = type(asked, 'web-shop');
  const [effect] = update(typed, keyPress('enter', typed.now + 1_000)).effects;
  t.like(effect, { host: 'web-02', args: { name: 'web-shop', peerIsFenced: true } });
});

test('a switchover that changed while the question was open is not done', (t) => {
  const typed = type(switchoverQuestion(SIZE), 'shop');
  const status = withRoles({ epoch: 8, active: 'web-02' });
  const batch = { scenarios: [status], removedScenarios: [], events: [], eventsDropped: 0 };
  const later = update(typed, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: typed.now }).state;
  t.deepEqual(update(later, keyPress('enter', later.now + 1_000)).effects, []);
});

test('a scenario that never ran, and one that switches already, say why they cannot be switched over', (t) => {
  const { roles: _roles, ...never } = withRoles();
  const without = press(connected(fresh(SIZE), 'web-01', [never]), 's');
  t.is(topDialog(without), undefined);
  t.regex(without.toast?.text ?? '', /run it first/);
  const switchover = { id: 'x', step: 'drain', side: 'from', right: 'planned' } as const;
  const under = withRoles({ roles: { ...withRoles().roles!, switchover } });
  const busy = press(connected(fresh(SIZE), 'web-01', [under]), 's');
  t.is(topDialog(busy), undefined);
  t.is(selectedScenario(busy)?.status.name, 'web-shop');
});
