/** Delays between attempts to connect. Pure. */
export const BACKOFF_FIRST_MS = 200;
export const BACKOFF_MAX_MS = 30_000;
/** A connection that lasted this long was a good one: the next attempt starts again with the first delay. */
export const STABLE_MS = 5_000;

/** Doubles from the first delay up to the longest; `fraction` in [0, 1) takes away up to half, so that hosts do not knock in step. */
export function backoffMs(failures: number, fraction: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 20));
  return full * (1 - fraction / 2);
}
