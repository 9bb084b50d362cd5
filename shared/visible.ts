/** Hostile text made visible: what could steer a terminal, a browser or a reader's eye is written out. Pure. */

/**
 * Controls, line separators, invisible marks, bidirectional overrides and tag characters. Joiners (U+200C, U+200D) stay:
 * names in several scripts need them.
 */
const STEERING =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** On one line; a byte of a file name that is not UTF-8 (shared/path.ts) becomes `\xNN`, other such characters `\u{…}`. */
export function visible(text: string): string {
  return text.replace(STEERING, (character) => NAMED[character] ?? written(character.codePointAt(0)!));
}

function written(code: number): string {
  const isByte = code >= 0xdc80 && code <= 0xdcff;
  if (code < 0x100 || isByte) return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`;
  return `\\u{${code.toString(16)}}`;
}
