/** The restore wizard: how it opens, its pages forth and back, the question, and what the hosts answer. Pure. */

import type { RestoreMethod, UndoResult } from '../../shared/rewind.ts';
import { BEFORE_WAVE, RESTORE_METHODS } from '../../shared/rewind.ts';
import type { BrakeStatus } from '../../shared/status.ts';
import { editField } from '../input/field.ts';
import { dateTime } from '../present/format.ts';
import { clean, withoutMarks } from '../present/text.ts';
import { commandHost, type ScenarioView, scenarioById, selectedRow, selectedScenario } from '../select.ts';
import {
  type ConsoleState,
  closeDialog,
  NO_FIELD,
  type Outcome,
  openDialog,
  replaceDialog,
  type Step,
  stay,
  withToast,
} from '../state.ts';
import {
  NO_FILTER,
  type PointFilter,
  type PointList,
  type RestoreDialog,
  type RestoreStep,
} from '../state-recovery.ts';
import { basisOf, openConfirm } from './dialogs.ts';
import { askJournal, journalOf } from './journal.ts';
import { whyNotWithLoss } from './lost-places.ts';
import { askDocument } from './navigate.ts';
import { askPoints, askPreview, NO_POINTS, pointAt } from './point-picker.ts';
import { askRecovery, replicasOf, whyNotRecover, withRestore } from './recovery-request.ts';

/** Setting data back takes as long as the disks need. */
const RESTORE_TIMEOUT_MS = 24 * 3_600_000;
/** Changes are counted within a minute: the wave began at most this long before the brake was put on. */
const BRAKE_WINDOW_MS = 60_000;

/** The Replica under the cursor of the tree, else the only or first one. */
function chosenReplica(state: ConsoleState, scenario: ScenarioView): string {
  const [first = ''] = replicasOf(scenario);
  const under = selectedRow(state)?.host;
  return under !== undefined && under.name !== scenario.status.active ? under.name : first;
}

function newDialog(state: ConsoleState, scenario: ScenarioView, at: number): RestoreDialog {
  return {
    kind: 'restore',
    openedAt: at,
    job: 'restore',
    scenarioId: scenario.id,
    scenario: scenario.status.name,
    replica: chosenReplica(state, scenario),
    replicas: replicasOf(scenario),
    step: 'method',
    looking: false,
    row: 0,
    method: 'rewind',
    sync: 'block',
    list: NO_POINTS,
    tree: { cursor: 0, closed: {}, kind: 'all' },
    requests: 0,
    moves: 0,
    typed: NO_FIELD,
    basis: '',
    scroll: 0,
  };
}

/** The scenario whose data a row is about: of a temporary Recovery scenario, the one it restores. */
function scenarioToRestore(state: ConsoleState): ScenarioView | undefined {
  return selectedScenario(state);
}

export function openRestore(state: ConsoleState, at: number): Step {
  const scenario = scenarioToRestore(state);
  if (scenario === undefined) return stay(state);
  const dialog = newDialog(state, scenario, at);
  const { recovery } = scenario.status;
  if (recovery !== undefined) {
    const { method, replica, undo } = recovery;
    const job = undo ? 'undo' : 'restore';
    // An undo goes from host to host; the Replica it began with is the chosen one.
    const of = undo ? dialog.replica : replica;
    const watched = { ...dialog, step: 'progress' as const, job, replica: of, method } as const;
    return stay(openDialog(state, watched));
  }
  const rows = methodRows(dialog);
  return begin(state, { ...dialog, row: rows.indexOf('rewind') });
}

/** The past of a Replica, to look at; from there to the wizard with `w`. */
export function openHistory(state: ConsoleState, at: number, list: Partial<PointList> = {}): Step {
  const scenario = scenarioToRestore(state);
  if (scenario === undefined) return stay(state);
  const dialog = newDialog(state, scenario, at);
  return begin(state, { ...dialog, step: 'points', looking: true, list: { ...NO_POINTS, ...list } });
}

/**
 * From what put the brake on: the bookmark right before the wave, which a Replica sets as soon as all before it is applied. Where
 * there is none (yet): the points from before the minute that put the brake on.
 */
