/** One file as it was at a point against what it is now: lines of a text, else size, time and hash. */
import type { PreviewSide } from '../../shared/preview.ts';
import { formatBytes } from '../../shared/units.ts';
import { unifiedDifference } from '../cli/difference-text.ts';
import type { CompareDialog } from '../state-recovery.ts';
import { dateTime } from './format.ts';
import { type Line, line, span } from './line.ts';

let cache: { readonly dialog: CompareDialog['result']; readonly lines: readonly Line[] } | undefined;

export function compareLines(dialog: CompareDialog): readonly Line[] {
  const { result, fault } = dialog;
  if (fault !== undefined) return [line(span(fault.text, 'error')), line(fault.hint)];
  if (result === undefined) return [line(span('Asking…', 'dim'))];
  if (cache?.dialog === result) return cache.lines;
  const { then, now } = result;
  const lines = [sideLine('Then', then), sideLine('Now ', now), [], ...body(then, now, result.identical)];
  cache = { dialog: result, lines };
  return lines;
}

export function sideLine(word: string, side: PreviewSide | undefined): Line {
  if (side === undefined) return line(span(`${word}  `, 'dim'), span('did not exist', 'strong'));
  const { type, sizeBytes, mtimeMs, mode, target, hash } = side;
  return line(
    span(`${word}  `, 'dim'),
    `${type}, ${formatBytes(sizeBytes)}, changed ${dateTime(mtimeMs)}, mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`,
    target === undefined ? '' : `, to ${target}`,
    hash === undefined ? '' : span(`  ${hash.slice(0, 16)}`, 'dim'),
  );
}

function body(then: PreviewSide | undefined, now: PreviewSide | undefined, identical: boolean): readonly Line[] {
  if (identical) return [line(span('The content is the same.', 'good'))];
  const textual = (side: PreviewSide | undefined) => side === undefined || side.text !== undefined;
  if (!textual(then) || !textual(now))
    return [line('The content differs; it is not shown (no text, or larger than 256 KiB).')];
  const rows = unifiedDifference(now?.text ?? '', then?.text ?? '').map(differenceLine);
  return [line(span('- is lost', 'error'), '   ', span('+ comes back', 'good')), ...rows];
}

export function differenceLine(row: string): Line {
  const text = `${row.slice(0, 1)} ${row.slice(1)}`;
  if (row === '...') return line(span(row, 'dim'));
  if (row.startsWith('-')) return line(span(text, 'error'));
  return row.startsWith('+') ? line(span(text, 'good')) : line(text);
}
