/** All roots of a Replica as they were at a point of their history, and what a rewind to it would do. */
import { Fault } from '../../shared/faults.ts';
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { PreviewEntry, PreviewKind, PreviewProblem, PreviewResult } from '../../shared/preview.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import type { RootTree, SegmentLog } from '../ports.ts';
import { logBackwards, type PastEntry, WayBack } from './log-backwards.ts';
import { PastDifference } from './past-difference.ts';
import { PastTree } from './past-tree.ts';
import { PointStream, type StreamedPoint } from './point-stream.ts';
import { positionOf } from './points.ts';
import type { UndoRecord } from './record.ts';

export interface PastView {
  readonly point: RewindPoint;
  readonly trees: readonly PastTree[];
  /** Oldest segment of the log it needs. */
  readonly segment: number;
  /** At most 1,000. */
  readonly problems: readonly PreviewProblem[];
  readonly problemCount: number;
}

/** Between two looks at other work. */
const ENTRIES_A_STEP = 64;
const PROBLEMS_LISTED = 1_000;

/**
 * Yields between pieces of work; nothing may be changed in the roots meanwhile. Throws `POINT-NOT-FOUND`, also when retention
 * has just removed it.
 */
export function* buildPast(log: SegmentLog, trees: readonly RootTree[], id: string): Generator<undefined, PastView> {
  const builder = new PastBuilder(trees, id);
  let count = 0;
  for (const entry of logBackwards(log)) {
    count += 1;
    if (count % ENTRIES_A_STEP === 0) yield undefined;
    if (builder.take(entry)) break;
  }
  return builder.end();
}

class PastBuilder {
  private readonly id: string;
  private readonly n: number;
  private readonly trees: readonly PastTree[];
  private readonly wayBack: WayBack;
  private readonly stream = new PointStream();
  private readonly problems: PreviewProblem[] = [];
  private problemCount = 0;
  private located: StreamedPoint | undefined;

  constructor(trees: readonly RootTree[], id: string) {
    this.id = id;
    this.n = positionOf({ id });
    if (!Number.isSafeInteger(this.n)) throw new Fault('POINT-NOT-FOUND', { point: id });
    this.trees = trees.map((tree) => new PastTree(tree));
    this.wayBack = new WayBack(this.n);
  }

  /** Newest first; true when nothing older is needed. */
  take(entry: PastEntry): boolean {
    if (entry.kind === 'record' && this.wayBack.takes(entry.record)) this.takeBack(entry.record);
    this.look(this.stream.offer(entry));
    return this.located !== undefined && entry.kind === 'record' && entry.record.n <= this.n;
  }

  private takeBack(record: UndoRecord): void {
    const { root } = record;
    const problem = this.trees[root]?.takeBack(record);
    if (problem === undefined) return;
    this.problemCount += 1;
    if (this.problems.length < PROBLEMS_LISTED) this.problems.push({ root, ...problem });
  }

  private look(points: Iterable<StreamedPoint>): void {
    for (const one of points) if (one.point.id === this.id && one.point.kind !== 'gap') this.located ??= one;
  }

  end(): PastView {
    if (this.located === undefined) this.look(this.stream.end());
    if (this.located === undefined) throw new Fault('POINT-NOT-FOUND', { point: this.id });
    const { point, segment } = this.located;
    const { trees, problems, problemCount } = this;
    return { point, segment, trees, problems, problemCount };
  }
}

export interface PreviewRequest {
  /** Only what lies at or below it, in this or every root. */
  readonly path?: RelativePath | undefined;
  readonly root?: number | undefined;
  readonly limit: number;
}

/** Yields between pieces of work; nothing may be changed in the roots meanwhile. */
export function* previewOf(
  view: PastView,
  request: PreviewRequest,
): Generator<undefined, Omit<PreviewResult, 'tookMs'>> {
  const { path: wanted = '', root: wantedRoot } = request;
  const sum = new PreviewSum(request.limit);
  const passes = ({ root, path, from = path }: { root: number; path: string; from?: string }) =>
    (wantedRoot === undefined || root === wantedRoot) && (isWithin(path, wanted) || isWithin(from, wanted));
  for (const [root, past] of view.trees.entries()) {
    for (const found of new PastDifference(past).find()) {
      if (found === undefined) yield undefined;
      else if (passes({ root, ...found })) sum.add({ root, ...found });
    }
  }
  const entries = sum.entries();
  let steps = 0;
  for (const past of view.trees) steps += past.steps;
  return {
    point: view.point,
    counts: sum.counts,
    bytes: sum.bytes,
    entries,
    total: sum.total,
    truncated: sum.total > entries.length,
    steps,
    problems: view.problems.filter(passes),
    problemCount: view.problemCount,
  };
}

class PreviewSum {
  readonly counts: Record<PreviewKind, number> = { restored: 0, removed: 0, changed: 0, renamed: 0, metadata: 0 };
  readonly bytes = { restored: 0, removed: 0, changed: 0 };
  total = 0;
  private readonly limit: number;
  private kept: PreviewEntry[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  add(entry: PreviewEntry): void {
    const { kind, then, now } = entry;
    this.total += 1;
    this.counts[kind] += 1;
    if (kind === 'restored') this.bytes.restored += then?.sizeBytes ?? 0;
    if (kind === 'removed') this.bytes.removed += now?.sizeBytes ?? 0;
    if (kind === 'changed') this.bytes.changed += then?.sizeBytes ?? 0;
    this.kept.push(entry);
    // The first of millions are found without keeping millions.
    if (this.kept.length > 2 * this.limit + 10_000) this.cut();
  }

  entries(): readonly PreviewEntry[] {
    this.cut();
    return this.kept;
  }

  private cut(): void {
    this.kept.sort((a, b) => a.root - b.root || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    this.kept.length = Math.min(this.kept.length, this.limit);
  }
}
