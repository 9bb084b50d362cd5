/** What a restore or its undo has done. */
import type { RestoreResult, UndoResult } from '../../shared/rewind.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { scenarioById } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import type { RestoreDialog } from '../state-recovery.ts';
import { paragraph } from './dialogs.ts';
import { dateTime, plural, when } from './format.ts';
import { type Line, line, span } from './line.ts';
import { clean } from './text.ts';

/** Events of the scenario shown where the answer itself did not reach this console. */
const EVENTS_SHOWN = 8;

export function resultPage(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const { outcome } = dialog;
  if (outcome === undefined) return [];
  if (outcome.kind === 'over') return overLines(state, dialog, width);
  const lines: Line[] = [[]];
  const { result } = outcome;
  if (outcome.kind === 'restored') lines.push(...restoredLines(outcome.result, width));
  else lines.push(...undoneLines(outcome.result, width));
  const foreign = Array.isArray(result.foreign) ? result.foreign : [];
  const lost = result.lostCount ?? 0;
  const changed = (result.foreignCount ?? 0) - lost;
  if (changed > 0) {
    const text = `${plural(changed, 'place')} changed by others than Mainstay: left as they are`;
    lines.push([], ...paragraph(text, width, 'warning'), ...placesOf(foreign.filter((place) => !place.lost)));
  }
  if (lost > 0) {
    const text = `${plural(lost, 'place')} could not be given back, what was kept is missing or damaged: left as they are`;
    lines.push([], ...paragraph(text, width, 'error'), ...placesOf(foreign.filter((place) => place.lost)));
  }
  return lines;
}

function placesOf(places: RestoreResult['foreign']): readonly Line[] {
  return places.map(({ path }) => line(span(`    ${clean(String(path))}`, 'dim')));
}

function row(title: string, text: string): Line {
  return line(span(title.padEnd(18), 'dim'), text);
}

function restoredLines(result: RestoreResult, width: number): readonly Line[] {
  const { method, steps, tookMs, synchronization, undoUntil, replica } = result;
  const rewound = method !== 'master';
  const lines: Line[] = [
    line(span(rewound ? 'Rewind process is completed successfully' : 'Synchronization finished', 'good')),
    [],
  ];
  if (rewound)
    lines.push(row('Set back', `${replica}: ${plural(steps, 'change')} taken back in ${formatDuration(tookMs)}`));
  if (synchronization !== undefined) {
    const { comparedEntries, sentFiles, sentBytes, created, updated, removed, identical } = synchronization;
    lines.push(
      row(
        'Synchronized',
        `${formatCount(comparedEntries)} compared, ${formatCount(sentFiles)} files sent (${formatBytes(sentBytes)})`,
      ),
      row(
        'On the Master',
        `${formatCount(created)} created, ${formatCount(updated)} updated, ${formatCount(removed)} removed, ${formatCount(identical)} identical`,
      ),
    );
  }
  const until = undoUntil === undefined ? 'as long as history is kept' : `until ${dateTime(undoUntil)}`;
  lines.push(row('Can be undone', `${until} (U)`), []);
  const next =
    method === 'rewind-replica'
      ? 'The Master was left as it is: the next run makes the Replica the same as the Master again.'
      : 'The scenario can be run again. R shows the Synchronization Report.';
  return [...lines, ...paragraph(next, width)];
}

function undoneLines(result: UndoResult, width: number): readonly Line[] {
  const hosts = Array.isArray(result.hosts) ? result.hosts : [];
  return [
    line(span('The last restore is undone', 'good')),
    [],
    ...hosts.map(({ host, steps }) => row(String(host).slice(0, 17), `${plural(steps, 'change')} taken back`)),
    row('Took', formatDuration(result.tookMs)),
    [],
    ...paragraph('The next run compares the hosts with each other again.', width),
  ];
}

/** It was watched, or the connection was lost before the answer: what the hosts wrote down about it. */
function overLines(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const name = scenarioById(state, dialog.scenarioId)?.status.name ?? dialog.scenario;
  const work = dialog.job;
  const since = dialog.seen?.status.startedAt ?? dialog.askedAt ?? 0;
  const own = new Set([name, dialog.seen?.status.scenario]);
  const events = state.events
    .filter(({ record }) => own.has(record.scenario) && record.at >= since)
    .slice(-EVENTS_SHOWN);
  return [
    [],
    line(span(dialog.seen === undefined ? `No ${work} is under way` : `The ${work} is over`, 'strong')),
    ...paragraph(
      'Its answer did not come to this window, or nothing was begun. What the hosts wrote down since:',
      width,
    ),
    [],
    ...events.map(({ record }) =>
      line(
        span(when(record.at, state.now), 'dim'),
        '  ',
        span(record.text, record.severity === 'info' ? 'plain' : 'warning'),
      ),
    ),
    [],
    ...paragraph('R shows the reports.', width),
  ];
}
