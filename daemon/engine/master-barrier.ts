/**
 * Barriers: a cookie file in each root, its hint proves that everything before it was reported; then everything reported is
 * looked at; then the position reached is waited for on every Replica. The same cookies prove that capture is alive.
 */
import { Fault } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { Clock, RootTree } from '../ports.ts';
import type { MasterCapture } from './master-capture.ts';

/** Everything up to a position was applied, but for so many parked items that only the operator can mend, and some of their paths. */
export interface AppliedBy {
  readonly done: boolean;
  readonly stuck: number;
  readonly paths: readonly string[];
}

export interface BarrierPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly capture: MasterCapture;
  readonly newName: () => string;
  readonly position: () => Position;
  /** On every Replica, or on these. */
  readonly appliedBy: (seq: number, replicas: readonly string[] | undefined) => AppliedBy;
  readonly reply: (id: number, result: unknown, fault?: Fault) => void;
}

/** A cookie without an answer is dropped again after this long: its hint may have been lost, or capture had not begun. */
const COOKIE_AGAIN_MS = 300;
/** Capture that does not answer for so long is taken for lost: the roots are compared instead. */
const COOKIE_LOST_MS = 10_000;
const EXAMPLES = 3;

interface Wait {
  /** Names of cookies by root; any of them will do. */
  readonly names: Set<string>[];
  readonly open: Set<number>;
  droppedAtMs: number;
  readonly sinceMs: number;
}

interface Barrier {
  readonly callId: number;
  readonly replicas: readonly string[] | undefined;
  readonly cookies: Wait;
  stage: 'cookies' | 'looking' | 'applying';
  seq: number;
  /** Of the capture, when it was last hurried. */
  doubts: number;
  /** What could not be read is asked for the last time. */
  insists: boolean;
}

interface Proof {
  readonly cookies: Wait;
  readonly untilMs: number;
  readonly done: (alive: boolean) => void;
}

export class MasterBarriers {
  private readonly ports: BarrierPorts;
  private barriers: Barrier[] = [];
  private proofs: Proof[] = [];
  private alive = false;

  constructor(ports: BarrierPorts) {
    this.ports = ports;
  }

  /** `replicas`: device ids of those that count; undefined: all. */
  add(callId: number, replicas: readonly string[] | undefined): void {
    this.barriers.push({
      callId,
      replicas,
      cookies: this.newWait(),
      stage: 'cookies',
      seq: 0,
      doubts: 0,
      insists: false,
    });
  }

  /** Calls back once the capture source has answered (at once when it did before), or with false after `limitMs`. */
  whenCaptureIsAlive(limitMs: number, done: (alive: boolean) => void): void {
    if (this.alive) {
      done(true);
      return;
    }
    this.proofs.push({ cookies: this.newWait(), untilMs: this.ports.clock.bootMs() + limitMs, done });
    this.step();
  }

  close(): void {
    const stopped = new Fault('TIMEOUT', { seconds: 0, what: 'the barrier: the engine stops' });
    for (const { callId } of this.barriers) this.ports.reply(callId, undefined, stopped);
    this.barriers = [];
    this.proofs = [];
  }

  takeCookie(root: number, name: string): void {
    for (const { cookies } of [...this.barriers, ...this.proofs]) {
      if (cookies.names[root]?.has(name)) cookies.open.delete(root);
    }
    this.step();
  }

  nextDueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { cookies } of [...this.proofs, ...this.barriers]) {
      if (cookies.open.size > 0) due = Math.min(due, cookies.droppedAtMs + COOKIE_AGAIN_MS);
    }
    const { capture, clock } = this.ports;
    const nowMs = clock.bootMs();
    const untried = this.barriers.some(({ stage }) => stage === 'looking') && !capture.unreadable.isTried(nowMs);
    if (untried && capture.isFlushed()) due = nowMs;
    return due;
  }

  step(): void {
    const nowMs = this.ports.clock.bootMs();
    this.stepProofs(nowMs);
    for (const barrier of this.barriers) this.stepBarrier(barrier, nowMs);
    this.barriers = this.barriers.filter((barrier) => !this.finished(barrier));
  }

  private newWait(): Wait {
    const { trees, clock } = this.ports;
    return {
      names: trees.map(() => new Set<string>()),
      open: new Set(trees.keys()),
      droppedAtMs: Number.NEGATIVE_INFINITY,
      sinceMs: clock.bootMs(),
    };
  }

  private stepProofs(nowMs: number): void {
    for (const { cookies } of this.proofs) this.dropCookies(cookies, nowMs);
    // What answered one of them is there for all: the cookies of an earlier one may have come before capture began.
    this.alive ||= this.proofs.some(({ cookies }) => cookies.open.size === 0);
    const { alive } = this;
    const settled = this.proofs.filter((proof) => alive || nowMs >= proof.untilMs);
    this.proofs = this.proofs.filter((proof) => !settled.includes(proof));
    for (const proof of settled) proof.done(alive);
  }

  private dropCookies(wait: Wait, nowMs: number): void {
    if (wait.open.size === 0 || nowMs - wait.droppedAtMs < COOKIE_AGAIN_MS) return;
    wait.droppedAtMs = nowMs;
    for (const root of wait.open) {
      const name = this.ports.newName();
      wait.names[root]!.add(name);
      try {
        this.ports.trees[root]!.dropCookie(name);
      } catch (error) {
        // The root is missing or cannot be written: the root guard says so; the wait goes on.
        if (Fault.from(error).kind === 'fatal') throw error;
      }
    }
  }

  private stepBarrier(barrier: Barrier, nowMs: number): void {
    const { capture } = this.ports;
    if (barrier.stage === 'cookies') {
      this.dropCookies(barrier.cookies, nowMs);
      if (barrier.cookies.open.size > 0 && nowMs - barrier.cookies.sinceMs > COOKIE_LOST_MS) {
        for (const root of barrier.cookies.open) capture.rescan(root, '');
        barrier.cookies.open.clear();
      }
      if (barrier.cookies.open.size > 0 || capture.recovering) return;
      this.look(barrier);
    }
    if (barrier.stage === 'looking' && capture.isFlushed() && capture.unreadable.isTried(nowMs)) {
      barrier.stage = 'applying';
      barrier.seq = this.ports.position().seq;
    }
  }

  private look(barrier: Barrier): void {
    const { capture } = this.ports;
    barrier.doubts = capture.doubts;
    barrier.stage = 'looking';
    capture.hurry();
    // What could not be read is not on the Replicas: whether it still cannot is asked now.
    capture.unreadable.hurry(this.ports.clock.bootMs());
  }

  /** Applying took its time: perhaps it can be read by now. */
  private insist(barrier: Barrier, unread: number): boolean {
    if (!barrier.insists) {
      barrier.insists = true;
      this.look(barrier);
      return false;
    }
    const count = unread === 1 ? '1 place is' : `${unread} places are`;
    const paths = examplesOf(this.ports.capture.unreadablePaths, unread);
    this.ports.reply(barrier.callId, undefined, new Fault('UNREADABLE', { count, paths }));
    return true;
  }

  private finished(barrier: Barrier): boolean {
    if (barrier.stage !== 'applying') return false;
    const { done, stuck, paths } = this.ports.appliedBy(barrier.seq, barrier.replicas);
    if (!done) return false;
    if (stuck > 0) {
      const count = stuck === 1 ? '1 item is' : `${stuck} items are`;
      this.ports.reply(barrier.callId, undefined, new Fault('PARKED', { count, paths: examplesOf(paths, stuck) }));
      return true;
    }
    if (barrier.doubts !== this.ports.capture.doubts) {
      // Something could not be sent or applied as it was recorded: it is sent again under a later number.
      this.look(barrier);
      return false;
    }
    const { unreadableCount: unread } = this.ports.capture;
    if (unread > 0) return this.insist(barrier, unread);
    this.ports.reply(barrier.callId, { ...this.ports.position(), seq: barrier.seq });
    return true;
  }
}

/** A few paths of `total` for one line of text. */
export function examplesOf(paths: readonly string[], total: number): string {
  const shown = paths.slice(0, EXAMPLES);
  return shown.length < total ? [...shown, '…'].join(', ') : shown.join(', ');
}
