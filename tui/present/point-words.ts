/** Points and what going back to them does, in few words. */
import type { PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { touched } from '../update/recovery-answers.ts';
import { dateTime, plural } from './format.ts';
import { type Line, line, lineWidth, type Style, span } from './line.ts';
import { clean } from './text.ts';

/** A page of the wizard. */
export interface WizardSheet {
  readonly note?: string;
  readonly content: readonly Line[];
}

/** `2026-07-01 12:04:31.250`, local time. */
export function moment(at: number): string {
  return `${dateTime(at)}.${String(Math.floor(at) % 1000).padStart(3, '0')}`;
}

/** What a point is, in words: its change and path, or its name. */
export function pointWords({ kind, text, path }: RewindPoint): string {
  const subject = path === undefined ? '' : ` ${clean(path)}`;
  return kind === 'event' ? `before: ${clean(text)}${subject}` : `${clean(text)}${subject}`;
}

/** `comes back 12 (1.2 GB)   lost 3 (4 kB)   changed 7 (1 MB)   …`, in as many lines as the width needs. */
export function countLines(result: PreviewResult, width: number): readonly Line[] {
  const { counts, bytes, problemCount, problems } = result;
  const lost = problems.filter(({ kind }) => kind === 'lost').length;
  if (touched(counts) === 0 && problemCount === 0)
    return [line(span('Nothing differs: the data is as it was then.', 'good'))];
  const parts: readonly Line[] = [
    part('comes back', counts.restored, bytes.restored, 'good'),
    part('lost', counts.removed, bytes.removed, 'error'),
    part('changed', counts.changed, bytes.changed, 'warning'),
    part('renamed', counts.renamed, undefined, 'busy'),
    part('metadata', counts.metadata, undefined, 'plain'),
  ];
  const lines: Line[] = [[]];
  for (const one of parts) {
    const last = lines.at(-1) ?? [];
    if (last.length > 0 && lineWidth(last) + lineWidth(one) > width) lines.push(one);
    else lines[lines.length - 1] = [...last, ...one];
  }
  if (lost > 0) lines.push(line(span(`! DAMAGED: ${plural(lost, 'place')} cannot be given back`, 'error')));
  if (problemCount > lost)
    lines.push(line(span(`! ${plural(problemCount - lost, 'place')} would not be as it was then`, 'warning')));
  return lines;
}

function part(word: string, count: number, size: number | undefined, style: Style): Line {
  if (count === 0) return line(span(`${word} 0   `, 'dim'));
  return line(span(word, style), ` ${formatCount(count)}${size === undefined ? '' : ` (${formatBytes(size)})`}   `);
}
