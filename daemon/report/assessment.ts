/** Assessment Report from what was counted minute by minute. Pure. */
import type { AssessmentReport, AssessmentSuggestion, ChangeCounts } from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { AssessFigures, MinuteOfChanges } from '../engine/assess-engine.ts';
import { masterRoots } from '../scenario/book.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Busiest minutes that may take longer than they last. */
const BUSIEST_SHARE = 0.05;
/** Hours like the busiest one that a spool holds while there is no connection. */
const SPOOL_HOURS = 4;
const SMALLEST_SPOOL_BYTES = 1024 ** 3;
const SMALLEST_RATE = 100_000;

export function assessmentReport(
  id: string,
  document: ScenarioDocument,
  span: { readonly startedAt: number; readonly finishedAt: number },
  { entries, dataBytes, overflows, minutes }: AssessFigures,
): AssessmentReport {
  const hours = together(minutes, HOUR_MS);
  const peakHourBytes = Math.max(0, ...hours.map(({ bytes }) => bytes));
  return {
    id,
    kind: 'assessment',
    scenario: document.name,
    at: span.finishedAt,
    host: document.master.name,
    ok: overflows === 0,
    ...span,
    roots: masterRoots(document),
    entries,
    dataBytes,
    total: together(minutes, Number.POSITIVE_INFINITY)[0] ?? { files: 0, bytes: 0, kinds: {} },
    minutes,
    hours,
    peakMinuteBytes: Math.max(0, ...minutes.map(({ bytes }) => bytes)),
    peakHourBytes,
    suggestion: suggest(minutes, span.finishedAt - span.startedAt, peakHourBytes, dataBytes),
    overflows,
  };
}

function suggest(
  minutes: readonly MinuteOfChanges[],
  spanMs: number,
  peakHourBytes: number,
  dataBytes: number,
): AssessmentSuggestion {
  const count = Math.max(1, Math.ceil(spanMs / MINUTE_MS));
  const busiest = minutes.map(({ bytes }) => bytes).sort((a, b) => b - a);
  const counted = busiest[Math.floor(count * BUSIEST_SHARE)] ?? 0;
  return {
    bandwidthBytesPerSecond: Math.max(SMALLEST_RATE, Math.ceil(counted / 60)),
    // The guide: a tenth of the data at least.
    spoolBytes: Math.max(SMALLEST_SPOOL_BYTES, SPOOL_HOURS * peakHourBytes, Math.ceil(dataBytes / 10)),
  };
}

/** Spans of that length. */
function together(minutes: readonly MinuteOfChanges[], lengthMs: number): (ChangeCounts & { readonly at: number })[] {
  const spans = new Map<number, { at: number; files: number; bytes: number; kinds: Record<string, number> }>();
  for (const { at, files, bytes, kinds } of minutes) {
    const begin = lengthMs === Number.POSITIVE_INFINITY ? 0 : Math.floor(at / lengthMs) * lengthMs;
    const span = spans.get(begin) ?? {
      at: lengthMs === Number.POSITIVE_INFINITY ? at : begin,
      files: 0,
      bytes: 0,
      kinds: {},
    };
    spans.set(begin, span);
    span.files += files;
    span.bytes += bytes;
    for (const [kind, number] of Object.entries(kinds)) span.kinds[kind] = (span.kinds[kind] ?? 0) + number;
  }
  return [...spans.values()];
}
