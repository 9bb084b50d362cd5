/** The restore wizard under the hands of somebody tired: what is pressed, pasted, typed and deleted at the wrong moment does no harm. */
import test from 'ava';
import fc from 'fast-check';
import { Fault } from '../../shared/faults.ts';
import { RECOVERY_COMMANDS } from '../../shared/recovery-commands.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { blockSurface } from '../../tui/charts/bars.ts';
import { widthOf } from '../../tui/present/text.ts';
import { type ConsoleState, DIALOG_GUARD_MS, type Effect, type Message } from '../../tui/state.ts';
import { whyNotAsk } from '../../tui/update/restore.ts';
import { update } from '../../tui/update.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';
import {
  type Answer,
  answerOf,
  history,
  pointsAnswer,
  preview,
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
import { event, scenario } from './sample.ts';
import { draw } from './screen.tsx';
import { after, connected, fresh, keyPress, press, ticks, type } from './states.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 36 },
] as const;
const [SMALL] = SIZES;
const RESTORE = { kind: 'restore', scenarioId: 'id-web-shop' } as const;

/** Every page, as somebody gets there. */
const PAGES: Readonly<Record<string, (size: { columns: number; rows: number }) => ConsoleState>> = {
  method: (size) => walk(stoppedState(size), answerOf, 'w'),
  points: (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'j'),
  filter: (size) => type(walk(stoppedState(size), answerOf, 'w', 'enter', 'f', 'down'), '2h'),
  preview: (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'p', 'j'),
  compare: (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'p', 'G', 'enter'),
  sync: (size) => walk(stoppedState(size), answerOf, 'w', 'enter', 'enter'),
  confirm: (size) => type(walk(stoppedState(size), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-sh'),
  progress: underWay,
  result: (size) => reply(underWay(size), RESTORE, { ok: true, result: RESTORED }),
  undo: (size) => type(walk(stoppedState(size), answerOf, 'U'), 'web'),
};
/** Commands that do something to data. */
const DEEDS = new Set(['scenario.restore', 'scenario.undo', 'scenario.stop', 'scenario.run', 'scenario.delete']);

interface Played {
  readonly state: ConsoleState;
  readonly effects: readonly Effect[];
}

function play(state: ConsoleState, messages: readonly Message[]): Played {
  let current = state;
  const effects: Effect[] = [];
  for (const message of messages) {
    const step = update(current, message);
    current = step.state;
    effects.push(...step.effects);
  }
  return { state: current, effects };
}

function deeds(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) => (effect.type === 'request' && DEEDS.has(effect.command) ? [effect.command] : []));
}

function keys(from: ConsoleState, names: readonly string[], apartMs = 1000): readonly Message[] {
  return names.map((name, index) => keyPress(name, from.now + (index + 1) * apartMs));
}

for (const [page, open] of Object.entries(PAGES)) {
  test(`Esc on the page "${page}" leads out of the wizard step by step, stops nothing and never quits`, (t) => {
    const state = open(SMALL);
    const { state: out, effects } = play(state, keys(state, Array(12).fill('esc') as string[]));
    t.deepEqual(out.dialogs, []);
    t.deepEqual(deeds(effects), []);
    t.false(effects.some(({ type: kind }) => kind === 'quit'));
  });

  test(`q, Ctrl-C and a held Enter on the page "${page}" neither quit nor do anything`, (t) => {
    const state = open(SMALL);
    for (const key of ['q', 'ctrl-c']) {
      const { effects } = play(state, keys(state, [key]));
      t.false(effects.some(({ type: kind }) => kind === 'quit'));
      t.deepEqual(deeds(effects), []);
    }
    const held = play(
      { ...state, lastKey: { name: 'enter', at: state.now } },
      keys(state, Array(40).fill('enter') as string[], 30),
    );
    t.deepEqual(deeds(held.effects), []);
  });

  test(`a storm of sizes on the page "${page}" ends with the frame of that size`, async (t) => {
    for (const size of SIZES) {
      const state = open(size);
      const sizes = [61, 200, 59, 80, 300, 100].map((columns) => ({
        type: 'resize' as const,
        columns,
        rows: columns >> 2,
      }));
      const stormy = play(state, [...sizes, { type: 'resize', ...size }]).state;
      t.deepEqual({ ...stormy, toast: undefined }, { ...state, toast: undefined });
      for (const { columns, rows } of sizes) {
        const shown = await draw({ ...state, columns, rows }, blockSurface);
        for (const row of shown.rows) t.true(widthOf(row) <= columns, row);
      }
    }
  });

  test(`whatever is pasted on the page "${page}" confirms nothing`, (t) => {
    const state = open(SMALL);
    const texts = ['web-shop', 'web-shop\r', 'op\n', '\x1b[201~\r', 'y'.repeat(10_000)];
    for (const text of texts) {
      const pasted = play(state, [{ type: 'paste', text, at: state.now + 1000 }]);
      t.deepEqual(deeds(pasted.effects), []);
      if (page === 'confirm' || page === 'undo') t.is(restoreOf(pasted.state).typed.text, restoreOf(state).typed.text);
    }
  });

  test(`a scenario that is deleted while the page "${page}" is open leaves a screen that says so and does nothing`, async (t) => {
    for (const size of SIZES) {
      const batch = { scenarios: [], removedScenarios: ['id-web-shop'], events: [], eventsDropped: 0 };
      const state = open(size);
      const gone = after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: state.now });
      const later = ticks(gone, 10);
      await draw(later, blockSurface);
      const all = [
        'enter',
        'tab',
        'p',
        'w',
        'x',
        'c',
        'd',
        'U',
        'f',
        'j',
        'G',
        'b',
        'h',
        'l',
        'esc',
        'esc',
        'esc',
        'esc',
        'esc',
      ];
      const { state: out, effects } = play(later, keys(later, all));
      t.deepEqual(deeds(effects), []);
      t.false(effects.some(({ type: kind }) => kind === 'quit'));
      await draw(out, blockSurface);
    }
  });
}

