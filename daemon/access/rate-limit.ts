/** Token buckets by key (an address, a device, a session), bounded in number. Pure but for the clock. */
import type { Clock } from '../ports.ts';

export interface RateLimit {
  /** Tokens of a fresh bucket: how many in one burst. */
  readonly burst: number;
  readonly perSecond: number;
}

const KEY_LIMIT = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimiter {
  private readonly clock: Clock;
  private readonly limit: RateLimit;
  private readonly buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limit: RateLimit) {
    this.clock = clock;
    this.limit = limit;
  }

  /** Whether one more is allowed now; takes a token when it is. */
  take(key: string): boolean {
    const now = this.clock.bootMs();
    const bucket = this.refilled(key, now);
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    this.forgetOldest();
    return allowed;
  }

  private refilled(key: string, now: number): Bucket {
    const bucket = this.buckets.get(key);
    if (bucket === undefined) return { tokens: this.limit.burst, atMs: now };
    const earned = ((now - bucket.atMs) / 1000) * this.limit.perSecond;
    return { tokens: Math.min(this.limit.burst, bucket.tokens + earned), atMs: now };
  }

  /** Keys are in the order of their last use: the first is the one most likely to be full again. */
  private forgetOldest(): void {
    if (this.buckets.size <= KEY_LIMIT) return;
    const [oldest] = this.buckets.keys();
    if (oldest !== undefined) this.buckets.delete(oldest);
  }
}
