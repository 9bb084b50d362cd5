/** The Replication Report of a period, from what the ledger kept, the event log and the status at its end. Pure. */
import { type EventRecord, SEVERITIES } from '../../shared/events.ts';
import type { LinkOutage, ReplicaReplication, ReplicatedFile, ReplicationReport } from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import { condense, delayFigures, type ReplicaFigures, type SpanFigures, together } from './figures.ts';
import type { ClosedPeriod, LedgerNote } from './ledger-store.ts';
import { rootPaths } from './model.ts';

/** Files in the detailed list. */
export const FILE_LIMIT = 10_000;
/** Lines of the chart and its table. */
const SPANS_SHOWN = 48;
const OUTAGES_SHOWN = 200;
const INCIDENTS_SHOWN = 200;
/** Told although nothing is wrong: the operator wants to know that it happened. */
const REMARKABLE = new Set(['BRK-002', 'VRF-002', 'SCN-017', 'SCN-018', 'DSK-002', 'ROOT-002', 'CAP-004']);

export interface PeriodContent {
  readonly spans: readonly SpanFigures[];
  readonly notes: readonly LedgerNote[];
  readonly files: readonly ReplicatedFile[] | undefined;
  /** Of the scenario in the period, oldest first. */
  readonly events: readonly EventRecord[];
  readonly eventsComplete: boolean;
  /** Absent: the scenario is not known any more. */
  readonly status: ScenarioStatus | undefined;
}

export function replicationReport(
  document: ScenarioDocument,
  closed: ClosedPeriod,
  content: PeriodContent,
): ReplicationReport {
  const { status, spans, notes, events } = content;
  const sum = together(spans);
  const replicas = replicasOf(document, sum, status);
  const incidents = events.filter(({ severity, code }) => SEVERITIES.indexOf(severity) > 0 || REMARKABLE.has(code));
  const serious = events.some(({ severity }) => SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf('error'));
  const unreadable = status?.unreadable ?? 0;
  const well = replicas.every(({ atEnd }) => atEnd.parked === 0 && atEnd.connected && atEnd.synchronized);
  return {
    id: closed.id,
    kind: 'replication',
    scenario: document.name,
    at: closed.finishedAt,
    host: document.master.name,
    ok: well && !serious && unreadable === 0 && status?.state === 'protected',
    trigger: closed.trigger,
    startedAt: closed.startedAt,
    finishedAt: closed.finishedAt,
    roots: rootPaths(document, document.replicas[0]),
    states: sum.states,
    stateAtEnd: status?.state ?? 'unknown',
    masterSpoolPeakBytes: sum.masterSpoolPeakBytes,
    unreadableAtEnd: unreadable,
    unreadablePeak: sum.unreadablePeak,
    replicas,
    spans: condense(spans, SPANS_SHOWN).map(spanOf),
    outages: outagesIn(notes).slice(-OUTAGES_SHOWN),
    synchronizations: notes.flatMap((note) => (note.kind === 'synchronization' ? [withoutKind(note)] : [])),
    unmeasured: notes.flatMap((note) => (note.kind === 'unmeasured' ? [withoutKind(note)] : [])),
    incidents: incidents.slice(-INCIDENTS_SHOWN).map(({ at, severity, code, text }) => ({ at, severity, code, text })),
    eventCounts: countByCode(events),
    eventsComplete: content.eventsComplete,
    ...(content.files === undefined ? {} : { files: content.files }),
    unnamedChanges: closed.unnamedChanges,
    fileLimit: FILE_LIMIT,
  };
}

function replicasOf(
  document: ScenarioDocument,
  sum: SpanFigures,
  status: ScenarioStatus | undefined,
): ReplicaReplication[] {
  // One that was taken out of the scenario meanwhile has its figures, too.
  const names = new Set([...document.replicas.map(({ name }) => name), ...Object.keys(sum.replicas)]);
  return [...names].map((name) => {
    const host = status?.running ? status.hosts.find((one) => one.name === name) : undefined;
    return { replica: name, ...figuresOf(sum.replicas[name]), atEnd: atEndOf(host) };
  });
}

function figuresOf(figures: ReplicaFigures | undefined): Omit<ReplicaReplication, 'replica' | 'atEnd'> {
  if (figures === undefined) {
    return { kinds: {}, files: 0, bytes: 0, exposurePeakBytes: 0, spoolPeakBytes: 0, parkedPeak: 0 };
  }
  const { kinds, bytes, exposurePeakBytes, spoolPeakBytes, parkedPeak } = figures;
  const lag = delayFigures(figures.lag);
  const exposure = delayFigures(figures.exposure);
  return {
    kinds,
    files: kinds.put ?? 0,
    bytes,
    ...(lag === undefined ? {} : { lag }),
    ...(exposure === undefined ? {} : { exposure }),
    exposurePeakBytes,
    spoolPeakBytes,
    parkedPeak,
  };
}

function atEndOf(host: HostStatus | undefined): ReplicaReplication['atEnd'] {
  return {
    connected: isConnected(host),
    synchronized: host?.synchronized === true,
    parked: host?.replica?.parked ?? 0,
    ...(host?.verifiedAt === undefined ? {} : { verifiedAt: host.verifiedAt }),
  };
}

/** Its link is up. */
export function isConnected(host: HostStatus | undefined): boolean {
  const link = host?.replica?.link;
  return link === 'live' || link === 'catching-up';
}

function spanOf(span: SpanFigures): ReplicationReport['spans'][number] {
  let changes = 0;
  let bytes = 0;
  let lagMaxMs = 0;
  for (const figures of Object.values(span.replicas)) {
    changes += Object.values(figures.kinds).reduce((sum, count) => sum + count, 0);
    bytes += figures.bytes;
    lagMaxMs = Math.max(lagMaxMs, Math.round(figures.lag.maxMs));
  }
  return { at: span.at, until: span.until, changes, bytes, lagMaxMs };
}

function outagesIn(notes: readonly LedgerNote[]): LinkOutage[] {
  return notes.flatMap((note) => (note.kind === 'outage' ? [withoutKind(note)] : []));
}

function withoutKind<Note extends LedgerNote>({ kind: _, ...rest }: Note): Omit<Note, 'kind'> {
  return rest;
}

function countByCode(events: readonly EventRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of events) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
