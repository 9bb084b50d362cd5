/** A bar with what it means beside it: never only a bar. */
import { type Line, line, span } from './line.ts';

export interface ProgressOptions {
  readonly width: number;
  /** 0..1; undefined while the total is not known. */
  readonly fraction: number | undefined;
}

export function progressBar(options: ProgressOptions): Line {
  const percent =
    options.fraction === undefined ? '  ?%' : `${String(Math.floor(options.fraction * 100)).padStart(3)}%`;
  const room = Math.max(4, options.width - percent.length - 3);
  const filled = Math.round((options.fraction ?? 0) * room);
  return line(
    '[',
    span('█'.repeat(filled), 'good'),
    span('░'.repeat(room - filled), 'dim'),
    '] ',
    span(percent, 'strong'),
  );
}
