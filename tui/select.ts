/** What the state means: pure answers that several views and the keys share. */
import { type CommandName, mayUse } from '../shared/commands.ts';
import type { Severity } from '../shared/events.ts';
import { SEVERITIES } from '../shared/events.ts';
import { describeBrake, type HostStatus, type ScenarioStatus } from '../shared/status.ts';
import { formatDuration } from '../shared/units.ts';
import { withVerdict } from './live-state.ts';
import type { ConsoleState, HostView, StoredEvent } from './state.ts';
import { LAG_WARNING_MS } from './state.ts';

export interface ScenarioView {
  readonly id: string;
  readonly status: ScenarioStatus;
  /** The host whose report is shown. */
  readonly source: HostView;
  /** No live connection reports it: what is shown is how it was. */
  readonly stale: boolean;
  /** 0 is worst. */
  readonly rank: number;
}

/** Reports of the same scenario from several hosts: the live one, then the newer epoch, then the active host's, then the newer. */
function isBetter(candidate: ScenarioView, best: ScenarioView): boolean {
  if (candidate.stale !== best.stale) return !candidate.stale;
  if (candidate.status.epoch !== best.status.epoch) return candidate.status.epoch > best.status.epoch;
  const fromActive = candidate.status.reportedBy === candidate.status.active;
  if (fromActive !== (best.status.reportedBy === best.status.active)) return fromActive;
  return candidate.status.revision > best.status.revision;
}

export function worstLag(status: ScenarioStatus): number {
  let worst = 0;
  for (const host of status.hosts) worst = Math.max(worst, host.replica?.lagMs ?? host.lagMs);
  return worst;
}

/** Something of a running scenario does not work: a host down, a link down, apply held, items parked. */
export function hasTrouble(status: ScenarioStatus): boolean {
  if (!status.running) return false;
  return status.hosts.some(
    (host) =>
      host.health === 'down' ||
      (host.replica !== undefined &&
        (host.replica.link === 'down' || host.replica.parked > 0 || host.replica.held !== undefined)),
  );
}

function rankOf(status: ScenarioStatus, stale: boolean): number {
  if (status.state === 'failed' || status.state === 'out-of-sync') return 0;
  if (status.state === 'stopped') return status.stopReason === 'by-error' ? 0 : 7;
  if (stale) return 1;
  if (status.problem !== undefined || hasTrouble(status)) return 2;
  if (worstLag(status) >= LAG_WARNING_MS) return 3;
  if (status.state === 'protected') return 6;
  return status.state === 'synchronizing' || status.state === 'verifying' ? 5 : 4;
}

const scenarioCache = new WeakMap<readonly HostView[], readonly ScenarioView[]>();

/** Every known scenario once, worst first, then by name. */
export function scenarioViews(state: Pick<ConsoleState, 'hosts'>): readonly ScenarioView[] {
  const cached = scenarioCache.get(state.hosts);
  if (cached !== undefined) return cached;
  const best = new Map<string, ScenarioView>();
  for (const source of state.hosts) {
    const stale = source.connection !== 'up';
    for (const [id, status] of Object.entries(source.scenarios)) {
      const view = { id, status, source, stale, rank: rankOf(status, stale) };
      const other = best.get(id);
      if (other === undefined || isBetter(view, other)) best.set(id, view);
    }
  }
  const live = state.hosts
    .filter(({ connection }) => connection === 'up')
    .flatMap((host) => Object.values(host.scenarios));
  const views = [...best.values()]
    .map((view) => withSeen(view, live))
    .sort((a, b) => a.rank - b.rank || a.status.name.localeCompare(b.status.name) || a.id.localeCompare(b.id));
  scenarioCache.set(state.hosts, views);
  return views;
}

/** With what the host that watches found of the active one. */
function withSeen(view: ScenarioView, live: readonly ScenarioStatus[]): ScenarioView {
  if (view.stale) return view;
  const status = withVerdict(view.status, live);
  return status === view.status ? view : { ...view, status, rank: rankOf(status, false) };
}

// ---------------------------------------------------------------- the tree

export interface TreeRow {
  readonly key: string;
  readonly depth: 0 | 1;
  readonly scenario: ScenarioView;
  readonly host?: HostStatus;
  readonly open: boolean;
}

export function treeRows(state: ConsoleState): readonly TreeRow[] {
  const wanted = state.treeFilter.toLowerCase();
  const rows: TreeRow[] = [];
  for (const scenario of scenarioViews(state)) {
    const { status } = scenario;
    const names = [status.name, status.group ?? '', status.state, ...status.hosts.map((host) => host.name)];
    if (wanted !== '' && !names.some((name) => name.toLowerCase().includes(wanted))) continue;
    const key = `s:${scenario.id}`;
    const open = state.collapsed[key] !== true;
    rows.push({ key, depth: 0, scenario, open });
    if (!open) continue;
    for (const host of status.hosts) rows.push({ key: `${key}/${host.name}`, depth: 1, scenario, host, open: false });
  }
  return rows;
}

