/**
 * One workload on a simulated pair, and one moment at which an engine dies in it: at its n-th operation on files or state.
 * What has to hold whatever that moment was: nothing acknowledged is lost, no torn content is visible, nothing of ours stays
 * behind, and both roots end equal without anyone's help.
 */
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { Side } from '../memory/pair-core.ts';
import type { CutOrder, MemoryNode } from '../memory/volume.ts';
import { Users } from '../sim/users.ts';
import { PairDriver, shorten } from './driver.ts';

export interface CrashPoint {
  readonly seed: number;
  readonly side: Side;
  /** The side dies in its n-th operation. */
  readonly n: number;
  readonly how: 'kill' | 'power';
  readonly cutOrder: CutOrder;
  /** Draws what a power cut leaves. */
  readonly subset: number;
  /** It dies again in this operation after its next start; 0: it does not. */
  readonly again: number;
  /** Files are patched and changed in place from a few hundred bytes on, and users do mostly that. */
  readonly edits?: boolean;
}

export interface CrashOutcome {
  /** False: the workload was over before its n-th operation. */
  readonly reached: boolean;
  readonly deaths: number;
  /** The operation in which it died first, for the report. */
  readonly operation: string;
  readonly problems: readonly string[];
}

const ACTIONS_BEFORE = 8;
const ACTIONS_LIVE = 14;
const RESTART_MS = 100;
const SETTLE_LIMIT_MS = 120_000;
/** What only a Replica's engine may do to files. */
const CHANGING = new Set(['stage', 'write', 'commit', 'make', 'rename', 'metadata', 'keep', 'restore', 'drop']);

class CrashRun {
  private readonly point: CrashPoint;
  private readonly pair: EnginePair;
  private readonly driver: PairDriver;
  private readonly problems: string[] = [];
  /** Every content a file of the Master has had. */
  private readonly contents = new Set<string>(['']);
  private countdown: number;
  private nextCountdown: number;
  /** What is done to files now is done by users. */
  private acting = false;
  private dying = false;
  private recovering = false;
  private deaths = 0;
  private operation = '';
  /** Sequence the Replica has acknowledged, per generation. */
  private acknowledged = { generation: '', seq: -1 };

  constructor(hasher: ContentHasher, point: CrashPoint) {
    this.point = point;
    this.countdown = point.n;
    this.nextCountdown = point.again;
    this.pair = new EnginePair(hasher, { seed: point.seed + 0x5eed, cutOrder: point.cutOrder });
    const random = new SeededRandom(point.seed);
    const { user, masterTree } = this.pair;
    const read = point.edits ? (path: string) => user.readFile(path).slice() : undefined;
    const users = new Users(masterTree, user, random, read);
    this.driver = new PairDriver(this.pair, users, random, {
      guarded: (run) => this.guarded(run),
      act: (run) => this.act(run),
      mayConnect: () => !this.recovering,
    });
    this.pair.watchOperations((side, operation, path) => this.onOperation(side, operation, path));
  }

  run(): CrashOutcome {
    try {
      this.play();
    } catch (error) {
      this.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      this.pair.watchOperations(() => {});
      this.pair.close();
    }
    const { deaths, operation, problems } = this;
    return { reached: deaths > 0, deaths, operation, problems };
  }

  private play(): void {
    this.driver.actNow(ACTIONS_BEFORE);
    this.start('replica');
    this.start('master');
    this.driver.actLater(ACTIONS_LIVE);
    this.driver.supervise();
    const untilMs = this.pair.clock.bootMs() + SETTLE_LIMIT_MS;
    while (this.problems.length === 0 && !this.driver.isOver()) {
      if (this.pair.clock.bootMs() > untilMs) {
        this.problems.push(...this.driver.describeUnsettled());
        return;
      }
      this.guarded(() => void this.pair.clock.runNext());
    }
    this.checkEnd();
  }

  // ---------------------------------------------------------------- users

  private act(run: () => void): void {
    this.acting = true;
    run();
    this.acting = false;
    collectContents(this.pair.masterTree.root, this.contents);
  }

  // ---------------------------------------------------------------- death

  private onOperation(side: Side, operation: string, path: string): void {
    if (this.acting) return;
    if (side === 'master' && CHANGING.has(operation)) {
      this.problems.push(`the Master's engine changed its own root: ${operation} ${path}`);
    }
    if (side !== this.point.side) return;
    if (this.countdown > 0) {
      this.countdown -= 1;
      if (this.countdown === 0) this.strike(`${operation} ${path}`);
    }
    if (this.dying) throw new Error('killed');
  }

