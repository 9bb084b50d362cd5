/** Drives a pair of engines as users and the daemon would: actions on the Master, links joined again, engines started again. */
import type { SeededRandom } from '../memory/clock.ts';
import type { PairCore, Side } from '../memory/pair-core.ts';
import type { Users } from '../sim/users.ts';

export interface ViewedPair extends PairCore {
  masterView(): Map<string, string>;
  replicaView(): Map<string, string>;
}

export interface DriverHooks {
  /** Runs something of the engines; what they throw may be expected. */
  readonly guarded: (run: () => void) => void;
  /** Every user's action goes through it. */
  readonly act: (run: () => void) => void;
  /** The hosts may be joined now. */
  readonly mayConnect: () => boolean;
}

const SUPERVISE_MS = 50;

export class PairDriver {
  private readonly pair: ViewedPair;
  private readonly users: Users;
  private readonly random: SeededRandom;
  private readonly hooks: DriverHooks;
  private actionsLeft = 0;
  private syncCall: number | undefined;

  constructor(pair: ViewedPair, users: Users, random: SeededRandom, hooks: DriverHooks) {
    this.pair = pair;
    this.users = users;
    this.random = random;
    this.hooks = hooks;
  }

  actNow(count: number): void {
    for (let left = count; left > 0; left -= 1) this.hooks.act(() => void this.users.act());
  }

  /** `count` actions, most of them soon after one another. */
  actLater(count: number): void {
    this.actionsLeft = count;
    this.nextAction();
  }

  private nextAction(): void {
    if (this.actionsLeft === 0) return;
    this.actionsLeft -= 1;
    this.pair.clock.after(this.random.below(this.random.chance(0.2) ? 1_500 : 150), () => {
      this.actNow(1);
      this.nextAction();
    });
  }

  /** What the daemon does: joins the hosts and has a Replica without usable data synchronized. */
  supervise(): void {
    this.pair.clock.after(SUPERVISE_MS, () => {
      const { pair } = this;
      if (this.hooks.mayConnect()) this.hooks.guarded(() => pair.connect());
      if (this.syncCall !== undefined && pair.answerOf(this.syncCall) !== undefined) this.forget();
      const peer = pair.masterAlive ? pair.masterStatus?.peers.replica : undefined;
      const waits = peer !== undefined && !peer.synchronized && peer.link === 'catching-up';
      if (waits && this.syncCall === undefined) this.hooks.guarded(() => this.synchronize());
      this.supervise();
    });
  }

  private synchronize(): void {
    const method = this.random.pick(['file', 'block'] as const);
    this.syncCall = this.pair.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: true });
  }

  /** After a death, and after an answer: what was said before is outdated. */
  forget(): void {
    this.syncCall = undefined;
    this.pair.masterStatus = undefined;
  }

  start(side: Side): void {
    this.hooks.guarded(() => {
      if (side === 'master') this.pair.startMaster();
      else this.pair.startReplica();
    });
  }

  /** Users are done, everything is applied and both roots are equal. */
  isOver(): boolean {
    const { pair } = this;
    if (this.actionsLeft > 0 || !pair.masterAlive || !pair.replicaAlive) return false;
    const peer = pair.masterStatus?.peers.replica;
    if (peer?.synchronized !== true || peer.pendingChanges > 0 || peer.lagMs > 0 || peer.parked > 0) return false;
    return this.syncCall === undefined && this.differences().length === 0;
  }

  differences(): string[] {
    const wanted = this.pair.masterView();
    const found = this.pair.replicaView();
    const lines: string[] = [];
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) === found.get(path)) continue;
      lines.push(`${path || '(root)'}: ${shorten(found.get(path))} instead of ${shorten(wanted.get(path))}`);
    }
    return lines;
  }

  describeUnsettled(): string[] {
    const peer = this.pair.masterStatus?.peers.replica;
    const failures = this.pair.failures.map((fault) => `failed: ${fault.text}`);
    return [`not settled: ${JSON.stringify(peer)}`, ...this.differences().slice(0, 6), ...failures.slice(0, 3)];
  }
}

export function shorten(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const printable = text.replace(/[^ -~]/g, '.');
  return printable.length > 80 ? `${printable.slice(0, 80)}… (${text.length})` : printable;
}
