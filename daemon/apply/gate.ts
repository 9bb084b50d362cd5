/**
 * What apply must not touch yet although it has been received: everything while the Replica is suspended or rehearses, what is
 * behind a position while the mass-change brake is on, and what is younger than the replication delay. Opens
 * at ends of units only.
 */
import type { Clock } from '../ports.ts';
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

/** Batches that arrive within so much of each other count as arrived together. */
const ARRIVAL_STEP_MS = 100;

export class ApplyGate {
  order: ApplyHoldOrder = NO_HOLD;
  /** The roots are used by a test and stay as they are (daemon/rehearsal); forgotten with the engine. */
  rehearsing = false;
  /** This host takes over: nothing is held back any more but for a test of the roots. */
  finishing = false;
  /** No room for more history, and none of it may go (engine/history-keeper.ts). */
  historyFull = false;
  /** Age in ms, on the Master's clock, at which a change may be applied. */
  readonly delayMs: number;
  /** Master's wall clock minus our time since boot, ms; until it has said so our own wall clock is taken for its. */
  private masterOffsetMs: number | undefined;
  /** When batches were first seen here (boot time), by the index behind them, ascending. */
  private arrivals: { readonly end: number; readonly bootMs: number }[] = [];
  /** Everything is to be applied now. */
  ignoresAge = false;
  /** One behind the last batch that may be applied. */
  end = Number.POSITIVE_INFINITY;
  /** When the next unit is old enough (boot time); undefined when it does not wait for its age. */
  opensAtMs: number | undefined;

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  /** Why nothing is applied, for people; a delay is no reason for concern. */
  get reason(): string | undefined {
    if (this.rehearsing) return REHEARSING;
    if (this.finishing) return undefined;
    if (this.order.suspended) return 'suspended by the operator';
    if (this.historyFull) return HISTORY_FULL;
    return this.order.afterSeq === undefined ? undefined : 'the mass-change brake is on';
  }

  private get isOpen(): boolean {
    if (this.finishing && !this.rehearsing) return true;
    return this.delayMs === 0 && !this.stands && this.order.afterSeq === undefined;
  }

  private get stands(): boolean {
    return this.order.suspended || this.rehearsing || this.historyFull;
  }

  /** What the Master's wall clock shows at a moment of our boot time: whoever sets our wall clock changes nothing about it. */
  setMasterClock(masterMs: number, bootMs: number): void {
    this.masterOffsetMs = masterMs - bootMs;
  }

  /** Moves `end`; `from`: first batch that is not applied yet, `committedEnd`: one behind the last complete unit. */
  update(spool: ReceivedSpool, from: number, committedEnd: number, clock: Pick<Clock, 'wallMs' | 'bootMs'>): void {
    this.opensAtMs = undefined;
    this.noteArrivals(from, committedEnd, clock.bootMs());
    if (this.isOpen) {
      this.end = Number.POSITIVE_INFINITY;
      return;
    }
    let end = this.end === Number.POSITIVE_INFINITY ? unitStart(spool, from) : Math.max(this.end, spool.firstIndex);
    for (let last = end; last < committedEnd && !this.stands; last += 1) {
      const { commitSeq, newestMs } = spool.batch(last)!.header;
      if (commitSeq === 0) continue;
      if (this.order.afterSeq !== undefined && commitSeq > this.order.afterSeq) break;
      const opensAtMs = this.opensAt(last, newestMs, clock);
      if (opensAtMs > clock.bootMs() && !this.ignoresAge) {
        this.opensAtMs = opensAtMs;
        break;
      }
      end = last + 1;
    }
    this.end = end;
  }

  /** A clock that was set forward on the Master makes nothing wait for longer than the delay from its arrival on. */
  private opensAt(batch: number, newestMs: number, clock: Pick<Clock, 'wallMs' | 'bootMs'>): number {
    const bootMs = clock.bootMs();
    const offsetMs = this.masterOffsetMs ?? clock.wallMs() - bootMs;
    const arrivedMs = this.arrivals.find(({ end }) => end > batch)?.bootMs ?? bootMs;
    return Math.min(newestMs - offsetMs, arrivedMs) + this.delayMs;
  }

  private noteArrivals(from: number, committedEnd: number, bootMs: number): void {
    if (this.delayMs === 0) return;
    while ((this.arrivals[0]?.end ?? Number.POSITIVE_INFINITY) <= from) this.arrivals.shift();
    const last = this.arrivals.at(-1);
    if (last !== undefined && last.end >= committedEnd) return;
    // A few seconds more or less: not one entry for each batch of a long delay.
    if (last !== undefined && bootMs - last.bootMs < ARRIVAL_STEP_MS) this.arrivals.pop();
    const since = last !== undefined && bootMs - last.bootMs < ARRIVAL_STEP_MS ? last.bootMs : bootMs;
    this.arrivals.push({ end: committedEnd, bootMs: since });
  }

  /** The batches from `index` on are gone or void. */
  cutFrom(index: number): void {
    this.arrivals = this.arrivals.map(({ end, bootMs }) => ({ end: Math.min(end, index), bootMs }));
    if (this.end !== Number.POSITIVE_INFINITY) this.end = Math.min(this.end, index);
  }
}

/** First batch at or behind `from` before which no unit is open: one that was begun is finished. */
function unitStart(spool: ReceivedSpool, from: number): number {
  let at = Math.max(from, spool.firstIndex);
  while (at > spool.firstIndex && at < spool.endIndex && spool.batch(at - 1)!.header.commitSeq === 0) at += 1;
  return at;
}