  private strike(operation: string): void {
    if (this.operation === '') this.operation = operation;
    this.dying = true;
    this.noteAcknowledged();
    // What is changed in place may be half done until the next start.
    const looks = this.point.how === 'kill' || this.deaths === 0;
    if (looks && !this.point.edits) this.checkVisible(`at ${operation}`);
    this.pair.strike(this.point.side);
  }

  /** Runs something of the engines; a process that died in it is buried right after. */
  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!this.dying) throw error;
    }
    if (this.dying) this.bury();
  }

  private bury(): void {
    const { pair, point } = this;
    this.deaths += 1;
    this.driver.forget();
    if (point.side === 'master') pair.killMaster();
    else if (point.how === 'power') pair.cutReplicaPower(new SeededRandom(1_000 * point.subset + this.deaths));
    else pair.killReplica();
    this.dying = false;
    this.countdown = this.nextCountdown;
    this.nextCountdown = 0;
    this.start(point.side);
  }

  private start(side: Side): void {
    this.pair.clock.after(RESTART_MS, () => {
      this.driver.start(side);
      if (side === 'replica' && this.pair.replicaAlive) this.checkRecovered();
    });
  }

  /** Its own recovery is over when what it has spooled is applied; only then the hosts are joined again. */
  private afterRecovery(): void {
    this.pair.clock.after(10, () => {
      if (this.pair.replicaBacklog) {
        this.afterRecovery();
        return;
      }
      if (this.pair.replicaReceived !== undefined) this.checkVisible('after recovery');
      this.recovering = false;
    });
  }

  // ---------------------------------------------------------------- judging

  private noteAcknowledged(): void {
    const received = this.pair.replicaReceived;
    if (received !== undefined) this.acknowledged = received;
  }

  /** Right after its start: nothing has come from the Master yet. */
  private checkRecovered(): void {
    this.recovering = true;
    this.afterRecovery();
    const received = this.pair.replicaReceived;
    const compared = this.pair.codes('replica').includes('SYN-006');
    if (received === undefined) {
      // Without a position everything is compared; with one given up silently, protection would be gone silently.
      if (this.acknowledged.seq >= 0 && !compared) this.checkGivenUp();
      return;
    }
    // In another order than they were made, names can show what is only made good by applying the spool again.
    if (this.point.cutOrder === 'journalled') this.checkVisible('after the roll-back');
    const same = received.generation === this.acknowledged.generation;
    if (same && received.seq < this.acknowledged.seq) {
      this.problems.push(`acknowledged ${this.acknowledged.seq}, after the crash only ${received.seq}`);
    }
  }

  /** It may have died while it was synchronized, when no position holds. */
  private checkGivenUp(): void {
    if (!this.pair.codes().includes('SYN-001')) this.problems.push('the position was given up without a reason');
  }

  private checkVisible(when: string): void {
    for (const [path, content] of visibleContents(this.pair.replicaTree.root)) {
      if (!this.contents.has(content)) this.problems.push(`torn ${when}: ${path} holds ${shorten(content)}`);
    }
  }

  private checkEnd(): void {
    if (this.problems.length > 0) return;
    this.problems.push(...this.pair.failures.map((fault) => `failed: ${fault.text}`).slice(0, 3));
    // The last checkpoint drops what the journal kept and what was staged.
    this.countdown = 0;
    const untilMs = this.pair.clock.bootMs() + 5_000;
    while (this.pair.clock.bootMs() < untilMs) this.guarded(() => void this.pair.clock.runNext());
    const kept = this.pair.replicaTree.listKept();
    if (kept.length > 0) this.problems.push(`left behind: ${kept.join(' ')}`);
  }
}

function* visibleContents(root: MemoryNode): Generator<[string, string]> {
  const pending: [string, MemoryNode][] = [['', root]];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const [path, node] = at;
    if (node.type === 'file') yield [path, textOf(node.content)];
    if (node.type !== 'directory') continue;
    for (const [name, child] of node.entries) pending.push([`${path}/${name}`, child]);
  }
}

function collectContents(root: MemoryNode, into: Set<string>): void {
  for (const [, content] of visibleContents(root)) into.add(content);
}

function textOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
}

/** Everything the product does with files of 64 MiB, with those of a few hundred bytes. */
const TINY = { inlineBytes: 100, patchedBytes: 200, inPlaceBytes: 400, blockBytes: 64, sliceBytes: 128 };

export function crash(hasher: ContentHasher, point: CrashPoint): CrashOutcome {
  forceLargeFiles(point.edits ? TINY : undefined);
  try {
    return new CrashRun(hasher, point).run();
  } finally {
    forceLargeFiles();
  }
}
