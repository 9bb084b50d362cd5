/** The Report Center: scenarios above, their reports below, and the report that is open. Pure. */
import { REPORT_KINDS, type ReportDetail, type ReportKind } from '../../shared/report.ts';
import {
  type CenterReport,
  type ConsoleState,
  closeDialog,
  type Outcome,
  openDialog,
  type Purpose,
  type ReportsDialog,
  replaceDialog,
  type Step,
  stay,
  topDialog,
  withToast,
} from '../state.ts';
import { type Move, moved } from './navigate.ts';

/** Columns that `left` and `right` move by. */
const SIDE_STEP = 16;
/** What a report is called when it is written to a file: an id from a host must not become another path. */
const SAFE_ID = /^[A-Za-z0-9-]{1,200}$/;

export interface ReportGroup {
  readonly scenario: string;
  readonly total: number;
  /** `Synchronization 3, Replication 1`. */
  readonly types: string;
}

/** A row for each scenario that has reports, by name. */
export function reportGroups({ reports }: ReportsDialog): readonly ReportGroup[] {
  const groups = new Map<string, Map<ReportKind, number>>();
  for (const { scenario, kind } of reports) {
    const counts = groups.get(scenario) ?? new Map<ReportKind, number>();
    groups.set(scenario, counts.set(kind, (counts.get(kind) ?? 0) + 1));
  }
  return [...groups]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([scenario, counts]) => ({
      scenario,
      total: [...counts.values()].reduce((sum, count) => sum + count, 0),
      types: [...counts].map(([kind, count]) => `${shortKind(kind)} ${count}`).join(', '),
    }));
}

export function shortKind(kind: ReportKind): string {
  return (REPORT_KINDS[kind] ?? String(kind)).replace(/ Report$/, '');
}

/** Of the scenario under the cursor, newest first. */
export function shownReports(dialog: ReportsDialog): readonly CenterReport[] {
  const scenario = reportGroups(dialog)[dialog.group]?.scenario;
  return dialog.reports.filter((report) => report.scenario === scenario).sort((a, b) => b.at - a.at);
}

export function openReports(state: ConsoleState, at: number, wanted?: string): Step {
  const hosts = state.hosts.filter(({ connection }) => connection === 'up').map(({ name }) => name);
  const dialog: ReportsDialog = {
    kind: 'reports',
    openedAt: at,
    reports: [],
    waiting: hosts,
    silent: state.hosts.filter(({ connection }) => connection !== 'up').map(({ name }) => name),
    table: 'scenarios',
    group: 0,
    cursor: 0,
    ...(wanted === undefined ? {} : { wanted }),
  };
  return {
    state: openDialog(state, dialog),
    effects: hosts.map((host) => ({
      type: 'request',
      host,
      command: 'reports.list',
      args: {},
      purpose: { kind: 'reports' },
    })),
  };
}

function inCenter(state: ConsoleState, change: (dialog: ReportsDialog) => ReportsDialog): ConsoleState {
  const dialogs = state.dialogs.map((dialog) => (dialog.kind === 'reports' ? change(dialog) : dialog));
  return { ...state, dialogs };
}

export function hearReports(state: ConsoleState, host: string, outcome: Outcome): Step {
  return stay(
    inCenter(state, (dialog) => {
      if (!dialog.waiting.includes(host)) return dialog;
      const waiting = dialog.waiting.filter((name) => name !== host);
      if (!outcome.ok) return { ...dialog, waiting, silent: [...dialog.silent, host] };
      const known = new Set(dialog.reports.map(({ id }) => id));
      const news = reportsOf(outcome.result, host).filter(({ id }) => !known.has(id));
      return onWanted({ ...dialog, waiting, reports: [...dialog.reports, ...news] });
    }),
  );
}

/** The cursor on the reports of the scenario the center was opened for. */
function onWanted(dialog: ReportsDialog): ReportsDialog {
  const group = reportGroups(dialog).findIndex(({ scenario }) => scenario === dialog.wanted);
  return group < 0 ? dialog : { ...dialog, group, table: 'reports' };
}

/** The answer comes from another host: believe only what has the right shape. */
function reportsOf(result: unknown, source: string): CenterReport[] {
  const reports = (result as { reports?: unknown } | undefined)?.reports;
  if (!Array.isArray(reports)) return [];
  return reports.flatMap((one: unknown) => {
    const { id, kind, scenario, at, host, ok } = (one ?? {}) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof scenario !== 'string' || typeof at !== 'number') return [];
    return [{ id, kind: String(kind) as ReportKind, scenario, at, host: String(host), ok: ok === true, source }];
  });
}

// ---------------------------------------------------------------- keys

