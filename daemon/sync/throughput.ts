/** Bytes a second over the last seconds, from a growing total. */
const SPAN_MS = 3_000;
const STEP_MS = 100;

export class Throughput {
  private samples: { readonly atMs: number; readonly total: number }[];

  constructor(nowMs: number) {
    this.samples = [{ atMs: nowMs, total: 0 }];
  }

  count(nowMs: number, total: number): void {
    const last = this.samples.at(-1)!;
    if (this.samples.length > 1 && nowMs - last.atMs < STEP_MS) this.samples.pop();
    this.samples.push({ atMs: nowMs, total });
    while (this.samples.length > 2 && nowMs - this.samples[1]!.atMs > SPAN_MS) this.samples.shift();
  }

  perSecond(nowMs: number): number {
    const first = this.samples[0]!;
    const elapsedMs = nowMs - first.atMs;
    return elapsedMs < 1 ? 0 : ((this.samples.at(-1)!.total - first.total) * 1000) / elapsedMs;
  }
}
