/**
 * The one notion of progress: a point in one history of changes.
 * `generation` names the history (random 128-bit id, 32 hex digits), `seq` counts changes in it from 1; 0 is "before the first".
 */
export interface Position {
  readonly generation: string;
  readonly seq: number;
}

/** A history and the point of its parent where it forked off; newest first in a lineage. */
export interface LineageEntry {
  readonly generation: string;
  readonly parent?: string;
  readonly forkSeq: number;
  readonly host: string;
  readonly epoch: number;
  readonly forced: boolean;
}

export type PositionOrder = 'equal' | 'behind' | 'ahead' | 'diverged' | 'unrelated';

/**
 * Orders `a` against `b` by lineage only, never by time (PROTOCOL.md). `lineage` is b's, newest first.
 * 'behind': a is a prefix of b. 'diverged': both have a tail the other lacks.
 */
export function comparePositions(a: Position, b: Position, lineage: readonly LineageEntry[]): PositionOrder {
  if (a.generation === b.generation) return a.seq === b.seq ? 'equal' : a.seq < b.seq ? 'behind' : 'ahead';
  let generation: string | undefined = b.generation;
  let forkSeq = Number.POSITIVE_INFINITY;
  for (let depth = 0; generation !== undefined && depth <= lineage.length; depth += 1) {
    if (generation === a.generation) return a.seq <= forkSeq ? 'behind' : 'diverged';
    const entry: LineageEntry | undefined = lineage.find((candidate) => candidate.generation === generation);
    forkSeq = Math.min(Number.POSITIVE_INFINITY, entry?.forkSeq ?? 0);
    generation = entry?.parent;
  }
  return 'unrelated';
}
