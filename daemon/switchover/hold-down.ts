/** How long an automatic switchover that nobody acknowledged keeps the next one back. */
import type { BootMs, RoleState } from '../role/state.ts';

/** Counted from when the switchover was over on both hosts, as far as they are heard: before, only an acknowledgement ends it. */
export class HoldDown {
  #held: { readonly number: number; readonly sinceMs: BootMs } | undefined;

  /** Until it is over by itself, ms; undefined: nothing is held, or only an acknowledgement ends it. */
  leftMs({ record, peer }: RoleState, holdDownMs: number, now: BootMs): number | undefined {
    const number = record.unacknowledged;
    const isOver = record.switchover === undefined && peer?.switchover === undefined;
    if (number === undefined || !isOver) {
      this.#held = undefined;
      return undefined;
    }
    if (this.#held?.number !== number) this.#held = { number, sinceMs: now };
    return Math.max(0, this.#held.sinceMs + holdDownMs - now);
  }
}
