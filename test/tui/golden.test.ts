/** Whole screens as text. Regenerate with MAINSTAY_GOLDEN=write, and look at the difference as an administrator would. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { asciiSurface } from '../../tui/charts/bars.ts';
import { loadBrailleSurface } from '../../tui/charts/braille.ts';
import { widthOf } from '../../tui/present/text.ts';
import type { ConsoleState } from '../../tui/state.ts';
import {
  quarantineDiscard,
  quarantineExtract,
  quarantineFile,
  quarantineList,
  quarantineOpen,
  quarantineReturn,
} from './quarantine-states.ts';
import { RECOVERY_STATES } from './recovery-states.ts';
import { openedReport, reportCenter } from './report-states.ts';
import {
  availability,
  availabilityBad,
  availabilityOld,
  dryRun,
  fencedQuestion,
  forcedQuestion,
  recoverChoice,
  recoverQuestion,
  switching,
  switchOver,
  switchoverQuestion,
  switchoverRefused,
  switchProgress,
} from './role-states.ts';
import { NOON } from './sample.ts';
import { draw } from './screen.tsx';
import {
  after,
  connected,
  fresh,
  lostState,
  moodyState,
  press,
  protectedState,
  remarkedState,
  type Size,
  synchronizingState,
  type,
} from './states.ts';

process.env.TZ = 'UTC';
const GOLDEN = join(import.meta.dirname, '../../../test/golden/console');
const SIZES: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 36 },
  { columns: 200, rows: 60 },
];
const braille = loadBrailleSurface();

const WARNING = {
  severity: 'warning',
  code: 'CLOCK',
  host: 'web-02',
  text: 'the clocks differ',
  found: '3.2 s',
  expected: 'at most 1 s',
  fix: 'Start a time service on both hosts.',
} as const;
const ERROR = {
  severity: 'error',
  code: 'ROOT-WRITE',
  host: 'web-02',
  text: 'the engine may not write into /srv/www/shop',
  fix: 'Give the account of the engine Read/Write on this directory.',
} as const;

/** The run dialog of a stopped scenario after its verification answered. */
function verified(size: Size, findings: readonly unknown[]): ConsoleState {
  const asked = press(moodyState(size), 'G', 'r');
  const dialog = asked.dialogs.at(-1);
  if (dialog?.kind !== 'run') throw new Error('r opened no run dialog');
  const purpose = { kind: 'verify', scenarioId: dialog.scenarioId } as const;
  const result = { findings, errors: 0, warnings: 0 };
  return after(asked, { type: 'reply', host: 'web-01', purpose, outcome: { ok: true, result }, at: asked.now });
}

/** Two layouts are enough for pages that only scroll. */
const ROLE_STATES: Readonly<Record<string, (size: Size) => ConsoleState>> = {
  availability,
  'availability-bad': availabilityBad,
  'availability-bad-below': (size) => press(availabilityBad(size), 'G'),
  'availability-old': availabilityOld,
  'switchover-refused': switchoverRefused,
  'switchover-fenced': fencedQuestion,
  'switchover-progress': switchProgress,
  'switchover-over': switchOver,
  'quarantine-list': quarantineList,
  'quarantine-open': quarantineOpen,
  'quarantine-file': quarantineFile,
  'quarantine-extract': quarantineExtract,
  'quarantine-discard': quarantineDiscard,
  'quarantine-return': quarantineReturn,
  'recover-choice': recoverChoice,
  'recover-question': recoverQuestion,
};

