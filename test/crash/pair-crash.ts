/**
 * One workload on a simulated pair, and one moment at which an engine dies in it: at its n-th operation on files or state.
 * What has to hold whatever that moment was: nothing acknowledged is lost, no torn content is visible, nothing of ours stays
 * behind, and both roots end equal without anyone's help.
 */
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { Side } from '../memory/pair-core.ts';
import { describeTree } from '../memory/user.ts';
import type { CutOrder, MemoryNode } from '../memory/volume.ts';
import { Users } from '../sim/users.ts';

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
  private readonly random: SeededRandom;
  private readonly users: Users;
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
  private actionsLeft = ACTIONS_LIVE;
  private syncCall: number | undefined;
  /** Sequence the Replica has acknowledged, per generation. */
  private acknowledged = { generation: '', seq: -1 };

  constructor(hasher: ContentHasher, point: CrashPoint) {
    this.point = point;
    this.countdown = point.n;
    this.nextCountdown = point.again;
    this.pair = new EnginePair(hasher, { seed: point.seed + 0x5eed, cutOrder: point.cutOrder });
    this.random = new SeededRandom(point.seed);
    this.users = new Users(this.pair.masterTree, this.pair.user, this.random);
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
    for (let count = ACTIONS_BEFORE; count > 0; count -= 1) this.act();
    this.start('replica');
    this.start('master');
    this.userActs();
    this.supervise();
    const untilMs = this.pair.clock.bootMs() + SETTLE_LIMIT_MS;
    while (this.problems.length === 0 && !this.isOver()) {
      if (this.pair.clock.bootMs() > untilMs) {
        this.notSettled();
        return;
      }
      this.guarded(() => void this.pair.clock.runNext());
    }
    this.checkEnd();
  }

  // ---------------------------------------------------------------- users

  private act(): void {
    this.acting = true;
    this.users.act();
    this.acting = false;
    collectContents(this.pair.masterTree.root, this.contents);
  }

  private userActs(): void {
    if (this.actionsLeft === 0) return;
    this.actionsLeft -= 1;
    this.pair.clock.after(this.random.below(this.random.chance(0.2) ? 1_500 : 150), () => {
      this.act();
      this.userActs();
    });
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
    if (this.point.how === 'kill' || this.deaths === 0) this.checkVisible(`at ${operation}`);
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
    this.syncCall = undefined;
    pair.masterStatus = undefined;
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
      this.guarded(() => {
        if (side === 'master') this.pair.startMaster();
        else this.pair.startReplica();
      });
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

  /** What the daemon does: joins the hosts and has a Replica without usable data synchronized. */
  private supervise(): void {
    this.pair.clock.after(50, () => {
      const { pair } = this;
      if (!this.recovering) this.guarded(() => pair.connect());
      if (this.syncCall !== undefined && pair.answerOf(this.syncCall) !== undefined) {
        this.syncCall = undefined;
        // What was said before the answer is outdated.
        pair.masterStatus = undefined;
      }
      const peer = pair.masterAlive ? pair.masterStatus?.peers.replica : undefined;
      const waits = peer !== undefined && !peer.synchronized && peer.link === 'catching-up';
      if (waits && this.syncCall === undefined) {
        const method = this.random.pick(['file', 'block'] as const);
        this.syncCall = pair.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: true });
      }
      this.supervise();
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
      if (this.acknowledged.seq >= 0 && !compared && this.syncCall === undefined) this.checkGivenUp();
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

  private isOver(): boolean {
    const { pair } = this;
    if (this.actionsLeft > 0 || !pair.masterAlive || !pair.replicaAlive) return false;
    const peer = pair.masterStatus?.peers.replica;
    if (peer?.synchronized !== true || peer.pendingChanges > 0 || peer.lagMs > 0 || peer.parked > 0) return false;
    return this.syncCall === undefined && this.differences().length === 0;
  }

  private differences(): string[] {
    const wanted = describeTree(this.pair.masterTree);
    const found = describeTree(this.pair.replicaTree);
    const lines: string[] = [];
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) === found.get(path)) continue;
      lines.push(`${path || '(root)'}: ${shorten(found.get(path))} instead of ${shorten(wanted.get(path))}`);
    }
    return lines;
  }

  private notSettled(): void {
    const peer = this.pair.masterStatus?.peers.replica;
    this.problems.push(`not settled: ${JSON.stringify(peer)}`, ...this.differences().slice(0, 6));
    this.problems.push(...this.pair.failures.map((fault) => `failed: ${fault.text}`).slice(0, 3));
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

function shorten(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const printable = text.replace(/[^ -~]/g, '.');
  return printable.length > 80 ? `${printable.slice(0, 80)}… (${text.length})` : printable;
}

export function crash(hasher: ContentHasher, point: CrashPoint): CrashOutcome {
  return new CrashRun(hasher, point).run();
}
