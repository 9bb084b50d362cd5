/** A framed part of the screen: a pane, or a dialog in the middle over what is below. */
import type { Area } from '../layout.ts';
import { FRAME_COLUMNS, FRAME_ROWS, frame } from '../present/frame.ts';
import type { Line } from '../present/line.ts';
import type { Theme } from '../theme.ts';
import { Rows } from './rows.tsx';

export interface PaneProps {
  readonly area: Area;
  readonly theme: Theme;
  readonly title: Line;
  readonly note?: Line;
  readonly foot?: Line;
  readonly focused: boolean;
  readonly content: readonly Line[];
}

export function Pane({ area, theme, content, ...rest }: PaneProps) {
  return <Rows area={area} theme={theme} lines={frame({ width: area.width, height: area.height, ...rest }, content)} />;
}

export function innerWidth(area: Area): number {
  return Math.max(1, area.width - FRAME_COLUMNS);
}

export function innerHeight(area: Area): number {
  return Math.max(1, area.height - FRAME_ROWS);
}