export function openBeforeBrake(state: ConsoleState, at: number, brake: BrakeStatus): Step {
  const filter: PointFilter = { ...NO_FILTER, type: 'bookmarks', text: BEFORE_WAVE };
  const otherwise: PointFilter = { ...NO_FILTER, until: dateTime(brake.at - BRAKE_WINDOW_MS) };
  return openHistory(state, at, { filter: { ...filter, since: dateTime(brake.at - BRAKE_WINDOW_MS) }, otherwise });
}

/** The history's figures, its newest points and the roots, all asked for at once. */
function begin(state: ConsoleState, dialog: RestoreDialog): Step {
  const asked = askPoints(openDialog(state, dialog), dialog, false);
  const figures = askJournal(asked.state, dialog.scenarioId, dialog.replica);
  const roots = askDocument(figures.state, dialog.scenarioId);
  return { state: roots.state, effects: [...asked.effects, ...figures.effects, ...roots.effects] };
}

// ---------------------------------------------------------------- recovery method

export type MethodRow = 'replica' | RestoreMethod;

export function methodRows({ replicas }: RestoreDialog): readonly MethodRow[] {
  return replicas.length > 1 ? ['replica', ...RESTORE_METHODS] : RESTORE_METHODS;
}

/** Why a method cannot be used now; undefined: it can. */
export function whyNotMethod(state: ConsoleState, dialog: RestoreDialog, method: RestoreMethod): string | undefined {
  const scenario = scenarioById(state, dialog.scenarioId);
  const refused = whyNotRecover(state, scenario, dialog.replica, 'scenario.restore', method !== 'rewind-replica');
  if (refused !== undefined || scenario === undefined) return refused;
  const { status } = scenario;
  if (status.running) return `${dialog.scenario} is running; stop it first (x)`;
  if (status.recovery !== undefined) return 'its data is being restored already';
  return method === 'master' ? undefined : whyNoPoints(state, dialog);
}

function whyNoPoints(state: ConsoleState, dialog: RestoreDialog): string | undefined {
  const { list, replica } = dialog;
  const figures = journalOf(state, dialog.scenarioId, replica)?.figures;
  if (figures?.on === false || list.fault?.code === 'REWIND-OFF')
    return `Data Rewind is off on ${replica}: no rewind points are registered`;
  if (list.fault !== undefined) return list.fault.text;
  if (list.asked !== undefined || list.points.length > 0 || hasFilter(list.filter)) return undefined;
  return `${replica} has no rewind points yet`;
}

export function hasFilter(filter: PointFilter): boolean {
  return filter.type !== 'all' || [filter.since, filter.until, filter.path, filter.text].some((text) => text !== '');
}

export function changeReplica(state: ConsoleState, dialog: RestoreDialog, by: 1 | -1): Step {
  const { replicas, replica, row, step } = dialog;
  if (step === 'sync')
    return stay(replaceDialog(state, { ...dialog, sync: dialog.sync === 'block' ? 'file' : 'block' }));
  if (step !== 'method' || methodRows(dialog)[row] !== 'replica') return stay(state);
  const at = replicas.indexOf(replica) + by + replicas.length;
  const { preview: _other, point: _gone, ...rest } = dialog;
  const next = { ...rest, replica: replicas[at % replicas.length] ?? replica, list: NO_POINTS };
  const asked = askPoints(replaceDialog(state, next), next, false);
  const figures = askJournal(asked.state, next.scenarioId, next.replica);
  return { state: figures.state, effects: [...asked.effects, ...figures.effects] };
}

export function moveRow(state: ConsoleState, dialog: RestoreDialog, by: 1 | -1): Step {
  if (dialog.step === 'method') {
    const last = methodRows(dialog).length - 1;
    return stay(replaceDialog(state, { ...dialog, row: Math.max(0, Math.min(last, dialog.row + by)) }));
  }
  if (dialog.step === 'sync')
    return stay(replaceDialog(state, { ...dialog, sync: dialog.sync === 'block' ? 'file' : 'block' }));
  return stay(replaceDialog(state, { ...dialog, scroll: Math.max(0, dialog.scroll + by) }));
}