test('the question of a scenario that was deleted meanwhile says that no host knows it', async (t) => {
  const state = type(walk(stoppedState(SMALL), answerOf, 'w', 'enter', 'enter', 'enter'), 'web-shop');
  const batch = { scenarios: [], removedScenarios: ['id-web-shop'], events: [], eventsDropped: 0 };
  const gone = after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: state.now });
  t.not(whyNotAsk(gone, restoreOf(gone)), undefined);
  const shown = (await draw(gone, blockSurface)).rows.join('\n');
  t.regex(shown, /No connected host knows this scenario any more/);
});

test('a restore whose scenario is deleted under way does not show progress for ever', async (t) => {
  const batch = { scenarios: [], removedScenarios: ['id-web-shop'], events: [], eventsDropped: 0 };
  const state = underWay(SMALL);
  const gone = ticks(after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: state.now }), 10);
  const shown = (await draw(gone, blockSurface)).rows.join(' ').replaceAll(/[\s│]+/g, ' ');
  t.notRegex(shown, /No connection to the host/);
  t.regex(shown, /No connected host knows this scenario any more/);
});

const WRONG = ['web-sho', 'web-shopp', 'WEB-SHOP', ' web-shop', 'web-shop ', 'web shop', 'intranet', 'yes', 'y', ''];

test('only the name itself counts, however near another one comes', (t) => {
  const asked = walk(stoppedState(SMALL), answerOf, 'w', 'enter', 'enter', 'enter');
  for (const name of WRONG) {
    const typed = type(asked, name);
    t.deepEqual(deeds(play(typed, keys(typed, ['enter'])).effects), [], JSON.stringify(name));
    t.is(restoreOf(press(typed, 'enter')).step, 'confirm');
  }
  const typed = type(asked, 'web-shop');
  t.deepEqual(deeds(play(typed, keys(typed, ['enter'])).effects), ['scenario.restore']);
});

test('a key held down fills no name, and keys faster than a person can read confirm nothing', (t) => {
  const asked = walk(stoppedState(SMALL), answerOf, 'w', 'enter', 'enter', 'enter');
  const fast = play(asked, keys(asked, [...'web-shop', 'enter'], Math.floor(DIALOG_GUARD_MS / 20)));
  t.deepEqual(deeds(fast.effects), []);
});

const NASTY_NAMES = [
  '\x1b[31mred\x1b[0m',
  'photo\u202egnp',
  '漢字の店',
  'a\u2066b\u2069',
  'café\u0301',
  '🇩🇪 shop',
  'x'.repeat(100),
];

test('scenarios called anything can be confirmed by what is to be read on the screen, and by nothing else', async (t) => {
  for (const name of NASTY_NAMES) {
    const status = scenario('web-shop', { ...STOPPED, name });
    const open = walk(connected(fresh(SMALL), 'web-01', [status]), answerOf, 'w', 'enter', 'enter', 'enter');
    t.is(restoreOf(open).step, 'confirm', name);
    const shown = await draw(open, blockSurface);
    const row = shown.rows.find((text) => text.includes('Type the name')) ?? '';
    const read = /Type the name (.*?)(?: to go on:|\s*│|…|$)/.exec(row)?.[1] ?? '';
    t.not(read, '', name);
    if (name.length >= 100) continue;
    const typed = type(open, read);
    t.deepEqual(deeds(play(typed, keys(typed, ['enter'])).effects), ['scenario.restore'], JSON.stringify(name));
    const first = play(typed, keys(typed, ['enter'])).effects.find((effect) => effect.type === 'request');
    t.is((first?.args as { name?: string } | undefined)?.name, name, 'and the host is asked with the name as it is');
  }
});

