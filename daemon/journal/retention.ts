/**
 * How long history is kept: whole segments go, the oldest first, when they are older than the retention period or when what
 * is kept needs more than its limit. Objects that a later segment speaks of stay.
 */
import type { RootTree, SegmentLog } from '../ports.ts';
import { journalEntries, type UndoRecord } from './record.ts';

export interface RetentionLimits {
  readonly retentionMs: number;
  /** Of all kept objects and the log. */
  readonly maxBytes: number;
}

export interface KeptHistory {
  readonly bytes: number;
  /** Wall clock, ms, of the oldest change that can be taken back; undefined when there is none. */
  readonly since: number | undefined;
}

interface Segment {
  readonly logBytes: number;
  /** Wall clocks, ms; 0 when nothing in it has one. */
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Names of kept objects it speaks of. */
  readonly names: ReadonlySet<string>;
}

function describe(bytes: Uint8Array): Segment {
  const names = new Set<string>();
  let oldestMs = 0;
  let newestMs = 0;
  for (const entry of journalEntries(bytes)) {
    if (entry.kind === 'undone') continue;
    if (entry.kind === 'undo') for (const name of namesIn(entry.record)) names.add(name);
    const ms = entry.kind === 'undo' ? entry.record.masterMs : Math.max(entry.mark.replicaMs, entry.mark.masterMs);
    if (ms > 0 && oldestMs === 0) oldestMs = ms;
    newestMs = Math.max(newestMs, ms);
  }
  return { logBytes: bytes.length, oldestMs, newestMs, names };
}

function namesIn({ kept, restored }: UndoRecord): string[] {
  return [kept, restored].filter((name) => name !== undefined);
}

export class HistoryRetention {
  private readonly log: SegmentLog;
  private readonly trees: readonly RootTree[];
  /** Segments that are complete. */
  private readonly known = new Map<number, Segment>();
  /** Bytes of kept objects by root and name: they do not change. */
  private readonly sizes = new Map<string, number>();

  constructor(log: SegmentLog, trees: readonly RootTree[]) {
    this.log = log;
    this.trees = trees;
  }

  /** Removes what is over the limits. `current`: the segment being written, which stays. */
  enforce(limits: RetentionLimits, current: number, wallMs: number): KeptHistory {
    const segments = new Map(this.log.list().map((segment) => [segment, this.read(segment, current)]));
    const bytesOf = this.measure(segments);
    let bytes = 0;
    for (const size of bytesOf.values()) bytes += size;
    const gone: number[] = [];
    for (const [segment, { newestMs }] of segments) {
      if (segment >= current) break;
      if (newestMs >= wallMs - limits.retentionMs && bytes <= limits.maxBytes) break;
      gone.push(segment);
      bytes -= bytesOf.get(segment) ?? 0;
    }
    if (gone.length > 0) this.remove(gone, segments);
    const since = [...segments.values()].find(({ oldestMs }) => oldestMs > 0)?.oldestMs;
    return { bytes, since };
  }

  private read(segment: number, current: number): Segment {
    const before = this.known.get(segment);
    if (before !== undefined) return before;
    const found = describe(this.log.read(segment));
    if (segment < current) this.known.set(segment, found);
    return found;
  }

  /** What each segment needs; an object counts for the first that speaks of it. */
  private measure(segments: ReadonlyMap<number, Segment>): Map<number, number> {
    const kept = this.trees.map((tree) => new Set(tree.listKept()));
    const counted = new Set<string>();
    const bytes = new Map<number, number>();
    for (const [segment, { logBytes, names }] of segments) {
      let total = logBytes;
      for (const name of names) {
        if (counted.has(name)) continue;
        counted.add(name);
        for (const [root, tree] of this.trees.entries())
          if (kept[root]!.has(name)) total += this.sizeOf(tree, root, name);
      }
      bytes.set(segment, total);
    }
    return bytes;
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

  private remove(gone: readonly number[], segments: Map<number, Segment>): void {
    const names = new Set<string>();
    for (const segment of gone) {
      for (const name of segments.get(segment)!.names) names.add(name);
      segments.delete(segment);
    }
    const needed = new Set([...segments.values()].flatMap((segment) => [...segment.names]));
    // The log first: what is kept of a segment that is gone is only waste.
    for (const segment of gone) {
      this.log.remove(segment);
      this.known.delete(segment);
    }
    for (const [root, tree] of this.trees.entries()) {
      const kept = new Set(tree.listKept());
      for (const name of names) {
        if (needed.has(name)) continue;
        this.sizes.delete(`${root}:${name}`);
        if (kept.has(name)) tree.dropKept(name);
      }
    }
  }
}
