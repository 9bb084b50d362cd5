/** When something that failed may be tried again. */
import type { BootMs } from '../role/state.ts';

export class BackOff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;
  #nextMs: BootMs = Number.NEGATIVE_INFINITY;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** Milliseconds until the next attempt. */
  failed(now: BootMs): number {
    const delayMs = Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    this.#nextMs = now + delayMs;
    return delayMs;
  }

  leftMs(now: BootMs): number {
    return Math.max(0, this.#nextMs - now);
  }

  over(): void {
    this.#failures = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }
}
