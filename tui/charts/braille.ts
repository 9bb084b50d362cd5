/**
 * Braille charts through blessed-contrib's line chart. Its `setData` is borrowed onto an object with only what it uses (options, size
 * and a Drawille context): no blessed screen is ever started, which would take the signals and the exit handlers.
 * The chart's own labels and axes fall outside the part that is kept; the scale is ours, with units.
 */
import { createRequire } from 'node:module';
import type { ChartRequest, ChartSurface } from './surface.ts';
import { plotWidth, resample, scaleTop, withScale } from './surface.ts';

interface DrawilleContext {
  readonly _canvas: { frame(): string };
}
interface LineChart {
  readonly options: Record<string, unknown>;
  readonly canvasSize: { readonly width: number; readonly height: number };
  readonly ctx: DrawilleContext;
}
type SetData = (this: LineChart, data: readonly { x: readonly string[]; y: readonly number[] }[]) => void;

/** Dots: blessed-contrib keeps this much left of the axis and below it (yPadding 11 and one for the baseline). */
const AXIS_DOTS = 6;
const SKIPPED_CELLS = 4;
const BELOW_DOTS = 12;

/** Loads blessed-contrib: some 60 ms, so only after the first paint. */
export function loadBrailleSurface(): ChartSurface {
  const require = createRequire(import.meta.url);
  const { prototype } = require('blessed-contrib/lib/widget/charts/line.js') as { prototype: { setData: SetData } };
  const { Canvas } = require('drawille-canvas-blessed-contrib') as {
    Canvas: new (width: number, height: number) => { getContext(): DrawilleContext };
  };
  const charts = new Map<string, LineChart>();

  function chartOf(columns: number, height: number): LineChart {
    const key = `${columns}x${height}`;
    const known = charts.get(key);
    if (known !== undefined) return known;
    const canvasSize = { width: (columns + SKIPPED_CELLS + 1) * 2, height: height * 4 + BELOW_DOTS };
    const chart: LineChart = {
      canvasSize,
      ctx: new Canvas(canvasSize.width, canvasSize.height).getContext(),
      options: {
        maxY: 1,
        minY: 0,
        numYLabels: 1,
        xLabelPadding: 5,
        xPadding: AXIS_DOTS,
        showNthLabel: 1,
        legend: {},
        style: { line: 'green', text: 'white', baseline: 'black' },
      },
    };
    if (charts.size > 8) charts.clear();
    charts.set(key, chart);
    return chart;
  }

  function plot(request: ChartRequest, columns: number, top: number): string[] {
    const chart = chartOf(columns, request.height);
    const dots = resample(request.samples, request.capacity, columns * 2);
    const usable = (chart.canvasSize.height - 13) / (chart.canvasSize.height - 11);
    const y = withoutGaps(dots).map((value) => Math.min(1, value / top) * usable);
    const x = Array.from({ length: chart.canvasSize.width - AXIS_DOTS }, () => ' ');
    prototype.setData.call(chart, [{ x, y }]);
    const rows = chart.ctx._canvas
      .frame()
      .replace(/\x1b\[[0-9;]*m/g, '')
      .split('\n');
    return rows.slice(0, request.height).map((row) => {
      const cells = [...row.slice(SKIPPED_CELLS, SKIPPED_CELLS + columns).padEnd(columns)];
      return cells.map((cell, index) => (known(dots, index) ? cell : ' ')).join('');
    });
  }

  return {
    draw(request) {
      const columns = plotWidth(request.width);
      const top = scaleTop(request.samples, request.floor);
      return withScale(plot(request, columns, top), top, request);
    },
  };
}

/** Something is known of this cell: of either of its two columns of dots. */
function known(dots: readonly number[], cell: number): boolean {
  return !Number.isNaN(dots[cell * 2]) || !Number.isNaN(dots[cell * 2 + 1]);
}

/** A line needs a value everywhere (NaN would never end in Bresenham); the cells of gaps are blanked afterwards. */
function withoutGaps(dots: readonly number[]): number[] {
  let last = dots.find((value) => !Number.isNaN(value)) ?? 0;
  return dots.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}
