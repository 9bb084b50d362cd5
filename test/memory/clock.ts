/** Virtual time and seeded randomness: the same seed gives the same run, and an hour passes in no time. */
import type { Clock, Random, Timer } from '../../daemon/ports.ts';

interface Scheduled {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** 2026-01-01T00:00:00Z: a fixed start, so that records of a run are reproducible. */
const START_WALL_MS = 1_767_225_600_000;

export class SimulatedClock implements Clock {
  private nowMs = 0;
  private wallOffsetMs = START_WALL_MS;
  private order = 0;
  /** Binary heap by (dueMs, order). */
  private readonly heap: Scheduled[] = [];

  wallMs(): number {
    return this.nowMs + this.wallOffsetMs;
  }

  bootMs(): number {
    return this.nowMs;
  }

  /** Somebody sets the wall clock; intervals do not change. */
  setWallMs(wallMs: number): void {
    this.wallOffsetMs = wallMs - this.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const item: Scheduled = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.order, run, cancelled: false };
    this.order += 1;
    this.push(item);
    return {
      cancel: () => {
        item.cancelled = true;
      },
    };
  }

  /** Time of the next thing to happen, undefined when nothing is scheduled. */
  nextDueMs(): number | undefined {
    while (this.heap.length > 0 && this.heap[0]!.cancelled) this.pop();
    return this.heap[0]?.dueMs;
  }

  /** Runs the next scheduled thing, moving time to it; false when there is none. */
  runNext(): boolean {
    if (this.nextDueMs() === undefined) return false;
    const item = this.pop();
    if (item.dueMs > this.nowMs) this.nowMs = item.dueMs;
    item.run();
    return true;
  }

  /** Runs everything due within the next `durationMs` and leaves the time there. */
  advance(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let due = this.nextDueMs(); due !== undefined && due <= untilMs; due = this.nextDueMs()) this.runNext();
    this.nowMs = untilMs;
  }

  /** Runs until `done()`; false when that has not happened after `limitMs` of virtual time or when nothing is left to run. */
  runUntil(done: () => boolean, limitMs = 600_000): boolean {
    const untilMs = this.nowMs + limitMs;
    while (!done()) {
      const due = this.nextDueMs();
      if (due === undefined || due > untilMs) return false;
      this.runNext();
    }
    return true;
  }

  private push(item: Scheduled): void {
    const heap = this.heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isEarlier(item, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = item;
  }

  private pop(): Scheduled {
    const heap = this.heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isEarlier(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isEarlier(a: Scheduled, b: Scheduled): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** mulberry32: small, fast, good enough to drive a simulation; never for secrets. */
export class SeededRandom implements Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i += 1) bytes[i] = this.below(256);
    return bytes;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from');
    return items[this.below(items.length)]!;
  }
}
