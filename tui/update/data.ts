/** What daemons say, into the state: connections, snapshots, pushes, answers that are not a dialog's. */
import { mergeByTime } from '../../shared/event-order.ts';
import type { EventRecord } from '../../shared/events.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import type { ConnectionNews } from '../connection.ts';
import { scenarioViews, worstLag } from '../select.ts';
import {
  CHART_SAMPLES,
  type ChartHistory,
  type ConsoleState,
  type Effect,
  EVENT_RING,
  type HostView,
  type Step,
  type StoredEvent,
  stay,
  TOAST_MS,
  withoutToast,
} from '../state.ts';

/** Events fetched after a connection: what happened while nobody looked, and some history at the first one. */
const HISTORY_LIMIT = 200;

function changeHost(state: ConsoleState, name: string, change: (host: HostView) => HostView): ConsoleState {
  return { ...state, hosts: state.hosts.map((host) => (host.name === name ? change(host) : host)) };
}

export function hearNews(state: ConsoleState, hostName: string, news: ConnectionNews, at: number): Step {
  switch (news.type) {
    case 'connecting':
      return stay(
        changeHost(state, hostName, (host) =>
          host.connection === 'down' ? host : { ...host, connection: 'connecting' },
        ),
      );
    case 'down':
      return stay(
        changeHost(state, hostName, ({ roundTripMs: _gone, ...host }) => ({
          ...host,
          connection: 'down',
          fault: news.fault,
        })),
      );
    case 'round-trip':
      return stay(changeHost(state, hostName, (host) => ({ ...host, roundTripMs: news.ms, heardAt: at })));
    case 'welcome':
      return stay(
        changeHost(state, hostName, (host) => ({
          ...host,
          role: news.welcome.role,
          daemon: news.welcome.daemon,
          heardAt: at,
        })),
      );
    case 'snapshot': {
      const scenarios = Object.fromEntries(news.snapshot.scenarios.map((status) => [status.id, status]));
      const next = changeHost(state, hostName, ({ fault: _past, ...host }) => ({
        ...host,
        connection: 'up',
        daemon: news.snapshot.daemon,
        scenarios,
        toldAt: Object.fromEntries(Object.keys(scenarios).map((id) => [id, at])),
        heardAt: at,
      }));
      return { state: next, effects: [fetchHistory(state, hostName)] };
    }
    case 'push': {
      const { batch } = news;
      const next = changeHost(state, hostName, (host) => ({
        ...host,
        scenarios: mergeScenarios(host.scenarios, batch.scenarios, batch.removedScenarios),
        toldAt: { ...host.toldAt, ...Object.fromEntries(batch.scenarios.map(({ id }) => [id, at])) },
        heardAt: at,
        ...(batch.daemon === undefined ? {} : { daemon: batch.daemon }),
      }));
      const dropped = next.eventsDropped + batch.eventsDropped;
      return stay(addEvents({ ...next, eventsDropped: dropped }, hostName, batch.events, true));
    }
  }
}

function fetchHistory(state: ConsoleState, hostName: string): Effect {
  const after = state.hosts.find((host) => host.name === hostName)?.lastEvent ?? 0;
  const args = after > 0 ? { after, limit: HISTORY_LIMIT } : { limit: HISTORY_LIMIT };
  return { type: 'request', host: hostName, command: 'events.query', args, purpose: { kind: 'history' } };
}

function mergeScenarios(
  known: Readonly<Record<string, ScenarioStatus>>,
  changed: readonly ScenarioStatus[],
  removed: readonly string[],
): Readonly<Record<string, ScenarioStatus>> {
  if (changed.length === 0 && removed.length === 0) return known;
  const next = { ...known };
  for (const status of changed) next[status.id] = status;
  for (const id of removed) delete next[id];
  return next;
}

/** Live events go to the end; fetched ones to their time. Numbers already seen of that host are left out. */
export function addEvents(
  state: ConsoleState,
  hostName: string,
  records: readonly EventRecord[],
  live: boolean,
): ConsoleState {
  const seen = new Set<number>();
  if (!live) for (const event of state.events) if (event.source === hostName) seen.add(event.record.n);
  const last = state.hosts.find((host) => host.name === hostName)?.lastEvent ?? 0;
  const fresh = records.filter((record) => (live ? record.n > last : !seen.has(record.n)));
  if (fresh.length === 0) return state;
  let id = state.nextEventId;
  const old = !live && last === 0;
  const added: StoredEvent[] = fresh.map((record) => ({ id: id++, record, source: hostName, old }));
  const together = [...state.events, ...added];
  const events = live ? together : inOrder(together);
  const highest = fresh.reduce((most, record) => Math.max(most, record.n), last);
  const next = changeHost(state, hostName, (host) => ({ ...host, lastEvent: highest }));
  return {
    ...next,
    events: events.length > EVENT_RING ? events.slice(-EVENT_RING) : events,
    nextEventId: id,
    eventsThisSecond: state.eventsThisSecond + (live ? added.length : 0),
  };
}

function inOrder(events: readonly StoredEvent[]): StoredEvent[] {
  const bySource = Map.groupBy(events, ({ source }) => source);
  const lists = [...bySource.values()].map((list) => list.sort((a, b) => a.record.n - b.record.n));
  return mergeByTime(lists, ({ record }) => record.at);
}

export function tick(state: ConsoleState, at: number): ConsoleState {
  let next: ConsoleState = { ...state, now: at, eventsPerSecond: state.eventsThisSecond, eventsThisSecond: 0 };
  const charts: Record<string, ChartHistory> = {};
  for (const view of scenarioViews(state)) {
    const live = !view.stale && view.status.running;
    const { throughput = [], lag = [] } = state.charts[view.id] ?? {};
    charts[view.id] = {
      throughput: sample(throughput, live ? view.status.statistics.bytesPerSecond : Number.NaN),
      lag: sample(lag, live ? worstLag(view.status) : Number.NaN),
    };
  }
  next = { ...next, charts };
  const { toast } = next;
  return toast?.severity === 'info' && at - toast.at >= TOAST_MS ? withoutToast(next) : next;
}

function sample(samples: readonly number[], value: number): readonly number[] {
  return [...samples.slice(-(CHART_SAMPLES - 1)), value];
}

/** Results come from another host: believe only what has the right shape. */
export function eventsOf(result: unknown): readonly EventRecord[] {
  const list = Array.isArray(result) ? result : (result as { events?: unknown } | undefined)?.events;
  if (!Array.isArray(list)) return [];
  return list.filter(
    (event): event is EventRecord =>
      typeof event === 'object' && event !== null && typeof event.n === 'number' && typeof event.text === 'string',
  );
}

export function documentOf(result: unknown): ScenarioDocument | undefined {
  const document = (result as { document?: unknown } | undefined)?.document ?? result;
  const candidate = document as ScenarioDocument | undefined;
  return typeof candidate?.id === 'string' && Array.isArray(candidate.roots) ? candidate : undefined;
}
