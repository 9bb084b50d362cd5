/** The round rule of Is Alive: when a host counts as down, and when it does not. */
import test from 'ava';
import fc from 'fast-check';
import {
  type Judged,
  judge,
  NO_ROUNDS,
  nextRounds,
  type RoundRule,
  type Rounds,
  type Surroundings,
} from '../../daemon/health/machine.ts';
import type { HealthCheckKind } from '../../shared/health.ts';

const RULE: RoundRule = { heartbeatMs: 30_000, timeoutMs: 300_000 };
const FAST: RoundRule = { heartbeatMs: 100, timeoutMs: 500 };
const KINDS: Readonly<Record<string, HealthCheckKind>> = { engine: 'engine', ping: 'ping', site: 'site' };
const NO_REFERENCES = { asked: 0, reached: 0 };

type Outcome = 'passed' | 'failed' | 'skipped' | 'none';
interface Played {
  readonly gapMs?: number;
  readonly answers: Readonly<Record<string, Outcome>>;
  readonly late?: boolean;
  /** Checks answered after the round was judged. */
  readonly afterwards?: readonly string[];
}

/** Rounds one after the other, each judged after a heartbeat. */
class Play {
  rounds: Rounds = NO_ROUNDS;
  now = 0;
  n = 0;
  readonly rule: RoundRule;
  readonly kinds: Readonly<Record<string, HealthCheckKind>>;
  references: Surroundings['references'] = NO_REFERENCES;
  readonly verdicts: Judged[] = [];

  constructor(rule: RoundRule, kinds = KINDS) {
    this.rule = rule;
    this.kinds = kinds;
  }

  round({ gapMs = 0, answers, late = false, afterwards = [] }: Played): Judged {
    this.now += gapMs;
    this.n += 1;
    const { n, rule } = this;
    this.happen({ type: 'begin', n, at: this.now, parts: Object.keys(this.kinds) });
    for (const [part, outcome] of Object.entries(answers)) {
      if (outcome !== 'none') this.happen({ type: 'answer', n, at: this.now, part, outcome });
    }
    this.now += rule.heartbeatMs;
    this.happen({ type: 'due', n, at: this.now, late });
    for (const part of afterwards) this.happen({ type: 'answer', n, at: this.now, part, outcome: 'passed' });
    if (n > 3) this.happen({ type: 'close', n: n - 3 });
    return this.verdict;
  }

  happen(event: Parameters<typeof nextRounds>[1]): void {
    this.rounds = nextRounds(this.rounds, event, this.rule);
    this.verdicts.push(this.verdict);
  }

  get verdict(): Judged {
    return judge(this.rounds, this.rule, { kinds: this.kinds, references: this.references }, this.now);
  }
}

const ALL: Record<string, Outcome> = { engine: 'passed', ping: 'passed', site: 'passed' };
const NONE: Record<string, Outcome> = { engine: 'none', ping: 'none', site: 'none' };

test('a host that answers nothing is down after the timeout, and not one round earlier', (t) => {
  const play = new Play(RULE);
  t.is(play.round({ answers: ALL }).state, 'alive');
  const died = play.now;
  while (play.round({ answers: NONE }).state === 'suspect')
    t.true(play.now - died <= RULE.timeoutMs + RULE.heartbeatMs);
  t.like(play.verdict, { state: 'down', cause: 'peer', dead: ['engine', 'ping', 'site'] });
  t.true(play.now - died >= RULE.timeoutMs);
});

test('one round that passes begins the timeout anew', (t) => {
  const play = new Play(RULE);
  for (let n = 0; n < 9; n += 1) play.round({ answers: NONE });
  t.is(play.round({ answers: ALL }).state, 'alive');
  for (let n = 0; n < 9; n += 1) t.is(play.round({ answers: NONE }).state, 'suspect');
  t.is(play.round({ answers: NONE }).state, 'down');
});

test('a silent engine is not a Master that is down while a site answers', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 20; n += 1) play.round({ answers: { ...NONE, site: 'passed' } });
  t.like(play.verdict, { state: 'suspect', cause: 'inconclusive', dead: ['engine', 'ping'] });
});

test('a site that stops answering later than the engine is waited for as long as the engine was', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 7; n += 1) play.round({ answers: { ...NONE, site: 'passed' } });
  t.is(play.verdict.cause, 'inconclusive');
  const last = play.now - FAST.heartbeatMs;
  while (play.verdict.cause === 'inconclusive') play.round({ answers: NONE });
  t.is(play.verdict.cause, 'peer');
  t.true(play.now - last >= FAST.timeoutMs);
});

test('an engine that answers while the sites do not is an application that is down', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 6; n += 1) play.round({ answers: { ...ALL, site: 'failed' } });
  t.like(play.verdict, { state: 'down', cause: 'application', dead: ['site'] });
});

test('a ping that never passes beside an engine that answers proves nothing', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 20; n += 1) play.round({ answers: { ...ALL, ping: 'failed' } });
  t.like(play.verdict, { state: 'suspect', cause: 'inconclusive' });
});

