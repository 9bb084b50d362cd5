/** What going back to a point would do, as a tree. */
import type { PreviewKind } from '../../shared/preview.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { slicePage, sliceWords } from '../components/list.ts';
import type { RestoreDialog } from '../state-recovery.ts';
import { type PreviewRow, previewRows } from '../update/preview-tree.ts';
import { paragraph } from './dialogs.ts';
import { fitLine, type Line, line, restyle, type Style, span, spread } from './line.ts';
import { countLines, moment, pointWords, type WizardSheet } from './point-words.ts';
import { clean, shortenMiddle } from './text.ts';

const MARKS: Readonly<Record<PreviewKind, readonly [string, Style]>> = {
  restored: ['+', 'good'],
  removed: ['-', 'error'],
  changed: ['~', 'warning'],
  renamed: ['r', 'busy'],
  metadata: ['m', 'plain'],
};
const KIND_WORDS: Readonly<Record<PreviewKind, string>> = {
  restored: 'comes back',
  removed: 'lost',
  changed: 'changes back',
  renamed: 'renamed back',
  metadata: 'metadata',
};
const INDENT = 2;
/** Narrower than this the words go: mark and colour stay, and the legend is on the page of its own. */
const WORDY = 60;

/** `+ ▾ name   comes back 1.2 MB`: a mark, a word and a colour say the same. */
export function previewRow(row: PreviewRow, width: number): Line {
  const { entry, depth, name, below, closed, root } = row;
  const [mark, style] = entry === undefined ? [' ', 'dim' as const] : MARKS[entry.kind];
  const sign = below > 0 || entry?.type === 'directory' ? (closed ? '▸ ' : '▾ ') : '  ';
  const title = name === '' ? `root ${root + 1}` : clean(name);
  const from = entry?.from === undefined ? '' : ` (now ${shortenMiddle(clean(entry.from), 24)})`;
  const left = line(
    span(mark, style),
    ' ',
    ' '.repeat(Math.min(depth * INDENT, Math.max(0, width - 30))),
    span(sign, 'dim'),
    span(`${title}${below > 0 ? '/' : ''}`, entry === undefined ? 'dim' : style),
    span(from, 'dim'),
  );
  return spread(left, line(span(` ${figures(row, width >= WORDY)} `, entry === undefined ? 'dim' : style)), width);
}

function figures({ entry, below }: PreviewRow, wordy: boolean): string {
  if (entry === undefined) return below > 0 ? formatCount(below) : '';
  const { kind, type, then, now } = entry;
  const word = wordy ? KIND_WORDS[kind] : '';
  if (type === 'directory') return below > 0 ? `${word}  ${formatCount(below)}` : word;
  if (kind === 'metadata' || kind === 'renamed') return word;
  const size = (side: typeof then) => formatBytes(side?.sizeBytes ?? 0);
  return kind === 'changed'
    ? `${word} ${size(now)} > ${size(then)}`
    : `${word} ${size(kind === 'removed' ? now : then)}`;
}

const FILTER_WORDS = { all: 'everything', ...KIND_WORDS } as const;

export function previewPage(dialog: RestoreDialog, width: number, height: number): WizardSheet {
  const { preview, tree } = dialog;
  if (preview?.fault !== undefined)
    return { content: [...paragraph(preview.fault.text, width, 'error'), ...paragraph(preview.fault.hint, width)] };
  const result = preview?.result;
  if (result === undefined) return { content: [line(span('Looking…', 'dim'))] };
  const { point, truncated, total, entries, problems } = result;
  const head: Line[] = [
    line(span('Back to ', 'dim'), span(moment(point.at), 'strong'), `  ${pointWords(point)}`),
    ...countLines(result, width),
    line(
      span('Shown   ', 'dim'),
      FILTER_WORDS[tree.kind],
      truncated ? span(`   the first ${formatCount(entries.length)} of ${formatCount(total)} only`, 'warning') : '',
    ),
  ];
  const troubles = problems
    .slice(0, 2)
    .map(({ path, reason }) => line(span(`! ${clean(path)}: ${clean(reason)}`, 'warning')));
  const rows = previewRows(dialog);
  const room = Math.max(1, height - head.length - troubles.length);
  const slice = slicePage(tree.cursor, rows.length, room);
  const shown = rows.slice(slice.start, slice.end).map((row, index) => {
    const chosen = slice.start + index === tree.cursor;
    const content = fitLine(line(chosen ? '>' : ' ', ...previewRow(row, width - 1)), width);
    return chosen ? restyle(content, 'inverse') : content;
  });
  return { note: sliceWords(slice, rows.length), content: [...head, ...troubles, ...shown] };
}
