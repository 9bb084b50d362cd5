/** Names, paths and messages come from other machines: none may move a border, colour a row or reach the terminal. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { asciiSurface } from '../../tui/charts/bars.ts';
import { compareLines } from '../../tui/present/compare.ts';
import { frame } from '../../tui/present/frame.ts';
import { journalLines } from '../../tui/present/journal.ts';
import { line, lineText, lineWidth } from '../../tui/present/line.ts';
import { restoreSheet, restoreTitle } from '../../tui/present/restore.ts';
import { clean, fitText, shortenMiddle, toAscii, widthOf, wrap } from '../../tui/present/text.ts';
import { scenarioViews } from '../../tui/select.ts';
import type { ConsoleState } from '../../tui/state.ts';
import { paint } from '../../tui/theme.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';
import { hostileAnswers, pushStatus, RECOVERY, STOPPED, walk } from './recovery-states.ts';
import { event, master, NOON, scenario, standby } from './sample.ts';
import { draw } from './screen.tsx';
import { after, connected, fresh, press } from './states.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const NASTY = [
  '\x1b[31mred\x1b[0m',
  '\x1b]8;;https://evil.example\x07click\x1b]8;;\x07',
  '\x1b]52;c;cm0gLXJm\x07',
  '\x1bP+q544e\x1b\\',
  '\x9b2J',
  '\u202egnp.exe',
  '\u2066a\u2069',
  'family 👨‍👩‍👧‍👦 flag 🇩🇪 keycap 1️⃣ skin 👍🏽',
  '漢字ファイル名.txt',
  'z\u0300\u0301\u0302\u0303\u0304\u0305algo',
  'ᄒ\u1161ᆫ',
  'हिन्दी',
  'tab\tnew\nline\r\x00\x07\x08',
  '\ud800 lone',
  '\u200b\u200d\ufeff',
  '\u{1fae8}\u{10ffff}\ue000',
  '┌─┐ box',
  'ﷺ',
];

const anyText = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.array(fc.constantFrom(...NASTY), { maxLength: 3 }).map((parts) => parts.join('')),
);

test('nothing but visible text survives cleaning, whatever a server sends', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const safe = clean(text);
      t.notRegex(safe, /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
      t.is(clean(safe), safe);
      t.is(widthOf(safe), stringWidth(safe), JSON.stringify(safe));
    }),
    { numRuns: 2000 },
  );
});

test('what was written is still to be read', (t) => {
  t.is(clean('\x1b[31mred\x1b[0m alert'), 'red alert');
  t.is(clean('\x1b]8;;https://evil.example\x07click\x1b]8;;\x07'), 'click');
  t.is(clean('photo\u202egnp.exe'), 'photognp.exe');
  t.is(clean('漢字 größe Ñandú'), '漢字 größe Ñandú');
  t.is(clean('flag 🇩🇪'), 'flag DE');
  t.is(clean('unfinished \x1b]0;title'), 'unfinished 0;title');
});

test('cut and filled text is exactly as wide as asked', (t) => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 60 }), (text, width) => {
      const safe = clean(text);
      t.is(widthOf(fitText(safe, width)), width);
      t.is(widthOf(fitText(safe, width, 'right')), width);
      t.true(widthOf(shortenMiddle(safe, width)) <= Math.max(width, 0));
      t.is(toAscii(fitText(safe, width)).length, width);
      if (width > 1) for (const part of wrap(safe, width)) t.true(widthOf(part) <= width);
    }),
    { numRuns: 1000 },
  );
});

test('the borders of a frame stand straight around any content and title', (t) => {
  fc.assert(
    fc.property(
      fc.array(anyText, { maxLength: 6 }),
      anyText,
      fc.integer({ min: 4, max: 90 }),
      (texts, title, width) => {
        const options = { width, height: 8, focused: true, title: line(title), note: line('note') };
        const rows = frame(
          options,
          texts.map((text) => line(text)),
        );
        t.is(rows.length, 8);
        for (const row of rows) t.is(lineWidth(row), width);
        for (const row of rows.slice(1, -1)) t.regex(lineText(row), /^│.*│$/u);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a painted line holds only our own colour codes', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const painted = paint(line(text), { colour: true, ascii: false });
      t.notRegex(painted.replace(/\x1b\[[0-9;]*m/g, ''), /[\x00-\x1f\x7f-\x9f]/);
      t.is(painted, clean(text));
    }),
  );
});

test('a screen full of hostile names keeps every border in its column', async (t) => {
  for (const nasty of NASTY) {
    const bad = scenario(nasty, {
      id: 'bad',
      problem: nasty,
      hosts: [master(nasty), standby(`${nasty}2`, { held: nasty })],
      active: nasty,
      reportedBy: nasty,
    });
    let state = connected(fresh({ columns: 120, rows: 36 }), 'web-01', [bad, scenario('good')]);
    const events = [
      event(1, nasty, { host: nasty, scenario: nasty, code: nasty }),
      event(2, `${nasty}${nasty}${nasty}`),
    ];
    const batch = { scenarios: [], removedScenarios: [], events, eventsDropped: 0 };
    state = after(state, { type: 'news', host: 'web-01', news: { type: 'push', batch }, at: NOON });
    for (const shown of [state, press(state, '3', 'enter'), press(state, '!'), press(state, '4')]) {
      const { rows, raw } = await draw(shown, asciiSurface);
      t.notRegex(raw.replace(/\x1b(?:\[[0-9;?]*[A-Za-z]|\[\?2026[hl])/g, ''), /[\x00-\x09\x0b\x0c\x0e-\x1f\x9b\u202e]/);
      assertBorders(t, rows);
    }
  }
});

test('the pages of the restore wizard keep their borders whatever points, paths and contents are called', async (t) => {
  const size = { columns: 120, rows: 36 };
  for (const nasty of NASTY) {
    const status = scenario(nasty, { id: 'bad', ...STOPPED, hosts: [master('web-01'), standby(nasty)] });
    const stopped = connected(fresh(size), 'web-01', [status]);
    const answer = hostileAnswers(nasty);
    const picking = walk(stopped, answer, 'w', 'enter');
    const previewing = walk(picking, answer, 'p', 'G');
    const recovery = { ...RECOVERY, scenario: nasty, path: `${nasty}/${nasty}`, failed: nasty, replica: nasty };
    const shown = [
      walk(stopped, answer, 'w'),
      picking,
      previewing,
      walk(previewing, answer, 'enter'),
      walk(picking, answer, 'enter', 'enter'),
      walk(pushStatus(stopped, { ...status, recovery }), answer, 'w'),
      walk(stopped, answer, '5'),
    ];
    for (const state of shown) assertDrawable(t, state);
    // The widest of them also through Ink into a terminal.
    if (nasty !== NASTY[7]) continue;
    const { rows } = await draw(previewing, asciiSurface);
    assertBorders(t, rows);
  }
});

/** What the dialog or the tab would draw, in its frame, without a terminal. */
function assertDrawable(t: ExecutionContext, state: ConsoleState): void {
  const dialog = state.dialogs.at(-1);
  const [view] = scenarioViews(state);
  const content =
    dialog?.kind === 'restore'
      ? restoreSheet(state, dialog, 116, 30).content
      : dialog?.kind === 'compare'
        ? compareLines(dialog)
        : view === undefined
          ? []
          : journalLines(state, view, 116);
  t.true(content.length > 2);
  const title = dialog?.kind === 'restore' ? restoreTitle(dialog) : dialog?.kind === 'compare' ? dialog.entry.path : '';
  for (const row of frame({ width: 120, height: 34, focused: true, title: line(title) }, content)) {
    const text = lineText(row);
    t.is(stringWidth(text), 120, text);
    t.notRegex(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/u);
  }
}

/** Every pane row ends in a border at the last column; corners stand in their columns. */
function assertBorders(
  t: {
    regex: (text: string, pattern: RegExp, why?: string) => void;
    is: (a: unknown, b: unknown, why?: string) => void;
  },
  rows: readonly string[],
): void {
  for (const row of rows.slice(1, -2)) {
    t.is(stringWidth(row), 120, row);
    t.regex(row, /^[┌│└].*[┐│┘]$/u);
  }
}
