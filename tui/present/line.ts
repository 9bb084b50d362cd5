/** Lines of styled spans: what every view produces. Nothing here knows of escape codes; `theme.ts` paints. */
import { clean, clip, shorten, widthOf } from './text.ts';

export type Style =
  | 'plain'
  | 'dim'
  | 'strong'
  | 'good'
  | 'busy'
  | 'warning'
  | 'error'
  | 'critical'
  | 'accent'
  | 'key'
  | 'inverse'
  | 'border'
  | 'focus'
  | 'chart';

export interface Span {
  readonly text: string;
  readonly style: Style;
}
export type Line = readonly Span[];

/** The only way text gets into a line, so nothing uncleaned can. */
export function span(text: string, style: Style = 'plain'): Span {
  return { text: clean(text), style };
}

/** A line from pieces: bare strings are plain. Empty pieces vanish. */
export function line(...pieces: readonly (string | Span | undefined)[]): Line {
  const spans: Span[] = [];
  for (const piece of pieces) {
    if (piece === undefined || piece === '') continue;
    spans.push(typeof piece === 'string' ? span(piece) : piece);
  }
  return spans;
}

export function lineWidth(content: Line): number {
  let width = 0;
  for (const part of content) width += widthOf(part.text);
  return width;
}

export function lineText(content: Line): string {
  return content.map((part) => part.text).join('');
}

/** Exactly `width` cells: filled with spaces, or cut with a mark. */
export function fitLine(content: Line, width: number): Line {
  const fitted: Span[] = [];
  let used = 0;
  for (const [index, part] of content.entries()) {
    const cells = widthOf(part.text);
    const last = index === content.length - 1;
    if (used + cells > width || (used + cells === width && !last && lineWidth(content.slice(index + 1)) > 0)) {
      const text = used + cells > width ? shorten(part.text, width - used) : `${clip(part.text, cells - 1)}…`;
      fitted.push({ text, style: part.style });
      used += widthOf(text);
      break;
    }
    fitted.push(part);
    used += cells;
  }
  if (used < width) fitted.push({ text: ' '.repeat(width - used), style: 'plain' });
  return fitted;
}

/** Left and right parts with the space between them; the left part gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = width - lineWidth(right);
  if (room <= 0) return fitLine(right, width);
  return [...fitLine(left, room), ...right];
}

export function restyle(content: Line, style: Style): Line {
  return content.map((part) => ({ text: part.text, style }));
}

/** Exactly `height` lines. */
export function fitHeight(lines: readonly Line[], height: number): readonly Line[] {
  if (lines.length >= height) return lines.slice(0, Math.max(0, height));
  return [...lines, ...Array.from({ length: height - lines.length }, () => [] as Line)];
}
