/**
 * Text as cells. Everything a server says is hostile until `clean` has seen it: escape sequences, control and format
 * characters (bidirectional overrides, joiners) go, and what terminals disagree about is replaced, so that a width
 * counted here is the width drawn there and no border ever moves.
 */
import stringWidth from 'string-width';

const PLAIN = /^[\x20-\x7e]*$/;
/** Our own drawing characters: one cell each everywhere. */
const KNOWN = /^[\x20-\x7e\u2500-\u259f\u2800-\u28ff\u2026\u00b7\u2022\u25cf\u25cb\u25b6\u25b8\u25be\u2191\u2193]*$/;
const ESCAPES = new RegExp(
  [
    '(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*[@-~]?',
    '(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*(?:\\x07|\\x1b\\\\|\\x9c)',
    '\\x1b[\\]PX^_]?',
    '\\x1b[ -/]*[0-~]?',
  ].join('|'),
  'g',
);
const SPACE = /^[\s\p{Zs}]+$/u;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Me}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}]/gu;
/** Width unknown or disputed: unassigned, private, spacing marks, loose jamo, the newest emoji block. */
const DISPUTED =
  /[\p{Cn}\p{Co}\p{Cs}\p{Mc}\u{1100}-\u{11ff}\u{a960}-\u{a97f}\u{d7b0}-\u{d7ff}\u{1fa70}-\u{1faff}\u{2e3a}\u{2e3b}\u{fdfd}\u{12031}]/u;
const MARK = /\p{Mn}/u;
const MAX_MARKS = 2;
const FLAG_A = 0x1f1e6;
const segmenter = new Intl.Segmenter();

/** One-line text that is safe to draw, in every terminal as wide as `widthOf` says. */
export function clean(text: string): string {
  if (KNOWN.test(text)) return text;
  const stripped = text.replace(ESCAPES, '').normalize('NFC');
  if (KNOWN.test(stripped)) return stripped;
  let out = '';
  for (const { segment } of segmenter.segment(stripped)) out += cleanCluster(segment);
  return out;
}

function cleanCluster(cluster: string): string {
  if (SPACE.test(cluster)) return ' ';
  const visible = cluster.replace(INVISIBLE, '');
  // Conjuncts (several letters joined by marks) are as wide as each terminal likes: without the marks they are letters in a row.
  const letters = [...visible].filter((character) => !MARK.test(character)).length;
  let out = '';
  let marks = letters > 1 ? MAX_MARKS : 0;
  for (const character of visible) {
    if (MARK.test(character)) {
      marks += 1;
      if (out !== '' && marks <= MAX_MARKS) out += character;
    } else out += cleanCharacter(character);
  }
  return out;
}

function cleanCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code >= FLAG_A && code < FLAG_A + 26) return String.fromCharCode(code - FLAG_A + 65); // half of a flag: its letter
  return DISPUTED.test(character) ? '?' : character;
}

/** Cleaned text without the marks that stand above, below or through letters and are no part of them. */
export function withoutMarks(text: string): string {
  return text.replaceAll(/\p{Mn}/gu, '');
}

const widths = new Map<string, number>();

function widthOfCharacter(character: string): number {
  const known = widths.get(character);
  if (known !== undefined) return known;
  const width = MARK.test(character) ? 0 : stringWidth(character);
  if (widths.size > 5000) widths.clear();
  widths.set(character, width);
  return width;
}

/** Cells taken by cleaned text. */
export function widthOf(text: string): number {
  if (KNOWN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** The longest beginning of cleaned text that takes at most `width` cells. */
export function clip(text: string, width: number): string {
  if (width <= 0) return '';
  if (KNOWN.test(text)) return text.length <= width ? text : text.slice(0, width);
  let used = 0;
  let out = '';
  for (const character of text) {
    const cells = widthOfCharacter(character);
    if (used + cells > width) break;
    used += cells;
    out += character;
  }
  return out;
}

/** Cut to `width` cells, with a mark where something was cut. */
export function shorten(text: string, width: number, ellipsis = '\u2026'): string {
  if (widthOf(text) <= width) return text;
  return width <= 0 ? '' : clip(text, width - 1) + ellipsis;
}

/** Cut in the middle: for paths, whose end tells more than their beginning. */
export function shortenMiddle(text: string, width: number, ellipsis = '\u2026'): string {
  if (widthOf(text) <= width) return text;
  if (width <= 4) return shorten(text, width, ellipsis);
  const head = clip(text, Math.floor((width - 1) / 3));
  const room = width - 1 - widthOf(head);
  let tail = '';
  let used = 0;
  for (const character of [...text].reverse()) {
    const cells = widthOfCharacter(character);
    if (used + cells > room) break;
    used += cells;
    tail = character + tail;
  }
  return head + ellipsis + tail;
}

/** Exactly `width` cells: cut with a mark, or filled with spaces on the side opposite to `align`. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left', ellipsis?: string): string {
  const cut = shorten(text, width, ellipsis);
  const fill = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'left' ? cut + fill : fill + cut;
}

/** Breaks cleaned text at spaces into lines of at most `width` cells; long words are cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && widthOf(line) + 1 + widthOf(rest) <= width) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (widthOf(rest) > width && width > 1) {
      const part = clip(rest, width);
      lines.push(part);
      rest = rest.slice(part.length);
    }
    line = rest;
  }
  lines.push(line);
  return lines;
}

/** For terminals without Unicode: every cell that is not ASCII becomes `?`, drawing characters their ASCII likeness. */
export function toAscii(text: string): string {
  if (PLAIN.test(text)) return text;
  let out = '';
  for (const character of text) {
    if (character <= '\x7e') out += character;
    else out += ASCII_LIKENESS.get(character) ?? '?'.repeat(widthOfCharacter(character));
  }
  return out;
}

const ASCII_LIKENESS: ReadonlyMap<string, string> = new Map([
  ['\u2500', '-'],
  ['\u2501', '='],
  ['\u2502', '|'],
  ['\u2503', '|'],
  ['\u250c', '+'],
  ['\u2510', '+'],
  ['\u2514', '+'],
  ['\u2518', '+'],
  ['\u2026', '~'],
  ['\u00b7', '.'],
  ['\u2022', '*'],
  ['\u25b8', '>'],
  ['\u25be', 'v'],
  ['\u2191', '^'],
  ['\u2193', 'v'],
  ['\u2588', '#'],
  ['\u2591', '.'],
]);
