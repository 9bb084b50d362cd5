/** Charts from block elements, eight steps a cell, and from ASCII, two steps a cell. */
import type { ChartRequest, ChartSurface } from './surface.ts';
import { plotWidth, resample, scaleTop, withScale } from './surface.ts';

const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const ASCII = [' ', '.', ':'] as const;

function barChart(steps: readonly string[]): ChartSurface {
  const perCell = steps.length - 1;
  return {
    draw(request: ChartRequest) {
      const columns = plotWidth(request.width);
      const top = scaleTop(request.samples, request.floor);
      const heights = resample(request.samples, request.capacity, columns).map((value) =>
        Number.isNaN(value) ? -1 : Math.max(1, Math.round((value / top) * request.height * perCell)),
      );
      const rows = Array.from({ length: request.height }, (_, row) => {
        const below = (request.height - 1 - row) * perCell;
        return heights.map((height) => steps[Math.max(0, Math.min(perCell, height - below))] ?? ' ').join('');
      });
      return withScale(rows, top, request);
    },
  };
}

export const blockSurface: ChartSurface = barChart(BLOCKS);
export const asciiSurface: ChartSurface = barChart(ASCII);
