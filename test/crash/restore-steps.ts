/**
 * A Master that a restore overwrites and that `undo` gives back, and one moment at which an operation of its engines goes wrong
 * (history-steps.ts). Whatever the moment: repeated, the restore arrives, `undo` gives back exactly what was there before, and
 * undoing that exactly what was restored.
 */
import type { RewindPlan } from '../../daemon/engine/engine-protocol.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import type { RewindResult } from '../../shared/rewind.ts';
import { SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryPair, Struck } from '../memory/history-pair.ts';
import type { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { Users } from '../sim/users.ts';
import type { Step, StepOutcome } from './history-steps.ts';

const KEEP_EVERYTHING = {
  retentionMs: Number.MAX_SAFE_INTEGER,
  maxBytes: Number.MAX_SAFE_INTEGER,
  minFreeBytes: 0,
  whenFull: 'gap',
} as const;
const RETRIES = 40;
const PATIENCE_MS = 60_000;

export function tryRestoreStep(hasher: ContentHasher, step: Step): StepOutcome {
  forceLargeFiles(step.seed % 2 === 0 ? SMALL_LARGE_FILES : undefined);
  const life = new RestoreLife(hasher, step);
  try {
    return life.play();
  } finally {
    forceLargeFiles();
  }
}

class RestoreLife {
  private readonly step: Step;
  private readonly pair: HistoryPair;
  private readonly problems: string[] = [];
  private failed = false;
  private points = 0;

  constructor(hasher: ContentHasher, step: Step) {
    this.step = step;
    const { seed } = step;
    this.pair = new HistoryPair(hasher, seed, KEEP_EVERYTHING);
    this.pair.replicaTree.exchanges = seed % 4 < 2;
    const { pair } = this;
    const overwritten = new MemoryUser(pair.replicaTree);
    const act = (tree: MemoryTree, user: MemoryUser, from: number, count: number) => {
      const read = seed % 2 === 0 ? (path: string) => user.readFile(path).slice() : undefined;
      const users = new Users(tree, user, new SeededRandom(from), read);
      for (let n = 0; n < count; n += 1) users.act();
    };
    // Both had the same once.
    act(pair.masterTree, pair.user, seed, 20);
    act(pair.replicaTree, overwritten, seed, 20);
    pair.clock.advance(10_000);
    act(pair.masterTree, pair.user, seed + 1_000, 10);
    act(pair.replicaTree, overwritten, seed + 2_000, 15);
    pair.clock.advance(10_000);
    pair.onFailed = () => {
      this.failed = true;
      pair.failures.length = 0;
    };
  }

  play(): StepOutcome {
    const { pair } = this;
    try {
      this.live();
    } catch (error) {
      this.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      pair.watchOperations(() => {});
      pair.close();
    }
    const { operations, mishapAt } = pair;
    const { points, problems } = this;
    return { reached: mishapAt !== undefined, operations, operation: mishapAt ?? '', points, problems };
  }

  private live(): void {
    const { pair, step } = this;
    const old = pair.replicaView();
    const restored = pair.masterView();
    pair.expect(step.n, step.how);
    this.again('the restore', () => this.restore());
    this.compare('restored', restored);
    const { back } = this.again('the plan', () => this.ask('rewind-plan', 'start')) as RewindPlan;
    this.undo('start');
    this.compare('undone', old);
    this.undo(back);
    this.compare('and forth again', restored);
  }

  /** Until it went through. */
  private again<T>(what: string, work: () => T | undefined): T {
    let reason = '';
    for (let tries = 0; tries < RETRIES; tries += 1) {
      try {
        const done = work();
        if (done !== undefined) return done;
      } catch (error) {
        if (!(error instanceof Struck)) reason = error instanceof Error ? error.message : String(error);
      }
      this.pair.struck = false;
      this.pair.clock.advance(500);
    }
    throw new Error(`${what} never arrived: ${reason}`);
  }

  private restore(): true | undefined {
    const { pair } = this;
    this.failed = false;
    try {
      pair.start();
      const method = this.step.seed % 3 === 0 ? 'block' : 'file';
      const id = this.failed ? 0 : pair.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: false });
      const over = () => this.failed || pair.answerOf(id) !== undefined;
      if (!pair.clock.runUntil(over, PATIENCE_MS) || this.failed || pair.answerOf(id)?.fault !== undefined)
        return undefined;
      pair.barrier();
      pair.stopReplica();
      return this.failed ? undefined : true;
    } finally {
      pair.killMaster();
      pair.killReplica();
    }
  }

  private ask(name: 'rewind' | 'rewind-plan', point: string): unknown {
    return this.pair.askHistory({ name, point });
  }

  private undo(point: string): void {
    const { foreignCount } = this.again(`the way to ${point}`, () => this.ask('rewind', point)) as RewindResult;
    if (foreignCount > 0) this.problems.push(`${point}: ${foreignCount} places not as the journal left them`);
  }

  private compare(when: string, wanted: Map<string, string>): void {
    this.points += 1;
    const found = this.pair.replicaView();
    const wrong = [...new Set([...found.keys(), ...wanted.keys()])].filter(
      (path) => found.get(path) !== wanted.get(path),
    );
    if (wrong.length > 0) this.problems.push(`${when}: differs at ${wrong.slice(0, 4).join(', ') || '(root)'}`);
  }
}