/** The selected row: the one that was chosen, else the first. */
export function selectedRow(state: ConsoleState): TreeRow | undefined {
  const rows = treeRows(state);
  return rows.find((row) => row.key === state.selected) ?? rows[0];
}

export function selectedScenario(state: ConsoleState): ScenarioView | undefined {
  return selectedRow(state)?.scenario;
}

export function scenarioById(state: ConsoleState, id: string): ScenarioView | undefined {
  return scenarioViews(state).find((view) => view.id === id);
}

// ---------------------------------------------------------------- hosts and commands

/** The host a command about a scenario goes to: the active host's daemon when it is connected, else whoever reports it. */
export function commandHost(state: ConsoleState, scenario: ScenarioView): HostView | undefined {
  const reporting = state.hosts.filter((host) => host.connection === 'up' && host.scenarios[scenario.id] !== undefined);
  const active = reporting.find((host) => host.scenarios[scenario.id]?.reportedBy === scenario.status.active);
  return active ?? reporting[0];
}

/** The daemon of the active host, when it is connected. */
export function activeHost(state: Pick<ConsoleState, 'hosts'>, { id, status }: ScenarioView): HostView | undefined {
  return state.hosts.find(
    ({ connection, scenarios }) => connection === 'up' && scenarios[id]?.reportedBy === status.active,
  );
}

/** Who is asked for a switchover: the active host when it is connected, else the one that would take over from it. */
export function switchoverHost(state: ConsoleState, scenario: ScenarioView): HostView | undefined {
  return commandHost(state, scenario);
}

/** Why a command cannot be given now, or undefined. */
export function refusal(
  state: ConsoleState,
  scenario: ScenarioView | undefined,
  command: CommandName,
): string | undefined {
  if (scenario === undefined) return 'no scenario is selected';
  if (state.settings.readonly && command !== 'scenario.verify') return 'this console was started with --readonly';
  const host = commandHost(state, scenario);
  if (host === undefined) return `no connected host knows ${scenario.status.name}`;
  if (scenario.status.active !== '' && host.scenarios[scenario.id]?.reportedBy !== scenario.status.active) {
    return `the active host ${scenario.status.active} is not connected`;
  }
  if (host.role !== undefined && !mayUse(host.role, command)) return `the role ${host.role} may not do this`;
  return undefined;
}

// ---------------------------------------------------------------- events