// ---------------------------------------------------------------- forth and back

function at(state: ConsoleState, dialog: RestoreDialog, step: RestoreStep): ConsoleState {
  const { fault: _answered, ...rest } = dialog;
  return replaceDialog(state, { ...rest, step, openedAt: state.now, scroll: 0 });
}

/** Enter: on with the wizard. */
export function goForth(state: ConsoleState, dialog: RestoreDialog): Step {
  switch (dialog.step) {
    case 'method':
      return chooseMethod(state, dialog);
    case 'points':
      return dialog.looking ? lookCloser(state, dialog) : pick(state, dialog);
    case 'sync':
      return stay(toQuestion(state, dialog));
    case 'progress':
    case 'result':
      return stay(closeDialog(state));
    default:
      return stay(state);
  }
}

function chooseMethod(state: ConsoleState, dialog: RestoreDialog): Step {
  const row = methodRows(dialog)[dialog.row];
  if (row === undefined || row === 'replica') return moveRow(state, dialog, 1);
  const reason = whyNotMethod(state, dialog, row);
  if (reason !== undefined) return stay(withToast(state, reason));
  const next = { ...dialog, method: row };
  if (row === 'master') return stay(at(state, next, 'sync'));
  return toPoints(at(state, next, 'points'), { ...next, step: 'points', openedAt: state.now });
}

/** A list from before the scenario was stopped lacks its last points: fetched anew, unless one was already looked for in it. */
function toPoints(state: ConsoleState, dialog: RestoreDialog): Step {
  const since = scenarioById(state, dialog.scenarioId)?.status.since ?? 0;
  const { fetchedAt = since, cursor, asked } = dialog.list;
  if (asked === undefined && cursor === 0 && fetchedAt < since) return askPoints(state, dialog, false);
  return askPreview(state, dialog);
}

/** Takes the point under the cursor, and on to what is asked next. */
export function pick(state: ConsoleState, dialog: RestoreDialog): Step {
  const point = pointAt(dialog);
  if (point === undefined) return stay(state);
  if (point.kind === 'gap') return stay(withToast(state, 'this is a gap, no point: pick one above it'));
  // What was accepted was accepted for another point.
  const { acceptLost: _other, ...unasked } = dialog;
  const next = { ...(dialog.point?.id === point.id ? dialog : unasked), point };
  if (dialog.looking) {
    return stay(at(state, { ...next, looking: false, row: methodRows(next).indexOf('rewind') }, 'method'));
  }
  // Enter came before the cursor had rested: the question needs the figures of this point.
  const onward = dialog.method === 'rewind' ? at(state, next, 'sync') : toQuestion(state, next);
  return withRestore(onward, dialog.scenarioId, (picked) => askPreview(onward, picked));
}

/** The tree of what would come back and be lost. */
export function lookCloser(state: ConsoleState, dialog: RestoreDialog): Step {
  const point = pointAt(dialog);
  if (point === undefined) return stay(state);
  if (point.kind === 'gap') return stay(withToast(state, 'nothing can be shown of a gap'));
  const next = { ...dialog, step: 'preview' as const, openedAt: state.now };
  return askPreview(replaceDialog(state, next), next);
}

function toQuestion(state: ConsoleState, dialog: RestoreDialog): ConsoleState {
  return at(state, { ...dialog, typed: NO_FIELD, basis: basisOf(scenarioById(state, dialog.scenarioId)) }, 'confirm');
}

/** Esc: one step back; what was chosen stays chosen. */
export function goBack(state: ConsoleState, dialog: RestoreDialog): Step {
  switch (dialog.step) {
    case 'points':
      return dialog.looking ? stay(closeDialog(state)) : stay(at(state, dialog, 'method'));
    case 'preview':
      return stay(at(state, dialog, 'points'));
    case 'sync':
      return stay(at(state, dialog, dialog.method === 'master' ? 'method' : 'points'));
    case 'confirm':
      if (dialog.job === 'undo') return stay(closeDialog(state));
      return stay(at(state, dialog, dialog.method === 'rewind-replica' ? 'points' : 'sync'));
    case 'progress':
      return leave(state, dialog);
    default:
      return stay(closeDialog(state));
  }
}

