/** The help sheet of a place, generated from the binding catalogue. */
import { actionsIn, bindingOf, isPane, keyName } from '../keys.ts';
import type { Place } from '../state.ts';
import { type Line, line, span } from './line.ts';
import { fitText } from './text.ts';

const PLACE_NAMES: Readonly<Record<Place, string>> = {
  everywhere: 'everywhere',
  tree: 'scenarios',
  detail: 'scenario detail',
  events: 'events',
  hosts: 'hosts',
  run: 'run dialog',
  confirm: 'question',
  sheet: 'sheet',
  reports: 'Report Center',
  palette: 'palette',
  field: 'filter',
  switch: 'switchover',
  'switch-name': 'question before a switchover',
  quarantine: 'quarantine',
  'quarantine-field': 'question about a quarantine',
  restore: 'restore wizard',
  'restore-name': 'question of the restore wizard',
  points: 'rewind points',
  'point-filter': 'filter of rewind points',
  preview: 'preview of a rewind point',
  prompt: 'question',
};

export function placeName(place: Place): string {
  return PLACE_NAMES[place];
}

const DANGER_WORDS = { safe: '', confirm: ' (asks first)', typed: ' (asks for the name)' } as const;

export function helpLines(place: Place): readonly Line[] {
  const lines: Line[] = [];
  for (const section of isPane(place) ? [place, 'everywhere' as const] : [place]) {
    const actions = actionsIn(section).filter((action) => bindingOf(action).place === section);
    if (actions.length === 0) continue;
    lines.push(line(span(`In the ${placeName(section)}`.replace('In the everywhere', 'Everywhere'), 'accent')));
    for (const action of actions) {
      const binding = bindingOf(action);
      const keys = binding.keys.length === 0 ? `:${binding.title}` : binding.keys.map(keyName).join(' ');
      lines.push(line('  ', span(fitText(keys, 18), 'key'), ' ', `${binding.help}${DANGER_WORDS[binding.danger]}`));
    }
    lines.push([]);
  }
  lines.push(line(span('Signs', 'accent')));
  for (const [sign, meaning] of SIGNS) lines.push(line('  ', span(fitText(sign, 18), 'key'), ' ', meaning));
  return lines;
}

const SIGNS: readonly (readonly [string, string])[] = [
  ['[RUN ]', 'runs and is protected'],
  ['[SYNC] [VRFY]', 'is synchronizing, is being verified'],
  ['[LAG ] [WARN]', 'runs, but lags or needs attention'],
  ['[STOP]', 'does not run; it says why'],
  ['[ERR ] [OUT ]', 'failed, or the copy may differ: act'],
  ['[?   ]', 'no connection: what is shown is old, and grey'],
];
