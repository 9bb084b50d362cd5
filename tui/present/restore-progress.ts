/** A restore under way: phase, part done, rate, time left, the path it is at. */
import type { RecoveryPhase, RecoveryStatus } from '../../shared/rewind.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../../shared/units.ts';
import { scenarioById } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import type { RestoreDialog } from '../state-recovery.ts';
import { estimate, recoveryOf } from '../update/restore-progress.ts';
import { paragraph } from './dialogs.ts';
import { type Line, line, span } from './line.ts';
import { progressBar } from './progress.ts';
import { METHOD_WORDS } from './restore-words.ts';
import { clean, shortenMiddle } from './text.ts';

const PHASES: Readonly<Record<RecoveryPhase, string>> = {
  rewinding: 'Rewinding the Replica',
  synchronizing: 'Synchronizing back to the Master',
  finishing: 'Finishing',
};
const MOST_WIDE = 72;

export function progressPage(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const scenario = scenarioById(state, dialog.scenarioId);
  const status = recoveryOf(state, dialog) ?? dialog.seen?.status;
  const title = dialog.job === 'undo' ? 'Undoing the last restore' : METHOD_WORDS[status?.method ?? dialog.method];
  const lines: Line[] = [[], line(span(title, 'strong')), []];
  if (scenario === undefined) {
    const text =
      'No connected host knows this scenario any more: it was deleted, or its host is not among those of this console. How far this went is not known; R shows the reports, ! what happened.';
    return [...lines, ...paragraph(text, width, 'error')];
  }
  if (scenario.stale) {
    const text =
      'No connection to the host. It does not need this console: it goes on there; this window follows it again when the connection is back.';
    lines.push(...paragraph(text, width, 'warning'), []);
  }
  if (status === undefined) return [...lines, ...askedLines(state, dialog, width)];
  lines.push(...barLines(dialog, status, width));
  const since = formatDuration(Math.max(0, state.now - status.startedAt));
  const doer = status.undo ? 'the hosts do it' : `"${clean(status.scenario)}" does it`;
  lines.push([], line(span(`Since ${since}; ${doer}.`, 'dim')));
  return [...lines, ...endLines(status, width)];
}

/** Asked, and nothing is told of it: it has not begun yet, or it is an undo, which tells only its end. */
function askedLines({ now }: ConsoleState, { askedAt, job, replica }: RestoreDialog, width: number): readonly Line[] {
  const since = askedAt === undefined ? '' : `, since ${formatDuration(now - askedAt)}`;
  if (job !== 'undo') return [line(span(`Asking ${replica}${since}…`, 'busy'))];
  return [
    line(span(`The hosts give back what they had${since}`, 'busy')),
    [],
    ...paragraph('It takes about as long as the restore took. Esc or q closes this window; it goes on.', width, 'dim'),
  ];
}

function barLines(dialog: RestoreDialog, status: RecoveryStatus, width: number): readonly Line[] {
  const { fraction, leftMs } = estimate(dialog, status);
  const left = leftMs === undefined ? 'time left unknown' : `${formatDuration(leftMs)} left`;
  const figures = [left, paceWords(dialog), stepWords(status), byteWords(status)].filter((part) => part !== '');
  return [
    line(span(phaseWords(status), status.failed === undefined ? 'busy' : 'error')),
    progressBar({ width: Math.min(MOST_WIDE, width), fraction }),
    line(figures.join('   ')),
    line(span(status.path === undefined ? '' : shortenMiddle(clean(status.path), width), 'dim')),
  ];
}

function phaseWords({ undo, phase, replica }: RecoveryStatus): string {
  if (undo !== true) return PHASES[phase];
  return phase === 'rewinding' ? `Giving back what it had: ${clean(replica)}` : PHASES.finishing;
}

function stepWords({ phase, doneSteps, totalSteps }: RecoveryStatus): string {
  if (phase === 'finishing') return '';
  const of = totalSteps > 0 ? ` of ${formatCount(totalSteps)}` : '';
  return `${formatCount(doneSteps)}${of} ${phase === 'synchronizing' ? 'compared' : 'changes'}`;
}

function byteWords({ doneBytes, totalBytes }: RecoveryStatus): string {
  if (doneBytes === undefined) return '';
  return totalBytes === undefined ? formatBytes(doneBytes) : `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}

function endLines({ failed, waits, undo }: RecoveryStatus, width: number): readonly Line[] {
  if (failed === undefined) {
    const waiting = waits === undefined ? [] : paragraph(`It waits, and goes on by itself: ${waits}`, width, 'warning');
    const leave = undo
      ? 'Esc or q closes this window; it goes on, and w shows it again.'
      : 'Esc or q closes this window; the restore goes on. x cancels it.';
    return [...waiting, ...paragraph(leave, width, 'dim')];
  }
  const next =
    'c goes on where it was, d removes the Recovery scenario and gives the original back, Esc leaves it as it is.';
  return [[], ...paragraph(`It failed: ${failed}`, width, 'error'), ...paragraph(next, width)];
}

function paceWords({ pace }: RestoreDialog): string {
  if (pace === undefined) return '';
  if (pace.bytesPerSecond > 0) return formatRate(pace.bytesPerSecond);
  return pace.stepsPerSecond > 0 ? `${formatCount(pace.stepsPerSecond)} a second` : '';
}