/** Closes the wizard; a restore under way goes on without it. */
export function leave(state: ConsoleState, dialog: RestoreDialog): Step {
  const closed = closeDialog(state);
  if (dialog.step !== 'progress') return stay(closed);
  return stay(withToast(closed, `${dialog.scenario}: it goes on without this window; w shows it again`));
}

// ---------------------------------------------------------------- the question and the answer

/** Marks that no key writes by itself are not asked for. */
function isName({ typed, scenario }: RestoreDialog): boolean {
  return withoutMarks(typed.text) === withoutMarks(clean(scenario));
}

export function mayRestore(state: ConsoleState, dialog: RestoreDialog): boolean {
  return isName(dialog) && whyNotAsk(state, dialog) === undefined;
}

/** Why the question cannot be answered with yes now. */
export function whyNotAsk(state: ConsoleState, dialog: RestoreDialog): string | undefined {
  if (dialog.job === 'restore') return whyNotMethod(state, dialog, dialog.method) ?? whyNotWithLoss(dialog);
  return whyNotUndo(state, dialog);
}

function whyNotUndo(state: ConsoleState, dialog: Pick<RestoreDialog, 'scenarioId' | 'replica'>): string | undefined {
  const scenario = scenarioById(state, dialog.scenarioId);
  const refused = whyNotRecover(state, scenario, dialog.replica, 'scenario.undo', false);
  if (refused !== undefined || scenario === undefined) return refused;
  if (scenario.status.running) return `${scenario.status.name} is running; stop it first`;
  const { recovery } = scenario.status;
  if (recovery?.undo) return 'it is being undone already; w shows how far it is';
  return recovery === undefined ? undefined : 'its data is being restored right now';
}

export function typeName(
  state: ConsoleState,
  dialog: RestoreDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  const field = editField(dialog.typed, name, text);
  return field === undefined ? undefined : replaceDialog(state, { ...dialog, typed: field });
}

/** Asks the hosts to do it. */
export function startRestore(state: ConsoleState, dialog: RestoreDialog): Step {
  if (dialog.step !== 'confirm') return stay(state);
  if (!isName(dialog)) return stay(withToast(state, `type the name "${dialog.scenario}" first`));
  const reason = whyNotAsk(state, dialog);
  if (reason !== undefined) return stay(withToast(state, reason, 'error'));
  if (basisOf(scenarioById(state, dialog.scenarioId)) !== dialog.basis) {
    const text = `${dialog.scenario} changed while the question was open; nothing was done`;
    const hint = 'Look at what is shown now, then type the name again.';
    const again = withToast(toQuestion(state, dialog), text, 'error', hint);
    return withRestore(again, dialog.scenarioId, (asked) =>
      asked.point === undefined ? stay(again) : askPreview(again, asked),
    );
  }
  const { fault: _before, outcome: _old, seen: _progress, pace: _rate, ...rest } = dialog;
  const next: RestoreDialog = { ...rest, step: 'progress', openedAt: state.now, askedAt: state.now, scroll: 0 };
  const asked = replaceDialog(state, next);
  const purpose = { kind: 'restore', scenarioId: dialog.scenarioId } as const;
  if (dialog.job === 'undo') return askRecovery(asked, next, 'scenario.undo', {}, purpose, RESTORE_TIMEOUT_MS);
  const { method, point, sync } = dialog;
  const rewinds = method !== 'master' && point !== undefined;
  const args = {
    method,
    sync,
    ...(rewinds ? { point: point.id } : {}),
    ...(rewinds && dialog.acceptLost ? { acceptLost: true } : {}),
  };
  return askRecovery(asked, next, 'scenario.restore', args, purpose, RESTORE_TIMEOUT_MS);
}

/** Undo of the last rewind or reverse synchronization: the same question, progress and result. */
export function openUndo(state: ConsoleState, at: number): Step {
  const scenario = scenarioToRestore(state);
  if (scenario === undefined) return stay(state);
  const dialog: RestoreDialog = {
    ...newDialog(state, scenario, at),
    job: 'undo',
    step: 'confirm',
    basis: basisOf(scenario),
  };
  return stay(openDialog(state, dialog));
}

