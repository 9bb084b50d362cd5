/** Moving about: panes, rows, tabs, filters. Pure. */
import { SEVERITIES } from '../../shared/events.ts';
import { editField, fieldOf } from '../input/field.ts';
import { layoutOf, paneRows } from '../layout.ts';
import {
  eventWindow,
  scenarioById,
  scenarioViews,
  selectedRow,
  selectedScenario,
  treeRows,
  visibleEvents,
} from '../select.ts';
import {
  type ConsoleState,
  type Effect,
  type EventView,
  PANES,
  type Pane,
  type Step,
  stay,
  TABS,
  withoutToast,
} from '../state.ts';

export type Move = 'up' | 'down' | 'page-up' | 'page-down' | 'top' | 'bottom';

/** The row after a move in a list of `total` rows shown `page` at a time. */
export function moved(move: Move, at: number, total: number, page: number): number {
  const step = { up: -1, down: 1, 'page-up': -page, 'page-down': page, top: -total, bottom: total }[move];
  return Math.max(0, Math.min(total - 1, at + step));
}

export function moveIn(state: ConsoleState, move: Move): ConsoleState {
  if (state.pane === 'events') return moveEvents(state, move);
  if (state.pane === 'hosts') {
    return { ...state, hostCursor: moved(move, state.hostCursor, state.hosts.length, paneRows(state, 'hosts')) };
  }
  return moveTree(state, move);
}

function moveTree(state: ConsoleState, move: Move): ConsoleState {
  const rows = treeRows(state);
  const at = rows.findIndex((row) => row.key === selectedRow(state)?.key);
  const next = rows[moved(move, Math.max(0, at), rows.length, paneRows(state, 'tree'))];
  return next === undefined ? state : { ...state, selected: next.key, detailScroll: 0 };
}

function resumed(view: EventView): EventView {
  const { paused: _no, ...rest } = view;
  return rest;
}

function moveEvents(state: ConsoleState, move: Move): ConsoleState {
  const height = paneRows(state, 'events');
  const events = visibleEvents(state);
  if (events.length === 0) return state;
  if (move === 'bottom') return { ...state, eventView: resumed(state.eventView) };
  const shown = eventWindow(state, height);
  const at = events.findIndex((event) => event.id === shown.cursor?.id);
  if (state.eventView.paused === undefined && (move === 'down' || move === 'page-down')) return state;
  const cursor = moved(move, at, events.length, height);
  let bottom = shown.end - 1;
  if (cursor > bottom) bottom = cursor;
  if (cursor <= bottom - height) bottom = cursor + height - 1;
  return pausedAt(state, cursor, bottom);
}

function pausedAt(state: ConsoleState, cursor: number, bottom: number): ConsoleState {
  const events = visibleEvents(state);
  const since = state.eventView.paused?.since ?? state.nextEventId - 1;
  const cursorId = events[cursor]?.id ?? since;
  const bottomId = events[Math.min(bottom, events.length - 1)]?.id ?? cursorId;
  return { ...state, eventView: { ...state.eventView, paused: { cursor: cursorId, bottom: bottomId, since } } };
}

export function togglePause(state: ConsoleState): ConsoleState {
  if (state.eventView.paused !== undefined) return { ...state, eventView: resumed(state.eventView) };
  const last = visibleEvents(state).length - 1;
  return last < 0 ? state : pausedAt(state, last, last);
}

export function nextSeverity(state: ConsoleState): ConsoleState {
  const { severity } = state.eventView;
  const next = SEVERITIES[(SEVERITIES.indexOf(severity) + 1) % SEVERITIES.length] ?? 'info';
  return { ...state, eventView: { ...resumed(state.eventView), severity: next } };
}

export function toggleScope(state: ConsoleState): ConsoleState {
  return { ...state, eventView: { ...resumed(state.eventView), selectedOnly: !state.eventView.selectedOnly } };
}

export function goToPane(state: ConsoleState, pane: Pane): ConsoleState {
  return { ...state, pane };
}

export function nextPane(state: ConsoleState, by: 1 | -1): ConsoleState {
  const at = PANES.indexOf(state.pane);
  return goToPane(state, PANES[(at + by + PANES.length) % PANES.length] ?? 'tree');
}

export function nextTab(state: ConsoleState, by: 1 | -1): ConsoleState {
  const at = TABS.indexOf(state.tab);
  return { ...state, detailScroll: 0, tab: TABS[(at + by + TABS.length) % TABS.length] ?? 'overview' };
}

