/** What a client that requests all the time has seen, and what follows from it. Pure; times are milliseconds of the machine's monotonic clock. */

/** A request, or a write that was sent. */
export interface Answer {
  readonly startedMs: number;
  readonly endedMs: number;
  /** HTTP status; none when there was no answer. */
  readonly status?: number;
  /** Name of the machine that answered, by its own word. */
  readonly by?: string;
  readonly error?: string;
  /** Of a write: which one. */
  readonly number?: number;
}

export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ClientSummary {
  readonly requests: number;
  readonly answered: number;
  /** Between two answers one after the other; also before the first and after the last one. */
  readonly longestGap: Gap;
  readonly longestGapMs: number;
  /** Machines in the order in which they began to answer: `alpha`, `beta` for a switchover. */
  readonly answeredBy: readonly string[];
  /** What went wrong, how often. */
  readonly failures: Readonly<Record<string, number>>;
}

const isAnswered = ({ status }: Answer): boolean => status !== undefined && status >= 200 && status < 300;

/** Of the requests that ended in the interval. */
export function summarize(answers: readonly Answer[], { fromMs, toMs }: Gap): ClientSummary {
  const seen = answers.filter(({ endedMs }) => endedMs >= fromMs && endedMs <= toMs);
  const good = seen.filter(isAnswered).sort((a, b) => a.endedMs - b.endedMs);
  const failures: Record<string, number> = {};
  for (const { status, error } of seen.filter((answer) => !isAnswered(answer))) {
    const what = status === undefined ? (error ?? 'no answer') : `status ${status}`;
    failures[what] = (failures[what] ?? 0) + 1;
  }
  const longestGap = longestBetween([fromMs, ...good.map(({ endedMs }) => endedMs), toMs]);
  return {
    requests: seen.length,
    answered: good.length,
    longestGap,
    longestGapMs: longestGap.toMs - longestGap.fromMs,
    answeredBy: good.map(({ by = '?' }) => by).filter((by, n, all) => by !== all[n - 1]),
    failures,
  };
}

function longestBetween(times: readonly number[]): Gap {
  let longest: Gap = { fromMs: times[0]!, toMs: times[0]! };
  for (let n = 1; n < times.length; n += 1) {
    const gap = { fromMs: times[n - 1]!, toMs: times[n]! };
    if (gap.toMs - gap.fromMs > longest.toMs - longest.fromMs) longest = gap;
  }
  return longest;
}

/** Writes that a server said it has: none of them may be missing afterwards. */
export function acknowledged(writes: readonly Answer[]): Answer[] {
  return writes.filter(isAnswered);
}

/** What the write with that number leaves on the server. */
export const writtenText = (number: number): string => `write ${number}\n`;