test('a host that reaches none of its reference addresses is cut off itself', (t) => {
  const play = new Play(FAST);
  play.references = { asked: 2, reached: 0 };
  for (let n = 0; n < 6; n += 1) play.round({ answers: NONE });
  t.like(play.verdict, { state: 'unknown', cause: 'link' });
  play.references = { asked: 2, reached: 1 };
  t.like(play.verdict, { state: 'down', cause: 'peer' });
});

test('rounds that were judged late are nobody’s fault, however many', (t) => {
  const play = new Play(FAST);
  play.round({ answers: ALL });
  for (let n = 0; n < 100; n += 1) play.round({ answers: NONE, late: true });
  t.is(play.verdict.state, 'unknown', 'nothing was learnt for long');
  t.is(play.verdict.failedRounds, 0);
});

test('a failure that was seen counts even in a round that was judged late', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 6; n += 1) play.round({ answers: { ...NONE, engine: 'failed', site: 'failed' }, late: true });
  t.like(play.verdict, { state: 'down', cause: 'peer' });
});

test('a suspended machine does not hold against the other what it saw before', (t) => {
  const play = new Play(RULE);
  for (let n = 0; n < 9; n += 1) play.round({ answers: NONE });
  const woken = play.round({ gapMs: 8 * 3_600_000, answers: NONE });
  t.like(woken, { state: 'suspect', failedRounds: 1 });
});

test('an answer that comes late proves life', (t) => {
  const play = new Play(FAST);
  for (let n = 0; n < 4; n += 1) play.round({ answers: NONE });
  t.is(play.round({ answers: NONE, afterwards: ['engine', 'ping', 'site'] }).state, 'alive');
});

test('a check that cannot be made counts neither way', (t) => {
  const play = new Play(FAST);
  t.is(play.round({ answers: { ...ALL, ping: 'skipped' } }).state, 'alive');
  for (let n = 0; n < 6; n += 1) play.round({ answers: { ...NONE, ping: 'skipped', site: 'skipped' } });
  t.like(play.verdict, { state: 'down', cause: 'peer', dead: ['engine'] });
});

/** Mostly silent: a host that is seldom down says little of when it is. */
const outcome = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Outcome>('none') },
  { weight: 3, arbitrary: fc.constant<Outcome>('failed') },
  { weight: 1, arbitrary: fc.constantFrom<Outcome>('passed', 'skipped') },
);
const played = fc.record({
  gapMs: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 5_000 }) },
  ),
  answers: fc.record({ engine: outcome, ping: outcome, site: outcome }),
  late: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  afterwards: fc.oneof(
    { weight: 12, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.subarray(['engine', 'ping', 'site']) },
  ),
});
const rule = fc
  .tuple(fc.integer({ min: 100, max: 1_000 }), fc.integer({ min: 1, max: 12 }))
  .map(([heartbeatMs, rounds]) => ({ heartbeatMs, timeoutMs: heartbeatMs * rounds }));

const NEVER = Number.NEGATIVE_INFINITY;

/** When each check, and a whole round of them (`all`), last passed. */
function notePasses(
  passedAt: Map<string, number>,
  { answers, afterwards = [], late = false }: Played,
  at: number,
): void {
  const states = Object.entries(answers).map(([part, state]): [string, Outcome] =>
    state === 'none' && afterwards.includes(part) && !late ? [part, 'passed'] : [part, state],
  );
  const good = states.filter(([, state]) => state === 'passed');
  if (good.length > 0 && states.every(([, state]) => state === 'passed' || state === 'skipped'))
    passedAt.set('all', at);
  if (!late) for (const [part] of good) passedAt.set(part, at);
}

test('whatever happens, a host is only down when nothing of the kind passed within the timeout', (t) => {
  let down = 0;
  fc.assert(
    fc.property(rule, fc.array(played, { maxLength: 60 }), (given, rounds) => {
      const play = new Play(given);
      const passedAt = new Map<string, number>();
      for (const each of rounds) {
        const begun = play.now + (each.gapMs ?? 0);
        const { cause, state } = play.round(each);
        notePasses(passedAt, each, begun);
        if (state !== 'down') continue;
        down += 1;
        for (const part of cause === 'peer' ? ['all', 'engine', 'site'] : ['all']) {
          t.true(play.now - (passedAt.get(part) ?? NEVER) >= given.timeoutMs, `${part} passed, and ${cause} is down`);
        }
      }
    }),
    { numRuns: 400 },
  );
  t.true(down > 100, `only ${down} verdicts were checked`);
});

test('whatever happened before, a host that answers nothing is down within the timeout and two rounds', (t) => {
  fc.assert(
    fc.property(rule, fc.array(played, { maxLength: 30 }), (given, before) => {
      const play = new Play(given);
      for (const each of before) play.round(each);
      const died = play.now;
      while (play.verdict.state !== 'down') {
        play.round({ answers: NONE });
        if (play.now - died > given.timeoutMs + 2 * given.heartbeatMs) break;
      }
      t.is(play.verdict.state, 'down');
    }),
    { numRuns: 400 },
  );
});
