/** The round trip of a link as a status tells it: measured each second, and never the same twice. */

/** A new measurement alone makes no new status sooner: each is work for four threads, and an idle pair is to be idle. */
const TELL_MS = 10_000;

export class RoundTrip {
  private told: number | undefined;
  private toldAtMs = Number.NEGATIVE_INFINITY;

  /** `measured`: milliseconds, undefined while there is no link or it was not measured yet. */
  shown(measured: number | undefined, nowMs: number): { readonly roundTripMs?: number } {
    if (measured === undefined || this.told === undefined || nowMs - this.toldAtMs >= TELL_MS) {
      this.told = measured;
      this.toldAtMs = nowMs;
    }
    return this.told === undefined ? {} : { roundTripMs: this.told };
  }
}
