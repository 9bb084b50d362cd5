/** Which lines of a text went and came, as few as possible (Myers, O((n+m)·d)); bounded, so that a key never waits. Pure. */

export interface DifferenceLine {
  readonly kind: 'same' | 'went' | 'came';
  readonly text: string;
}

/** More differing lines than this are not matched any more: all of the middle went, all of the other came. */
const MOST_STEPS = 400;

export function differenceOf(before: readonly string[], after: readonly string[]): readonly DifferenceLine[] {
  let head = 0;
  const shorter = Math.min(before.length, after.length);
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const same = (text: string): DifferenceLine => ({ kind: 'same', text });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: readonly string[], after: readonly string[]): readonly DifferenceLine[] {
  const trace = shortestPath(before, after);
  if (trace === undefined || before.length === 0 || after.length === 0) {
    return [
      ...before.map((text): DifferenceLine => ({ kind: 'went', text })),
      ...after.map((text): DifferenceLine => ({ kind: 'came', text })),
    ];
  }
  return backtrack(before, after, trace);
}

/** Furthest reaching x by diagonal. */
type Reach = Map<number, number>;

/** What was reached before each step; undefined when it takes too many. */
function shortestPath(before: readonly string[], after: readonly string[]): readonly Reach[] | undefined {
  const reach: Reach = new Map([[1, 0]]);
  const trace: Reach[] = [];
  const most = Math.min(MOST_STEPS, before.length + after.length);
  for (let steps = 0; steps <= most; steps += 1) {
    trace.push(new Map(reach));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const x = slide(before, after, stepTo(reach, diagonal, steps), diagonal);
      reach.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return trace;
    }
  }
  return undefined;
}

function stepTo(reach: Reach, diagonal: number, steps: number): number {
  return isDown(reach, diagonal, steps) ? (reach.get(diagonal + 1) ?? 0) : (reach.get(diagonal - 1) ?? 0) + 1;
}

/** Along what is the same. */
function slide(before: readonly string[], after: readonly string[], from: number, diagonal: number): number {
  let x = from;
  while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
  return x;
}

function isDown(reach: Reach, diagonal: number, steps: number): boolean {
  if (diagonal === -steps) return true;
  return diagonal !== steps && (reach.get(diagonal - 1) ?? -1) < (reach.get(diagonal + 1) ?? -1);
}

/** Where the step that ended at (x, y) or before it on its diagonal came from. */
function originOf(reach: Reach, diagonal: number, steps: number): { down: boolean; fromX: number; fromY: number } {
  const down = isDown(reach, diagonal, steps);
  if (steps === 0) return { down, fromX: 0, fromY: 0 };
  const fromDiagonal = down ? diagonal + 1 : diagonal - 1;
  const fromX = reach.get(fromDiagonal) ?? 0;
  return { down, fromX, fromY: fromX - fromDiagonal };
}

function backtrack(
  before: readonly string[],
  after: readonly string[],
  trace: readonly Reach[],
): readonly DifferenceLine[] {
  const lines: DifferenceLine[] = [];
  let x = before.length;
  let y = after.length;
  for (const [steps, reach] of [...trace.entries()].reverse()) {
    const { down, fromX, fromY } = originOf(reach, x - y, steps);
    for (; x > fromX && y > fromY; y -= 1) {
      x -= 1;
      lines.push({ kind: 'same', text: before[x] ?? '' });
    }
    if (steps === 0) break;
    lines.push(down ? { kind: 'came', text: after[fromY] ?? '' } : { kind: 'went', text: before[fromX] ?? '' });
    x = fromX;
    y = fromY;
  }
  return lines.reverse();
}
