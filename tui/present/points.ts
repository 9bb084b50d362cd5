/** The page of the wizard on which a rewind point is picked: filter, list, and what going back would do. */
import type { RewindPoint, RewindPointKind } from '../../shared/rewind.ts';
import { formatCount } from '../../shared/units.ts';
import { slicePage, sliceWords } from '../components/list.ts';
import type { ConsoleState } from '../state.ts';
import {
  FILTER_FIELDS,
  type FilterField,
  type PointFilter,
  type PointType,
  type RestoreDialog,
} from '../state-recovery.ts';
import { lostAt } from '../update/lost-places.ts';
import { MOST_POINTS, pointAt, wrongTime } from '../update/point-picker.ts';
import { previewRows } from '../update/preview-tree.ts';
import { hasFilter } from '../update/restore.ts';
import { fieldSpans, paragraph } from './dialogs.ts';
import { fitLine, type Line, line, restyle, type Style, span } from './line.ts';
import { countLines, moment, pointWords, type WizardSheet } from './point-words.ts';
import { previewRow } from './preview.ts';
import { clean, shorten, shortenMiddle, widthOf } from './text.ts';

/** From this width on the preview stands beside the list, else below it. */
const BESIDE = 100;
const PREVIEW_BELOW = 6;
const FILTER_WIDTH = 30;
const FILTER_ROWS = 8;
/** Cells of the time and the gap behind it. */
const TIME = 25;
/** Part of the room that a path has for sure. */
const PATH_SHARE = 0.6;

const KIND_WORDS: Readonly<Record<RewindPointKind, string>> = {
  event: '',
  bookmark: 'BOOKMARK',
  synchronized: 'SYNC',
  'before-synchronization': 'SYNC',
  rewind: 'REWIND',
  gap: 'GAP',
};
const KIND_STYLES: Readonly<Record<RewindPointKind, Style>> = {
  event: 'plain',
  bookmark: 'accent',
  synchronized: 'good',
  'before-synchronization': 'plain',
  rewind: 'busy',
  gap: 'warning',
};

/** Time, then what happened: of a change of a file its path stays readable, its words give way. */
function pointRow(point: RewindPoint, lost: number, width: number): Line {
  const { kind, text, path } = point;
  const mark = lost === 0 ? '' : `! DAMAGED ${formatCount(lost)}  `;
  const room = width - TIME - mark.length;
  const word = KIND_WORDS[kind];
  if (path === undefined) {
    const words = kind === 'event' ? clean(text) : `${word}  ${clean(text)}`;
    return line(moment(point.at), '  ', span(mark, 'error'), span(words, KIND_STYLES[kind]));
  }
  const least = Math.max(Math.floor(room * PATH_SHARE), room - widthOf(clean(text)) - 1);
  const shown = shortenMiddle(clean(path), least);
  const words = shorten(clean(text), room - widthOf(shown) - 1);
  return line(moment(point.at), '  ', span(mark, 'error'), span(`${words} `, 'dim'), shown);
}

export function pointsPage(state: ConsoleState, dialog: RestoreDialog, width: number, height: number): WizardSheet {
  const head = filterLine(dialog, width);
  const room = height - 1;
  const { editing } = dialog;
  const beside = width >= BESIDE;
  if (editing !== undefined && !beside) return { content: [head, ...filterPane(state, editing.filter, dialog, width)] };
  const pane = editing === undefined ? [] : filterPane(state, editing.filter, dialog, FILTER_WIDTH);
  if (beside) {
    const left = editing === undefined ? 0 : FILTER_WIDTH + 2;
    const listWidth = Math.floor((width - left) * 0.58);
    const list = listLines(state, dialog, listWidth, room);
    const side = previewLines(state, dialog, width - left - listWidth - 2, room);
    const content = Array.from({ length: room }, (_, row) => [
      ...(left === 0 ? [] : fitLine(pane[row] ?? [], left)),
      ...fitLine(list.content[row] ?? [], listWidth),
      span('│ ', 'border'),
      ...(side[row] ?? []),
    ]);
    return { note: list.note ?? '', content: [head, ...content] };
  }
  const list = listLines(state, dialog, width, room - PREVIEW_BELOW);
  const filled = Array.from({ length: room - PREVIEW_BELOW }, (_, row) => list.content[row] ?? []);
  const below = previewLines(state, dialog, width, PREVIEW_BELOW - 1);
  return { note: list.note ?? '', content: [head, ...filled, line(span('─'.repeat(width), 'border')), ...below] };
}

const TYPE_WORDS: Readonly<Record<PointType, string>> = {
  all: 'all',
  bookmarks: 'bookmarks',
  events: 'changes of files',
  synchronizations: 'synchronizations',
  rewinds: 'rewinds and gaps',
};

function filterLine({ list, replica }: RestoreDialog, width: number): Line {
  const { filter } = list;
  const parts = [
    filter.type === 'all' ? '' : TYPE_WORDS[filter.type],
    filter.since === '' ? '' : `from ${filter.since}`,
    filter.until === '' ? '' : `until ${filter.until}`,
    filter.path === '' ? '' : `path ${filter.path}`,
    filter.text === '' ? '' : `text ${filter.text}`,
  ].filter((part) => part !== '');
  const shown = parts.length === 0 ? span('none', 'dim') : span(parts.join(', '), 'accent');
  return fitLine(line(span('Replica ', 'dim'), replica, span('   Filter ', 'dim'), shown), width);
}

