/** What a restore does, where, how much of it, what is lost, and how it comes back: read before the name is typed. */

import type { PreviewResult } from '../../shared/preview.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { scenarioById } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import type { RestoreDialog } from '../state-recovery.ts';
import { journalOf } from '../update/journal.ts';
import { lossOf } from '../update/lost-places.ts';
import { paragraph } from './dialogs.ts';
import { plural } from './format.ts';
import { type Line, line, type Style, span } from './line.ts';
import { countLines, moment, pointWords } from './point-words.ts';
import { METHOD_WORDS } from './restore-words.ts';
import { clean } from './text.ts';

export function impactLines(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const status = scenarioById(state, dialog.scenarioId)?.status;
  if (status === undefined) return paragraph('No connected host knows this scenario any more.', width, 'error');
  return dialog.job === 'undo' ? undoLines(dialog, status, width) : restoreLines(state, dialog, status, width);
}

const bullet = (text: string, width: number, style: Style = 'plain'): Line[] =>
  paragraph(text, width - 2, style).map((row, index) => line(index === 0 ? '- ' : '  ', ...row));

function undoLines({ replica }: RestoreDialog, status: ScenarioStatus, width: number): readonly Line[] {
  return [
    line(span('Gives back the data that the last restore replaced', 'strong')),
    ...bullet(
      `On ${replica} the last rewind is taken back; what was changed there since then is kept in the history.`,
      width,
    ),
    ...bullet(`On ${status.active}, when data was synchronized back to it: what it had before comes back.`, width),
    ...bullet('The next run compares the hosts with each other again.', width),
  ];
}

function restoreLines(
  state: ConsoleState,
  dialog: RestoreDialog,
  status: ScenarioStatus,
  width: number,
): readonly Line[] {
  const { method, replica, point, sync } = dialog;
  const lines: Line[] = [line(span(METHOD_WORDS[method], 'strong'))];
  if (method !== 'master' && point !== undefined) {
    lines.push(line('- ', span(replica, 'strong'), ' is set back to ', span(moment(point.at), 'strong')));
    lines.push(line('  ', span(pointWords(point), 'dim')));
    lines.push(...previewOf(dialog, width), ...lossLines(dialog, width));
  }
  if (method !== 'rewind-replica') {
    const how = sync === 'block' ? 'Block Synchronization' : 'File Synchronization';
    lines.push(
      ...bullet(
        `${method === 'master' ? 'All' : 'Then all'} data ${belowRoots(state, dialog)} on ${status.active} is replaced with that of ${replica} (${how}).`,
        width,
      ),
    );
    lines.push(...bullet(atRisk(status, replica), width, 'warning'));
  } else
    lines.push(...bullet(`${status.active} stays as it is. The next run would make ${replica} the same again.`, width));
  return [...lines, ...comesBack(state, dialog, width)];
}

/** Where: the roots as the Master has them, when its document is known. */
function belowRoots({ documents }: ConsoleState, { scenarioId }: RestoreDialog): string {
  const roots = documents[scenarioId]?.roots.map(({ master }) => master) ?? [];
  return roots.length === 0 ? 'below the roots' : `below ${roots.join(', ')}`;
}

/** Figures of the preview, when it is of this point. */
function previewOf({ preview, point }: RestoreDialog, width: number): readonly Line[] {
  const result: PreviewResult | undefined = preview?.pointId === point?.id ? preview?.result : undefined;
  if (result === undefined)
    return [line('  ', span('How much that changes is not known yet (Esc, p: preview).', 'warning'))];
  const steps = typeof result.steps === 'number' ? `  ${plural(result.steps, 'change')} taken back` : '';
  // What cannot be given back is named below.
  const figures = countLines({ ...result, ...foreignOnly(result) }, width - 2).map((row) => line('  ', ...row));
  const lost = result.counts.removed;
  const warning =
    lost === 0
      ? []
      : bullet(
          `What was made since then goes: ${plural(lost, 'entry', 'entries')} (${formatBytes(result.bytes.removed)}).`,
          width,
          'error',
        );
  return [...figures, ...(steps === '' ? [] : [line(span(steps, 'dim'))]), ...warning];
}

function foreignOnly({ problems, problemCount }: PreviewResult): Pick<PreviewResult, 'problems' | 'problemCount'> {
  const foreign = problems.filter(({ kind }) => kind !== 'lost');
  return { problems: foreign, problemCount: problemCount - (problems.length - foreign.length) };
}

/** Every place that is lost, by name where it is known. */
function lossLines(dialog: RestoreDialog, width: number): readonly Line[] {
  const loss = lossOf(dialog);
  if (loss === undefined) return [];
  const { count, places, refused } = loss;
  const known = refused === undefined ? `${plural(count, 'place')} cannot be given back` : refused.replace(/\.$/, '');
  const more = count - places.length;
  return [
    ...bullet(`! DAMAGED: ${known}; what is there now stays as it is${places.length > 0 ? ':' : '.'}`, width, 'error'),
    ...places.flatMap(({ path, reason }) => bullet(`${clean(path)}: ${clean(reason)}`, width - 2).map(indented)),
    ...(more > 0 && places.length > 0 ? [line('    ', span(`and ${plural(more, 'more')}`, 'dim'))] : []),
  ];
}

const indented = (row: Line): Line => line('  ', ...row);

/** Measured: what the Master had that the Replica never got. */
function atRisk(status: ScenarioStatus, replica: string): string {
  const host = status.hosts.find(({ name }) => name === replica);
  const known = host?.replica;
  const lost = `What was changed on ${status.active} since then, and never got to ${replica}, is lost there`;
  if (known === undefined || host?.lagKnown === false) return `${lost}; how much is not known.`;
  const pending = known.pendingChanges + Math.max(0, known.sentSeq - known.receivedSeq);
  if (pending === 0 && known.exposureBytes === 0) return `${lost}: none when replication was last heard of.`;
  return `${lost}: ${formatCount(pending)} changes, ${formatBytes(known.exposureBytes)}, ${formatDuration(known.exposureMs)} when last heard of.`;
}

function comesBack(
  state: ConsoleState,
  { scenarioId, replica, method }: RestoreDialog,
  width: number,
): readonly Line[] {
  const figures = journalOf(state, scenarioId, replica)?.figures;
  const asked =
    figures === undefined || figures.askedMs <= 0 ? 'the retention period' : formatDuration(figures.askedMs);
  const until =
    method === 'rewind-replica'
      ? `for as long as history is kept (${asked})`
      : 'on both hosts, until the time the result names; the Master keeps what is replaced';
  return bullet(`It can be undone (U, mainstay undo) ${until}.`, width, 'good');
}
