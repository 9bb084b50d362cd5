/**
 * The round rule of Is Alive (FEATURES.md F1), pure. In a round every check is asked once; it fails when any check fails. The other host
 * is down when every round in the timeout failed. A round that could not be judged in time (this host was suspended, or its event loop
 * stood still) is void: it counts for nobody. An answer that comes after its round was judged still proves life: it clears that round
 * and everything before it.
 */
import type { HealthCause, HealthCheckKind } from '../../shared/health.ts';

export interface RoundRule {
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
}

type PartState = 'open' | 'passed' | 'failed' | 'skipped';

interface Round {
  readonly n: number;
  /** Boot clock. */
  readonly startedAt: number;
  readonly judged: 'open' | 'failed';
  readonly parts: Readonly<Record<string, PartState>>;
}

/** Rounds that failed one after the other and can get no late answer any more, taken together. */
interface FailedRun {
  readonly startedAt: number;
  readonly count: number;
  /** When the newest round began in which a check passed, and failed. */
  readonly passed: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
}

export interface Rounds {
  readonly run: FailedRun | undefined;
  /** Open, or failed so shortly ago that an answer may come yet; oldest first. */
  readonly recent: readonly Round[];
  /** When the newest failed round was judged. */
  readonly failedUntil: number | undefined;
  /** When a round last passed. */
  readonly passedAt: number | undefined;
  /** When a round was last judged, void ones left out. */
  readonly judgedAt: number | undefined;
  readonly begunAt: number | undefined;
}

export type RoundEvent =
  | { readonly type: 'begin'; readonly n: number; readonly at: number; readonly parts: readonly string[] }
  | {
      readonly type: 'answer';
      readonly n: number;
      readonly at: number;
      readonly part: string;
      readonly outcome: 'passed' | 'failed' | 'skipped';
    }
  /** The time for answers is over. `late`: this host could not look in time, so that missing answers prove nothing. */
  | { readonly type: 'due'; readonly n: number; readonly at: number; readonly late: boolean }
  /** No answer can come any more. */
  | { readonly type: 'close'; readonly n: number };

export const NO_ROUNDS: Rounds = {
  run: undefined,
  recent: [],
  failedUntil: undefined,
  passedAt: undefined,
  judgedAt: undefined,
  begunAt: undefined,
};

/** After the round before has begun so much earlier, what was seen before it says nothing of now. */
const silenceMs = ({ heartbeatMs, timeoutMs }: RoundRule): number => heartbeatMs + timeoutMs;

export function nextRounds(rounds: Rounds, event: RoundEvent, rule: RoundRule): Rounds {
  switch (event.type) {
    case 'begin':
      return begin(rounds, event, rule);
    case 'answer':
      return answer(rounds, event);
    case 'due':
      return due(rounds, event);
    case 'close':
      return close(rounds, event.n);
  }
}

function begin(rounds: Rounds, event: Extract<RoundEvent, { type: 'begin' }>, rule: RoundRule): Rounds {
  const { at, n, parts } = event;
  const kept = rounds.begunAt !== undefined && at - rounds.begunAt > silenceMs(rule) ? forgetting(rounds) : rounds;
  const open = Object.fromEntries(parts.map((part) => [part, 'open' as const]));
  const round: Round = { n, startedAt: at, judged: 'open', parts: open };
  return { ...kept, recent: [...kept.recent, round], begunAt: at };
}

/** Failures from before a silence of this host are not held against the other one. */
function forgetting(rounds: Rounds): Rounds {
  return { ...rounds, run: undefined, recent: [], failedUntil: undefined, judgedAt: undefined };
}

function answer(rounds: Rounds, event: Extract<RoundEvent, { type: 'answer' }>): Rounds {
  const round = rounds.recent.find(({ n }) => n === event.n);
  if (round === undefined || round.parts[event.part] !== (round.judged === 'open' ? 'open' : 'failed')) return rounds;
  // After it was judged, only life is news.
  if (round.judged === 'failed' && event.outcome === 'failed') return rounds;
  const changed: Round = { ...round, parts: { ...round.parts, [event.part]: event.outcome } };
  const states = Object.values(changed.parts);
  if (passes(states)) return passed(rounds, event.n, event.at);
  return { ...rounds, recent: rounds.recent.map((each) => (each === round ? changed : each)) };
}

/** Every check that can be made was made and passed. */
function passes(states: readonly PartState[]): boolean {
  return states.includes('passed') && states.every((state) => state === 'passed' || state === 'skipped');
}

function passed(rounds: Rounds, n: number, at: number): Rounds {
  const recent = rounds.recent.filter((round) => round.n > n);
  const failing = recent.some(({ judged }) => judged === 'failed');
  return {
    ...rounds,
    run: undefined,
    recent,
    failedUntil: failing ? rounds.failedUntil : undefined,
    passedAt: at,
    judgedAt: at,
  };
}