export function moveReports(state: ConsoleState, move: Move): Step {
  const page = Math.max(1, state.rows - 8);
  return withDialog(state, (dialog) => {
    const { opened, table } = dialog;
    if (opened !== undefined) {
      const total = opened.lines?.length ?? 0;
      return { ...dialog, opened: { ...opened, scroll: moved(move, opened.scroll, total, page) } };
    }
    if (table === 'reports') {
      const cursor = moved(move, dialog.cursor, shownReports(dialog).length, page);
      return { ...dialog, cursor };
    }
    const { wanted: _reached, ...free } = dialog;
    return { ...free, cursor: 0, group: moved(move, dialog.group, reportGroups(dialog).length, page) };
  });
}

function withDialog(state: ConsoleState, change: (dialog: ReportsDialog) => ReportsDialog): Step {
  const dialog = topDialog(state);
  return stay(dialog?.kind === 'reports' ? replaceDialog(state, change(dialog)) : state);
}

export function moveSideways(state: ConsoleState, by: 1 | -1): Step {
  return withDialog(state, (dialog) => {
    const { opened } = dialog;
    if (opened === undefined) return dialog;
    return { ...dialog, opened: { ...opened, left: Math.max(0, opened.left + by * SIDE_STEP) } };
  });
}

export function switchTable(state: ConsoleState): Step {
  return withDialog(state, (dialog) => ({
    ...dialog,
    table: dialog.table === 'reports' || shownReports(dialog).length === 0 ? 'scenarios' : 'reports',
  }));
}

/** From a scenario to its reports, from a report to its text. */
export function enterReports(state: ConsoleState): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'reports') return stay(state);
  if (dialog.table === 'scenarios') return switchTable(state);
  const report = shownReports(dialog)[dialog.cursor];
  return report === undefined ? stay(state) : askFor(state, dialog, report, 'summary');
}

function askFor(state: ConsoleState, dialog: ReportsDialog, report: CenterReport, detail: ReportDetail): Step {
  const opened = { report, detail, scroll: 0, left: 0 };
  return {
    state: replaceDialog(state, { ...dialog, opened }),
    effects: [request(report, 'text', detail, { kind: 'report', id: report.id, detail })],
  };
}

function request({ id, source }: CenterReport, format: 'text' | 'html', detail: ReportDetail, purpose: Purpose) {
  return { type: 'request', host: source, command: 'reports.show', args: { id, format, detail }, purpose } as const;
}

export function toggleDetail(state: ConsoleState): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'reports' || dialog.opened === undefined) return stay(state);
  const { report, detail } = dialog.opened;
  return askFor(state, dialog, report, detail === 'summary' ? 'detailed' : 'summary');
}

export function hearReport(state: ConsoleState, purpose: Extract<Purpose, { kind: 'report' }>, outcome: Outcome): Step {
  return stay(
    inCenter(state, (dialog) => {
      const { opened } = dialog;
      if (opened?.report.id !== purpose.id || opened.detail !== purpose.detail) return dialog;
      return { ...dialog, opened: { ...opened, lines: linesOf(outcome) } };
    }),
  );
}

function linesOf(outcome: Outcome): readonly string[] {
  if (!outcome.ok) return [outcome.fault.text, outcome.fault.hint];
  const { text } = (outcome.result ?? {}) as { text?: unknown };
  return typeof text === 'string'
    ? text.trimEnd().split('\n')
    : ['the host answered something this console does not understand'];
}

export function exportOpened(state: ConsoleState): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'reports' || dialog.opened === undefined) return stay(state);
  const { report, detail } = dialog.opened;
  const file = `${report.id}${detail === 'detailed' ? '-detailed' : ''}.html`;
  if (!SAFE_ID.test(report.id))
    return stay(withToast(state, 'the host gave this report a name no file can have', 'error'));
  return { state, effects: [request(report, 'html', detail, { kind: 'report-export', file })] };
}

export function hearExport(state: ConsoleState, file: string, outcome: Outcome): Step {
  if (!outcome.ok) return stay(withToast(state, outcome.fault.text, 'error', outcome.fault.hint));
  const { text } = (outcome.result ?? {}) as { text?: unknown };
  if (typeof text !== 'string')
    return stay(withToast(state, 'the host answered something else than a report', 'error'));
  return { state, effects: [{ type: 'save', file, text }] };
}

export function hearSaved(state: ConsoleState, outcome: Outcome): Step {
  if (outcome.ok) return stay(withToast(state, `wrote ${String(outcome.result)}`));
  return stay(withToast(state, outcome.fault.text, 'error', outcome.fault.hint));
}

/** From the report to the tables, from there out. */
export function leaveReports(state: ConsoleState): Step {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'reports') return stay(state);
  if (dialog.opened !== undefined) {
    const { opened: _, ...tables } = dialog;
    return stay(replaceDialog(state, tables));
  }
  if (dialog.table === 'reports') return stay(replaceDialog(state, { ...dialog, table: 'scenarios' }));
  return stay(closeDialog(state));
}
