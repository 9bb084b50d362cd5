/** Apply waits: for what, since when, and when it tries again. */
import type { Fault, FaultDetails } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { CursorPosition } from './cursor.ts';
import { HoldNotice } from './hold-notice.ts';

/** An item in use by another program is tried for so long before it is parked. */
const WAIT_BEFORE_PARKING_MS = 20_000;
const FIRST_HOLD_MS = 50;
const LONGEST_HOLD_MS = 2_000;
/** A shorter wait for a file in use is not worth an entry in the event log. */
const TELL_HOLD_MS = 1_000;

interface HoldState {
  readonly fault: Fault;
  readonly at: CursorPosition;
  readonly sinceMs: number;
  readonly retryAtMs: number;
  readonly delayMs: number;
  readonly told: boolean;
}

export class ApplyHold {
  private readonly clock: Clock;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  private readonly notice: HoldNotice;
  private state: HoldState | undefined;

  constructor(clock: Clock, onEvent: (code: string, details: FaultDetails) => void) {
    this.clock = clock;
    this.onEvent = onEvent;
    this.notice = new HoldNotice(clock, onEvent);
  }

  get fault(): Fault | undefined {
    return this.state?.fault;
  }

  /** For people: only what lasts. */
  get reason(): string | undefined {
    return this.state?.told ? this.notice.reason : undefined;
  }

  get retryAtMs(): number | undefined {
    return this.state?.retryAtMs;
  }

  /** It is not yet time to try again. */
  get waits(): boolean {
    return this.state !== undefined && this.clock.bootMs() < this.state.retryAtMs;
  }

  /** The item has been tried for long enough. */
  isSpent(at: CursorPosition): boolean {
    const { state } = this;
    if (state === undefined || state.at.batch !== at.batch || state.at.change !== at.change) return false;
    return this.clock.bootMs() - state.sinceMs >= WAIT_BEFORE_PARKING_MS;
  }

  start(at: CursorPosition, fault: Fault): void {
    const nowMs = this.clock.bootMs();
    const before = this.state;
    const delayMs = before === undefined ? FIRST_HOLD_MS : Math.min(LONGEST_HOLD_MS, before.delayMs * 2);
    const sinceMs = before?.sinceMs ?? nowMs;
    const told = (before?.told ?? false) || nowMs - sinceMs >= TELL_HOLD_MS || fault.code !== 'FS-BUSY';
    if (told && !before?.told) this.tell(fault);
    this.notice.hold(fault);
    this.state = { fault, at, sinceMs, retryAtMs: nowMs + delayMs, delayMs, told };
  }

  end(): void {
    const { state } = this;
    this.drop();
    if (state === undefined || !state.told) return;
    if (state.fault.code === 'ROOT-MISSING') this.onEvent('ROOT-002', { path: pathOf(state.fault) });
    this.onEvent('APL-003', {});
  }

  /** Forgets it without a word. */
  drop(): void {
    this.state = undefined;
    this.notice.end();
  }

  private tell(fault: Fault): void {
    if (fault.code === 'ROOT-MISSING') this.onEvent('ROOT-001', { path: pathOf(fault) });
    this.onEvent('APL-002', { reason: fault.message });
  }
}

function pathOf(fault: Fault): string {
  return String(fault.details.path ?? '');
}