const STATES: Readonly<Record<string, (size: Size) => ConsoleState>> = {
  connecting: (size) => fresh(size),
  'nothing-configured': (size) => connected(fresh(size), 'web-01', []),
  protected: protectedState,
  detail: (size) => press(protectedState(size), '2'),
  synchronizing: (size) => press(synchronizingState(size), '2'),
  remarks: (size) => press(remarkedState(size), '2'),
  'worst-first': moodyState,
  'host-down': (size) => press(lostState(size), '2'),
  hosts: (size) => press(moodyState(size), '4', 'j'),
  events: (size) => press(moodyState(size), '3', 'k', 'k'),
  'event-detail': (size) => press(moodyState(size), '3', 'enter'),
  filtering: (size) => type(press(moodyState(size), '3', '/'), 'spool'),
  alerts: (size) => press(moodyState(size), '!'),
  help: (size) => press(moodyState(size), '?'),
  palette: (size) => type(press(moodyState(size), ':'), 'st'),
  'run-verifying': (size) => press(moodyState(size), 'G', 'r'),
  'run-errors': (size) => verified(size, [WARNING, ERROR]),
  'run-warnings': (size) => verified(size, [WARNING]),
  'run-question': (size) => press(verified(size, [WARNING]), 'a'),
  'run-refused': (size) => {
    const asked = press(verified(size, []), 'y');
    const fault = new Fault('SCENARIO-STATE', {
      name: 'mail',
      state: 'verifying',
      reason: 'it is being verified already',
    });
    const purpose = { kind: 'run', scenarioId: 'id-mail' } as const;
    const outcome = { ok: false, fault: fault.toDocument() } as const;
    return after(asked, { type: 'reply', host: 'web-01', purpose, outcome, at: NOON });
  },
  'report-center': reportCenter,
  'report-reports': (size) => press(reportCenter(size), 'enter', 'j'),
  'report-open': openedReport,
  switching,
  'switchover-question': switchoverQuestion,
  'switchover-forced': forcedQuestion,
  'switchover-dry-run': dryRun,
  stop: (size) => press(protectedState(size), 'x'),
  delete: (size) => type(press(type(press(moodyState(size), 'G', ':'), 'delete'), 'enter'), 'ma'),
};

/** What a person at a terminal would complain about at once. */
function assertTidy(
  t: { is: (a: unknown, b: unknown, why?: string) => void; true: (a: boolean, why?: string) => void },
  rows: readonly string[],
  size: Size,
): void {
  t.is(rows.length, size.rows);
  for (const row of rows) t.true(widthOf(row) <= size.columns, row);
}

for (const [index, size] of SIZES.entries()) {
  // The pages of the wizard have two layouts: narrow and wide.
  for (const [name, make] of Object.entries(index < 2 ? { ...STATES, ...RECOVERY_STATES, ...ROLE_STATES } : STATES)) {
    const title = `${name}-${size.columns}x${size.rows}`;
    test(`screen ${title} is as it was approved`, async (t) => {
      const { rows } = await draw(make(size), braille);
      assertTidy(t, rows, size);
      const text = `${rows.join('\n')}\n`;
      const file = join(GOLDEN, `${title}.txt`);
      if (process.env.MAINSTAY_GOLDEN === 'write') {
        mkdirSync(GOLDEN, { recursive: true });
        writeFileSync(file, text);
      }
      t.is(text, readFileSync(file, 'utf8'));
    });
  }
}

test('an ASCII terminal gets nothing else, charts and borders included', async (t) => {
  const size = { columns: 120, rows: 36 };
  const state = protectedState(size);
  const { rows } = await draw({ ...state, settings: { ...state.settings, ascii: true } }, asciiSurface);
  for (const row of rows) t.regex(row, /^[\x20-\x7e]*$/);
  t.true(rows.some((row) => row.includes('+-1 Scenarios')));
});

test('NO_COLOR leaves bold and inverse, and no colour at all', async (t) => {
  const state = moodyState({ columns: 120, rows: 36 });
  const { raw } = await draw({ ...state, settings: { ...state.settings, colour: false } }, braille);
  const codes = [...raw.matchAll(/\x1b\[([0-9;]*)m/g)].flatMap((match) => (match[1] ?? '').split(';'));
  t.true(codes.length > 0);
  t.deepEqual(
    [...new Set(codes)].filter((code) => !['', '0', '1', '7', '22', '27'].includes(code)),
    [],
  );
});

test('a terminal under 60x15 says so instead of showing half a screen', async (t) => {
  const { rows } = await draw(fresh({ columns: 40, rows: 10 }), braille);
  t.true(rows.join(' ').includes('40x10'));
});
