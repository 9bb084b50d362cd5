/**
 * What is removed because of its age must not go all at once because somebody set the clock forward (docs/decisions/0067): while this
 * process runs, the age of what is kept grows at most twice as fast as time passes. What grew old while it did not run is caught
 * up with at the same pace.
 */
import type { Clock } from './ports.ts';

const FASTEST = 2;

export class Ageing {
  private readonly clock: Pick<Clock, 'wallMs' | 'bootMs'>;
  /** Up to where it was old enough at the last look. */
  private seen: { readonly beforeMs: number; readonly bootMs: number } | undefined;

  constructor(clock: Pick<Clock, 'wallMs' | 'bootMs'>) {
    this.clock = clock;
  }

  /** Wall clock, ms: what is from before that is older than `keptMs`. `oldestMs`: of what is kept now. */
  before(keptMs: number, oldestMs: () => number | undefined): number {
    const bootMs = this.clock.bootMs();
    const targetMs = this.clock.wallMs() - keptMs;
    const { seen } = this;
    const allowedMs = seen === undefined ? Number.NEGATIVE_INFINITY : seen.beforeMs + FASTEST * (bootMs - seen.bootMs);
    // Before the oldest there is nothing that could go too soon.
    const beforeMs = targetMs <= allowedMs ? targetMs : Math.max(allowedMs, Math.min(targetMs, oldestMs() ?? targetMs));
    this.seen = { beforeMs: Math.max(beforeMs, seen?.beforeMs ?? beforeMs), bootMs };
    return beforeMs;
  }
}

/** Wall clock of a beginning and an end; what lies between is the time that passed, whatever the clock was set to meanwhile. */
export interface Span {
  readonly startedAt: number;
  readonly finishedAt: number;
}

export function beginSpan(clock: Pick<Clock, 'wallMs' | 'bootMs'>): () => Span {
  const [startedAt, startedBoot] = [clock.wallMs(), clock.bootMs()];
  return () => ({ startedAt, finishedAt: startedAt + Math.round(clock.bootMs() - startedBoot) });
}
