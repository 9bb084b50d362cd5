/**
 * While the mass-change brake is on, a bookmark in the history of the Replica right before what is held, set as soon as
 * everything before that is applied: where the operator rewinds to when the held changes turn out to be an attack.
 */

import type { FaultDetails } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import { BEFORE_WAVE } from '../../shared/rewind.ts';
import { setBookmark } from '../apply/bookmark.ts';
import type { Standby } from '../apply/standby.ts';
import type { Clock } from '../ports.ts';

export class BrakeBookmark {
  private readonly clock: Clock;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  /** The position of the wave that has its bookmark. */
  private done: number | undefined;
  /** The brake was on when the engine started: the bookmark may be there. */
  private fromBefore: number | undefined | 'unknown' = 'unknown';

  constructor(clock: Clock, onEvent: (code: string, details: FaultDetails) => void) {
    this.clock = clock;
    this.onEvent = onEvent;
  }

  /** Called between two pieces of work. */
  keep(standby: Standby): void {
    const { afterSeq } = standby.gate.order;
    if (this.fromBefore === 'unknown') this.fromBefore = afterSeq;
    if (afterSeq === undefined || afterSeq === this.done || !standby.history.on) return;
    const { applied } = standby;
    // What is before the wave and waits for its age, or for a file in use, comes first.
    if (applied === undefined || (applied.seq < afterSeq && !isAtWave(standby))) return;
    if (this.fromBefore === afterSeq && standby.history.hasBookmark(afterSeq, BEFORE_WAVE)) {
      this.done = afterSeq;
      return;
    }
    const text = `${BEFORE_WAVE} since ${formatMoment(this.clock.wallMs())}`;
    // Throws while there is no room for it; then it is tried again.
    setBookmark(standby, afterSeq, text);
    this.done = afterSeq;
    this.onEvent('RWD-003', { text });
  }
}

/** Everything up to the gate is applied, and what is behind it belongs to the wave. */
function isAtWave({ gate, applier }: Standby): boolean {
  const { end, opensAtMs } = gate;
  const isBehind = end !== Number.POSITIVE_INFINITY && applier.cursor.position.batch >= end;
  return isBehind && opensAtMs === undefined && applier.idle && applier.heldFor === undefined;
}