function due(rounds: Rounds, event: Extract<RoundEvent, { type: 'due' }>): Rounds {
  const round = rounds.recent.find(({ n }) => n === event.n);
  if (round === undefined || round.judged !== 'open') return rounds;
  const without = { ...rounds, recent: rounds.recent.filter((each) => each !== round) };
  const states = Object.values(round.parts);
  // Nothing could be checked, or what is missing may only not have been looked at.
  const isVoid = states.every((state) => state === 'skipped') || (event.late && !states.includes('failed'));
  if (isVoid) return without;
  const parts = Object.fromEntries(
    Object.entries(round.parts).map(([part, state]) => [part, state === 'open' ? ('failed' as const) : state]),
  );
  const failed: Round = { ...round, judged: 'failed', parts };
  return {
    ...rounds,
    recent: rounds.recent.map((each) => (each === round ? failed : each)),
    failedUntil: event.at,
    judgedAt: event.at,
  };
}

function close(rounds: Rounds, n: number): Rounds {
  const round = rounds.recent.find((each) => each.n === n);
  if (round === undefined || round.judged !== 'failed') return rounds;
  const recent = rounds.recent.filter((each) => each !== round);
  return { ...rounds, run: added(rounds.run, round), recent };
}

function added(run: FailedRun | undefined, round: Round): FailedRun {
  const passed = { ...run?.passed };
  const failed = { ...run?.failed };
  for (const [part, state] of Object.entries(round.parts)) {
    if (state === 'passed') passed[part] = Math.max(passed[part] ?? 0, round.startedAt);
    if (state === 'failed') failed[part] = Math.max(failed[part] ?? 0, round.startedAt);
  }
  const startedAt = Math.min(run?.startedAt ?? round.startedAt, round.startedAt);
  return { startedAt, count: (run?.count ?? 0) + 1, passed, failed };
}

// ---------------------------------------------------------------- the verdict

export interface Judged {
  readonly state: 'alive' | 'suspect' | 'down' | 'unknown';
  readonly cause?: HealthCause;
  readonly failedRounds: number;
  /** How long every round failed, ms. */
  readonly failedMs: number;
  /** Names of the checks that failed and have not passed within the timeout (while it is not over: in any of these rounds). */
  readonly dead: readonly string[];
}

export interface Surroundings {
  readonly kinds: Readonly<Record<string, HealthCheckKind>>;
  /** Reference addresses that were asked since rounds fail, and those that answered. */
  readonly references: { readonly asked: number; readonly reached: number };
}

export function judge(rounds: Rounds, rule: RoundRule, surroundings: Surroundings, now: number): Judged {
  const run = wholeRun(rounds);
  if (run === undefined || rounds.failedUntil === undefined) {
    const heard = rounds.judgedAt !== undefined && now - rounds.judgedAt <= silenceMs(rule) + rule.heartbeatMs;
    return { state: heard ? 'alive' : 'unknown', failedRounds: 0, failedMs: 0, dead: [] };
  }
  const failedMs = rounds.failedUntil - run.startedAt;
  const livesSince = rounds.failedUntil - rule.timeoutMs;
  const lives = (part: string) => (run.passed[part] ?? Number.NEGATIVE_INFINITY) > livesSince;
  const parts = Object.keys(surroundings.kinds);
  const dead = parts.filter((part) => run.failed[part] !== undefined && !lives(part));
  const seen = { failedRounds: run.count, failedMs, dead };
  const needed = Math.max(2, Math.floor(rule.timeoutMs / rule.heartbeatMs));
  if (run.count < needed || failedMs < rule.timeoutMs) return { state: 'suspect', ...seen };
  const living = parts.filter(lives);
  const cause = causeOf(dead, living, surroundings);
  return { state: STATE_OF[cause], cause, ...seen };
}

const STATE_OF = { peer: 'down', application: 'down', link: 'unknown', inconclusive: 'suspect' } as const;

function wholeRun(rounds: Rounds): FailedRun | undefined {
  let run = rounds.run;
  for (const round of rounds.recent) if (round.judged === 'failed') run = added(run, round);
  return run;
}

const APPLICATION: readonly HealthCheckKind[] = ['service', 'site', 'script', 'disk'];
/** Services and disks are told by the engine: when it is silent they say nothing. */
const SEEN_FROM_OUTSIDE: readonly HealthCheckKind[] = ['site', 'script'];

function causeOf(dead: readonly string[], living: readonly string[], { kinds, references }: Surroundings): HealthCause {
  const isDead = (kind: HealthCheckKind) => dead.some((part) => kinds[part] === kind);
  if (!isDead('engine')) return APPLICATION.some(isDead) ? 'application' : 'inconclusive';
  if (living.some((part) => SEEN_FROM_OUTSIDE.includes(kinds[part]!))) return 'inconclusive';
  if (references.asked > 0 && references.reached === 0) return 'link';
  return 'peer';
}
