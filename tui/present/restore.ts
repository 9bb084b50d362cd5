/** The pages of the restore wizard, as lines. */
import type { RestoreMethod } from '../../shared/rewind.ts';
import type { ConsoleState } from '../state.ts';
import type { RestoreDialog, RestoreStep } from '../state-recovery.ts';
import { journalOf } from '../update/journal.ts';
import { lossOf } from '../update/lost-places.ts';
import { mayRestore, methodRows, whyNotAsk, whyNotMethod } from '../update/restore.ts';
import { button, faultLines, fieldSpans, paragraph } from './dialogs.ts';
import { plural } from './format.ts';
import { impactLines } from './impact.ts';
import { type Line, line, type Span, span } from './line.ts';
import { moment, pointWords, type WizardSheet } from './point-words.ts';
import { pointsPage } from './points.ts';
import { previewPage } from './preview.ts';
import { progressPage } from './restore-progress.ts';
import { resultPage } from './restore-result.ts';
import { METHOD_WORDS } from './restore-words.ts';
import { clean } from './text.ts';

const STEP_WORDS: Readonly<Record<RestoreStep, string>> = {
  method: 'Method',
  points: 'Point',
  preview: 'Preview',
  sync: 'Synchronization',
  confirm: 'Confirm',
  progress: 'Progress',
  result: 'Result',
};

/** Pages on the way, by what was chosen. */
function pagesOf({ job, method, looking, step }: RestoreDialog): readonly RestoreStep[] {
  if (job === 'undo') return ['confirm', 'progress', 'result'];
  if (looking) return ['points', 'preview'];
  const picking = step === 'preview' ? (['points', 'preview'] as const) : (['points'] as const);
  if (method === 'master') return ['method', 'sync', 'confirm', 'progress', 'result'];
  if (method === 'rewind-replica') return ['method', ...picking, 'confirm', 'progress', 'result'];
  return ['method', ...picking, 'sync', 'confirm', 'progress', 'result'];
}

function trail(dialog: RestoreDialog): Line {
  return pagesOf(dialog).flatMap((step, index) => [
    ...(index === 0 ? [] : [span(' > ', 'dim')]),
    step === dialog.step ? span(`[${STEP_WORDS[step]}]`, 'accent') : span(STEP_WORDS[step], 'dim'),
  ]);
}

export function restoreTitle({ job, looking, scenario }: RestoreDialog): string {
  if (job === 'undo') return `Undo the last restore: ${clean(scenario)}`;
  return looking ? `Rewind points: ${clean(scenario)}` : `Restore Data: ${clean(scenario)}`;
}

export function restoreSheet(state: ConsoleState, dialog: RestoreDialog, width: number, height: number): WizardSheet {
  const page = pageOf(state, dialog, width, height - 1);
  return { ...page, content: [trail(dialog), ...page.content] };
}

function pageOf(state: ConsoleState, dialog: RestoreDialog, width: number, height: number): WizardSheet {
  switch (dialog.step) {
    case 'method':
      return { content: methodPage(state, dialog, width) };
    case 'points':
      return pointsPage(state, dialog, width, height);
    case 'preview':
      return previewPage(dialog, width, height);
    case 'sync':
      return { content: syncPage(dialog, width) };
    case 'confirm':
      return confirmPage(state, dialog, width, height);
    case 'progress':
      return { content: progressPage(state, dialog, width) };
    case 'result':
      return { content: scrolled(resultPage(state, dialog, width), dialog.scroll, height) };
  }
}

function scrolled(lines: readonly Line[], scroll: number, height: number): readonly Line[] {
  const start = Math.max(0, Math.min(scroll, lines.length - height));
  return lines.slice(start, start + height);
}

// ---------------------------------------------------------------- recovery method

const METHOD_HELP: Readonly<Record<RestoreMethod, string>> = {
  master: 'Without a rewind: the Master becomes what the Replica is now.',
  rewind: 'The Replica is set back to a moment you pick; then the Master becomes the same.',
  'rewind-replica': 'The Replica is set back to a moment you pick; the Master stays as it is.',
};

function methodPage(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const lines: Line[] = [[], line(span('Recovery Method', 'strong')), []];
  for (const [index, row] of methodRows(dialog).entries()) {
    const chosen = index === dialog.row;
    if (row === 'replica') {
      lines.push(replicaLine(dialog, chosen), []);
      continue;
    }
    lines.push(...methodLines(row, chosen, whyNotMethod(state, dialog, row), width));
  }
  return [...lines, [], ...historyLines(state, dialog, width)];
}

function replicaLine({ replica, replicas }: RestoreDialog, chosen: boolean): Line {
  const place = `  ${replicas.indexOf(replica) + 1} of ${replicas.length}`;
  const name = span(`< ${replica} >`, chosen ? 'inverse' : 'strong');
  return line(gutter(chosen), 'Data of Replica  ', name, span(place, 'dim'));
}

