/**
 * The time by which history grows old. A wall clock that jumps forward must not age months of history at once: it counts only
 * as far as the clock since the boot confirms it, and what it is ahead is caught up with slowly. One that
 * is set back is believed at once: history then stays longer. Pure but for the clock.
 */
import type { Clock } from '../ports.ts';

/** For the checkpoint. */
export interface HistoryTime {
  /** Wall clock, ms, as far as it is believed. */
  readonly judgedMs: number;
  /** `Clock.bootMs` then. */
  readonly bootMs: number;
}

/** Of the time that has passed. If the jump was wrong, history is kept an eighth shorter than asked for while it is caught up with. */
const FASTEST = 1.125;

export class HistoryClock {
  private readonly clock: Pick<Clock, 'wallMs' | 'bootMs'>;
  private time: HistoryTime;

  /** `saved`: of an earlier life; absent: the wall clock is believed. */
  constructor(clock: Pick<Clock, 'wallMs' | 'bootMs'>, saved: HistoryTime | undefined) {
    this.clock = clock;
    this.time = saved ?? { judgedMs: clock.wallMs(), bootMs: clock.bootMs() };
  }

  /** Wall clock, ms, as far as it is believed now. */
  look(): HistoryTime {
    const bootMs = this.clock.bootMs();
    // After a boot only the time since then is sure; a later boot that has lasted longer than that says too little, never too much.
    const passedMs = bootMs >= this.time.bootMs ? bootMs - this.time.bootMs : bootMs;
    const judgedMs = Math.min(this.clock.wallMs(), this.time.judgedMs + FASTEST * passedMs);
    this.time = { judgedMs, bootMs };
    return this.time;
  }

  /** Nothing is kept that could go too soon. */
  believe(): void {
    this.time = { judgedMs: this.clock.wallMs(), bootMs: this.clock.bootMs() };
  }
}
