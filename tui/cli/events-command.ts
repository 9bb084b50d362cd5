/** `mainstay events`: the event streams of all hosts as one, oldest first. */
import { mergeByTime } from '../../shared/event-order.ts';
import type { EventRecord, Severity } from '../../shared/events.ts';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults } from '../../shared/results.ts';
import { parseDuration } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { LiveView } from './live.ts';
import { DONE } from './options.ts';
import { safe } from './text.ts';

interface EventOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly limit?: string;
  readonly severity?: Severity;
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, error: 2, critical: 3 };
const FETCH_AGAIN = 10_000;

export async function events(context: Context, options: EventOptions, name?: string): Promise<number> {
  const limit = limitOf(options.limit ?? (context.terminal.redraws ? '200' : '10000'));
  const since = options.since === undefined ? undefined : momentOf(options.since, context.terminal.wallNow());
  const { up, down } = await context.reachable(options);
  for (const { client, fault } of down) context.note(`not asked: ${client.host.name}: ${safe(fault.message)}`);
  const query = {
    ...(name === undefined ? {} : { scenario: name }),
    ...(options.severity === undefined ? {} : { severity: options.severity }),
    limit,
  };
  const newest = new Map<DaemonClient, number>();
  const old: (readonly EventRecord[])[] = [];
  for (const client of up) {
    const found = await fetchEvents(client, since === undefined ? query : { ...query, since });
    old.push(found);
    newest.set(client, found.at(-1)?.n ?? 0);
  }
  for (const event of mergeByTime(old, ({ at }) => at).slice(-limit)) print(context, options, event);
  return options.follow === true ? follow(context, options, query, newest) : DONE;
}

/** What the pushes bring, what they left out and what happened while a connection was lost, each event once. */
async function follow(
  context: Context,
  options: EventOptions,
  query: { readonly scenario?: string; readonly severity?: Severity },
  newest: Map<DaemonClient, number>,
): Promise<number> {
  const wanted = (event: EventRecord) =>
    (query.scenario === undefined || event.scenario === query.scenario) &&
    (query.severity === undefined || RANK[event.severity] >= RANK[query.severity]);
  const show = (client: DaemonClient, records: readonly EventRecord[]) => {
    for (const event of records) {
      if (event.n <= newest.get(client)!) continue;
      newest.set(client, event.n);
      if (wanted(event)) print(context, options, event);
    }
  };
  const catchUp = async (client: DaemonClient) => {
    show(client, await fetchEvents(client, { ...query, after: newest.get(client)!, limit: FETCH_AGAIN }));
  };
  // One after another, so that the order of the host is kept; a lost connection is made good by the next snapshot.
  let work: Promise<void> = Promise.resolve();
  const then = (next: () => void | Promise<void>) => {
    work = work.then(next).catch(() => undefined);
  };
  const live = new LiveView([...newest.keys()], () => context.terminal.monotonicNow(), {
    onSnapshot: (client) => then(() => catchUp(client)),
    onEvents: (client, records, dropped) => then(() => (dropped > 0 ? catchUp(client) : show(client, records))),
  });
  return new Promise((resolve) => {
    const end = context.terminal.onInterrupt(() => {
      end();
      live.end();
      resolve(DONE);
    });
  });
}

async function fetchEvents(client: DaemonClient, query: unknown): Promise<readonly EventRecord[]> {
  return (await ask<CommandResults['events.query']>(client, 'events.query', query)).events;
}

function print(context: Context, options: CommonOptions, event: EventRecord): void {
  if (options.json === true) {
    const { n, at, severity, code, scenario, host, text, data } = event;
    context.jsonLine({ at, severity, code, scenario, host, text, data, n });
    return;
  }
  const time = new Date(event.at).toISOString().slice(0, 19).replace('T', ' ');
  const place = [event.host, event.scenario].filter((part) => part !== undefined).join(' ');
  context.terminal.out(
    `${time}Z ${event.severity.toUpperCase().padEnd(8)} ${safe(place)}  ${event.code}  ${safe(event.text)}\n`,
  );
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new Fault('USAGE', { reason: '--limit must be a number from 1 to 10000' });
}

/** A moment (`2026-11-22T10:00`) or an age (`2h`), as wall clock ms. */
function momentOf(text: string, now: number): number {
  const age = parseDuration(text);
  if (age !== undefined) return now - age;
  const moment = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(moment)) return moment;
  throw new Fault('USAGE', {
    reason: `"${text}" is neither a time such as 2026-11-22T10:00:00Z nor an age such as 2h`,
  });
}
