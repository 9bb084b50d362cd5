/** Figures of one stretch of time, made from what the status says each second; stretches add up. Pure. */
import type { DelayFigures } from '../../shared/report.ts';
import type { AppliedTally, HostStatus, ScenarioStatus } from '../../shared/status.ts';

/** How long (ms) a delay was in each class; a class is a tenth wider than the one below. */
interface Delays {
  maxMs: number;
  classes: Record<string, number>;
}

export interface ReplicaFigures {
  kinds: Record<string, number>;
  bytes: number;
  lag: Delays;
  exposure: Delays;
  exposurePeakBytes: number;
  spoolPeakBytes: number;
  parkedPeak: number;
}

export interface SpanFigures {
  /** Wall clock. */
  at: number;
  until: number;
  states: Record<string, number>;
  masterSpoolPeakBytes: number;
  unreadablePeak: number;
  replicas: Record<string, ReplicaFigures>;
}

const CLASS_BASE = 1.1;

export function emptySpan(at: number): SpanFigures {
  return { at, until: at, states: {}, masterSpoolPeakBytes: 0, unreadablePeak: 0, replicas: {} };
}

/** The scenario was as `status` says for the last `tookMs`. */
export function addSample(span: SpanFigures, status: ScenarioStatus, tookMs: number): void {
  span.states[status.state] = (span.states[status.state] ?? 0) + tookMs;
  const [master, ...replicas] = status.hosts;
  span.masterSpoolPeakBytes = Math.max(span.masterSpoolPeakBytes, master?.spoolBytes ?? 0);
  span.unreadablePeak = Math.max(span.unreadablePeak, status.unreadable ?? 0);
  if (!status.running) return;
  for (const host of replicas) addReplica(replicaIn(span, host.name), host, tookMs);
}

function addReplica(figures: ReplicaFigures, host: HostStatus, tookMs: number): void {
  const { replica } = host;
  if (replica === undefined) return;
  figures.spoolPeakBytes = Math.max(figures.spoolPeakBytes, host.spoolBytes);
  figures.parkedPeak = Math.max(figures.parkedPeak, replica.parked);
  // Of data that is outdated or unknown there is no age.
  if (host.synchronized === false || host.lagKnown === false) return;
  figures.exposurePeakBytes = Math.max(figures.exposurePeakBytes, host.exposureBytes);
  addDelay(figures.lag, host.lagMs, tookMs);
  addDelay(figures.exposure, host.exposureMs, tookMs);
}

/** What a Replica has applied more than `before` says. */
export function addApplied(
  span: SpanFigures,
  replica: string,
  before: AppliedTally | undefined,
  now: AppliedTally,
): void {
  const figures = replicaIn(span, replica);
  figures.bytes += Math.max(0, now.bytes - (before?.bytes ?? 0));
  for (const [kind, count] of Object.entries(now.kinds)) {
    const more = count - (before?.kinds[kind] ?? 0);
    if (more > 0) figures.kinds[kind] = (figures.kinds[kind] ?? 0) + more;
  }
}

function replicaIn(span: SpanFigures, name: string): ReplicaFigures {
  const known = span.replicas[name];
  if (known !== undefined) return known;
  const made: ReplicaFigures = {
    kinds: {},
    bytes: 0,
    lag: { maxMs: 0, classes: {} },
    exposure: { maxMs: 0, classes: {} },
    exposurePeakBytes: 0,
    spoolPeakBytes: 0,
    parkedPeak: 0,
  };
  span.replicas[name] = made;
  return made;
}

function addDelay(delays: Delays, delayMs: number, tookMs: number): void {
  delays.maxMs = Math.max(delays.maxMs, delayMs);
  const at = classOf(delayMs);
  delays.classes[at] = (delays.classes[at] ?? 0) + tookMs;
}

/** 0: below a millisecond. */
function classOf(delayMs: number): number {
  return delayMs < 1 ? 0 : Math.ceil(Math.log(delayMs) / Math.log(CLASS_BASE)) + 1;
}

/** Undefined when nothing was measured. The percentile is the upper end of its class: never too low, at most a tenth too high. */
export function delayFigures({ maxMs, classes }: Delays): DelayFigures | undefined {
  const sorted = Object.entries(classes)
    .map(([at, ms]) => ({ at: Number(at), ms }))
    .sort((a, b) => a.at - b.at);
  const total = sorted.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return undefined;
  let seen = 0;
  for (const { at, ms } of sorted) {
    seen += ms;
    if (seen < total * 0.95) continue;
    const upper = at === 0 ? 0 : Math.round(CLASS_BASE ** (at - 1));
    return { maxMs: Math.round(maxMs), p95Ms: Math.min(Math.round(maxMs), upper) };
  }
  return undefined;
}

/** One span of all of them; the first one's beginning to the last one's end. */
export function together(spans: readonly SpanFigures[]): SpanFigures {
  const sum = emptySpan(spans[0]?.at ?? 0);
  for (const span of spans) {
    sum.until = Math.max(sum.until, span.until);
    addAll(sum.states, span.states);
    sum.masterSpoolPeakBytes = Math.max(sum.masterSpoolPeakBytes, span.masterSpoolPeakBytes);
    sum.unreadablePeak = Math.max(sum.unreadablePeak, span.unreadablePeak);
    for (const [name, figures] of Object.entries(span.replicas)) addFigures(replicaIn(sum, name), figures);
  }
  return sum;
}

function addFigures(sum: ReplicaFigures, figures: ReplicaFigures): void {
  addAll(sum.kinds, figures.kinds);
  sum.bytes += figures.bytes;
  for (const which of ['lag', 'exposure'] as const) {
    sum[which].maxMs = Math.max(sum[which].maxMs, figures[which].maxMs);
    addAll(sum[which].classes, figures[which].classes);
  }
  for (const peak of ['exposurePeakBytes', 'spoolPeakBytes', 'parkedPeak'] as const) {
    sum[peak] = Math.max(sum[peak], figures[peak]);
  }
}

function addAll(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(more)) sum[key] = (sum[key] ?? 0) + count;
}

/** Two by two when there are more than `most`: a long period is kept in wider spans. */
export function condense(spans: readonly SpanFigures[], most: number): SpanFigures[] {
  if (spans.length <= most) return [...spans];
  const wider: SpanFigures[] = [];
  for (let at = 0; at < spans.length; at += 2) wider.push(together(spans.slice(at, at + 2)));
  return condense(wider, most);
}
