/**
 * What apply must not touch yet although it has been received: everything while the Replica is suspended or rehearses, what is
 * behind a position while the mass-change brake is on, and what is younger than the replication delay. Opens
 * at ends of units only.
 */
import type { ReceivedSpool } from '../spool/received.ts';

/** What the Master asked for; remembered durably, because it holds without a link as well. */
export interface ApplyHoldOrder {
  readonly suspended: boolean;
  /** Nothing behind this sequence may be applied. */
  readonly afterSeq?: number | undefined;
}

/** Why nothing is applied during a rehearsal, for people. */
const REHEARSING = 'the Replica is being tested (Assured Recovery)';
const HISTORY_FULL = 'there is no room for more history (recovery.whenFull)';

export const NO_HOLD: ApplyHoldOrder = { suspended: false };

export class ApplyGate {
  order: ApplyHoldOrder = NO_HOLD;
  /** The roots are used by a test and stay as they are (daemon/rehearsal); forgotten with the engine. */
  rehearsing = false;
  /** No room for more history, and none of it may go (engine/history-keeper.ts). */
  historyFull = false;
  /** Age in ms, on the Master's clock, at which a change may be applied. */
  readonly delayMs: number;
  /** Master's wall clock minus ours, ms. */
  clockOffsetMs = 0;
  /** Everything is to be applied now. */
  ignoresAge = false;
  /** One behind the last batch that may be applied. */
  end = Number.POSITIVE_INFINITY;
  /** When the next unit is old enough (our wall clock); undefined when it does not wait for its age. */
  opensAtWallMs: number | undefined;

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  /** Why nothing is applied, for people; a delay is no reason for concern. */
  get reason(): string | undefined {
    if (this.rehearsing) return REHEARSING;
    if (this.order.suspended) return 'suspended by the operator';
    if (this.historyFull) return HISTORY_FULL;
    return this.order.afterSeq === undefined ? undefined : 'the mass-change brake is on';
  }

  private get isOpen(): boolean {
    return this.delayMs === 0 && !this.stands && this.order.afterSeq === undefined;
  }

  private get stands(): boolean {
    return this.order.suspended || this.rehearsing || this.historyFull;
  }

  /** Moves `end`; `from`: first batch that is not applied yet, `committedEnd`: one behind the last complete unit. */
  update(spool: ReceivedSpool, from: number, committedEnd: number, wallMs: number): void {
    this.opensAtWallMs = undefined;
    if (this.isOpen) {
      this.end = Number.POSITIVE_INFINITY;
      return;
    }
    let end = this.end === Number.POSITIVE_INFINITY ? unitStart(spool, from) : Math.max(this.end, spool.firstIndex);
    for (let last = end; last < committedEnd && !this.stands; last += 1) {
      const { commitSeq, newestMs } = spool.batch(last)!.header;
      if (commitSeq === 0) continue;
      if (this.order.afterSeq !== undefined && commitSeq > this.order.afterSeq) break;
      const opensAtWallMs = newestMs + this.delayMs - this.clockOffsetMs;
      if (opensAtWallMs > wallMs && !this.ignoresAge) {
        this.opensAtWallMs = opensAtWallMs;
        break;
      }
      end = last + 1;
    }
    this.end = end;
  }

  /** The batches from `index` on are gone or void. */
  cutFrom(index: number): void {
    if (this.end !== Number.POSITIVE_INFINITY) this.end = Math.min(this.end, index);
  }
}

/** First batch at or behind `from` before which no unit is open: one that was begun is finished. */
function unitStart(spool: ReceivedSpool, from: number): number {
  let at = Math.max(from, spool.firstIndex);
  while (at > spool.firstIndex && at < spool.endIndex && spool.batch(at - 1)!.header.commitSeq === 0) at += 1;
  return at;
}
