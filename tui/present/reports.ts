/** What stands in the Report Center, as lines. */
import { formatMoment, REPORT_KINDS, resultOf } from '../../shared/report.ts';
import { sliceAround, sliceWords } from '../components/list.ts';
import type { CenterReport, ReportsDialog } from '../state.ts';
import { type ReportGroup, reportGroups, shortKind, shownReports } from '../update/reports.ts';
import { type Line, line, restyle, span } from './line.ts';
import { type Column, table } from './table.ts';
import { clean } from './text.ts';

interface CenterSheet {
  readonly title: string;
  readonly note?: string;
  readonly content: readonly Line[];
}

/** Rows of the upper table, at most this share of the height. */
const UPPER_SHARE = 0.4;
/** Headings, heads of the tables and the blank line between them. */
const FURNITURE = 5;

export function reportSheet(dialog: ReportsDialog, width: number, height: number): CenterSheet {
  return dialog.opened === undefined ? tables(dialog, width, height) : opened(dialog.opened, height);
}

function opened({ report, detail, lines, scroll, left }: NonNullable<ReportsDialog['opened']>, height: number) {
  const rows = lines ?? ['Asking…'];
  const start = Math.max(0, Math.min(scroll, rows.length - height));
  const slice = { start, end: Math.min(rows.length, start + height) };
  const content = rows.slice(slice.start, slice.end).map((row) => line([...clean(row)].slice(left).join('')));
  const kind = REPORT_KINDS[report.kind] ?? report.kind;
  return {
    title: `${kind}: ${clean(report.scenario)} (${detail === 'summary' ? 'Summary' : 'Detailed'})`,
    note: sliceWords(slice, rows.length),
    content,
  };
}

const GROUPS: readonly Column<ReportGroup>[] = [
  { title: 'Scenario', width: 20, drop: 0, cell: ({ scenario }) => scenario },
  { title: 'Reports', width: 7, align: 'right', drop: 0, cell: ({ total }) => String(total) },
  { title: 'Type and number', width: 20, grows: true, drop: 0, cell: ({ types }) => types },
];
const REPORTS: readonly Column<CenterReport>[] = [
  { title: 'Finished', width: 23, drop: 0, cell: ({ at }) => formatMoment(at) },
  { title: 'Type', width: 16, drop: 0, cell: ({ kind }) => shortKind(kind) },
  { title: 'Result', width: 13, drop: 0, cell: (report) => [resultOf(report), report.ok ? 'good' : 'warning'] },
  { title: 'Host', width: 12, grows: true, drop: 0, cell: ({ host }) => host },
];

function tables(dialog: ReportsDialog, width: number, height: number): CenterSheet {
  const groups = reportGroups(dialog);
  const reports = shownReports(dialog);
  const room = Math.max(2, height - FURNITURE);
  const upper = Math.max(1, Math.min(groups.length, Math.floor(room * UPPER_SHARE)));
  const scenario = groups[dialog.group]?.scenario;
  const first = rowsAround(GROUPS, groups, dialog.group, upper, width, dialog.table === 'scenarios');
  const second = rowsAround(REPORTS, reports, dialog.cursor, room - upper, width, dialog.table === 'reports');
  const empty = dialog.waiting.length > 0 ? 'Asking…' : 'There are no reports yet.';
  const content =
    groups.length === 0
      ? [line(span(empty, 'dim'))]
      : [
          line(span('Available Reports per Scenario', 'accent')),
          ...first.lines,
          [],
          line(span(`Reports: ${clean(scenario ?? '')}`, 'accent')),
          ...second.lines,
        ];
  const silent =
    dialog.silent.length === 0 ? [] : [line(span(`not asked: ${dialog.silent.map(clean).join(', ')}`, 'warning'))];
  return {
    title: 'Report Center',
    note: second.note,
    content: [...content.slice(0, height - silent.length), ...silent],
  };
}

function rowsAround<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  cursor: number,
  room: number,
  width: number,
  focused: boolean,
) {
  const slice = sliceAround(cursor, rows.length, room);
  const [head = [], ...body] = table(columns, rows.slice(slice.start, slice.end), width - 2);
  const lines = body.map((row, index) => {
    if (slice.start + index !== cursor) return line('  ', ...row);
    return focused ? restyle(line('> ', ...row), 'inverse') : line('> ', ...row);
  });
  return { lines: [line('  ', ...head), ...lines], note: sliceWords(slice, rows.length) };
}
