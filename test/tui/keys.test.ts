/** The binding catalogue and the decoder: what a key means, everywhere and unmistakably. */
import test from 'ava';
import fc from 'fast-check';
import { KeyDecoder } from '../../tui/input/decoder.ts';
import { ACTION_IDS, actionFor, actionsIn, bindingOf, isPane, placeOf, whyDisabled } from '../../tui/keys.ts';
import { footerLine } from '../../tui/present/bars.ts';
import { helpLines } from '../../tui/present/help.ts';
import { lineText, lineWidth } from '../../tui/present/line.ts';
import type { Place } from '../../tui/state.ts';
import { fuzzyScore, paletteEntries } from '../../tui/update/palette.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';
import { fresh, moodyState, press } from './states.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const PLACES = [...new Set(ACTION_IDS.map((action) => bindingOf(action).place))];
const SIZE = { columns: 120, rows: 36 };

function names(chunk: string): string[] {
  const decoder = new KeyDecoder();
  return [...decoder.push(chunk), ...decoder.flush()].map((input) =>
    input.type === 'key' ? input.name : `paste:${input.text}`,
  );
}

test('no key has two meanings in one place, nor one in a pane that hides one that holds everywhere', (t) => {
  for (const place of PLACES) {
    const keys = actionsIn(place).flatMap((action) => bindingOf(action).keys);
    t.deepEqual(
      keys.filter((key, index) => keys.indexOf(key) !== index),
      [],
      place,
    );
  }
});

test('every key finds the action it is listed under', (t) => {
  for (const action of ACTION_IDS) {
    const { place, keys } = bindingOf(action);
    for (const key of keys) t.is(actionFor(isPane(place) ? place : place, key), action, key);
  }
});

test('tmux and screen keep their keys, and no function key is needed', (t) => {
  const keys = ACTION_IDS.flatMap((action) => bindingOf(action).keys);
  t.deepEqual(
    keys.filter((key) => key === 'ctrl-a' || key === 'ctrl-b' || /^f\d+$/.test(key)),
    [],
  );
});

test('what changes something asks first, and says why when it cannot be done', (t) => {
  const state = fresh(SIZE);
  for (const action of ['run', 'stop', 'delete'] as const) {
    t.not(bindingOf(action).danger, 'safe');
    t.is(whyDisabled(state, action), 'no scenario is selected');
  }
  t.regex(whyDisabled(moodyState(SIZE), 'stop') ?? '', /not running/);
  const viewer = { ...moodyState(SIZE), settings: { ...moodyState(SIZE).settings, readonly: true } };
  t.regex(whyDisabled(viewer, 'run') ?? '', /--readonly/);
});

test('the help sheet and the palette name every action that is not a movement', (t) => {
  const panes: readonly Place[] = ['tree', 'detail', 'events', 'hosts'];
  const help = panes.flatMap((pane) => helpLines(pane).map(lineText)).join('\n');
  const offered = new Set(paletteEntries('').map((entry) => entry.action));
  for (const action of ACTION_IDS) {
    const binding = bindingOf(action);
    if (isPane(binding.place) || binding.place === 'everywhere') t.true(help.includes(binding.help), action);
    t.is(offered.has(action), binding.hidden !== true, action);
  }
});

test('the footer fits any width and always says how to leave', (t) => {
  const state = moodyState(SIZE);
  for (let width = 60; width <= 200; width += 7) {
    const footer = footerLine(state, width);
    t.is(lineWidth(footer), width);
    t.regex(lineText(footer), /q quit/);
  }
});

test('a palette search finds by beginnings of words before letters in between', (t) => {
  t.true((fuzzyScore('np', 'next pane') ?? 99) < (fuzzyScore('np', 'unplanned') ?? 99));
  t.is(fuzzyScore('xyz', 'next pane'), undefined);
});

test('keys that arrive in one chunk are taken one by one and known as a burst', (t) => {
  t.deepEqual(names('jjq'), ['j', 'j', 'q']);
  t.true(new KeyDecoder().push('yy').every((input) => input.type === 'key' && input.burst));
  t.true(new KeyDecoder().push('y').every((input) => input.type === 'key' && !input.burst));
});

test('arrows, paging and editing keys are known in the forms terminals send', (t) => {
  t.deepEqual(names('\x1b[A\x1bOB\x1b[1;5C\x1b[5~\x1b[6~\x1b[Z\x1b[H\x1b[4~\x1b[3~\x7f\r\t '), [
    'up',
    'down',
    'ctrl-right',
    'pgup',
    'pgdn',
    'shift-tab',
    'home',
    'end',
    'delete',
    'backspace',
    'enter',
    'tab',
    'space',
  ]);
});

test('Esc is a key when nothing follows it, and half a sequence is none', (t) => {
  t.deepEqual(names('\x1b'), ['esc']);
  t.deepEqual(names('\x1bgq'), ['esc', 'g', 'q'], 'typed ahead: no Alt');
  t.deepEqual(names('\x1b[1;'), []);
  const decoder = new KeyDecoder();
  t.deepEqual(decoder.push('\x1b['), []);
  t.true(decoder.pending);
  t.deepEqual(
    decoder.push('A').map((input) => input.type === 'key' && input.name),
    ['up'],
  );
});

test('mouse, focus and answers of the terminal are no keys', (t) => {
  t.deepEqual(names('\x1b[<0;10;20M\x1b[I\x1b[O\x1b[?62;22c\x1b[24;80R\x1b]11;rgb:00/00/00\x07\x1b[M !!q'), ['q']);
});

test('a paste is told apart even when it comes in pieces, and what it holds is never keys', (t) => {
  const decoder = new KeyDecoder();
  const inputs = [...decoder.push('\x1b[200~yes\ry'), ...decoder.push('y\x1b[20'), ...decoder.push('1~q')];
  t.deepEqual(
    inputs.map((input) => (input.type === 'paste' ? `paste:${input.text}` : input.name)),
    ['paste:yes\ryy', 'q'],
  );
});

test('whatever arrives and however it is cut, the decoder gives the same keys and never stops', (t) => {
  const pieces = fc.array(
    fc.constantFrom(
      'j',
      'ä',
      '漢',
      '\x1b',
      '\x1b[A',
      '\x1b[200~',
      '\x1b[201~',
      '\x1b[1;5C',
      '\x1bOP',
      '\x00',
      '\x1b]0;x\x07',
      '\x9b',
      '[',
      '~',
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(pieces, fc.nat(20), (parts, cut) => {
      const text = parts.join('');
      const whole = new KeyDecoder().push(text);
      const decoder = new KeyDecoder();
      const split = [...decoder.push(text.slice(0, cut)), ...decoder.push(text.slice(cut))];
      const plain = (inputs: typeof whole) =>
        inputs.map((input) => (input.type === 'key' ? input.name : `paste:${input.text}`));
      t.deepEqual(plain(split), plain(whole));
    }),
    { numRuns: 500 },
  );
});

test('the place of the next key follows panes, fields and dialogs', (t) => {
  const state = moodyState(SIZE);
  t.is(placeOf(state), 'tree');
  t.is(placeOf(press(state, '3')), 'events');
  t.is(placeOf(press(state, '3', '/')), 'field');
  t.is(placeOf(press(state, ':')), 'palette');
  t.is(placeOf(press(state, '?')), 'sheet');
  t.is(placeOf(press(state, '?', 'esc')), 'tree');
});
