/** The browser of quarantines as lines. */
import type { KeptState, QuarantineItem } from '../../shared/quarantine.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { type Slice, slicePage, sliceWords } from '../components/list.ts';
import type { KeptQuarantine, OpenedQuarantine, QuarantineDialog, QuarantineQuestion } from '../state-roles.ts';
import { itemKey, MOST_ITEMS, nameToType } from '../update/quarantine.ts';
import { button, faultLines, fieldSpans, paragraph } from './dialogs.ts';
import { dateTime, plural } from './format.ts';
import { changeWord, keptLines } from './kept-file.ts';
import { fitLine, type Line, line, restyle, type Style, span } from './line.ts';
import type { WizardSheet } from './point-words.ts';
import { type Column, table } from './table.ts';
import { clean, fitText, shortenMiddle } from './text.ts';

export function quarantineTitle({ opened }: QuarantineDialog): string {
  if (opened === undefined) return 'Quarantine: what hosts had that the ones which took over lack';
  return `Quarantine ${clean(opened.head.id)} of ${clean(opened.head.scenario)} on ${clean(opened.head.source)}`;
}

export function quarantineSheet(dialog: QuarantineDialog, width: number, height: number): WizardSheet {
  const { question, file, opened } = dialog;
  const below = question === undefined ? [] : questionLines(dialog, question, width);
  const room = Math.max(3, height - below.length);
  const above =
    file !== undefined
      ? fileSheet(file, room)
      : opened !== undefined
        ? itemSheet(opened, width, room)
        : listSheet(dialog, width, room);
  return { ...above, content: [...above.content.slice(0, room), ...padding(room - above.content.length), ...below] };
}

function padding(rows: number): Line[] {
  return Array.from({ length: Math.max(0, rows) }, () => []);
}

// ---------------------------------------------------------------- the list

const COLUMNS: readonly Column<KeptQuarantine>[] = [
  { title: 'Kept at', width: 19, drop: 0, cell: ({ at }) => (at === 0 ? 'damaged' : dateTime(at)) },
  { title: 'On', width: 12, drop: 0, cell: ({ source }) => source },
  { title: 'Behind', width: 8, drop: 2, cell: ({ epoch }) => `epoch ${epoch}` },
  { title: 'Items', width: 9, align: 'right', drop: 0, cell: ({ items }) => formatCount(items) },
  { title: 'Size', width: 9, align: 'right', drop: 1, cell: ({ bytes }) => formatBytes(bytes) },
  {
    title: 'Scenario',
    width: 12,
    grows: true,
    drop: 0,
    cell: ({ scenario, deleted }) => (deleted ? [`${scenario} (deleted)`, 'warning'] : scenario),
  },
];

function listSheet(dialog: QuarantineDialog, width: number, height: number): WizardSheet {
  const { heads, cursor, waiting, silent } = dialog;
  const notes = [
    ...(waiting.length > 0 ? [line(span(`Asking ${waiting.join(', ')}…`, 'busy'))] : []),
    ...silent.map(({ host, why }) => line(span(`! ${host} was not asked: ${why}`, 'warning'))),
  ];
  if (heads.length === 0) {
    const none =
      'Nothing is in quarantine on the hosts that answered. It holds what an old active host had that the one which took over never received.';
    return { content: [...(waiting.length > 0 ? [] : paragraph(none, width)), ...notes] };
  }
  const room = Math.max(1, height - notes.length - 1);
  const slice = slicePage(cursor, heads.length, room);
  const [head = [], ...rows] = table(COLUMNS, heads.slice(slice.start, slice.end), width - 2);
  return {
    note: sliceWords(slice, heads.length),
    content: [line('  ', ...head), ...marked(rows, slice, cursor, width), ...notes],
  };
}

function marked(rows: readonly Line[], slice: Slice, cursor: number, width: number): Line[] {
  return rows.map((row, index) =>
    slice.start + index === cursor ? restyle(fitLine(line('> ', ...row), width), 'inverse') : line('  ', ...row),
  );
}

// ---------------------------------------------------------------- one of them

const KIND_CELLS = 10;
const SIZE_CELLS = 10;