const FIELD_TITLES: Readonly<Record<FilterField, string>> = {
  since: 'From',
  until: 'Until',
  path: 'Path',
  text: 'Text',
};

function filterPane(state: ConsoleState, filter: PointFilter, dialog: RestoreDialog, width: number): readonly Line[] {
  const { editing } = dialog;
  const gutter = (row: number) => span(editing?.row === row ? '> ' : '  ', 'strong');
  const rows: Line[] = [
    line(span('Filter Rewind Points', 'strong')),
    line(gutter(0), 'Type   ', span(`< ${TYPE_WORDS[filter.type]} >`, editing?.row === 0 ? 'inverse' : 'plain')),
  ];
  for (const [index, name] of FILTER_FIELDS.entries()) {
    const own = editing?.row === index + 1;
    const value = own ? fieldSpans(editing.field, width - 10) : [span(filter[name], 'plain')];
    rows.push(line(gutter(index + 1), `${FIELD_TITLES[name].padEnd(6)} `, ...value));
  }
  const wrong = wrongTime(filter, state.now);
  const note = wrong ?? 'Times: 2:55, yesterday 14:00, 2026-07-01 12:04, 2h. Paths may hold * and **.';
  return [...rows, [], ...paragraph(note, width, wrong === undefined ? 'dim' : 'error')].slice(0, FILTER_ROWS + 6);
}

function listLines(state: ConsoleState, dialog: RestoreDialog, width: number, height: number): WizardSheet {
  const { list, replica } = dialog;
  if (list.points.length === 0) return { content: noPoints(dialog, width, replica) };
  const notice = noticeOf(state, dialog);
  const room = height - (notice === undefined ? 0 : 1);
  const slice = slicePage(list.cursor, list.points.length, room);
  const rows = list.points.slice(slice.start, slice.end).map((point, index) => {
    const chosen = slice.start + index === list.cursor;
    const row = fitLine(line(chosen ? '>' : ' ', ...pointRow(point, lostAt(list, point), width - 1)), width);
    return chosen ? restyle(row, 'inverse') : row;
  });
  const at = ` ${formatCount(slice.start + 1)}-${formatCount(slice.end)} of ${formatCount(list.total)} `;
  const all = sliceWords(slice, list.total) === '' ? '' : at;
  return { note: all, content: notice === undefined ? rows : [notice, ...rows] };
}

function noticeOf(state: ConsoleState, { list, scenarioId }: RestoreDialog): Line | undefined {
  if (list.fault !== undefined) return line(span(`! ${list.fault.text} (u: again)`, 'error'));
  const connected = state.hosts.some((host) => host.connection === 'up' && host.scenarios[scenarioId] !== undefined);
  if (!connected) return line(span('! no connection: these points are as they were', 'warning'));
  if (list.toEnd)
    return line(span(`Fetching all: ${formatCount(list.points.length)} of ${formatCount(list.total)}`, 'busy'));
  if (list.points.length >= MOST_POINTS && list.total > list.points.length && list.cursor === list.points.length - 1)
    return line(span(`Only the newest ${formatCount(MOST_POINTS)} are listed; older ones: f, Until`, 'warning'));
  return undefined;
}

function noPoints({ list }: RestoreDialog, width: number, replica: string): readonly Line[] {
  if (list.fault !== undefined)
    return [...paragraph(list.fault.text, width - 1, 'error'), ...paragraph(list.fault.hint, width - 1)];
  if (list.asked !== undefined) return [line(span(` Asking ${replica}…`, 'dim'))];
  if (hasFilter(list.filter)) return paragraph('No point matches the filter. c lists all.', width - 1);
  return paragraph(
    `${replica} has no rewind points yet. They are registered from the end of the first synchronization on, when its property recovery.dataRewind is on.`,
    width - 1,
  );
}

/** What going back would do, in few lines: counts and bytes, then the beginning of the tree. */
function previewLines(_state: ConsoleState, dialog: RestoreDialog, width: number, height: number): readonly Line[] {
  const point = pointAt(dialog);
  const { preview } = dialog;
  if (point === undefined) return [];
  const head = line(span('If set back to here ', 'strong'), span(pointWords(point), 'dim'));
  if (point.kind === 'gap') return [head, ...paragraph(point.text, width, 'warning')];
  if (preview?.pointId !== point.id) return [head, line(span('…', 'dim'))];
  if (preview.fault !== undefined)
    return [head, ...paragraph(preview.fault.text, width, 'error'), ...paragraph(preview.fault.hint, width, 'dim')];
  if (preview.result === undefined) return [head, line(span('Looking…', 'dim'))];
  const figures = countLines(preview.result, width);
  const rows = previewRows(dialog)
    .slice(0, Math.max(0, height - figures.length - 1))
    .map((row) => previewRow(row, width));
  return [head, ...figures, ...rows];
}
