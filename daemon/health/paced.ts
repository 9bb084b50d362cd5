/** Checks that cost too much for every round, or need longer than one: their last answer stands for a while. */
import type { Clock } from '../ports.ts';
import type { Probe, ProbeAnswer } from './contract.ts';

export interface Pace {
  /** Asked again when the last answer is older. */
  readonly everyMs: number;
  /** An answer may take so long before it counts as a failure. */
  readonly limitMs: number;
}

const FIRST: ProbeAnswer = { outcome: 'skipped', detail: 'not answered yet' };

/** Never waits: one that is under way is no failure before its limit, and what it said last holds until then. */
export function paced(clock: Clock, probe: Probe, { everyMs, limitMs }: Pace): Probe {
  let last = FIRST;
  let askedAt = Number.NEGATIVE_INFINITY;
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    askedAt = clock.bootMs();
    last = await probe.ask(limitMs);
    running = false;
  };
  return {
    ...probe,
    ask: () => {
      if (!running && clock.bootMs() - askedAt >= everyMs) void run();
      return Promise.resolve(last);
    },
  };
}