function itemSheet(
  { head, items, states, cursor, filter, next, asked, fault }: OpenedQuarantine,
  width: number,
  height: number,
): WizardSheet {
  const top = [
    line(
      `${plural(head.items, 'change')}, ${formatBytes(head.bytes)}, kept behind epoch ${head.epoch}`,
      filter === '' ? '' : span(`   filter: ${filter}`, 'accent'),
      head.deleted ? span('   its scenario is deleted', 'warning') : '',
    ),
  ];
  const more =
    next === undefined
      ? ''
      : items.length >= MOST_ITEMS
        ? `the first ${formatCount(items.length)} are listed; narrow them with /`
        : 'more below';
  const notes = [
    ...(fault === undefined ? [] : [line(span(`! ${fault.text}`, 'error'))]),
    ...(asked === undefined ? [] : [line(span('Fetching…', 'busy'))]),
    ...(more === '' ? [] : [line(span(more, 'dim'))]),
  ];
  const none =
    asked === undefined && items.length === 0
      ? [line(filter === '' ? 'Nothing is in it.' : 'No path has that in it.')]
      : [];
  const room = Math.max(1, height - top.length - notes.length);
  const slice = slicePage(cursor, items.length, room);
  const rows = items
    .slice(slice.start, slice.end)
    .map((item) => itemRow(item, head.deleted ? undefined : (states[itemKey(item)] ?? 'asked'), width - 2));
  return {
    note: sliceWords(slice, items.length),
    content: [...top, ...none, ...marked(rows, slice, cursor, width), ...notes],
  };
}

const STATES: Readonly<Record<KeptState | 'asked', readonly [string, Style]>> = {
  same: ['same', 'good'],
  differs: ['DIFFERS', 'error'],
  unknown: ['?', 'warning'],
  asked: ['…', 'dim'],
};
const STATE_CELLS = 9;

/** `state`: against what users have now; undefined: there is nothing to compare with. */
function itemRow(item: QuarantineItem, state: KeptState | 'asked' | undefined, width: number): Line {
  const [word, style] = state === undefined ? (['', 'plain'] as const) : STATES[state];
  const what = item.type === 'file' ? formatBytes(item.sizeBytes) : item.type;
  const flag = item.torn ? ' (torn)' : item.missing === undefined ? '' : ' (not kept)';
  const before = item.before === undefined ? '' : ` (was ${clean(item.before)})`;
  const path = `${clean(item.path)}${before}${flag}`;
  return line(
    span(fitText(changeWord(item), KIND_CELLS), item.type === 'gone' ? 'warning' : 'plain'),
    ` ${fitText(what, SIZE_CELLS, 'right')}  `,
    span(fitText(word, STATE_CELLS), style),
    shortenMiddle(path, Math.max(10, width - KIND_CELLS - SIZE_CELLS - STATE_CELLS - 3)),
  );
}

function fileSheet(file: NonNullable<QuarantineDialog['file']>, height: number): WizardSheet {
  const lines = keptLines(file);
  const start = Math.max(0, Math.min(file.scroll, lines.length - height));
  const slice = { start, end: Math.min(lines.length, start + height) };
  return { note: sliceWords(slice, lines.length), content: lines.slice(slice.start, slice.end) };
}

// ---------------------------------------------------------------- questions

function questionLines(dialog: QuarantineDialog, question: QuarantineQuestion, width: number): Line[] {
  const { kind, field, fault, asked, path } = question;
  const entry = [line('> ', ...fieldSpans(field, width - 4))];
  const refused = fault === undefined ? [] : faultLines(fault, width);
  if (asked) return [[], line(span(BUSY[kind], 'busy'))];
  if (kind === 'filter') return [[], line('Only paths with:'), ...entry];
  const head = dialog.opened?.head ?? dialog.heads[dialog.cursor];
  if (kind === 'extract') {
    const what = path === undefined ? 'all of it' : path;
    return [
      [],
      ...refused,
      ...paragraph(`Extract ${what} into which new directory of ${head?.source ?? 'its host'}?`, width, 'strong'),
      ...entry,
      ...paragraph(
        'Modes, times and, as root, owners as they were; nothing that is there is overwritten.',
        width,
        'dim',
      ),
    ];
  }
  const name = nameToType(dialog);
  const ready = field.text === clean(name);
  return [
    [],
    ...refused,
    ...(kind === 'return' ? returnLines(question, width) : discardLines(head, width)),
    line('Type the name ', span(clean(name), 'strong'), ' to go on:'),
    ...entry,
    line(button('Cancel', !ready), '  ', button(kind === 'return' ? 'Put back' : 'Discard', ready, ready)),
  ];
}

const BUSY: Readonly<Record<QuarantineQuestion['kind'], string>> = {
  filter: 'Asking…',
  extract: 'Extracting…',
  discard: 'Discarding…',
  return: 'Putting back…',
};

function discardLines(head: KeptQuarantine | undefined, width: number): Line[] {
  const what = `${plural(head?.items ?? 0, 'change')}, ${formatBytes(head?.bytes ?? 0)}`;
  return paragraph(`Discard ${head?.id ?? ''}? ${what}, that no other host has, are gone for good.`, width, 'error');
}

function returnLines({ path = '' }: QuarantineQuestion, width: number): Line[] {
  return [
    ...paragraph(`Put ${path} back? Users have the kept version of it from then on.`, width, 'strong'),
    ...paragraph(
      'What they have now goes to quarantine on the active host first, and can be put back the same way.',
      width,
    ),
  ];
}
