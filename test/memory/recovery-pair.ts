/**
 * The engines of a temporary Recovery scenario: the Replica whose data is restored acts as the Master, the overwritten Master
 * as the Replica with a journal that keeps everything.
 */
import type { EngineCall, EngineNotice } from '../../daemon/engine/engine-protocol.ts';
import { HistoryEngine } from '../../daemon/engine/history-engine.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import type { Clock } from '../../daemon/ports.ts';
import { EnginePair } from './engine-pair.ts';
import { MemoryUser } from './user.ts';

const KEEP_EVERYTHING = {
  retentionMs: Number.MAX_SAFE_INTEGER,
  maxBytes: Number.MAX_SAFE_INTEGER,
  minFreeBytes: 0,
  whenFull: 'gap',
} as const;

export class Killed extends Error {}

export class RecoveryPair extends EnginePair {
  /** Changes what the Master has before the restore. */
  readonly overwritten: MemoryUser;
  private readonly theHasher: ContentHasher;
  private operations = 0;
  private killAt = 0;
  private struck = false;

  constructor(hasher: ContentHasher, seed: number) {
    super(hasher, { seed });
    this.theHasher = hasher;
    this.overwritten = new MemoryUser(this.replicaTree);
  }

  /** At the n-th operation of an engine from now on its process is killed. */
  killAtOperation(n: number): void {
    this.operations = 0;
    this.killAt = n;
    this.struck = false;
    this.watchOperations((side) => {
      // What a dead process still tries has no effect.
      if (this.struck) throw new Killed();
      this.operations += 1;
      if (this.operations !== this.killAt) return;
      this.struck = true;
      this.strike(side);
      throw new Killed();
    });
  }

  killNobody(): void {
    this.killAt = 0;
    this.struck = false;
    this.watchOperations(() => {});
  }

  /** Starts what does not run and synchronizes; false when somebody was killed meanwhile. */
  restore(method: 'block' | 'file'): boolean {
    if (!this.replicaAlive) this.startReplica({ history: KEEP_EVERYTHING });
    if (!this.masterAlive) this.startMaster();
    this.connect();
    const id = this.struck ? 0 : this.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: false });
    this.clock.runUntil(() => this.struck || this.answerOf(id) !== undefined, 600_000);
    if (!this.struck) {
      const { fault } = this.answerOf(id) ?? { fault: { text: 'no answer' } };
      if (fault !== undefined) throw new Error(fault.text);
      this.clock.runUntil(() => this.struck || this.isCaughtUp(), 600_000);
    }
    return !this.struck;
  }

  private isCaughtUp(): boolean {
    return this.events.some(({ code }) => code === 'SYN-003' || code === 'SYN-007');
  }

  killBoth(): void {
    this.killNobody();
    this.killMaster();
    this.killReplica();
  }

  /** Something may have been overwritten. */
  get hasJournal(): boolean {
    return this.openReplicaFiles().journalLog.list().length > 0;
  }

  /** Asks the journal of the overwritten roots; throws its fault, or `Killed`. */
  ask(call: EngineCall): unknown {
    let answer: EngineNotice | undefined;
    let failure: EngineNotice | undefined;
    const clock: Clock = {
      wallMs: () => this.clock.wallMs(),
      bootMs: () => this.clock.bootMs(),
      after: (delayMs, run) => this.clock.after(delayMs, () => !this.struck && run()),
    };
    const config = { ...this.config('replica'), history: KEEP_EVERYTHING, historyOnly: true };
    const ports = { clock, ...this.openReplicaFiles(), hasher: this.theHasher };
    const engine = new HistoryEngine(config, ports, (notice) => {
      if (notice.type === 'reply') answer = notice;
      if (notice.type === 'failed') failure = notice;
    });
    engine.start();
    engine.handle({ type: 'call', id: 1, call });
    this.clock.runUntil(() => this.struck || answer !== undefined || failure !== undefined, 600_000);
    if (this.struck) throw new Killed();
    engine.handle({ type: 'stop' });
    const notice = answer ?? failure;
    if (notice?.type === 'failed') throw new Error(notice.fault.text);
    if (notice?.type !== 'reply') throw new Error('no answer');
    if (notice.fault !== undefined) throw new Error(notice.fault.text);
    return notice.result;
  }
}
