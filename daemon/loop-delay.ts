/** How late the main thread's event loop is: the 99th percentile of the last whole window and of the current one. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from './ports.ts';

/** Each look wakes the process: at 10 ms that alone was 0.5 % of a core, at 250 ms it was half of the wake-ups of an idle one. */
const QUIET_RESOLUTION_MS = 1_000;
/** While engines have something to tell. */
const BUSY_RESOLUTION_MS = 100;
const WINDOW_MS = 10_000;

export class LoopDelay {
  private readonly clock: Clock;
  private histogram: IntervalHistogram;
  private resolutionMs = QUIET_RESOLUTION_MS;
  /** Something was told in this window. */
  private busy = false;
  private lastMs = 0;
  private timer: Timer | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.histogram = this.measure();
    this.rotate();
  }

  get p99Ms(): number {
    return Math.round(Math.max(this.lastMs, this.currentMs()) * 10) / 10;
  }

  /** There is work: it is measured closely from now on until a whole window was quiet. */
  noteWork(): void {
    this.busy = true;
    this.setResolution(BUSY_RESOLUTION_MS);
  }

  stop(): void {
    this.timer?.cancel();
    this.histogram.disable();
  }

  private setResolution(resolutionMs: number): void {
    if (this.resolutionMs === resolutionMs) return;
    this.lastMs = Math.max(this.lastMs, this.currentMs());
    this.histogram.disable();
    this.resolutionMs = resolutionMs;
    this.histogram = this.measure();
  }

  private measure(): IntervalHistogram {
    const histogram = monitorEventLoopDelay({ resolution: this.resolutionMs });
    histogram.enable();
    return histogram;
  }

  /** The histogram counts from one tick of its timer to the next: the resolution itself is no delay. */
  private currentMs(): number {
    return this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.percentile(99) / 1e6 - this.resolutionMs);
  }

  private rotate(): void {
    this.timer = this.clock.after(WINDOW_MS, () => {
      this.lastMs = this.currentMs();
      this.histogram.reset();
      if (!this.busy) this.setResolution(QUIET_RESOLUTION_MS);
      this.busy = false;
      this.rotate();
    });
  }
}
