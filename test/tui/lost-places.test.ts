/** Points that cannot give everything back any more: how they are marked, and what has to be accepted before going there. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { blockSurface } from '../../tui/charts/bars.ts';
import type { ConsoleState, Effect } from '../../tui/state.ts';
import { update } from '../../tui/update.ts';
import { answerOf, history, pointsAnswer, preview, reply, restoreOf, stoppedState, walk } from './recovery-states.ts';
import { draw } from './screen.tsx';
import { keyPress, press, type } from './states.ts';

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 36 },
] as const;
const RESTORE = { kind: 'restore', scenarioId: 'id-web-shop' } as const;
const LOST = [
  { root: 0, path: 'orders/2026/07/0002.json', kind: 'lost', reason: 'what was kept of it (k17) is missing' },
  { root: 0, path: 'shop/img/summer.jpg', kind: 'lost', reason: 'what was kept of it (k18) is too short' },
] as const;
const FOREIGN = { root: 0, path: 'shop/by hand.txt', kind: 'foreign', reason: 'changed by others' } as const;

const all: readonly RewindPoint[] = history(200).map((point, index) => (index === 9 ? { ...point, lost: 4 } : point));

/** The point three rows down cannot give two places back; the host knows of four at another one. */
function answer(command: string, args: unknown): unknown {
  if (command === 'scenario.points') return pointsAnswer(all, args);
  const { point } = args as { point?: string };
  if (command === 'scenario.preview' && point === all[3]!.id)
    return preview(all[3]!, { problems: [...LOST, FOREIGN], problemCount: 3 });
  return answerOf(command, args, all);
}

function requests(effects: readonly Effect[]): readonly Extract<Effect, { type: 'request' }>[] {
  return effects.filter((effect) => effect.type === 'request');
}

function enter(state: ConsoleState): readonly Extract<Effect, { type: 'request' }>[] {
  return requests(update(state, keyPress('enter', state.now + 1000)).effects);
}

async function screenOf(state: ConsoleState): Promise<string> {
  return (await draw(state, blockSurface)).rows.join('\n');
}

const AT_LOST = ['w', 'enter', 'j', 'j', 'j'] as const;

for (const size of SIZES) {
  test(`points that lost something say so in the list at ${size.columns}x${size.rows}`, async (t) => {
    const before = await screenOf(walk(stoppedState(size), answer, 'w', 'enter'));
    t.is(before.match(/! DAMAGED 4 /g)?.length, 1, 'what the host knows is there before anybody looks closer');
    t.notRegex(before, /DAMAGED 2/);
    const at = walk(stoppedState(size), answer, ...AT_LOST);
    t.regex(await screenOf(at), />.*! DAMAGED 2 /);
    t.regex(await screenOf(at), /DAMAGED: 2 places cannot be given back/);
    t.regex(
      await screenOf(walk(at, answer, 'k')),
      / {2}! DAMAGED 2 /,
      'and it stays marked when the cursor has left it',
    );
  });

  test(`the question names what is lost, and takes no name before that is accepted, at ${size.columns}x${size.rows}`, async (t) => {
    const asked = walk(stoppedState(size), answer, ...AT_LOST, 'enter', 'enter');
    t.is(restoreOf(asked).step, 'confirm');
    let shown = '';
    for (let row = 0, state = asked; row < 14; row += 1, state = press(state, 'down')) shown += await screenOf(state);
    for (const { path } of LOST) t.true(shown.includes(path), path);
    t.regex(shown, /\[ \] Accept that: everything else/);
    const named = type(asked, 'web-shop');
    t.deepEqual(enter(named), [], 'the name alone is not enough');
    t.regex(press(named, 'enter').toast?.text ?? '', /cannot give everything back/);
    const accepted = press(named, 'tab');
    t.is(restoreOf(accepted).typed.text, '', 'a name typed before was typed for something else');
    t.regex(await screenOf(accepted), /\[x\] Accept that: everything else/);
    t.deepEqual(enter(accepted), []);
    t.like(enter(type(accepted, 'web-shop'))[0]?.args, { point: all[3]!.id, acceptLost: true });
    t.deepEqual(enter(type(press(accepted, 'tab'), 'web-shop')), [], 'and it can be taken back');
  });
}

test('what was accepted for one point is not accepted for another', (t) => {
  const [size] = SIZES;
  const accepted = press(walk(stoppedState(size), answer, ...AT_LOST, 'enter', 'enter'), 'tab');
  t.true(restoreOf(accepted).acceptLost);
  const other = walk(accepted, answer, 'esc', 'esc', 'k', 'enter', 'enter');
  t.is(restoreOf(other).step, 'confirm');
  t.is(restoreOf(other).acceptLost, undefined);
  const [request] = enter(type(other, 'web-shop'));
  t.is(request?.command, 'scenario.restore');
  t.is((request?.args as { acceptLost?: boolean } | undefined)?.acceptLost, undefined);
});

test('a host that refuses for what only it found leads to the same question, with its words', async (t) => {
  const [size] = SIZES;
  const asked = press(type(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-shop'), 'enter');
  const fault = new Fault('POINT-INCOMPLETE', { count: '3 places', path: 'orders/x.json', reason: 'it is missing' });
  const refused = reply(asked, RESTORE, { ok: false, fault: fault.toDocument() });
  t.is(restoreOf(refused).step, 'confirm');
  t.regex(
    (await screenOf(refused)).replaceAll(/[\s│]+/g, ' '),
    /DAMAGED: 3 places cannot be given back.*orders\/x\.json/,
  );
  t.deepEqual(enter(type(refused, 'web-shop')), []);
  t.like(enter(type(press(refused, 'tab'), 'web-shop'))[0]?.args, { acceptLost: true });
});

test('Tab does nothing where nothing is lost, and nothing is accepted for an undo or without a rewind', (t) => {
  const [size] = SIZES;
  const whole = press(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'tab');
  t.is(restoreOf(whole).acceptLost, undefined);
  const master = walk(stoppedState(size), answer, ...AT_LOST, 'esc', 'k', 'enter', 'enter');
  t.is(restoreOf(master).method, 'master');
  t.is(restoreOf(press(master, 'tab')).acceptLost, undefined);
  t.is(enter(type(master, 'web-shop')).length, 1);
});
