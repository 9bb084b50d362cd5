/** A pair whose Replica keeps its history, where one operation of the Replica's engines can be made to go wrong. */

import { decodeCheckpoint } from '../../daemon/apply/checkpoint.ts';
import type { EngineCall, EngineConfig, EngineNotice } from '../../daemon/engine/engine-protocol.ts';
import { HistoryEngine } from '../../daemon/engine/history-engine.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { Clock } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from './engine-pair.ts';

/** `kill`: the process dies in it. `full`: no room from it on, for a while. `error`: it fails once, and whoever fails starts again. */
export type Mishap = 'kill' | 'full' | 'error';

/** The process was killed. */
export class Struck extends Error {}

/** What needs no room. */
const NEEDS_NO_ROOM: ReadonlySet<string> = new Set([
  'scan',
  'stat',
  'attributes',
  'read',
  'drop',
  'flush',
  'flush-log',
  'remove-log',
]);
/** Killed in one of these is killed in the next one that changes something. */
const LOOKS: ReadonlySet<string> = new Set(['scan', 'stat', 'attributes', 'read']);
const FULL_MS = 3_000;

export class HistoryPair extends EnginePair {
  private readonly history: NonNullable<EngineConfig['history']>;
  private readonly theHasher: ContentHasher;
  private expecting: { readonly n: number; readonly how: Mishap } | undefined;
  private fullUntilMs = 0;
  private watching = true;
  /** Since `expect`: those in which the mishap could happen. */
  operations = 0;
  /** The operation that went wrong. */
  mishapAt: string | undefined;
  struck = false;

  constructor(hasher: ContentHasher, seed: number, history: NonNullable<EngineConfig['history']>) {
    super(hasher, { seed });
    this.theHasher = hasher;
    this.history = history;
    this.replicaSettings = { history };
  }

  /** From now on operations are counted, and the n-th goes wrong. */
  expect(n: number, how: Mishap): void {
    this.expecting = { n, how };
    this.operations = 0;
    this.watchOperations((side, operation, path) => {
      if (side === 'replica' && this.watching) this.onOperation(operation, path);
    });
  }

  /** Users' work is not the engines'. */
  unwatched(work: () => void): void {
    const before = this.watching;
    this.watching = false;
    try {
      work();
    } finally {
      this.watching = before;
    }
  }

  private onOperation(operation: string, path: string): void {
    // What a dead process still tries has no effect.
    if (this.struck) throw new Struck();
    const { expecting } = this;
    if (expecting === undefined) return;
    const { n, how } = expecting;
    const noRoom = !NEEDS_NO_ROOM.has(operation);
    if (noRoom && this.clock.bootMs() < this.fullUntilMs) throw new Fault('FS-FULL', { path });
    if (how === 'full' ? !noRoom : how === 'kill' && LOOKS.has(operation)) return;
    this.operations += 1;
    if (this.operations !== n) return;
    this.mishapAt = `${operation} ${path}`;
    if (how === 'full') {
      this.fullUntilMs = this.clock.bootMs() + FULL_MS;
      throw new Fault('FS-FULL', { path });
    }
    if (how === 'error') throw new Fault('FS-IO', { path, reason: 'EIO' });
    this.struck = true;
    this.strike('replica');
    throw new Struck();
  }

  readHistory(): JournalHistory {
    return new JournalHistory(this.journalLog);
  }

  /** Wall clock, ms: everything before is said to have been removed; 0: nothing. */
  trimmedTo(): number {
    const bytes = this.replicaFiles().stateFile.load();
    return bytes === undefined ? 0 : (decodeCheckpoint(bytes).historyTrimmedTo ?? 0);
  }

  /** Asks the engine of a stopped scenario; throws its fault, or `Struck`. */
  askHistory(call: EngineCall): unknown {
    let answer: EngineNotice | undefined;
    const clock: Clock = {
      wallMs: () => this.clock.wallMs(),
      bootMs: () => this.clock.bootMs(),
      after: (delayMs, run) => this.clock.after(delayMs, () => !this.struck && run()),
    };
    const config = { ...this.config('replica'), history: this.history, historyOnly: true };
    const ports = { clock, ...this.replicaFiles(), hasher: this.theHasher };
    try {
      const engine = new HistoryEngine(config, ports, (notice) => {
        if (notice.type === 'reply' || notice.type === 'failed') answer ??= notice;
      });
      engine.start();
      if (answer === undefined) engine.handle({ type: 'call', id: 1, call });
      this.clock.runUntil(() => this.struck || answer !== undefined, 600_000);
      if (this.struck) throw new Struck();
      engine.handle({ type: 'stop' });
    } finally {
      this.closeFiles('replica');
    }
    if (answer?.type === 'failed') throw new Error(answer.fault.text);
    if (answer?.type !== 'reply') throw new Error('no answer');
    if (answer.fault !== undefined) throw new Error(answer.fault.text);
    return answer.result;
  }
}
