/** One file as it was at a point against what it is now: lines of a text, else size, time and hash. */
import type { PreviewSide } from '../../shared/preview.ts';
import { formatBytes } from '../../shared/units.ts';
import type { CompareDialog } from '../state-recovery.ts';
import { dateTime, plural } from './format.ts';
import { type Line, line, span } from './line.ts';
import { type DifferenceLine, differenceOf } from './line-difference.ts';

/** Lines that are the same, shown around a difference. */
const CONTEXT = 3;

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

function sideLine(word: string, side: PreviewSide | undefined): Line {
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
  const split = (side: PreviewSide | undefined) =>
    side?.text === undefined || side.text === '' ? [] : side.text.split('\n');
  const difference = differenceOf(split(now), split(then));
  return [line(span('- is lost', 'error'), '   ', span('+ comes back', 'good')), ...shown(difference)];
}

/** Numbers of the lines that differ, with those around them. */
function nearDifferences(difference: readonly DifferenceLine[]): ReadonlySet<number> {
  const near = new Set<number>();
  for (const [index, { kind }] of difference.entries()) {
    if (kind === 'same') continue;
    for (let at = index - CONTEXT; at <= index + CONTEXT; at += 1) near.add(at);
  }
  return near;
}

function differenceLine({ kind, text }: DifferenceLine): Line {
  if (kind === 'same') return line(`  ${text}`);
  return kind === 'went' ? line(span(`- ${text}`, 'error')) : line(span(`+ ${text}`, 'good'));
}

function shown(difference: readonly DifferenceLine[]): readonly Line[] {
  const near = nearDifferences(difference);
  const lines: Line[] = [];
  let hidden = 0;
  for (let index = 0; index <= difference.length; index += 1) {
    const here = near.has(index) ? difference[index] : undefined;
    if (here === undefined && index < difference.length) {
      hidden += 1;
      continue;
    }
    if (hidden > 0) lines.push(line(span(`… ${plural(hidden, 'line')} the same`, 'dim')));
    hidden = 0;
    if (here !== undefined) lines.push(differenceLine(here));
  }
  return lines;
}
