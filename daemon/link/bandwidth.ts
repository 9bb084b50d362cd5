/** How fast a Master may send to its Replicas: a token bucket for each, filled at the rate of the day and hour. */
import { covers, type LocalClock, localClock, parseSlot, type Slot } from '../../shared/schedule.ts';
import { parseBytes } from '../../shared/units.ts';
import type { Clock } from '../ports.ts';

/** Values of the properties `link.bandwidthBytesPerSecond` and `link.bandwidthGrid`. */
export interface BandwidthPolicy {
  /** 0: unlimited. */
  readonly bytesPerSecond: number;
  /** `mon-fri 8-18 10MB`: the first entry that covers the hour counts instead. */
  readonly grid: readonly string[];
  /** Property `link.compression`; absent: off. */
  readonly compression?: string;
}

/** What may be sent now; a frame may overshoot, which is paid back before the next one. */
export interface SendLimit {
  readonly roomBytes: number;
  take(bytes: number): void;
}

/** Saved up while nothing is sent, in time: short, so that the limit holds in every second. */
const SAVED_MS = 100;
/** The day and hour are looked at this often. */
const LOOK_MS = 1_000;

export class Bandwidth {
  private readonly clock: Clock;
  private readonly local: LocalClock;
  private policy: BandwidthPolicy;
  private slots: readonly { readonly slot: Slot; readonly bytesPerSecond: number }[] = [];
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private rateNow = 0;
  private readonly buckets = new Map<string, Bucket>();

  get compresses(): boolean {
    return this.policy.compression === 'zstd';
  }

  constructor(clock: Clock, policy: BandwidthPolicy | undefined, local: LocalClock = localClock) {
    this.clock = clock;
    this.local = local;
    this.policy = { bytesPerSecond: 0, grid: [] };
    if (policy !== undefined) this.change(policy);
  }

  change(policy: BandwidthPolicy): void {
    this.policy = policy;
    this.slots = policy.grid.flatMap((text) => {
      const slot = parseSlot(text);
      return slot === undefined ? [] : [{ slot, bytesPerSecond: parseBytes(slot.rest) ?? 0 }];
    });
    this.lookedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Bytes a second now; 0: unlimited. */
  get rate(): number {
    const nowMs = this.clock.bootMs();
    if (nowMs - this.lookedAtMs >= LOOK_MS) {
      this.lookedAtMs = nowMs;
      const at = this.local(this.clock.wallMs());
      const slot = this.slots.find((one) => covers(one.slot, at));
      this.rateNow = slot?.bytesPerSecond ?? this.policy.bytesPerSecond;
    }
    return this.rateNow;
  }

  /** The limit of one Replica; it stays over its sessions. */
  of(peer: string): SendLimit {
    const known = this.buckets.get(peer);
    if (known !== undefined) return known;
    const bucket = new Bucket(this.clock, () => this.rate);
    this.buckets.set(peer, bucket);
    return bucket;
  }

  /** When the next Replica that has to wait may be sent something. */
  nextDueMs(): number {
    return Math.min(...[...this.buckets.values()].map((bucket) => bucket.dueMs));
  }
}

class Bucket implements SendLimit {
  private readonly clock: Clock;
  private readonly rate: () => number;
  private tokens = 0;
  private filledAtMs: number;

  constructor(clock: Clock, rate: () => number) {
    this.clock = clock;
    this.rate = rate;
    this.filledAtMs = clock.bootMs();
  }

  get roomBytes(): number {
    return this.fill() === 0 ? Number.POSITIVE_INFINITY : Math.ceil(this.tokens);
  }

  take(bytes: number): void {
    if (this.fill() > 0) this.tokens -= bytes;
  }

  get dueMs(): number {
    const rate = this.fill();
    if (rate === 0 || this.tokens > 0) return Number.POSITIVE_INFINITY;
    // Not in the very moment: a hundredth of a second's worth is sent at once.
    return this.clock.bootMs() + Math.max(1, Math.ceil(((rate / 100 - this.tokens) / rate) * 1000));
  }

  private fill(): number {
    const nowMs = this.clock.bootMs();
    const rate = this.rate();
    const passedMs = nowMs - this.filledAtMs;
    this.filledAtMs = nowMs;
    // A debt from before does not outlive the limit.
    this.tokens = rate === 0 ? 0 : Math.min((rate * SAVED_MS) / 1000, this.tokens + (rate * passedMs) / 1000);
    return rate;
  }
}
