/** The point picker: pages of points from the daemon, cursor, filter, and the preview of what the cursor rests on. Pure. */

import type { RewindPoint, RewindPointKind } from '../../shared/rewind.ts';
import { editField, fieldOf, insert } from '../input/field.ts';
import { parseMoment } from '../input/moment.ts';
import {
  type ConsoleState,
  type Effect,
  NO_FIELD,
  type Outcome,
  replaceDialog,
  type Step,
  stay,
  withToast,
} from '../state.ts';
import {
  FILTER_FIELDS,
  NO_FILTER,
  POINT_TYPES,
  type PointFilter,
  type PointList,
  type PointType,
  type RecoveryPurpose,
  type RestoreDialog,
} from '../state-recovery.ts';
import { withLoss } from './lost-places.ts';
import { type Move, moved } from './navigate.ts';
import { heard, pointsOf, previewOf } from './recovery-answers.ts';
import { askRecovery, withRestore } from './recovery-request.ts';

/** The first page is small, so that something is there at once; the following ones are asked for ahead of the cursor. */
const FIRST_PAGE = 300;
const PAGE = 2000;
/** On the way to the oldest point. */
const LONG_PAGE = 10_000;
/** Points kept; who looks for older ones narrows the time. */
export const MOST_POINTS = 100_000;
/** Fetches the next page when so few rows are left below the cursor. */
const AHEAD = 500;
/** The preview is asked for when the cursor has rested so long. */
const REST_MS = 200;
const PREVIEW_ENTRIES = 1000;

export const NO_POINTS: PointList = {
  filter: NO_FILTER,
  points: [],
  total: 0,
  cursor: 0,
  lost: {},
  toEnd: false,
  complete: false,
};

const KINDS: Readonly<Record<Exclude<PointType, 'all'>, readonly RewindPointKind[]>> = {
  bookmarks: ['bookmark'],
  events: ['event'],
  synchronizations: ['synchronized', 'before-synchronization'],
  rewinds: ['rewind', 'gap'],
};