/** Roots come from the document, which is asked for once a revision and only while they are looked at. */
export function withDocument(state: ConsoleState): Step {
  const scenario = selectedScenario(state);
  return scenario === undefined || state.tab !== 'roots' ? stay(state) : askDocument(state, scenario.id);
}

export function askDocument(state: ConsoleState, scenarioId: string): Step {
  const scenario = scenarioById(state, scenarioId);
  if (scenario === undefined || scenario.stale) return stay(state);
  if (state.documentsAsked[scenario.id] === scenario.status.revision) return stay(state);
  const effect: Effect = {
    type: 'request',
    host: scenario.source.name,
    command: 'scenario.show',
    args: { name: scenario.status.name },
    purpose: { kind: 'document', scenarioId: scenario.id },
  };
  const documentsAsked = { ...state.documentsAsked, [scenario.id]: scenario.status.revision };
  return { state: { ...state, documentsAsked }, effects: [effect] };
}

export function expand(state: ConsoleState, open: boolean): ConsoleState {
  const row = selectedRow(state);
  if (row === undefined) return state;
  const key = `s:${row.scenario.id}`;
  if (open) {
    const { [key]: _opened, ...collapsed } = state.collapsed;
    return { ...state, collapsed };
  }
  return { ...state, selected: key, collapsed: { ...state.collapsed, [key]: true } };
}

/** The next thing that needs attention: a warning or worse in the events, a scenario in trouble in the tree. */
export function nextProblem(state: ConsoleState, by: 1 | -1): ConsoleState {
  if (state.pane === 'events') return nextBadEvent(state, by);
  const views = scenarioViews(state);
  const at = views.findIndex((view) => view.id === selectedScenario(state)?.id);
  for (let step = 1; step <= views.length; step += 1) {
    const view = views[(at + by * step + views.length * step) % views.length];
    if (view !== undefined && view.rank <= 3) return { ...state, selected: `s:${view.id}` };
  }
  return state;
}

function nextBadEvent(state: ConsoleState, by: 1 | -1): ConsoleState {
  const events = visibleEvents(state);
  const height = paneRows(state, 'events');
  const shown = eventWindow(state, height);
  let at = events.findIndex((event) => event.id === shown.cursor?.id);
  for (at -= by; at >= 0 && at < events.length; at -= by) {
    if (events[at]?.record.severity === 'info') continue;
    const bottom = shown.end - 1;
    return pausedAt(state, at, at > bottom ? at : at <= bottom - height ? at + height - 1 : bottom);
  }
  return state;
}

// ---------------------------------------------------------------- filters

export function startFilter(state: ConsoleState): ConsoleState {
  const target = state.pane === 'events' ? 'events' : 'tree';
  const shown = layoutOf(state).panes[target] === undefined ? { ...state, pane: target as Pane } : state;
  const before = target === 'events' ? state.eventView.filter : state.treeFilter;
  return { ...shown, editing: { target, field: fieldOf(before), before } };
}

function applyFilter(state: ConsoleState, target: 'tree' | 'events', text: string): ConsoleState {
  if (target === 'tree') return { ...state, treeFilter: text };
  return { ...state, eventView: { ...resumed(state.eventView), filter: text } };
}

function withoutEditing(state: ConsoleState): ConsoleState {
  const { editing: _done, ...rest } = state;
  return rest;
}

export function endFilter(state: ConsoleState, keep: boolean): ConsoleState {
  const { editing } = state;
  if (editing === undefined) return state;
  const done = withoutEditing(state);
  return keep ? done : applyFilter(done, editing.target, editing.before);
}

export function typeFilter(state: ConsoleState, name: string, text: string | undefined): ConsoleState {
  const { editing } = state;
  if (editing === undefined) return state;
  const field = editField(editing.field, name, text);
  if (field === undefined) return state;
  return applyFilter({ ...state, editing: { ...editing, field } }, editing.target, field.text);
}

/** Esc, one layer at a time: the message, the filter of the pane, the pause, the way home. It never quits. */
export function goBack(state: ConsoleState): ConsoleState {
  if (state.toast !== undefined) return withoutToast(state);
  if (state.pane === 'events') {
    if (state.eventView.paused !== undefined) return { ...state, eventView: resumed(state.eventView) };
    if (state.eventView.filter !== '') return applyFilter(state, 'events', '');
  }
  if (state.pane === 'tree' && state.treeFilter !== '') return applyFilter(state, 'tree', '');
  return { ...state, pane: 'tree' };
}