function gutter(chosen: boolean): Span {
  return span(chosen ? '> ' : '  ', 'strong');
}

function methodLines(
  method: RestoreMethod,
  chosen: boolean,
  reason: string | undefined,
  width: number,
): readonly Line[] {
  const title = `${chosen ? '(*)' : '( )'} ${METHOD_WORDS[method]}`;
  const style = chosen ? 'inverse' : reason === undefined ? 'plain' : 'dim';
  const help =
    reason === undefined
      ? paragraph(METHOD_HELP[method], width - 6, 'dim')
      : paragraph(`not now: ${reason}`, width - 6, 'warning');
  return [line(gutter(chosen), span(title, style)), ...indented(help)];
}

function indented(lines: readonly Line[]): readonly Line[] {
  return lines.map((row) => line('      ', ...row));
}

function historyLines(state: ConsoleState, dialog: RestoreDialog, width: number): readonly Line[] {
  const { replica, replicas, list, scenarioId } = dialog;
  const figures = journalOf(state, scenarioId, replica)?.figures;
  const only = replicas.length > 1 ? '' : ` on ${replica}`;
  if (figures?.on === false) return [];
  if (figures === undefined)
    return list.total === 0 ? [] : [line(span(`${plural(list.total, 'rewind point')}${only}.`, 'dim'))];
  const since = figures.keptSince === undefined ? '' : `, back to ${moment(figures.keptSince).slice(0, 19)}`;
  const gaps = figures.gaps.length === 0 ? '' : `, with ${plural(figures.gaps.length, 'gap')}`;
  const text = `${plural(figures.points, 'rewind point')}${only}, ${plural(figures.bookmarks, 'bookmark')}${since}${gaps}.`;
  return paragraph(text, width, 'dim');
}

// ---------------------------------------------------------------- synchronization method

const SYNC_PAGE = {
  block: ['Block Synchronization', 'Sends only the blocks that differ: the usual choice after a rewind.'],
  file: ['File Synchronization', 'Sends every file that differs as a whole; faster for many small files.'],
} as const;

function syncPage({ sync, replica, point, method }: RestoreDialog, width: number): readonly Line[] {
  const picked =
    method === 'master' || point === undefined
      ? [line(span('As the data is now on ', 'dim'), replica)]
      : [line(span('Rewind point ', 'dim'), span(moment(point.at), 'strong'), `  ${pointWords(point)}`)];
  const lines: Line[] = [[], ...picked, [], line(span('Synchronization method', 'strong')), []];
  for (const method of ['block', 'file'] as const) {
    const chosen = method === sync;
    const [title, help] = SYNC_PAGE[method];
    lines.push(
      line(
        span(chosen ? '> ' : '  ', 'strong'),
        span(`${chosen ? '(*)' : '( )'} ${title}`, chosen ? 'inverse' : 'plain'),
      ),
    );
    lines.push(...indented(paragraph(help, width - 6, 'dim')));
  }
  return lines;
}

// ---------------------------------------------------------------- the question

/** Where something is lost: a box to tick before the name counts. */
function acceptLines(dialog: RestoreDialog, width: number): readonly Line[] {
  const loss = lossOf(dialog);
  if (loss === undefined) return [];
  const box = dialog.acceptLost ? '[x]' : '[ ]';
  const words = `${box} Accept that: everything else is given back (Tab)`;
  return paragraph(words, width, dialog.acceptLost ? 'error' : 'strong');
}

function confirmPage(state: ConsoleState, dialog: RestoreDialog, width: number, height: number): WizardSheet {
  const reason = whyNotAsk(state, dialog);
  const may = mayRestore(state, dialog);
  const loss = lossOf(dialog);
  const question: Line[] = [
    [],
    ...(dialog.fault === undefined || loss?.refused !== undefined ? [] : faultLines(dialog.fault, width)),
    ...(reason === undefined ? [] : paragraph(`Not now: ${reason}`, width, 'warning')),
    ...acceptLines(dialog, width),
    line('Type the name ', span(clean(dialog.scenario), 'strong'), ' to go on:'),
    line('> ', ...fieldSpans(dialog.typed, width - 4)),
    line(button('Back', !may), '  ', button(dialog.job === 'undo' ? 'Undo' : 'Restore', may, may)),
  ];
  const impact = impactLines(state, dialog, width);
  const room = Math.max(3, height - question.length);
  const start = Math.max(0, Math.min(dialog.scroll, impact.length - room));
  const note =
    impact.length > room ? ` ${start + 1}-${Math.min(impact.length, start + room)} of ${impact.length}, Up Down ` : '';
  return { note, content: [...impact.slice(start, start + room), ...question] };
}
