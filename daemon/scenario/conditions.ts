/** Waiting for a state instead of for a time: conditions are looked at again whenever something changed. */
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';

export class Conditions {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something changed. */
  check(): void {
    for (const waiting of [...this.#waiting]) waiting();
  }

  /** Resolves once `condition` holds; `TIMEOUT` after `limit.timeoutMs`. */
  until(condition: () => boolean, limit?: { readonly timeoutMs: number; readonly what: string }): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        timer?.cancel();
        this.#waiting.delete(look);
        settle();
      };
      const look = () => {
        if (condition()) end(resolve);
      };
      const timer =
        limit &&
        this.#clock.after(limit.timeoutMs, () => {
          const seconds = Math.round(limit.timeoutMs / 100) / 10;
          end(() => reject(new Fault('TIMEOUT', { seconds, what: limit.what })));
        });
      this.#waiting.add(look);
    });
  }
}
