/** How far the wall clocks of both hosts are apart, as a status and events tell it. */
import type { FaultDetails } from '../../shared/faults.ts';
import { describeClock } from '../../shared/status-remarks.ts';

/** Times of both hosts can be put beside each other up to here; more is told. As verification judges it. */
const TOLERANCE_MS = 5_000;
/** Half of it ends it: a difference at the limit is not told again and again. */
const WITHIN_MS = 2_500;
/** A status changes when the difference does by more. */
const STEP_MS = 1_000;

export class ClockDifference {
  private shownMs: number | undefined;

  /** `aheadMs`: as measured now, undefined while it is not known. `tell`: once when it begins and once when it ends. */
  look(
    aheadMs: number | undefined,
    roundTripMs: number | undefined,
    tell: (code: string, details: FaultDetails) => void,
  ): { readonly clockAheadMs?: number } {
    if (aheadMs !== undefined) this.measured(aheadMs, (roundTripMs ?? 0) / 2, tell);
    return this.shownMs === undefined ? {} : { clockAheadMs: this.shownMs };
  }

  private measured(aheadMs: number, errorMs: number, tell: (code: string, details: FaultDetails) => void): void {
    const before = this.shownMs;
    const least = Math.abs(aheadMs) - errorMs;
    if (before === undefined && least <= TOLERANCE_MS) return;
    if (least < WITHIN_MS) {
      this.shownMs = undefined;
      if (before !== undefined) tell('HST-007', {});
      return;
    }
    if (before === undefined) tell('HST-006', { difference: describeClock(aheadMs) });
    if (before === undefined || Math.abs(before - aheadMs) > STEP_MS) this.shownMs = Math.round(aheadMs);
  }
}
