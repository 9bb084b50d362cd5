/**
 * How long history is kept: whole segments go, the oldest first, when they are older than the retention period, when what is
 * kept needs more than its limit, or when the volume has too little room. Objects that a later segment speaks of stay, and so
 * do segments that somebody looks into.
 */
import type { RootTree, SegmentLog } from '../ports.ts';
import type { AskedHistory, MeasuredSegment } from './figures.ts';
import { segmentOf } from './journal.ts';
import { type SegmentSummary, summarize } from './segment-summary.ts';

/** `minFreeBytes`: of the volumes of the roots. `keeps`: only age lets history go, even when there is no room. */
export type RetentionLimits = Omit<AskedHistory, 'minFreeBytes'> & {
  readonly minFreeBytes?: number;
  readonly keeps?: boolean;
};

export interface KeptHistory {
  readonly bytes: number;
  /** Oldest first: when the last change of each segment that is left was made, wall clock, ms; never later than what is behind it. */
  readonly ages: readonly number[];
  /** Wall clock, ms, of the oldest change that can be taken back; undefined when there is none. */
  readonly since: number | undefined;
  /** By so many bytes it is still over its limits: what is left is being written, looked into, or must stay. */
  readonly overBytes: number;
}

export interface RemovalHooks {
  /** This segment and later ones are not removed; default: the one being written. */
  readonly stays?: number;
  /** The wall clock, where it is ahead of that by which history grows old. */
  readonly aheadMs?: number;
  /** Right before the history of everything up to that wall clock (ms) is removed. */
  readonly onTrim?: (toMs: number) => void;
}

interface PlacedSegment extends MeasuredSegment {
  readonly segment: number;
}

export class HistoryRetention {
  private readonly log: SegmentLog;
  private readonly trees: readonly RootTree[];
  /** Segments that are complete. */
  private readonly known = new Map<number, SegmentSummary>();
  /** Bytes of kept objects by root and name: they do not change. */
  private readonly sizes = new Map<string, number>();

  constructor(log: SegmentLog, trees: readonly RootTree[]) {
    this.log = log;
    this.trees = trees;
  }

  /** What is kept now, oldest first. `current`: the segment being written. */
  survey(current: number): PlacedSegment[] {
    const segments = this.log.list().map((segment) => ({ segment, summary: this.read(segment, current) }));
    const kept = this.trees.map((tree) => new Set(tree.listKept()));
    const counted = new Set<string>();
    return segments.map(({ segment, summary }) => {
      let bytes = summary.logBytes;
      // An object counts for the first that speaks of it.
      for (const name of summary.names) {
        if (counted.has(name)) continue;
        counted.add(name);
        for (const [root, tree] of this.trees.entries())
          if (kept[root]!.has(name)) bytes += this.sizeOf(tree, root, name);
      }
      return { segment, summary, bytes };
    });
  }

  /** Of the volumes of the roots, the least. */
  freeBytes(): number {
    return Math.min(...this.trees.map((tree) => tree.space().freeBytes));
  }

  /**
   * Removes what is kept of a segment that was removed right before a crash; `current` as in `survey`. What another scenario
   * has kept in the roots before has lower numbers and stays (standby.ts leaves one out).
   */
  sweep(current: number): void {
    const segments = this.survey(current);
    const first = segments[0]?.segment ?? current;
    const needed = new Set(segments.flatMap(({ summary }) => [...summary.names]));
    for (const tree of this.trees)
      for (const name of tree.listKept()) if (segmentOf(name) === first - 1 && !needed.has(name)) tree.dropKept(name);
  }

  /** Removes what is over the limits. `wallMs`: by which it grows old. */
  enforce(
    limits: RetentionLimits,
    current: number,
    wallMs: number,
    { stays = current, onTrim, aheadMs = wallMs }: RemovalHooks = {},
  ): KeptHistory {
    const segments = this.survey(current);
    let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const free = limits.minFreeBytes === undefined ? 0 : limits.minFreeBytes - this.freeBytes();
    let over = Math.max(bytes - limits.maxBytes, free);
    const gone: PlacedSegment[] = [];
    const ages = agesOf(segments, wallMs);
    for (const [at, segment] of segments.entries()) {
      if (segment.segment >= stays) break;
      // What a clock says that is ahead grows old by that clock.
      const nowMs = ages[at]! > wallMs ? aheadMs : wallMs;
      const isOld = ages[at]! < nowMs - limits.retentionMs;
      if (!isOld && (over <= 0 || limits.keeps === true)) break;
      gone.push(segment);
      bytes -= segment.bytes;
      over -= segment.bytes;
    }
    const left = segments.slice(gone.length);
    const trimmedTo = Math.max(0, ...ages.slice(0, gone.length));
    if (trimmedTo > 0) onTrim?.(trimmedTo);
    for (const [at, segment] of gone.entries()) this.remove(segment, [...gone.slice(at + 1), ...left]);
    const since = left.find(({ summary }) => summary.oldestMs > 0)?.summary.oldestMs;
    return { bytes, since, overBytes: Math.max(0, over), ages: ages.slice(gone.length) };
  }

  private read(segment: number, current: number): SegmentSummary {
    const before = this.known.get(segment);
    if (before !== undefined) return before;
    const found = summarize(this.log.read(segment));
    if (segment < current) this.known.set(segment, found);
    return found;
  }

  private sizeOf(tree: RootTree, root: number, name: string): number {
    const key = `${root}:${name}`;
    let size = this.sizes.get(key);
    if (size === undefined) {
      size = tree.keptBytes(name);
      this.sizes.set(key, size);
    }
    return size;
  }

  private remove({ segment, summary }: PlacedSegment, left: readonly PlacedSegment[]): void {
    // The log first, for good: what is kept of a segment that is gone is only waste, but points without what was kept are none.
    this.log.remove(segment, true);
    this.known.delete(segment);
    const names = new Set(summary.names);
    for (const { summary: later } of left) for (const name of later.names) names.delete(name);
    for (const [root, tree] of this.trees.entries()) {
      const kept = new Set(tree.listKept());
      for (const name of names) {
        this.sizes.delete(`${root}:${name}`);
        if (kept.has(name)) tree.dropKept(name);
      }
    }
  }
}

/** A clock that was ahead for a while would keep its segments, and all behind them, as long as it was ahead. */
function agesOf(segments: readonly PlacedSegment[], wallMs: number): number[] {
  let behind = Math.max(wallMs, segments.at(-1)?.summary.newestMs ?? 0);
  return segments
    .toReversed()
    .map(({ summary: { newestMs } }) => {
      if (newestMs > 0) behind = Math.min(behind, newestMs);
      return newestMs > 0 ? behind : 0;
    })
    .reverse();
}