/** What the daemon is asked with; a time that cannot be read is left out (the filter pane refuses it before). */
function filterArgs(filter: PointFilter, now: number): Readonly<Record<string, unknown>> {
  const since = filter.since === '' ? undefined : parseMoment(filter.since, now);
  const until = filter.until === '' ? undefined : parseMoment(filter.until, now);
  return {
    ...(filter.type === 'all' ? {} : { kinds: KINDS[filter.type] }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(filter.path === '' ? {} : { path: filter.path }),
    ...(filter.text === '' ? {} : { text: filter.text.slice(0, 200) }),
  };
}

export function pointAt(dialog: RestoreDialog): RewindPoint | undefined {
  return dialog.list.points[dialog.list.cursor];
}

/** Asks for points: the newest ones anew, or the page behind those that are there. */
export function askPoints(state: ConsoleState, dialog: RestoreDialog, older: boolean): Step {
  const { list } = dialog;
  const last = list.points.at(-1);
  const limit = list.toEnd ? LONG_PAGE : older ? PAGE : FIRST_PAGE;
  const asked = dialog.requests + 1;
  const filter = {
    ...filterArgs(list.filter, state.now),
    ...(older && last !== undefined ? { before: last.id } : {}),
    limit: Math.min(limit, MOST_POINTS),
  };
  const { fault: _past, ...rest } = list;
  const otherwise = list.otherwise === undefined ? {} : { otherwise: list.otherwise };
  const next: RestoreDialog = {
    ...dialog,
    requests: asked,
    list: older ? { ...rest, asked } : { ...NO_POINTS, filter: list.filter, ...otherwise, asked, fetchedAt: state.now },
  };
  const purpose: RecoveryPurpose = { kind: 'points', scenarioId: dialog.scenarioId, asked, older };
  return askRecovery(replaceDialog(state, next), next, 'scenario.points', { filter }, purpose);
}

export function hearPoints(
  state: ConsoleState,
  purpose: Extract<RecoveryPurpose, { kind: 'points' }>,
  outcome: Outcome,
): Step {
  return withRestore(state, purpose.scenarioId, (dialog, top) => {
    const { asked, ...list } = dialog.list;
    if (asked !== purpose.asked) return stay(state);
    const answer = heard(outcome, pointsOf);
    const put = (next: RestoreDialog): ConsoleState => top(next);
    if ('fault' in answer) return stay(put({ ...dialog, list: { ...list, toEnd: false, fault: answer.fault } }));
    const { points: page, total } = answer.value;
    if (page.length === 0 && list.points.length === 0 && list.otherwise !== undefined)
      return listAnew(state, dialog, list.otherwise);
    const points = purpose.older ? [...list.points, ...page] : page;
    const complete = page.length === 0 || points.length >= Math.min(total, MOST_POINTS);
    const known: RestoreDialog = {
      ...dialog,
      list: { ...list, points, total: Math.max(total, points.length), complete },
    };
    return goOn(put(known), known, put);
  });
}

/** After a page: on to the oldest one when that was wanted, else a look at what is under the cursor. */
function goOn(state: ConsoleState, dialog: RestoreDialog, put: (next: RestoreDialog) => ConsoleState): Step {
  const { list } = dialog;
  if (list.toEnd) {
    const next = { ...dialog, list: { ...list, cursor: Math.max(0, list.points.length - 1), toEnd: !list.complete } };
    return list.complete ? rest(put(next), next) : askPoints(put(next), next, true);
  }
  return rest(state, dialog);
}

/** Asks to be woken when the cursor has not moved for a moment. */
function rest(state: ConsoleState, dialog: RestoreDialog): Step {
  const effect: Effect = { type: 'settle', ms: REST_MS, scenarioId: dialog.scenarioId, moves: dialog.moves };
  return { state, effects: [effect] };
}

export function hearSettled(state: ConsoleState, scenarioId: string, moves: number): Step {
  return withRestore(state, scenarioId, (dialog) =>
    dialog.moves === moves && (dialog.step === 'points' || dialog.step === 'preview')
      ? askPreview(state, dialog)
      : stay(state),
  );
}

/** Asks what going back to the point under the cursor would do, unless that is known or asked already. */
export function askPreview(state: ConsoleState, dialog: RestoreDialog): Step {
  const point = pointAt(dialog);
  if (point === undefined || point.kind === 'gap') return stay(state);
  if (dialog.preview?.pointId === point.id && dialog.preview.fault === undefined) return stay(state);
  const next: RestoreDialog = {
    ...dialog,
    preview: { pointId: point.id },
    tree: { ...dialog.tree, cursor: 0, closed: {} },
  };
  return askRecovery(
    inPlace(state, next),
    next,
    'scenario.preview',
    { point: point.id, limit: PREVIEW_ENTRIES },
    { kind: 'preview', scenarioId: dialog.scenarioId, point: point.id },
  );
}

function inPlace(state: ConsoleState, next: RestoreDialog): ConsoleState {
  return { ...state, dialogs: state.dialogs.map((dialog) => (dialog.kind === 'restore' ? next : dialog)) };
}

export function hearPreview(
  state: ConsoleState,
  purpose: Extract<RecoveryPurpose, { kind: 'preview' }>,
  outcome: Outcome,
): Step {
  return withRestore(state, purpose.scenarioId, (dialog, top) => {
    if (dialog.preview?.pointId !== purpose.point) return stay(state);
    const answer = heard(outcome, previewOf);
    const { pointId } = dialog.preview;
    const preview = 'fault' in answer ? { pointId, fault: answer.fault } : { pointId, result: answer.value };
    const known = 'fault' in answer ? dialog.list : withLoss(dialog.list, pointId, answer.value);
    return stay(top({ ...dialog, preview, list: known }));
  });
}

// ---------------------------------------------------------------- keys

export function movePoints(state: ConsoleState, dialog: RestoreDialog, move: Move, page: number): Step {
  const { list } = dialog;
  if (list.points.length === 0) return stay(state);
  const cursor = moved(move, list.cursor, list.points.length, page);
  const toEnd = move === 'bottom' && !list.complete;
  const next: RestoreDialog = { ...dialog, moves: dialog.moves + 1, list: { ...list, cursor, toEnd } };
  const asleep = rest(replaceDialog(state, next), next);
  const near = toEnd || cursor >= list.points.length - AHEAD;
  if (list.complete || list.asked !== undefined || !near) return asleep;
  const asked = askPoints(asleep.state, next, true);
  return { state: asked.state, effects: [...asleep.effects, ...asked.effects] };
}

/** The next older bookmark of those that are there; when there is none, only bookmarks are listed. */
export function nextBookmark(state: ConsoleState, dialog: RestoreDialog, by: 1 | -1): Step {
  const { points, cursor, filter } = dialog.list;
  for (let at = cursor + by; at >= 0 && at < points.length; at += by) {
    if (points[at]?.kind === 'bookmark') return goTo(state, dialog, at);
  }
  // The newest one is under the cursor already: that is where who opened the list wants to be.
  if (by > 0 && cursor === 0 && points[0]?.kind === 'bookmark') return stay(state);
  if (filter.type === 'bookmarks' || by < 0) return stay(withToast(state, 'there is no other bookmark'));
  const next = { ...dialog, list: { ...NO_POINTS, filter: { ...filter, type: 'bookmarks' as const } } };
  return askPoints(
    withToast(replaceDialog(state, next), 'only bookmarks are listed now; c lists all again'),
    next,
    false,
  );
}

function goTo(state: ConsoleState, dialog: RestoreDialog, cursor: number): Step {
  const next = { ...dialog, moves: dialog.moves + 1, list: { ...dialog.list, cursor } };
  return rest(replaceDialog(state, next), next);
}

// ---------------------------------------------------------------- filter

export function openFilter(state: ConsoleState, dialog: RestoreDialog, row: number): Step {
  const { filter } = dialog.list;
  return stay(replaceDialog(state, { ...dialog, editing: { filter, row, field: fieldIn(filter, row) } }));
}

function fieldIn(filter: PointFilter, row: number) {
  const name = FILTER_FIELDS[row - 1];
  return name === undefined ? NO_FIELD : fieldOf(filter[name]);
}

export function moveFilter(state: ConsoleState, dialog: RestoreDialog, by: 1 | -1): Step {
  const { editing } = dialog;
  if (editing === undefined) return stay(state);
  const rows = FILTER_FIELDS.length + 1;
  const row = (editing.row + by + rows) % rows;
  return stay(replaceDialog(state, { ...dialog, editing: { ...editing, row, field: fieldIn(editing.filter, row) } }));
}

/** Keys of the filter pane that are not its own: the type is chosen, the other rows are typed. */
export function typePointFilter(
  state: ConsoleState,
  dialog: RestoreDialog,
  name: string,
  text: string | undefined,
): ConsoleState | undefined {
  const { editing } = dialog;
  if (editing === undefined) return undefined;
  const key = FILTER_FIELDS[editing.row - 1];
  if (key === undefined) {
    const by = name === 'left' ? -1 : name === 'right' || name === 'space' ? 1 : 0;
    if (by === 0) return undefined;
    const at = POINT_TYPES.indexOf(editing.filter.type) + by + POINT_TYPES.length;
    const type = POINT_TYPES[at % POINT_TYPES.length] ?? 'all';
    return replaceDialog(state, { ...dialog, editing: { ...editing, filter: { ...editing.filter, type } } });
  }
  const field =
    name === 'paste' && text !== undefined ? insert(editing.field, text) : editField(editing.field, name, text);
  if (field === undefined) return undefined;
  const filter = { ...editing.filter, [key]: field.text };
  return replaceDialog(state, { ...dialog, editing: { ...editing, filter, field } });
}

/** A time in the filter that cannot be read, in words. */
export function wrongTime(filter: PointFilter, now: number): string | undefined {
  for (const name of ['since', 'until'] as const) {
    if (filter[name] !== '' && parseMoment(filter[name], now) === undefined)
      return `"${filter[name]}" is no time such as 2:55, yesterday 14:00, 2026-07-01 12:04:31 or 2h`;
  }
  return undefined;
}

export function acceptFilter(state: ConsoleState, dialog: RestoreDialog): Step {
  const { editing, ...rest } = dialog;
  if (editing === undefined) return stay(state);
  const wrong = wrongTime(editing.filter, state.now);
  if (wrong !== undefined) return stay(withToast(state, wrong, 'error'));
  return listAnew(state, rest, editing.filter);
}

export function cancelFilter(state: ConsoleState, dialog: RestoreDialog): Step {
  const { editing: _given, ...rest } = dialog;
  return stay(replaceDialog(state, rest));
}

/** The list of a filter, from its newest point. */
export function listAnew(state: ConsoleState, dialog: RestoreDialog, filter: PointFilter): Step {
  const next: RestoreDialog = { ...dialog, moves: dialog.moves + 1, list: { ...NO_POINTS, filter } };
  return askPoints(replaceDialog(state, next), next, false);
}
