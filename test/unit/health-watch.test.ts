/** Ten minutes of heartbeats every 100 ms in virtual time, over a network and an event loop that are not perfect. */
import test from 'ava';
import type { Probe } from '../../daemon/health/contract.ts';
import { MasterWatch } from '../../daemon/health/watch.ts';
import type { Clock } from '../../daemon/ports.ts';
import type { HealthCheckKind } from '../../shared/health.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';

const TEN_MINUTES_MS = 600_000;
const FAST = { heartbeatMs: 100, timeoutMs: 500 };

/** A host whose loop stands still now and then, and which is suspended: boot time goes on, timers do not. */
class UnsteadyClock implements Clock {
  readonly inner = new SimulatedClock();
  stoodMs = 0;
  wallMs = () => this.inner.wallMs() + this.stoodMs;
  bootMs = () => this.inner.bootMs() + this.stoodMs;
  after = (delayMs: number, run: () => void) => this.inner.after(delayMs, run);

  /** Until `boot`; what promises do goes on between timers. */
  async until(boot: number, over = () => false, between: () => void = () => undefined): Promise<void> {
    while (this.bootMs() < boot && !over() && this.inner.runNext()) {
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
      between();
    }
  }
}

/** Answers after `latency()`; undefined: never. */
function probe(clock: Clock, kind: HealthCheckKind, latency: () => number | undefined): Probe {
  return {
    name: kind,
    kind,
    ask: () =>
      new Promise((resolve) => {
        const ms = latency();
        if (ms !== undefined) clock.after(ms, () => resolve({ outcome: 'passed', detail: 'answers' }));
      }),
  };
}

function watching(clock: Clock, latency: (kind: HealthCheckKind) => number | undefined) {
  const verdicts: string[] = [];
  const probes = (['engine', 'ping', 'site'] as const).map((kind) => probe(clock, kind, () => latency(kind)));
  const watch = new MasterWatch(
    {
      clock,
      watchedBy: 'beta',
      onChange: ({ verdict: { state, cause } }) => verdicts.push(cause === undefined ? state : `${state} ${cause}`),
    },
    { scenarioId: 'a', host: 'alpha', rule: FAST },
    probes,
  );
  watch.start();
  return { watch, verdicts };
}

for (const seed of [1, 2, 3]) {
  test(`ten minutes of late and lost answers, loops that stand still and suspensions are no Master that is down (${seed})`, async (t) => {
    const clock = new UnsteadyClock();
    const random = new SeededRandom(seed);
    const network = () => {
      if (random.chance(0.005)) return undefined;
      return random.chance(0.05) ? 100 + random.below(350) : 1 + random.below(60);
    };
    const { watch, verdicts } = watching(clock, network);
    let stood = 0;
    // Ten minutes in which it runs.
    const over = () => clock.inner.bootMs() >= TEN_MINUTES_MS;
    await clock.until(Number.POSITIVE_INFINITY, over, () => {
      if (!random.chance(0.001)) return;
      stood += 1;
      clock.stoodMs += random.chance(0.1) ? 3_600_000 : 50 + random.below(3_000);
    });
    t.true(stood > 20, `stood still only ${stood} times`);
    t.deepEqual(
      verdicts.filter((verdict) => verdict.includes(' ')),
      [],
    );
    t.false(verdicts.includes('down'));
    t.true(verdicts.includes('suspect'), 'it was not all good');
    const { failedRounds } = watch.verdict;
    t.true(failedRounds < 5, `${failedRounds} rounds`);
    watch.stop();
  });
}

test('a host that dies is down half a second later, and what comes before and after is told once', async (t) => {
  const clock = new UnsteadyClock();
  let dead = false;
  const { watch, verdicts } = watching(clock, () => (dead ? undefined : 5));
  await clock.until(10_000);
  dead = true;
  const died = clock.bootMs();
  await clock.until(died + FAST.timeoutMs + FAST.heartbeatMs + 1);
  t.deepEqual(verdicts, ['alive', 'suspect', 'down peer']);
  t.regex(watch.verdict.reason, /engine: no answer within 100 ms/);
  dead = false;
  await clock.until(clock.bootMs() + 300);
  t.deepEqual(verdicts.slice(3), ['alive']);
  watch.stop();
});

test('checks that are asked no more do not count and are not shown', async (t) => {
  const clock = new UnsteadyClock();
  const { watch } = watching(clock, (kind) => (kind === 'site' ? undefined : 5));
  await clock.until(5_000);
  t.is(watch.verdict.cause, 'application');
  watch.use([probe(clock, 'engine', () => 5)]);
  await clock.until(clock.bootMs() + 500);
  t.like(watch.verdict, { state: 'alive', cause: undefined });
  t.deepEqual(
    watch.verdict.checks.map(({ name }) => name),
    ['engine'],
  );
  watch.stop();
});
