/** Panes and dialogs: a border with its title in it, drawn as text so that one screen row stays one Text. */
import { fitHeight, fitLine, type Line, line, lineWidth, restyle, span } from './line.ts';

export interface FrameOptions {
  readonly width: number;
  readonly height: number;
  readonly focused: boolean;
  readonly title: Line;
  /** Right end of the top border. */
  readonly note?: Line;
  /** Right end of the bottom border, e.g. a position in a long list. */
  readonly foot?: Line;
}

/** Room inside a frame. */
export const FRAME_COLUMNS = 2;
export const FRAME_ROWS = 2;

export function frame(options: FrameOptions, content: readonly Line[]): readonly Line[] {
  const { width, height } = options;
  if (width < 4 || height < 2) return [];
  const style = options.focused ? 'focus' : 'border';
  const side = span('│', style);
  const inner = width - FRAME_COLUMNS;
  const body = fitHeight(content, height - FRAME_ROWS).map((row) => [side, ...fitLine(row, inner), side]);
  return [
    edge('┌', '┐', width, style, options.title, options.note),
    ...body,
    edge('└', '┘', width, style, [], options.foot),
  ];
}

function edge(left: string, right: string, width: number, style: 'focus' | 'border', title: Line, note?: Line): Line {
  const room = width - 4;
  const noteWidth = note === undefined ? 0 : lineWidth(note);
  const showNote = note !== undefined && noteWidth > 0 && noteWidth + 4 <= room;
  const titleRoom = showNote ? room - noteWidth - 1 : room;
  const wanted = lineWidth(title);
  const shown = wanted > titleRoom ? fitLine(title, titleRoom) : title;
  const used = Math.min(wanted, titleRoom) + (showNote ? noteWidth : 0);
  return line(
    span(`${left}─`, style),
    ...(style === 'focus' ? shown : restyle(shown, 'plain')),
    span('─'.repeat(Math.max(0, room - used)), style),
    ...(showNote ? note : []),
    span(`─${right}`, style),
  );
}
