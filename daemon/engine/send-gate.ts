/**
 * Replication modes (FEATURES.md D4, docs/decisions/0029): up to which change the Replicas are sent something. Online: everything at once.
 * Scheduled and periodic: changes are captured and collected; at each moment of the schedule what was captured until then is
 * released. Several writes to one file between two moments are sent once.
 */
import {
  isInWindow,
  type LocalClock,
  localClock,
  nextMoment,
  parseSlot,
  type Schedule,
  type Slot,
} from '../../shared/schedule.ts';
import type { Clock } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';

/** Values of the properties `replication.*`. */
export interface SendPolicy {
  readonly mode: 'scheduled' | 'periodic';
  readonly grid: readonly string[];
  readonly periodMs: number;
  readonly excludedDates: readonly string[];
}

export interface GatePorts {
  readonly clock: Clock;
  readonly state: MasterState;
  /** Looks at everything reported until now without delay. */
  readonly hurry: () => void;
  readonly isFlushed: () => boolean;
  readonly local?: LocalClock;
}

const RELEASED = 'sendReleased';
const MOMENT = 'sendMoment';
const LONGEST_WAIT_MS = 60_000;
/** Less is how a clock is kept right. */
const PUT_BACK_MS = 2_000;

export class SendGate {
  private readonly ports: GatePorts;
  private readonly local: LocalClock;
  private readonly schedule: Schedule | undefined;
  private readonly windowed: boolean;
  private released: number;
  /** Everything known is being looked at; then it is released. */
  private flushing = false;
  /** Somebody asked to send now, whatever the schedule says. */
  private forced = false;
  private nextWallMs: number | undefined;
  /** Wall clock of the last look. */
  private seenWallMs = Number.NEGATIVE_INFINITY;
  /** Sent whatever the schedule says. */
  private included = 0;

  constructor(policy: SendPolicy | undefined, ports: GatePorts) {
    this.ports = ports;
    this.local = ports.local ?? localClock;
    this.windowed = policy?.mode === 'scheduled';
    this.schedule = policy === undefined ? undefined : scheduleOf(policy);
    this.released = Number(ports.state.meta(RELEASED) ?? 0);
    if (this.schedule === undefined) return;
    // A moment that passed while the engine did not run is made up for.
    const nowMs = ports.clock.wallMs();
    this.seenWallMs = nowMs;
    const last = Math.min(Number(ports.state.meta(MOMENT) ?? nowMs), nowMs);
    this.nextWallMs = nextMoment(this.schedule, last, this.local);
  }

  /** Changes after this one are kept. */
  get limitSeq(): number {
    if (this.schedule === undefined || this.forced) return Number.POSITIVE_INFINITY;
    return Math.max(this.included, this.isOpen ? this.released : 0);
  }

  /** Wall clock when changes are sent next; undefined: they are sent as they happen. `null`: never, as it is set. */
  get nextAt(): number | null | undefined {
    if (this.schedule === undefined) return undefined;
    return this.nextWallMs ?? null;
  }

  /** Of the host's clock: how long until the next moment. */
  nextDueMs(): number {
    if (this.nextWallMs === undefined) return Number.POSITIVE_INFINITY;
    const { clock } = this.ports;
    // Not longer: the clock may be set.
    return clock.bootMs() + Math.min(LONGEST_WAIT_MS, Math.max(0, this.nextWallMs - clock.wallMs()));
  }

  include(seq: number): void {
    this.included = Math.max(this.included, seq);
  }

  /** Released are then also the changes made until it is ended. */
  force(forced: boolean): void {
    this.forced = forced;
    if (!forced) this.release();
  }

  /** Called in each turn, outside a transaction. */
  step(): void {
    if (this.schedule === undefined) return;
    const { clock, state, hurry, isFlushed } = this.ports;
    const nowMs = clock.wallMs();
    // The clock was put back: what was to come is further away than the schedule says.
    if (nowMs < this.seenWallMs - PUT_BACK_MS) this.nextWallMs = nextMoment(this.schedule, nowMs, this.local);
    this.seenWallMs = nowMs;
    if (this.nextWallMs !== undefined && nowMs >= this.nextWallMs) {
      state.setMeta(MOMENT, String(nowMs));
      this.nextWallMs = nextMoment(this.schedule, nowMs, this.local);
      this.flushing = true;
      hurry();
    }
    if (!this.flushing || !isFlushed()) return;
    this.flushing = false;
    this.release();
  }

  private release(): void {
    const { state } = this.ports;
    if (this.released === state.seq) return;
    this.released = state.seq;
    state.setMeta(RELEASED, String(this.released));
  }

  /** What was released is sent on until the window ends. */
  private get isOpen(): boolean {
    if (!this.windowed || this.schedule === undefined) return true;
    return isInWindow(this.schedule, this.local(this.ports.clock.wallMs()));
  }
}

function scheduleOf({ mode, grid, periodMs, excludedDates }: SendPolicy): Schedule {
  if (mode === 'periodic') return { periodMs, slots: [], excludedDates: [] };
  const slots = grid.map(parseSlot).filter((slot): slot is Slot => slot !== undefined);
  return { periodMs, slots, excludedDates };
}
