/** The round trip of a link as a status tells it: measured each second, and never the same twice. And what came with it: the time there. */
import type { FaultDetails } from '../../shared/faults.ts';
import { ClockDifference } from './clock-difference.ts';

/** A new measurement alone makes no new status sooner: each is work for four threads, and an idle pair is to be idle. */
const TELL_MS = 10_000;

/** Undefined while it was not measured yet. */
interface Measured {
  readonly roundTripMs: number | undefined;
  readonly clockAheadMs: number | undefined;
}

export class RoundTrip {
  private told: number | undefined;
  private toldAtMs = Number.NEGATIVE_INFINITY;
  private readonly clocks = new ClockDifference();
  private readonly tell: (code: string, details: FaultDetails) => void;

  /** `tell`: clocks begin or end to differ. */
  constructor(tell: (code: string, details: FaultDetails) => void) {
    this.tell = tell;
  }

  /** `measured`: undefined while there is no link. */
  shown(
    measured: Measured | undefined,
    nowMs: number,
  ): { readonly roundTripMs?: number; readonly clockAheadMs?: number } {
    const roundTripMs = measured?.roundTripMs;
    if (roundTripMs === undefined || this.told === undefined || nowMs - this.toldAtMs >= TELL_MS) {
      this.told = roundTripMs;
      this.toldAtMs = nowMs;
    }
    const clocks = this.clocks.look(measured?.clockAheadMs, roundTripMs, this.tell);
    return this.told === undefined ? clocks : { ...clocks, roundTripMs: this.told };
  }
}
