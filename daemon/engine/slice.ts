/** Work of an engine is cut into slices so that messages are handled between them. */
import type { Clock } from '../ports.ts';

export const SLICE_MS = 8;
/** Also by count: a simulated clock does not move during a slice. */
const SLICE_STEPS = 500;

/** True while the slice that begins now may go on. */
export function sliceOf(clock: Clock): () => boolean {
  const untilMs = clock.bootMs() + SLICE_MS;
  let steps = 0;
  return () => {
    steps += 1;
    return steps < SLICE_STEPS && ((steps & 7) !== 0 || clock.bootMs() < untilMs);
  };
}
