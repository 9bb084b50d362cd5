/** Hands the hints of memory trees to the engine, late and in batches like a kernel queue; loss can be injected. */
import type { CaptureHint, CaptureMethod, CaptureSource, Clock, Timer } from '../../daemon/ports.ts';

export class MemoryCapture implements CaptureSource {
  readonly method: CaptureMethod = 'memory';
  private readonly clock: Clock;
  private readonly delayMs: () => number;
  private queue: CaptureHint[] = [];
  private timer: Timer | undefined;
  private onHints: ((hints: readonly CaptureHint[]) => void) | undefined;

  /** `delayMs`: time from a change to its hint; drawn anew for each batch. */
  constructor(clock: Clock, delayMs: () => number = () => 0) {
    this.clock = clock;
    this.delayMs = delayMs;
  }

  start(onHints: (hints: readonly CaptureHint[]) => void): void {
    this.onHints = onHints;
  }

  stop(): void {
    this.onHints = undefined;
    this.queue = [];
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Called by the trees. Nobody is told of what happens while no one listens. */
  emit(hint: CaptureHint): void {
    if (this.onHints === undefined) return;
    this.queue.push(hint);
    this.timer ??= this.clock.after(this.delayMs(), () => this.deliver());
  }

  /** The queue overflows: what is in it is lost and the loss is signalled. */
  overflow(root: number, path = ''): void {
    this.queue = this.queue.filter((hint) => hint.root !== root);
    this.emit({ kind: 'overflow', root, path, reason: 'injected overflow' });
  }

  /** What is queued is lost and nobody says so (a broken kernel, a crash of the capture thread). */
  loseSilently(): void {
    this.queue = [];
  }

  private deliver(): void {
    this.timer = undefined;
    const hints = this.queue;
    this.queue = [];
    if (hints.length > 0) this.onHints?.(hints);
  }
}
