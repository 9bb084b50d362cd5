/** What an operator is told about the history that is kept. Pure. */
import type { JournalFigures, JournalGap } from '../../shared/rewind.ts';
import type { SegmentSummary, SummaryItem } from './segment-summary.ts';

const HOUR_MS = 3_600_000;
/** The rate is that of so long. */
const RATE_MS = 24 * HOUR_MS;
/** Over a shorter time there is no rate. */
const SHORTEST_RATE_MS = 60_000;

export interface MeasuredSegment {
  readonly summary: SegmentSummary;
  /** Of its log and what it kept first. */
  readonly bytes: number;
}

export interface AskedHistory {
  readonly retentionMs: number;
  readonly maxBytes: number;
  readonly minFreeBytes: number;
}

const NO_ROOM = 'removed for want of room';

export interface JournalState {
  /** Oldest first. */
  readonly segments: readonly MeasuredSegment[];
  readonly asked: AskedHistory;
  /** Wall clock, ms: everything before was removed by the limits. */
  readonly trimmedTo: number | undefined;
  readonly pinned: number;
  readonly freeBytes: number;
  readonly wallMs: number;
}

/** Points and gaps, as `listPoints` would find them in the whole log. */
export function countPoints(
  segments: readonly SegmentSummary[],
): Pick<JournalFigures, 'points' | 'bookmarks' | 'gaps'> {
  const count = new PointCount();
  for (const segment of segments) count.addSegment(segment);
  const bookmarks = count.marks.filter(({ bookmark }) => bookmark).length;
  return { points: count.events(segments) + count.marks.length, bookmarks, gaps: count.gaps };
}

class PointCount {
  readonly gaps: JournalGap[] = [];
  marks: { readonly n: number; readonly bookmark: boolean }[] = [];
  private readonly undone = new Set<number>();
  /** Records up to this one cannot be reached. */
  private floor = 0;
  private last = 0;

  addSegment({ items, last }: SegmentSummary): void {
    for (const item of items) this.add(item);
    if (last > 0) this.last = last;
  }

  private add(item: SummaryItem): void {
    if (item.kind === 'undone') {
      this.undone.add(item.n);
      while ((this.marks.at(-1)?.n ?? -1) >= item.n) this.marks.pop();
      return;
    }
    const n = item.n === 0 ? this.last : item.n;
    if (item.mark === 'gap') {
      this.gaps.push({ from: item.atMs, reason: item.text });
      this.floor = n;
      this.marks = [];
    } else this.marks.push({ n, bookmark: item.mark === 'bookmark' });
  }

  events(segments: readonly SegmentSummary[]): number {
    const counts = (n: number): boolean => n > this.floor && !this.undone.has(n);
    return segments.reduce((sum, { events }) => sum + events.filter(counts).length, 0);
  }
}

export function journalFigures(state: JournalState): JournalFigures {
  const { segments, asked, trimmedTo, wallMs, freeBytes, pinned } = state;
  const counted = countPoints(segments.map(({ summary }) => summary));
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const lostTo = Math.max(trimmedTo ?? 0, counted.gaps.at(-1)?.from ?? 0);
  const first = segments.find(({ summary }) => summary.oldestMs > 0)?.summary.oldestMs;
  const keptSince = lostTo > 0 ? lostTo : first;
  const bytesPerHour = rateOf(state, keptSince);
  const trimsInMs = trimsIn(state, bytes, bytesPerHour, keptSince);
  return {
    on: true,
    bytes,
    maxBytes: asked.maxBytes,
    ...(keptSince === undefined ? {} : { keptSince }),
    askedMs: asked.retentionMs,
    // Nothing was lost yet: everything that was asked for is there, however short it is.
    coverage: lostTo > 0 ? Math.max(0, Math.min(1, (wallMs - lostTo) / asked.retentionMs)) : 1,
    ...(bytesPerHour === undefined ? {} : { bytesPerHour }),
    ...(trimsInMs === undefined ? {} : { trimsInMs }),
    ...counted,
    gaps: [...trimmedGap(state), ...counted.gaps],
    pinned,
    freeBytes,
  };
}

/** What was asked for and is there no more. */
function trimmedGap({ trimmedTo, asked, wallMs }: JournalState): JournalGap[] {
  const from = wallMs - asked.retentionMs;
  return trimmedTo === undefined || trimmedTo <= from ? [] : [{ from, to: trimmedTo, reason: NO_ROOM }];
}

function rateOf({ segments, asked, wallMs }: JournalState, keptSince: number | undefined): number | undefined {
  if (keptSince === undefined) return undefined;
  const since = Math.max(keptSince, wallMs - Math.min(asked.retentionMs, RATE_MS));
  if (wallMs - since < SHORTEST_RATE_MS) return undefined;
  const came = segments.filter(({ summary }) => summary.newestMs >= since).reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.round((came * HOUR_MS) / (wallMs - since));
}

/** Undefined: what is asked for has room when history goes on growing like this. */
function trimsIn(
  { asked, freeBytes, wallMs }: JournalState,
  bytes: number,
  bytesPerHour: number | undefined,
  keptSince: number | undefined,
): number | undefined {
  if (bytesPerHour === undefined || keptSince === undefined) return undefined;
  const room = Math.max(0, Math.min(asked.maxBytes - bytes, freeBytes - asked.minFreeBytes));
  const needed = (bytesPerHour / HOUR_MS) * Math.max(0, asked.retentionMs - (wallMs - keptSince));
  return needed <= room ? undefined : Math.round((room / bytesPerHour) * HOUR_MS);
}

/** Data Rewind is off. */
export const NO_JOURNAL: JournalFigures = {
  on: false,
  bytes: 0,
  maxBytes: 0,
  askedMs: 0,
  coverage: 0,
  points: 0,
  bookmarks: 0,
  gaps: [],
  pinned: 0,
  freeBytes: 0,
};
