/** A checkpoint that has no room: told, shown as the reason, tried again less and less often until it goes through. */

import type { Fault, FaultDetails } from '../../shared/faults.ts';
import { HoldNotice } from '../apply/hold-notice.ts';
import type { Standby } from '../apply/standby.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { Clock } from '../ports.ts';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4_000;

export class CheckpointHold {
  private readonly clock: Clock;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  private readonly notice: HoldNotice;
  private delayMs = FIRST_RETRY_MS;
  private retryAtMs = 0;

  constructor(clock: Clock, onEvent: (code: string, details: FaultDetails) => void) {
    this.clock = clock;
    this.onEvent = onEvent;
    this.notice = new HoldNotice(clock, onEvent);
  }

  /** For people; undefined while nothing is in the way. */
  get reason(): string | undefined {
    return this.notice.reason;
  }

  /** What is applied, or has no checkpoint yet, goes from the spool later. */
  willFreeRoom({ backlog }: Standby): boolean {
    return backlog || this.isOn;
  }

  private get isOn(): boolean {
    return this.notice.fault !== undefined;
  }

  /** When the next checkpoint is to be tried (`Clock.bootMs`); undefined when there is nothing to cover. */
  dueMs({ checkpointDueMs }: Standby): number | undefined {
    return checkpointDueMs === undefined ? undefined : Math.max(checkpointDueMs, this.retryAtMs);
  }

  /** Throws what is in the way: `take` says whether that passes. */
  keep(standby: Standby): void {
    const due = this.dueMs(standby);
    if (due !== undefined && this.clock.bootMs() >= due) standby.checkpoint();
    if (this.isOn && standby.checkpointDueMs === undefined) this.end();
  }

  /** How long to wait before it is tried again, in ms; undefined when it does not pass by itself. */
  take(fault: Fault): number | undefined {
    if (verdictOf(fault) !== 'hold') return undefined;
    const { delayMs } = this;
    if (!this.isOn) this.onEvent('APL-008', { reason: fault.message });
    this.notice.hold(fault);
    this.retryAtMs = this.clock.bootMs() + delayMs;
    this.delayMs = Math.min(LONGEST_RETRY_MS, delayMs * 2);
    return delayMs;
  }

  private end(): void {
    this.notice.end();
    this.delayMs = FIRST_RETRY_MS;
    this.retryAtMs = 0;
    this.onEvent('APL-009', {});
  }
}
