/** The scenario tree, worst first. */
import type { TreeRow } from '../select.ts';
import { type Line, line, restyle, span } from './line.ts';
import { badgeSpan, hostBadge, scenarioBadge } from './status.ts';
import { clean, fitText } from './text.ts';

/** Badge of 8 cells, two spaces, a few words: what a row needs beside its name. */
const STATE_CELLS = 24;

export interface RowOptions {
  readonly width: number;
  readonly selected: boolean;
  /** The pane has the keys. */
  readonly focused: boolean;
}

/** The cursor is a `>` in the gutter, and inverse where the keys go. */
export function cursorRow(content: Line, options: RowOptions): Line {
  if (!options.selected) return line(' ', ...content);
  const marked = line(span('>', 'strong'), ...content);
  return options.focused ? restyle(marked, 'inverse') : marked;
}

export function treeRow(row: TreeRow, options: RowOptions): Line {
  const { scenario, host } = row;
  const room = options.width - 1;
  if (host !== undefined) {
    const badge = hostBadge(host, scenario.status.running);
    const word = `[${badge.word.padEnd(6)}]`;
    const name = fitText(`   ${clean(host.name)}`, Math.max(8, room - STATE_CELLS));
    const content = line(name, ' ', span(word, scenario.stale ? 'dim' : badge.style), ` ${badge.text}`);
    return cursorRow(scenario.stale ? restyle(content, 'dim') : content, options);
  }
  const badge = scenarioBadge(scenario);
  const name = fitText(`${row.open ? '▾' : '▸'} ${clean(scenario.status.name)}`, Math.max(8, room - STATE_CELLS));
  const content = line(span(name, 'strong'), ' ', badgeSpan(badge), `   ${badge.text}`);
  return cursorRow(scenario.stale ? restyle(content, 'dim') : content, options);
}
