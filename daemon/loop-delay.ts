/** How late the main thread's event loop is: the 99th percentile of the last whole window and of the current one. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from './ports.ts';

/** Each look wakes the process: at 10 ms that alone was 0.5 % of a core, at 100 ms two thirds of its wake-ups when idle. */
const RESOLUTION_MS = 250;
const WINDOW_MS = 10_000;

export class LoopDelay {
  private readonly clock: Clock;
  private readonly histogram: IntervalHistogram;
  private lastMs = 0;
  private timer: Timer | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.histogram.enable();
    this.rotate();
  }

  get p99Ms(): number {
    return Math.round(Math.max(this.lastMs, this.currentMs()) * 10) / 10;
  }

  stop(): void {
    this.timer?.cancel();
    this.histogram.disable();
  }

  /** The histogram counts from one tick of its timer to the next: the resolution itself is no delay. */
  private currentMs(): number {
    return this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.percentile(99) / 1e6 - RESOLUTION_MS);
  }

  private rotate(): void {
    this.timer = this.clock.after(WINDOW_MS, () => {
      this.lastMs = this.currentMs();
      this.histogram.reset();
      this.rotate();
    });
  }
}
