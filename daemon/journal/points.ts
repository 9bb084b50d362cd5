/** Rewind points as an operator sees them, newest first. Pure. */
import { isWithin } from '../../shared/path.ts';
import type { RewindPoint, RewindPointKind } from '../../shared/rewind.ts';
import type { JournalHistory, PlacedMark } from './history.ts';
import type { HistoryMark, UndoRecord } from './record.ts';

export interface PointFilter {
  readonly kinds?: readonly RewindPointKind[] | undefined;
  /** Wall clock, ms; both included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Part of the path of a file event, or of the text of a bookmark; case does not count. */
  readonly text?: string | undefined;
  /** Of file events: a path with everything below it, or a pattern with `*`, `**` and `?`. */
  readonly path?: string | undefined;
  readonly root?: number | undefined;
  /** Id of a point: only older ones. None is older than one that is not there (any more). */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** `total`: how many there are for the filter, also beyond the limit and not only older ones. */
export function listPoints(
  points: Iterable<RewindPoint>,
  filter: PointFilter,
): { readonly points: RewindPoint[]; readonly total: number } {
  const passes = pointTest(filter);
  const page: RewindPoint[] = [];
  let total = 0;
  let older = filter.before === undefined;
  for (const point of points) {
    if (passes(point)) {
      total += 1;
      if (older && page.length < filter.limit) page.push(point);
    }
    older ||= point.id === filter.before;
  }
  return { points: page, total };
}

/** Whether a point is one of those asked for; `before` and `limit` apart. */
function pointTest(filter: PointFilter): (point: RewindPoint) => boolean {
  const { kinds, since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, root } = filter;
  const wanted = filter.text?.toLowerCase();
  const inPath = filter.path === undefined ? undefined : pathTest(filter.path);
  return ({ kind, at, text, path, root: its }) => {
    if (kinds !== undefined && !kinds.includes(kind)) return false;
    if (at < since || at > until) return false;
    if (root !== undefined && its !== root) return false;
    if (inPath !== undefined && (path === undefined || !inPath(path))) return false;
    return wanted === undefined || `${text} ${path ?? ''}`.toLowerCase().includes(wanted);
  };
}

const PATTERN = /[*?]/;

/** `**` crosses directories, `*` and `?` do not. What a pattern matches counts with everything below it. */
export function pathTest(wanted: string): (path: string) => boolean {
  const whole = wanted.replace(/\/+$/, '');
  if (!PATTERN.test(whole)) return (path) => isWithin(path, whole);
  const source = whole
    .split(/(\*\*\/?|\*|\?)/)
    .map((part) => {
      if (part.startsWith('**')) return part.endsWith('/') ? '(?:.*/)?' : '.*';
      if (part === '*') return '[^/]*';
      return part === '?' ? '[^/]' : part.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
    })
    .join('');
  const pattern = new RegExp(`^${source}(?:/|$)`, 's');
  return (path) => pattern.test(path);
}

/** What every path that matches begins with. */
export function literalStart(wanted: string): string {
  const at = wanted.search(PATTERN);
  return at < 0 ? wanted.replace(/\/+$/, '') : wanted.slice(0, at);
}

/** The point of that id; undefined when the history does not hold it (any more). */
export function findPoint(history: JournalHistory, id: string): RewindPoint | undefined {
  for (const point of pointsOf(history)) if (point.id === id) return point;
  return undefined;
}

/** Number of the record a point lies behind. */
export function positionOf({ id }: Pick<RewindPoint, 'id'>): number {
  return Number.parseInt(id.slice(id.lastIndexOf('-') + 1), 36);
}

export function* pointsOf(history: JournalHistory): Generator<RewindPoint> {
  const { records, marks } = history;
  let mark = marks.length - 1;
  for (let at = records.length - 1; at >= 0; at -= 1) {
    const record = records[at]!;
    for (; mark >= 0 && marks[mark]!.n >= record.n; mark -= 1) {
      const point = pointOfMark(history, marks[mark]!);
      if (point !== undefined) yield point;
    }
    const event = pointOfEvent(record, boundaryAt(marks, mark) ?? history.first);
    if (event !== undefined) yield event;
  }
  for (; mark >= 0; mark -= 1) {
    const point = pointOfMark(history, marks[mark]!);
    if (point !== undefined) yield point;
  }
}

/** The last moment at or before that mark at which the roots were a state of the Master; a bookmark may lie inside a unit. */
function boundaryAt(marks: readonly PlacedMark[], mark: number): number | undefined {
  let at = mark;
  while (marks[at]?.kind === 'bookmark') at -= 1;
  return marks[at]?.n;
}

function pointOfMark(history: JournalHistory, mark: PlacedMark): RewindPoint | undefined {
  return pointOfPlaced(mark, mark.kind === 'bookmark' ? placeOf(history, mark) : mark.n);
}

/** `n`: the record it lies behind. */
export function pointOfPlaced(mark: HistoryMark, n: number): RewindPoint | undefined {
  const { kind, text, replicaMs, masterMs } = mark;
  if (kind === 'unit') return undefined;
  const at = masterMs > 0 ? masterMs : replicaMs;
  return { id: `${kind}-${n.toString(36)}`, at, kind, text: text === '' ? TEXTS[kind] : text };
}

const TEXTS: Readonly<Record<Exclude<RewindPointKind, 'event'>, string>> = {
  bookmark: 'Bookmark',
  synchronized: 'After synchronization',
  'before-synchronization': 'Before synchronization',
  rewind: 'Before a rewind',
  gap: 'Nothing before this can be reached',
};

/** A bookmark is the Master's state at its sequence, wherever in the log it was written. */
function placeOf({ records, marks }: JournalHistory, bookmark: PlacedMark): number {
  // Sequences mean something only since the last synchronization or rewind.
  const since = marks.findLast(({ kind, n }) => kind !== 'unit' && kind !== 'bookmark' && n <= bookmark.n)?.n ?? 0;
  const last = records.findLast((record) => record.n <= bookmark.n && !isLater(record, bookmark.seq));
  return Math.max(since, last?.n ?? since);
}

/** A change of the Master behind `seq`. */
export function isLater({ seq, undoes }: UndoRecord, than: number): boolean {
  return undoes === undefined && seq > than;
}

/** Steps of a rewind are no events of the Master, and neither is the time of a directory whose entries changed. */
export function isFileEvent({ undoes, seq, op, before }: UndoRecord): boolean {
  return undoes === undefined && seq !== 0 && (op !== 'metadata' || before?.type === 'file');
}

/** The state right before the change, so that choosing a deletion gives back what was deleted. */
export function pointOfEvent(record: UndoRecord, before: number): RewindPoint | undefined {
  if (!isFileEvent(record)) return undefined;
  const id = `e${record.n.toString(36)}-${before.toString(36)}`;
  return { id, at: record.masterMs, kind: 'event', text: describe(record), path: record.path, root: record.root };
}

function describe({ op, from, before }: UndoRecord): string {
  switch (op) {
    case 'rename':
      return `Renamed from "${from}"`;
    case 'remove':
      return before?.type === 'directory' ? 'Directory deleted' : 'Deleted';
    case 'metadata':
      return 'Attributes changed';
    case 'make-directory':
      return 'Directory created';
    case 'link':
      return 'Hard link created';
    case 'symlink':
      return before === undefined ? 'Link created' : 'Link changed';
    default:
      return before === undefined ? 'Created' : 'Changed';
  }
}
