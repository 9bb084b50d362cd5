/** The Rewind tab: the history each Replica keeps against what was asked for. */

import type { JournalFigures } from '../../shared/rewind.ts';
import { formatAge, formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import type { ScenarioView } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import type { JournalView } from '../state-recovery.ts';
import { journalOf } from '../update/journal.ts';
import { replicasOf } from '../update/recovery-request.ts';
import { paragraph } from './dialogs.ts';
import { dateTime, plural } from './format.ts';
import { type Line, line, type Span, span } from './line.ts';
import { progressBar } from './progress.ts';

const TITLE = 15;
const MOST_GAPS = 3;

export function journalLines(state: ConsoleState, scenario: ScenarioView, width: number): readonly Line[] {
  const lines: Line[] = [];
  for (const replica of replicasOf(scenario)) {
    const view = journalOf(state, scenario.id, replica);
    lines.push(line(span(replica, 'strong')), ...ofReplica(view, state.now, width), []);
  }
  lines.push(line(span('w restore   b bookmark   H look into the history   U undo the last restore', 'dim')));
  return lines;
}

function row(title: string, ...rest: readonly (string | Span)[]): Line {
  return line(span(`  ${title.padEnd(TITLE)}`, 'dim'), ...rest);
}

function ofReplica(view: JournalView | undefined, now: number, width: number): readonly Line[] {
  if (view?.fault !== undefined) return paragraph(`  ${view.fault.text}`, width, 'warning');
  const figures = view?.figures;
  if (figures === undefined) return [line(span('  Asking…', 'dim'))];
  if (!figures.on)
    return paragraph(
      '  Data Rewind is off: no rewind points are registered. Stop the scenario and set recovery.dataRewind to on.',
      width,
      'warning',
    );
  return [...keptRows(figures, now, width), ...growthRows(figures), ...gapRows(figures), checkRow(figures, now)];
}

function keptRows(
  { keptSince, askedMs, coverage, points, bookmarks, pinned }: JournalFigures,
  now: number,
  width: number,
): readonly Line[] {
  const kept =
    keptSince === undefined
      ? 'nothing yet'
      : `${formatDuration(now - keptSince)} (since ${dateTime(keptSince).slice(0, 16)})`;
  const pins = pinned === 0 ? '' : `   looked into now by ${formatCount(pinned)}: what they need stays`;
  return [
    row('History', kept, span(` of ${formatDuration(askedMs)} asked`, 'dim')),
    row(
      'Coverage',
      ...progressBar({ width: Math.min(40, width - TITLE - 2), fraction: Math.max(0, Math.min(1, coverage)) }),
    ),
    row('Points', `${formatCount(points)}, ${plural(bookmarks, 'bookmark')}`, span(pins, 'accent')),
  ];
}

function growthRows({ bytes, maxBytes, bytesPerHour, trimsInMs, freeBytes }: JournalFigures): readonly Line[] {
  const limit = maxBytes > 0 ? ` of ${formatBytes(maxBytes)}` : '';
  const rate = bytesPerHour === undefined ? 'rate not known yet' : `${formatBytes(bytesPerHour)} an hour`;
  const forecast =
    trimsInMs === undefined
      ? span('nothing has to go for want of room', 'good')
      : span(`older points go in ${formatDuration(trimsInMs)} for want of room`, 'warning');
  return [
    row('On disk', `${formatBytes(bytes)}${limit}, ${formatBytes(freeBytes)} free`),
    row('Growth', rate, '; ', forecast),
  ];
}

function gapRows({ gaps }: JournalFigures): readonly Line[] {
  if (gaps.length === 0) return [row('Gaps', 'none')];
  const shown = gaps
    .slice(0, MOST_GAPS)
    .map(({ from, to, reason }) =>
      row(
        '',
        span(
          `${to === undefined ? 'nothing before ' : ''}${dateTime(from)}${to === undefined ? '' : ` to ${dateTime(to)}`}: ${reason}`,
          'warning',
        ),
      ),
    );
  return [row('Gaps', span(String(gaps.length), 'warning')), ...shown];
}

function checkRow({ lastSelfCheck }: JournalFigures, now: number): Line {
  if (lastSelfCheck === undefined) return row('Self-check', span('not made yet', 'dim'));
  const { at, identical, files } = lastSelfCheck;
  const verdict = identical ? span('identical', 'good') : span('DIFFERENT: do not trust this history', 'critical');
  return row('Self-check', verdict, `, ${plural(files, 'file')}, ${formatAge(now - at)}`);
}
