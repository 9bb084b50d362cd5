/** The palette: every action that is offered, found by the letters of its title in order. Pure. */
import { ACTION_IDS, type ActionId, bindingOf } from '../keys.ts';

export interface PaletteEntry {
  readonly action: ActionId;
  readonly score: number;
}

/** Smaller is better; undefined when the letters do not occur in order. Beginnings of words and runs of letters win. */
export function fuzzyScore(wanted: string, text: string): number | undefined {
  const needle = wanted.toLowerCase().replaceAll(' ', '');
  const hay = text.toLowerCase();
  let score = 0;
  let at = -1;
  for (const letter of needle) {
    const found = hay.indexOf(letter, at + 1);
    if (found < 0) return undefined;
    const startsWord = found === 0 || hay[found - 1] === ' ';
    score += found === at + 1 ? 0 : startsWord ? 1 : 3 + found - at;
    at = found;
  }
  return score + hay.length / 100;
}

export function paletteEntries(query: string): readonly PaletteEntry[] {
  const entries: PaletteEntry[] = [];
  for (const action of ACTION_IDS) {
    const binding = bindingOf(action);
    if (binding.hidden) continue;
    const byTitle = fuzzyScore(query, binding.title);
    const byHelp = fuzzyScore(query, binding.help);
    const score = byTitle ?? (byHelp === undefined || query === '' ? undefined : byHelp + 100);
    if (score !== undefined) entries.push({ action, score });
  }
  return query === '' ? entries : entries.sort((a, b) => a.score - b.score);
}
