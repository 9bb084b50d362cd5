/** Says since when something is held and what to do about it; a hold that lasts is told again and again. */
import type { Fault, FaultDetails } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import type { Clock } from '../ports.ts';

const FIRST_REMINDER_MS = 300_000;
const REMINDER_MS = 3_600_000;

export class HoldNotice {
  private readonly clock: Clock;
  private readonly onEvent: (code: string, details: FaultDetails) => void;
  private current: { readonly fault: Fault; readonly sinceWallMs: number; readonly remindAtMs: number } | undefined;

  constructor(clock: Clock, onEvent: (code: string, details: FaultDetails) => void) {
    this.clock = clock;
    this.onEvent = onEvent;
  }

  get fault(): Fault | undefined {
    return this.current?.fault;
  }

  /** For people. */
  get reason(): string | undefined {
    if (this.current === undefined) return undefined;
    const { fault, sinceWallMs } = this.current;
    return `${fault.message} Held since ${formatMoment(sinceWallMs)}. ${fault.hint}`;
  }

  /** It was tried and did not go; called at every try. */
  hold(fault: Fault): void {
    const nowMs = this.clock.bootMs();
    const { sinceWallMs = this.clock.wallMs(), remindAtMs = nowMs + FIRST_REMINDER_MS } = this.current ?? {};
    const due = nowMs >= remindAtMs;
    this.current = { fault, sinceWallMs, remindAtMs: due ? nowMs + REMINDER_MS : remindAtMs };
    if (!due) return;
    this.onEvent('APL-007', { reason: fault.message, since: formatMoment(sinceWallMs), todo: fault.hint });
  }

  end(): void {
    this.current = undefined;
  }
}
