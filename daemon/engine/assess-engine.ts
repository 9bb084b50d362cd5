/**
 * Assessment (FEATURES.md D7): captures like a Master, but only counts what would be sent, minute by minute. No Replica, no
 * link; its record of the roots is thrown away with it.
 */
import { Fault } from '../../shared/faults.ts';
import { createDigest } from '../capture/digest.ts';
import { compileFilters } from '../capture/filter.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, RootTree, Timer } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';
import { MasterWalk } from '../sync/master-walk.ts';
import type { EngineConfig, EngineNotice, EngineRequest } from './engine-protocol.ts';
import { MasterCapture } from './master-capture.ts';

export interface AssessPorts {
  readonly clock: Clock;
  /** The engine closes them. */
  readonly trees: readonly RootTree[];
  /** Empty; the engine closes it. */
  readonly state: MasterState;
  readonly hasher: ContentHasher;
}

/** What was counted; minutes in which nothing changed are left out. */
export interface AssessFigures {
  readonly entries: number;
  readonly dataBytes: number;
  readonly overflows: number;
  readonly minutes: readonly MinuteOfChanges[];
}

export interface MinuteOfChanges {
  /** Wall clock of its beginning. */
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
  readonly kinds: Readonly<Record<string, number>>;
}

interface Counting {
  files: number;
  bytes: number;
  readonly kinds: Record<string, number>;
}

const TURN_MS = 10;
const IDLE_MS = 500;
const PAGE = 1_000;
const MINUTE_MS = 60_000;

export class AssessEngine {
  private readonly ports: AssessPorts;
  private readonly notify: (notice: EngineNotice) => void;
  private readonly capture: MasterCapture;
  private readonly walk: MasterWalk;
  private readonly minutes = new Map<number, Counting>();
  private counted = 0;
  private entries = 0;
  private dataBytes = 0;
  private overflows = 0;
  private beginCall: number | undefined;
  private timer: Timer | undefined;
  private ended = false;

  constructor(config: EngineConfig, ports: AssessPorts, notify: (notice: EngineNotice) => void) {
    this.ports = ports;
    this.notify = notify;
    const { clock, trees, state, hasher } = ports;
    const filters = compileFilters(config, trees);
    const digestOf = createDigest(hasher);
    this.capture = new MasterCapture({
      clock,
      trees,
      state,
      filters,
      digestOf,
      hasher,
      auditPeriodMs: 0,
      sentSeq: () => this.counted,
      spooling: () => true,
      onEvent: (code) => {
        if (code === 'CAP-002') this.overflows += 1;
      },
      onToll: () => {},
    });
    this.walk = new MasterWalk({
      trees,
      state,
      filters,
      digestOf,
      wallMs: () => clock.wallMs(),
      recording: 'record',
      attributes: { kinds: 0, trusted: false },
      onUnsettled: (root, one) => this.capture.trackers[root]!.noteUnsettled(one, clock.bootMs()),
      onDifferent: () => {},
      onUnreadable: (root, path, fault) => this.capture.cannotRead(root, path, fault),
      onNotListed: (root, path, id, fault) => this.capture.notListed(root, path, id, fault),
      special: this.capture.special,
    });
  }

  start(): void {
    this.notify({ type: 'started', position: undefined });
  }

  handle(request: EngineRequest): void {
    if (this.ended) return;
    try {
      if (request.type === 'hints') {
        for (const hint of request.hints) if (hint.kind !== 'cookie') this.capture.takeHint(hint);
        this.wake(0);
      } else if (request.type === 'call') this.takeCall(request.id, request.call.name);
      else if (request.type === 'stop') this.stop();
    } catch (error) {
      this.fail(error);
    }
  }

  private takeCall(id: number, name: string): void {
    if (name === 'assess-begin') {
      this.beginCall = id;
      this.capture.recordIdentities(true);
      this.capture.pauseForWalk();
      this.ports.state.begin();
      this.wake(0);
    } else if (name === 'assess-figures') {
      this.count();
      this.notify({ type: 'reply', id, result: this.figures() });
    } else {
      const fault = new Fault('SCENARIO-STATE', {
        name: '',
        state: 'stopped',
        reason: 'its changes are only measured',
      });
      this.notify({ type: 'reply', id, fault: fault.toDocument() });
    }
  }

  private figures(): AssessFigures {
    const minutes = [...this.minutes].map(([at, counting]) => ({ at, ...counting, kinds: { ...counting.kinds } }));
    const { entries, dataBytes, overflows } = this;
    return { entries, dataBytes, overflows, minutes: minutes.sort((a, b) => a.at - b.at) };
  }

  private stop(): void {
    this.end();
    this.notify({ type: 'stopped' });
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.timer?.cancel();
    this.ports.state.close();
    for (const tree of this.ports.trees) tree.close();
  }

  private fail(error: unknown): void {
    if (this.ended) return;
    this.notify({ type: 'failed', fault: Fault.from(error).toDocument() });
    this.end();
  }

  private wake(delayMs: number): void {
    if (this.ended) return;
    this.timer?.cancel();
    this.timer = this.ports.clock.after(delayMs, () => this.turn());
  }

  private turn(): void {
    if (this.ended) return;
    try {
      const { clock } = this.ports;
      const untilMs = clock.bootMs() + TURN_MS;
      const more = () => clock.bootMs() < untilMs;
      let busy = this.beginCall !== undefined && this.walkOn(more);
      if (this.beginCall === undefined && this.capture.active) {
        busy = this.capture.work(more);
        this.count();
      }
      const nowMs = clock.bootMs();
      const dueMs = busy ? nowMs : Math.min(nowMs + IDLE_MS, this.capture.nextDueMs(nowMs) ?? nowMs + IDLE_MS);
      this.wake(Math.max(0, dueMs - nowMs));
    } catch (error) {
      this.fail(error);
    }
  }

  /** The record the changes are seen against; true while it goes on. */
  private walkOn(more: () => boolean): boolean {
    for (let steps = 0; !this.walk.done && steps < PAGE && more(); steps += 1) {
      const directory = this.walk.next();
      for (const entry of directory?.entries ?? []) {
        this.entries += 1;
        if (entry.type === 'file') this.dataBytes += entry.sizeBytes;
      }
    }
    if (!this.walk.done) return true;
    this.ports.state.commit();
    this.capture.active = true;
    this.notify({ type: 'reply', id: this.beginCall!, result: {} });
    this.beginCall = undefined;
    return true;
  }

  /** What would be sent now; then it is forgotten, as if it had been. */
  private count(): void {
    const { state } = this.ports;
    if (state.inTransaction || state.seq <= this.counted) return;
    for (let page = state.intentsAfter(this.counted, PAGE); page.length > 0; ) {
      for (const { atMs, kind, sizeBytes } of page) this.countOne(atMs, kind, sizeBytes);
      this.counted = page.at(-1)!.seq;
      page = state.intentsAfter(this.counted, PAGE);
    }
    this.counted = state.seq;
    state.transaction(() => state.trim(this.counted));
  }

  private countOne(atMs: number, kind: string, bytes: number): void {
    const minute = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    const counting = this.minutes.get(minute) ?? { files: 0, bytes: 0, kinds: {} };
    this.minutes.set(minute, counting);
    counting.kinds[kind] = (counting.kinds[kind] ?? 0) + 1;
    if (kind !== 'put') return;
    counting.files += 1;
    counting.bytes += bytes;
  }
}