export function whyNoUndo(state: ConsoleState): string | undefined {
  const scenario = scenarioToRestore(state);
  if (scenario === undefined) return 'no scenario is selected';
  return whyNotUndo(state, { scenarioId: scenario.id, replica: chosenReplica(state, scenario) });
}

/** Cancelling is stopping the temporary Recovery scenario: it stays, can be run again or removed, and the data as it is then. */
export function openCancel(state: ConsoleState, dialog: RestoreDialog, at: number): Step {
  const recovery = scenarioById(state, dialog.scenarioId)?.status.recovery;
  if (recovery === undefined) return stay(withToast(state, 'nothing is under way that could be cancelled'));
  const question = {
    command: 'scenario.stop' as const,
    args: { name: recovery.scenario },
    title: 'Cancel the restore',
    question: `Stop "${recovery.scenario}"?`,
    impact: [
      'What was restored by then stays as it is; nothing is taken back by this.',
      `The Recovery scenario stays: run it to go on, or delete it; undo gives the data back.`,
    ],
    verb: 'Stop it',
  };
  const scenario = scenarioById(state, dialog.scenarioId);
  const host = scenario === undefined ? undefined : commandHost(state, scenario);
  if (scenario === undefined || host === undefined)
    return stay(withToast(state, 'no host is connected that could be asked'));
  const selected = { ...state, selected: `s:${scenario.id}` };
  return openConfirm(selected, at, question);
}

export function hearRestore(state: ConsoleState, scenarioId: string, outcome: Outcome): Step {
  const open = state.dialogs.some((dialog) => dialog.kind === 'restore' && dialog.scenarioId === scenarioId);
  if (!open) return stay(sayWithoutWizard(state, scenarioId, outcome));
  return withRestore(state, scenarioId, (dialog, put) => {
    if (dialog.step !== 'progress') return stay(sayWithoutWizard(state, scenarioId, outcome));
    if (outcome.ok) {
      const kind = dialog.job === 'undo' ? 'undone' : 'restored';
      const result = outcome.result as never;
      return stay(put({ ...dialog, step: 'result', openedAt: state.now, scroll: 0, outcome: { kind, result } }));
    }
    return hearRefused(state, dialog, put, outcome);
  });
}

/** A refusal leads back to the question. A lost connection says nothing of the restore: it is watched on. */
function hearRefused(
  state: ConsoleState,
  dialog: RestoreDialog,
  put: (next: RestoreDialog) => ConsoleState,
  outcome: Extract<Outcome, { ok: false }>,
): Step {
  const { fault } = outcome;
  // Whether it was begun is not known then: the status tells it when the connection is back.
  const lost = fault.code === 'LINK-UNREACHABLE' || fault.code === 'TIMEOUT';
  if (lost && dialog.askedAt !== undefined) return stay(put({ ...dialog, fault }));
  const { askedAt: _no, ...rest } = dialog;
  if (fault.code === 'POINT-NOT-FOUND') {
    const { point: _pruned, ...unpicked } = rest;
    const again: RestoreDialog = { ...unpicked, step: 'points', openedAt: state.now, fault };
    return askPoints(
      withToast(put(again), fault.text, 'error', 'The list was fetched anew: pick another point.'),
      again,
      false,
    );
  }
  return stay(put({ ...rest, step: 'confirm', openedAt: state.now, typed: NO_FIELD, fault }));
}

function sayWithoutWizard(state: ConsoleState, scenarioId: string, outcome: Outcome): ConsoleState {
  const name = scenarioById(state, scenarioId)?.status.name ?? 'the scenario';
  const undone = outcome.ok && Array.isArray((outcome.result as Partial<UndoResult> | undefined)?.hosts);
  if (outcome.ok) return withToast(state, `${name}: ${undone ? 'its last restore is undone' : 'its data is restored'}`);
  return withToast(state, `${name}: ${outcome.fault.text}`, 'error', outcome.fault.hint);
}
