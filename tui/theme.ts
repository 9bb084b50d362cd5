/**
 * The 16 ANSI colours on the terminal's own background, so dark and light themes both stay readable: body text keeps the
 * terminal's foreground, colour only repeats what a word and a shape already say. Mono (NO_COLOR) keeps bold and inverse.
 */
import type { Line, Style } from './present/line.ts';
import { toAscii } from './present/text.ts';

export interface Theme {
  readonly colour: boolean;
  readonly ascii: boolean;
}

interface Codes {
  readonly open: string;
  readonly close: string;
}

const codes = (open: string, close: string): Codes => ({ open: `\x1b[${open}m`, close: `\x1b[${close}m` });
const NONE: Codes = { open: '', close: '' };

const COLOUR: Readonly<Record<Style, Codes>> = {
  plain: NONE,
  dim: codes('90', '39'),
  strong: codes('1', '22'),
  good: codes('32', '39'),
  busy: codes('36', '39'),
  warning: codes('1;33', '22;39'),
  error: codes('1;31', '22;39'),
  critical: codes('1;7;31', '22;27;39'),
  accent: codes('1;36', '22;39'),
  key: codes('1', '22'),
  inverse: codes('7', '27'),
  border: codes('90', '39'),
  focus: codes('36', '39'),
  chart: codes('32', '39'),
};

const MONO: Readonly<Record<Style, Codes>> = {
  ...(Object.fromEntries(Object.keys(COLOUR).map((style) => [style, NONE])) as Record<Style, Codes>),
  strong: codes('1', '22'),
  warning: codes('1', '22'),
  error: codes('1', '22'),
  critical: codes('1;7', '22;27'),
  accent: codes('1', '22'),
  key: codes('1', '22'),
  inverse: codes('7', '27'),
  focus: codes('1', '22'),
};

/** Escape codes for a line. Its text was cleaned when the spans were made. */
export function paint(content: Line, theme: Theme): string {
  const styles = theme.colour ? COLOUR : MONO;
  let out = '';
  for (const part of content) {
    const text = theme.ascii ? toAscii(part.text) : part.text;
    const code = styles[part.style];
    out += code.open === '' ? text : code.open + text + code.close;
  }
  return out;
}
