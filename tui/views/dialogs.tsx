/** Dialogs over the panes: run, questions, help, palette, alerts, event detail. */
import { sliceAround, sliceWords } from '../components/list.ts';
import { innerHeight, innerWidth, Pane } from '../components/pane.tsx';
import { dialogArea, type Layout, wizardArea } from '../layout.ts';
import { footerLine } from '../present/bars.ts';
import { compareLines } from '../present/compare.ts';
import { alertRow, confirmLines, eventLines, paletteLines, runLines } from '../present/dialogs.ts';
import { helpLines, placeName } from '../present/help.ts';
import { type Line, line, span } from '../present/line.ts';
import { promptLines } from '../present/prompt.ts';
import { quarantineSheet, quarantineTitle } from '../present/quarantine.ts';
import { reportSheet } from '../present/reports.ts';
import { restoreSheet, restoreTitle } from '../present/restore.ts';
import { switchSheet, switchTitle } from '../present/switch-dialog.ts';
import { clean } from '../present/text.ts';
import { alertRows } from '../select.ts';
import type { AlertsDialog, ConsoleState, Dialog, HelpDialog, ListDialog } from '../state.ts';
import type { CompareDialog } from '../state-recovery.ts';
import type { Theme } from '../theme.ts';

interface DialogProps {
  readonly state: ConsoleState;
  readonly layout: Layout;
  readonly theme: Theme;
}

interface Sheet {
  readonly title: string;
  readonly content: readonly Line[];
  readonly note?: string;
  readonly danger?: boolean;
}

const WIDE = 96;
const NORMAL = 72;
/** Rows a dialog may take when its content decides. */
const PADDING = 1;

/** Blank column at both sides, so text does not stick to the border. */
function padded(content: readonly Line[]): readonly Line[] {
  return content.map((row) => line(' ', ...row));
}

/** The wizards take all room between header and footer: what lies below them need not be drawn. */
export function coversPanes({ dialogs }: Pick<ConsoleState, 'dialogs'>): boolean {
  return isWizard(dialogs.at(-1));
}

function isWizard(dialog: Dialog | undefined): boolean {
  return dialog !== undefined && ['restore', 'switch', 'quarantine'].includes(dialog.kind);
}

export function DialogView({ state, layout, theme }: DialogProps) {
  const dialog = state.dialogs.at(-1);
  if (dialog === undefined) return null;
  const fixed = ['palette', 'alerts', 'help', 'list', 'reports', 'compare'].includes(dialog.kind);
  const width = dialog.kind === 'reports' ? layout.width : fixed ? WIDE : NORMAL;
  const wizard = isWizard(dialog);
  const tallest = wizard ? wizardArea(layout) : dialogArea(layout.width, layout.height, width, layout.height - 4);
  const sheet = sheetOf(state, dialog, innerWidth(tallest) - 2 * PADDING, innerHeight(tallest) - 2);
  const wanted = fixed ? tallest.height : sheet.content.length + 4;
  const area = wizard ? tallest : dialogArea(layout.width, layout.height, width, Math.min(wanted, tallest.height));
  const rows = innerHeight(area) - 1;
  const body = [
    ...sheet.content.slice(0, rows),
    ...Array.from({ length: Math.max(0, rows - sheet.content.length) }, () => [] as Line),
  ];
  return (
    <Pane
      area={area}
      theme={theme}
      focused
      title={line(span(` ${sheet.title} `, sheet.danger ? 'error' : 'strong'))}
      note={line(sheet.note ?? '')}
      content={[...padded(body), footerLine(state, innerWidth(area))]}
    />
  );
}

function sheetOf(state: ConsoleState, dialog: Dialog, width: number, height: number): Sheet {
  switch (dialog.kind) {
    case 'run':
      return {
        title: dialog.verifyOnly ? `Verify ${dialog.scenario}` : `Run ${dialog.scenario}`,
        content: runLines(dialog, width, height),
      };
    case 'confirm':
      return {
        title: `${dialog.title}: ${dialog.scenario}`,
        content: confirmLines(dialog, width),
        danger: dialog.typed !== undefined,
      };
    case 'event':
      return { title: 'Event', content: eventLines(dialog, width) };
    case 'palette':
      return { title: 'Actions', content: paletteLines(state, dialog, width, height) };
    case 'reports':
      return reportSheet(dialog, width, height);
    case 'restore':
      return { title: restoreTitle(dialog), ...restoreSheet(state, dialog, width, height + 1) };
    case 'quarantine':
      return {
        title: quarantineTitle(dialog),
        ...quarantineSheet(dialog, width, height + 1),
        danger: dialog.question?.kind === 'discard',
      };
    case 'switch':
      return {
        title: switchTitle(dialog),
        ...switchSheet(state, dialog, width, height + 1),
        danger: dialog.step === 'question',
      };
    case 'compare':
      return compareSheet(dialog, height);
    case 'prompt':
      return { title: dialog.title, content: promptLines(dialog, width) };
    case 'list':
      return listSheet(dialog, height);
    case 'help':
      return helpSheet(dialog, height);
    case 'alerts':
      return alertSheet(state, dialog, height);
  }
}

function helpSheet(dialog: HelpDialog, height: number): Sheet {
  const lines = helpLines(dialog.place);
  const start = Math.max(0, Math.min(dialog.scroll, lines.length - height));
  const slice = { start, end: Math.min(lines.length, start + height) };
  return {
    title: `Keys: ${placeName(dialog.place)}`,
    note: sliceWords(slice, lines.length),
    content: lines.slice(slice.start, slice.end),
  };
}

function compareSheet(dialog: CompareDialog, height: number): Sheet {
  const lines = compareLines(dialog);
  const start = Math.max(0, Math.min(dialog.scroll, lines.length - height));
  const slice = { start, end: Math.min(lines.length, start + height) };
  return {
    title: clean(dialog.entry.path),
    note: sliceWords(slice, lines.length),
    content: lines.slice(slice.start, slice.end),
  };
}

function listSheet(dialog: ListDialog, height: number): Sheet {
  const rows = dialog.rows ?? ['Asking…'];
  const start = Math.max(0, Math.min(dialog.scroll, rows.length - height));
  const slice = { start, end: Math.min(rows.length, start + height) };
  const content = rows.slice(slice.start, slice.end).map((row) => line(clean(row)));
  return { title: dialog.title, note: sliceWords(slice, rows.length), content };
}

function alertSheet(state: ConsoleState, dialog: AlertsDialog, height: number): Sheet {
  const alerts = alertRows(state);
  const slice = sliceAround(dialog.cursor, alerts.length, height);
  const content = alerts
    .slice(slice.start, slice.end)
    .map((alert, index) => alertRow(alert, state.now, slice.start + index === dialog.cursor));
  const none = [line(span('Nothing is wrong, and nothing was.', 'good'))];
  return { title: 'Alerts', note: sliceWords(slice, alerts.length), content: alerts.length > 0 ? content : none };
}
