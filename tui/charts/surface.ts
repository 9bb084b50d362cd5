/** One way to draw a series, three ways to do it: braille dots (through blessed-contrib), block elements, ASCII. */
import { type Line, line, span } from '../present/line.ts';

export const CHART_KINDS = ['braille', 'blocks', 'ascii'] as const;
export type ChartKind = (typeof CHART_KINDS)[number];

export interface ChartRequest {
  /** Cells. */
  readonly width: number;
  readonly height: number;
  /** Newest last; NaN where nothing is known. */
  readonly samples: readonly number[];
  /** Samples the whole width stands for; fewer leave the left side empty. */
  readonly capacity: number;
  /** Values smaller than this never fill the height, so that noise does not look like load. */
  readonly floor: number;
  readonly label: (value: number) => string;
}

export interface ChartSurface {
  /** Exactly `height` lines of `width` cells. */
  draw(request: ChartRequest): readonly Line[];
}

/** Top of the scale: a round number above the largest sample. */
export function scaleTop(samples: readonly number[], floor: number): number {
  let top = floor;
  for (const sample of samples) if (sample > top) top = sample;
  if (top <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  for (const step of [1, 2, 5, 10]) if (top <= step * power) return step * power;
  return top;
}

/**
 * `columns` values from the samples, right aligned to the newest; the largest of each group, so peaks stay. NaN = unknown.
 */
export function resample(samples: readonly number[], capacity: number, columns: number): number[] {
  const padded = Array.from(
    { length: capacity },
    (_, index) => samples[samples.length - capacity + index] ?? Number.NaN,
  );
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * capacity) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * capacity) / columns));
    let largest = Number.NaN;
    for (const sample of padded.slice(from, to)) {
      if (!Number.isNaN(sample) && !(sample <= largest)) largest = sample;
    }
    return largest;
  });
}

const LABEL_WIDTH = 10;

/** Puts a scale to the left of plotted rows: its top, its middle when there is room, and zero. */
export function withScale(rows: readonly string[], top: number, request: ChartRequest): readonly Line[] {
  const middle = rows.length >= 5 && rows.length % 2 === 1 ? (rows.length - 1) / 2 : -1;
  return rows.map((row, index) => {
    let text = '';
    if (index === 0) text = request.label(top);
    else if (index === rows.length - 1) text = request.label(0);
    else if (index === middle) text = request.label(top / 2);
    return line(span(`${text.padStart(LABEL_WIDTH - 1)} `, 'dim'), span(row, 'chart'));
  });
}

export function plotWidth(width: number): number {
  return Math.max(1, width - LABEL_WIDTH);
}
