/** Plain text for the command line. Pure. */

/**
 * Text from a host, made safe for a terminal: no control characters, escape sequences or bidirectional overrides; the text
 * of an entry stays on its line.
 */
export function safe(text: string): string {
  return text
    .toWellFormed()
    .replace(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-?]*[ -/]*[@-~]/g, '')
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, '�');
}

/** JSON whose strings cannot steer a terminal either: what JSON leaves as it is, is written as `\\uXXXX`. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns under upper-case headings, two blanks apart; cells are made safe. Numbers (`align: 'right'`) end at the same column. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const cells = [headings, ...rows.map((row) => row.map(safe))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? '')].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, widths[column]! - [...cell].length));
        return right.includes(column) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return `${cells.map(line).join('\n')}\n`;
}

/** `label   value` lines. */
export function pairs(entries: readonly (readonly [string, string | undefined])[]): string {
  const shown = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${safe(value)}\n`).join('');
}

/** `[######--------] 42%`, `width` characters wide without the percentage. */
export function bar(share: number, width: number): string {
  const inner = Math.max(4, width - 2);
  const filled = Math.max(0, Math.min(inner, Math.floor(share * inner)));
  return `[${'#'.repeat(filled)}${'-'.repeat(inner - filled)}]`;
}