test('bookmarks and files called anything stay in their row, on every page', async (t) => {
  for (const size of SIZES) {
    for (const name of NASTY_NAMES) {
      const nasty: RewindPoint = { id: 'bookmark-1', at: history(1)[0]!.at, kind: 'bookmark', text: name, lost: 3 };
      const problem = { root: 0, path: name, kind: 'lost', reason: name } as const;
      const answer: Answer = (command, args) => {
        if (command === 'scenario.points') return pointsAnswer([nasty, ...history(40)], args);
        if (command === 'scenario.preview') return preview(nasty, { problems: [problem], problemCount: 1 });
        return answerOf(command, args);
      };
      for (const more of [[], ['p'], ['enter'], ['enter', 'enter']]) {
        const shown = await draw(walk(stoppedState(size), answer, 'w', 'enter', ...more), blockSurface);
        for (const row of shown.rows.slice(1, size.rows - 2))
          t.true(/^[┌│└].*[┐│┘]$/u.test(row) && widthOf(row) === size.columns, `${more.join(' ')}: ${row}`);
      }
    }
  }
});

test('points that vanish while one is looked at or taken lead back to a list fetched anew, from each page', (t) => {
  const fault = new Fault('POINT-NOT-FOUND', { point: 'e1' }).toDocument();
  const looking = PAGES.points!(SMALL);
  const pruned = reply(
    press(looking, 'j'),
    { kind: 'preview', scenarioId: 'id-web-shop', point: restoreOf(looking).list.points[1]!.id },
    { ok: false, fault },
  );
  t.is(restoreOf(pruned).step, 'points');
  const empty = walk(
    looking,
    (command, args) => (command === 'scenario.points' ? { points: [], total: 0 } : answerOf(command, args)),
    'u',
  );
  t.is(restoreOf(empty).list.points.length, 0);
  const { state, effects } = play(empty, keys(empty, ['enter', 'p', 'j', 'G', 'g', 'pgdn', 'b', 'y', 'w']));
  t.deepEqual(deeds(effects), []);
  t.is(restoreOf(state).step, 'points');
});

const ABSURD = [
  '99999999999999999999d',
  '1e308d',
  '-1h',
  '0',
  'NaN',
  '9999-99-99 99:99',
  '2026-02-31',
  '0000-01-01',
  '24:00',
  '2026-07-01T25:61',
  '***[',
  '(',
  '\\',
  '../../etc/passwd',
  '漢字',
  '%00',
  'a'.repeat(2000),
  '   ',
  "'; DROP TABLE point; --",
];
/** What the daemon takes of a filter. */
const FILTER = RECOVERY_COMMANDS['scenario.points'].args;

test('filters with anything in them are sent as something the host understands, or refused here', (t) => {
  const open = walk(stoppedState(SMALL), answerOf, 'w', 'enter', 'f');
  let sent = 0;
  let refused = 0;
  for (const text of ABSURD) {
    for (const row of [1, 2, 3, 4]) {
      const field = press(open, ...(Array(row).fill('down') as string[]));
      const pasted = after(field, { type: 'paste', text, at: field.now });
      const { state, effects } = play(pasted, keys(pasted, ['enter']));
      const asked = effects.find((effect) => effect.type === 'request');
      if (asked === undefined) {
        refused += 1;
        t.regex(state.toast?.text ?? '', /is no time/, `${text} in row ${row}`);
        continue;
      }
      sent += 1;
      const parsed = FILTER.safeParse(JSON.parse(JSON.stringify(asked.args)));
      t.true(parsed.success, `${text} in row ${row}: ${parsed.error?.message ?? ''}`);
    }
  }
  t.true(sent > 0 && refused > 0);
});

test('whatever is pressed in whatever order, nothing is restored without the name, and the screen stays whole', async (t) => {
  const names = [
    'w',
    'enter',
    'esc',
    'j',
    'k',
    'G',
    'g',
    'pgdn',
    'b',
    'p',
    'f',
    'down',
    'right',
    'tab',
    'u',
    'c',
    '/',
    'e',
    't',
    'h',
    'l',
    'U',
    'x',
    'n',
    '?',
    'd',
  ];
  const anyKeys = fc.array(fc.constantFrom(...names), { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(anyKeys, fc.boolean(), async (pressed, recovering) => {
      let state = recovering
        ? pushStatus(stoppedState(SMALL), scenario('web-shop', { ...STOPPED, recovery: RECOVERY }))
        : stoppedState(SMALL);
      for (const name of pressed) {
        const step = update(state, keyPress(name, state.now + 1000));
        const done = deeds(step.effects).filter(
          (command) => command === 'scenario.restore' || command === 'scenario.undo',
        );
        t.deepEqual(done, [], pressed.join(' '));
        state = walk(state, answerOf, name);
      }
      const batch = { scenarios: [], removedScenarios: [], events: [event(1, 'something')], eventsDropped: 0 };
      const shown = await draw(
        after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: state.now }),
        blockSurface,
      );
      for (const row of shown.rows) t.true(widthOf(row) <= SMALL.columns, row);
    }),
    { numRuns: 60 },
  );
});
