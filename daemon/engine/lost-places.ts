/**
 * What the last self-check found missing or damaged, remembered beside the journal: lists of points say of each how many places
 * cannot be given back there, also while the scenario does not run.
 */
import type { RewindPoint } from '../../shared/rewind.ts';
import type { LostObject } from '../journal/kept-check.ts';
import { positionOf } from '../journal/points.ts';
import { journalEntries } from '../journal/record.ts';
import type { SegmentLog, StateFile } from '../ports.ts';

type Remembered = readonly [segment: number, n: number, path: string];

export class LostPlaces {
  private readonly file: StateFile | undefined;
  private readonly log: SegmentLog;
  /** Numbers of the records whose kept objects are lost, ascending; undefined: not read yet. */
  private known: readonly number[] | undefined;

  /** Without a file nothing is remembered beyond this engine. */
  constructor(file: StateFile | undefined, log: SegmentLog) {
    this.file = file;
    this.log = log;
  }

  /** All that a check of the whole history found. */
  found(lost: readonly LostObject[]): void {
    this.known = ascending(lost.map(({ n }) => n));
    const remembered = lost.flatMap(({ segment, n, path }): Remembered[] =>
      segment === undefined ? [] : [[segment, n, path]],
    );
    try {
      this.file?.save(new TextEncoder().encode(JSON.stringify(remembered)));
    } catch {
      // A full disk: this engine knows it, and the next check finds it again.
    }
  }

  /** To get to a point every younger change is taken back. */
  marked(points: readonly RewindPoint[]): readonly RewindPoint[] {
    this.known ??= this.remembered();
    const { known } = this;
    if (known.length === 0) return points;
    return points.map((point) => {
      if (point.kind === 'gap') return point;
      const lost = known.length - countUpTo(known, positionOf(point));
      return lost === 0 ? point : { ...point, lost };
    });
  }

  /** Of a history that has begun anew since, or lost its oldest part, nothing is said any more. */
  private remembered(): readonly number[] {
    try {
      const bytes = this.file?.load();
      if (bytes === undefined) return [];
      const listed = JSON.parse(new TextDecoder().decode(bytes)) as Remembered[];
      const there = new Set(this.log.list());
      const segments = new Set(listed.map(([segment]) => segment).filter((segment) => there.has(segment)));
      return ascending([...segments].flatMap((segment) => this.stillIn(segment, listed)));
    } catch {
      // Damaged: the next check finds it again.
      return [];
    }
  }

  private stillIn(segment: number, listed: readonly Remembered[]): number[] {
    const paths = new Map(listed.flatMap(([its, n, path]) => (its === segment ? [[n, path] as const] : [])));
    const found: number[] = [];
    for (const entry of journalEntries(this.log.read(segment))) {
      if (entry.kind === 'undo' && paths.get(entry.record.n) === entry.record.path) found.push(entry.record.n);
    }
    return found;
  }
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** How many of them are not above `limit`. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