function matchesEvent(state: ConsoleState, event: StoredEvent, scenario: string | undefined): boolean {
  const { severity, filter, selectedOnly } = state.eventView;
  const { record } = event;
  if (SEVERITIES.indexOf(record.severity) < SEVERITIES.indexOf(severity)) return false;
  if (selectedOnly && scenario !== undefined && record.scenario !== scenario) return false;
  if (filter === '') return true;
  const wanted = filter.toLowerCase();
  return [record.text, record.code, record.host, record.scenario ?? '', record.severity].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

let eventCache: { key: readonly unknown[]; events: readonly StoredEvent[] } | undefined;

/** Events that pass severity, filter and scope, oldest first. */
export function visibleEvents(state: ConsoleState): readonly StoredEvent[] {
  const scenario = state.eventView.selectedOnly ? selectedScenario(state)?.status.name : undefined;
  const { severity, filter, selectedOnly } = state.eventView;
  if (severity === 'info' && filter === '' && !selectedOnly) return state.events;
  const key = [state.events, severity, filter, selectedOnly, scenario];
  if (eventCache?.key.every((part, index) => part === key[index])) return eventCache.events;
  const events = state.events.filter((event) => matchesEvent(state, event, scenario));
  eventCache = { key, events };
  return events;
}

export interface EventWindow {
  readonly rows: readonly StoredEvent[];
  readonly cursor: StoredEvent | undefined;
  readonly total: number;
  readonly newer: number;
  /** Position of the last shown row, from 1. */
  readonly end: number;
}

/** The oldest one when the event has left the ring. */
function indexOf(events: readonly StoredEvent[], id: number): number {
  return Math.max(
    0,
    events.findIndex((event) => event.id === id),
  );
}

export function eventWindow(state: ConsoleState, height: number): EventWindow {
  const events = visibleEvents(state);
  const { paused } = state.eventView;
  if (paused === undefined) {
    const rows = height > 0 ? events.slice(-height) : [];
    return { rows, cursor: events.at(-1), total: events.length, newer: 0, end: events.length };
  }
  const bottom = Math.min(events.length - 1, Math.max(indexOf(events, paused.bottom), height - 1));
  const cursor = events[Math.min(indexOf(events, paused.cursor), bottom)];
  let newer = 0;
  for (const event of events) if (event.id > paused.since) newer += 1;
  return {
    rows: events.slice(Math.max(0, bottom - height + 1), bottom + 1),
    cursor,
    total: events.length,
    newer,
    end: bottom + 1,
  };
}

// ---------------------------------------------------------------- alerts

export interface Alert {
  readonly severity: Exclude<Severity, 'info'>;
  readonly at?: number;
  readonly where: string;
  /** Name of the scenario it is about. */
  readonly scenario?: string;
  readonly text: string;
  readonly hint?: string;
  /** Events only: their arrival number. */
  readonly eventId?: number;
}

function conditionsOf(view: ScenarioView): Alert[] {
  const scenario = view.status.name;
  return [...scenarioConditions(view), ...recoveryConditions(view)].map((alert) => ({ ...alert, scenario }));
}

function recoveryConditions({ status }: ScenarioView): Alert[] {
  const { brake, recovery, name: where } = status;
  const alerts: Alert[] = [];
  if (brake !== undefined) {
    const text = `mass-change brake: ${describeBrake(brake)}; nothing of it is applied any more`;
    alerts.push({ severity: 'critical', at: brake.at, where, text, hint: 'p: the data right before it' });
  }
  if (recovery?.failed !== undefined)
    alerts.push({ severity: 'error', where, text: `restore failed: ${recovery.failed}`, hint: 'w shows it' });
  return alerts;
}

function scenarioConditions(view: ScenarioView): Alert[] {
  const { status } = view;
  const alerts: Alert[] = [];
  const broken = status.state === 'failed' || status.state === 'out-of-sync' || status.stopReason === 'by-error';
  if (broken || status.problem !== undefined) {
    const text = status.problem ?? `state ${status.state}`;
    alerts.push({ severity: broken ? 'critical' : 'error', where: status.name, text, at: status.since });
  }
  if (status.running)
    for (const host of status.hosts) alerts.push(...hostConditions(host, `${status.name}/${host.name}`));
  return alerts;
}

function hostConditions(host: HostStatus, where: string): Alert[] {
  if (host.health === 'down') return [{ severity: 'error', where, text: 'host is down' }];
  const { replica } = host;
  if (replica === undefined) return [];
  const alerts: Alert[] = [];
  const add = (severity: Alert['severity'], text: string) => alerts.push({ severity, where, text });
  if (replica.held !== undefined) add('error', `apply is held: ${replica.held}`);
  if (replica.link === 'down') add('warning', 'link is down; changes are kept');
  if (replica.lagMs >= LAG_WARNING_MS) {
    add('warning', `lag ${formatDuration(replica.lagMs)} > ${formatDuration(LAG_WARNING_MS)}`);
  }
  if (replica.parked > 0)
    alerts.push({ severity: 'warning', where, text: `${replica.parked} parked`, hint: 'mainstay parked' });
  return alerts;
}

const ORDER: Readonly<Record<Alert['severity'], number>> = { critical: 0, error: 1, warning: 2 };

/** What is wrong now, worst first. */
export function conditions(state: Pick<ConsoleState, 'hosts'>): readonly Alert[] {
  const alerts: Alert[] = [];
  for (const host of state.hosts) {
    if (host.connection !== 'down') continue;
    const text = `not connected: ${host.fault?.text ?? 'unknown reason'}`;
    const hint = host.fault?.hint;
    alerts.push({ severity: 'error', where: host.name, text, ...(hint === undefined ? {} : { hint }) });
  }
  for (const view of scenarioViews(state)) if (!view.stale) alerts.push(...conditionsOf(view));
  return alerts.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

const MAX_HISTORY = 200;

/** Warnings and worse of the stream, newest first. */
function alertHistory(state: ConsoleState): readonly Alert[] {
  const alerts: Alert[] = [];
  for (let index = state.events.length - 1; index >= 0 && alerts.length < MAX_HISTORY; index -= 1) {
    const event = state.events[index];
    if (event === undefined || event.record.severity === 'info') continue;
    const { severity, at, text, hint, scenario, host } = event.record;
    const where = scenario === undefined ? host : `${scenario}/${host}`;
    alerts.push({
      severity,
      at,
      where,
      text,
      eventId: event.id,
      ...(scenario === undefined ? {} : { scenario }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return alerts;
}

export function unreadAlerts(state: ConsoleState): number {
  let unread = 0;
  for (const event of state.events) {
    if (event.id > state.acknowledgedEvent && !event.old && event.record.severity !== 'info') unread += 1;
  }
  return unread;
}

/** The alerts sheet: what is wrong now, then the history. */
export function alertRows(state: ConsoleState): readonly Alert[] {
  return [...conditions(state), ...alertHistory(state)];
}
