/**
 * One life of a history, and one moment in it at which an operation of its Replica's engines on files, logs or state goes
 * wrong: the process is killed in it, the disk has no room from there on for a while, or it cannot be read or written once.
 * Two lives: a Replica that is replicated, pruned, bookmarked, set back, undone and synchronized again; and a Master that a
 * restore overwrites and `undo` gives back.
 *
 * What has to hold whatever that moment was: every point that is listed gives back exactly what was recorded at it; what was
 * listed before is still listed, or history says that it was lost; nothing is torn; and both roots end equal by themselves.
 */
import { logBackwards } from '../../daemon/journal/log-backwards.ts';
import { pointsBackwards } from '../../daemon/journal/point-stream.ts';
import { positionOf } from '../../daemon/journal/points.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import type { RewindPoint, RewindResult } from '../../shared/rewind.ts';
import { SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryPair, type Mishap, Struck } from '../memory/history-pair.ts';
import { Users } from '../sim/users.ts';
import { PairDriver } from './driver.ts';

export interface Step {
  readonly seed: number;
  /** Of its operations from the moment on when both hosts are equal for the first time; 0: nothing goes wrong. */
  readonly n: number;
  readonly how: Mishap;
}

export interface StepOutcome {
  /** False: there were fewer operations. */
  readonly reached: boolean;
  /** Of the whole life. */
  readonly operations: number;
  readonly operation: string;
  /** Points gone back to and compared. */
  readonly points: number;
  readonly problems: readonly string[];
}

const SETTLE_LIMIT_MS = 120_000;
const RESTART_MS = 100;
const RETRIES = 40;
/** Changes of the last moments before a kill are applied again and told anew. */
const COVERED_AFTER_MS = 3_000;
const RETENTION_MS = 24_000;

type View = ReadonlyMap<string, string>;

function differing(found: View, wanted: View): string[] {
  return [...new Set([...found.keys(), ...wanted.keys()])].filter((path) => found.get(path) !== wanted.get(path));
}

export function tryStep(hasher: ContentHasher, step: Step): StepOutcome {
  const inPlace = step.seed % 2 === 0;
  forceLargeFiles(inPlace ? SMALL_LARGE_FILES : undefined);
  try {
    return new HistoryLife(hasher, step, inPlace).play();
  } finally {
    forceLargeFiles();
  }
}

class HistoryLife {
  private readonly step: Step;
  private readonly pair: HistoryPair;
  private readonly driver: PairDriver;
  private readonly random: SeededRandom;
  private readonly problems: string[] = [];
  /** By the number of the last record. */
  private readonly views = new Map<number, View>();
  private recorded = -1;
  private points = 0;
  /** What was listed when it last rested before the mishap. */
  private told: readonly RewindPoint[] = [];
  private toldAtMs = 0;
  /** By its operator. */
  private stopped = false;

  constructor(hasher: ContentHasher, step: Step, inPlace: boolean) {
    this.step = step;
    const { seed } = step;
    const random = new SeededRandom(seed);
    this.random = random;
    this.pair = new HistoryPair(hasher, seed, {
      retentionMs: seed % 3 === 0 ? RETENTION_MS : 86_400_000,
      maxBytes: seed % 3 === 1 ? 8_000 : 2 ** 30,
      minFreeBytes: 0,
      whenFull: 'gap',
    });
    const { pair } = this;
    pair.replicaTree.exchanges = seed % 4 < 2;
    const users = new Users(
      pair.masterTree,
      pair.user,
      random,
      inPlace ? (path) => pair.user.readFile(path) : undefined,
    );
    this.driver = new PairDriver(pair, users, random, {
      guarded: (work) => this.guarded(work),
      act: (work) => pair.unwatched(work),
      mayConnect: () => pair.replicaAlive,
    });
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
    return {
      reached: mishapAt !== undefined,
      operations,
      operation: mishapAt ?? '',
      points: this.points,
      problems: this.problems,
    };
  }

  private live(): void {
    const { pair, driver, step } = this;
    pair.onFailed = (side) => this.failed(side);
    driver.actNow(8);
    this.guarded(() => pair.start());
    driver.supervise();
    this.settle();
    pair.expect(step.n, step.how);
    this.work(10);
    this.bookmark('first');
    this.work(10);
    this.pass(6_000);
    this.setBackAndForth();
    this.settle();
    this.work(6);
    this.bookmark('second');
    this.pass(4_000);
    this.judge();
  }

  // ---------------------------------------------------------------- engines

  /** Runs something of the engines; a process that was struck in it is buried and started again. */
  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Struck) && !this.pair.struck) throw error;
    }
    if (this.pair.struck) this.bury();
  }

  private bury(): void {
    const { pair, driver } = this;
    pair.killReplica();
    driver.forget();
    pair.struck = false;
    this.restart();
  }

  private restart(): void {
    this.pair.clock.after(RESTART_MS, () => {
      if (this.pair.replicaAlive || this.stopped) return;
      this.guarded(() => this.pair.startReplica());
      this.forgetLost();
    });
  }

  private failed(side: 'master' | 'replica'): void {
    if (side === 'master') return;
    this.pair.failures.pop();
    this.pair.clock.after(0, () => {
      this.pair.killReplica();
      this.driver.forget();
      this.restart();
    });
  }

  private next(): boolean {
    let ran = false;
    this.guarded(() => {
      ran = this.pair.clock.runNext();
    });
    this.record();
    return ran;
  }

  private pass(durationMs: number): void {
    const untilMs = this.pair.clock.bootMs() + durationMs;
    while (this.pair.clock.bootMs() < untilMs) this.next();
  }

  private work(actions: number): void {
    this.driver.actLater(actions);
    this.pass(actions * 150);
    this.settle();
  }

  /** Until both roots are equal. */
  private settle(): void {
    const untilMs = this.pair.clock.bootMs() + SETTLE_LIMIT_MS;
    while (!this.driver.isOver()) {
      if (this.pair.clock.bootMs() > untilMs) {
        throw new Error([...this.driver.describeUnsettled(), JSON.stringify(this.pair.replicaStatus)].join('; '));
      }
      this.next();
    }
  }

  // ---------------------------------------------------------------- recording

  private record(): void {
    const { standby } = this.pair;
    if (standby === undefined || standby.received === undefined || standby.backlog) return;
    const { last } = standby.journal;
    if (last === this.recorded) return;
    this.recorded = last;
    this.views.set(last, this.pair.replicaView());
    this.listBeforeMishap();
  }

  private listBeforeMishap(): void {
    if (this.pair.mishapAt !== undefined) return;
    this.told = this.listed();
    this.toldAtMs = this.pair.clock.wallMs();
  }

  /** Numbers of records that a crash took are given again. */
  private forgetLost(): void {
    if (this.pair.standby !== undefined) this.forgetViews(this.pair.standby.history.read().last);
  }

  private forgetViews(last: number): void {
    for (const n of [...this.views.keys()]) if (n > last) this.views.delete(n);
    this.recorded = -1;
  }

  private listed(): RewindPoint[] {
    return [...pointsBackwards(logBackwards(this.pair.journalLog))].map(({ point }) => point);
  }

  // ---------------------------------------------------------------- what an operator does

  private bookmark(text: string): void {
    const { pair } = this;
    for (let tries = 0; tries < RETRIES; tries += 1) {
      const seq = pair.standby?.applied?.seq;
      let point: RewindPoint | undefined;
      if (seq !== undefined && pair.replicaAlive) {
        this.guarded(() => {
          try {
            point = pair.callReplica({ name: 'bookmark', seq, text }) as RewindPoint;
          } catch (error) {
            if (error instanceof Struck || pair.struck) throw error;
          }
        });
      }
      if (point !== undefined) {
        this.listBeforeMishap();
        if (pair.mishapAt !== undefined) this.told = [...this.told, point];
        return;
      }
      this.pass(1_000);
      this.settle();
    }
    throw new Error('no bookmark could be set');
  }

  /** To one of the points, to another, and where it came from, as `restore` and `undo` do. */
  private setBackAndForth(): void {
    const { pair } = this;
    this.stop();
    this.listBeforeMishap();
    const known = this.listed().filter((point) => point.kind !== 'gap' && this.views.has(positionOf(point)));
    if (known.length > 0) this.goTo(this.random.pick(known).id);
    const { last } = pair.readHistory();
    const back = `rewind-${last.toString(36)}`;
    const again = this.listed().filter((point) => point.kind !== 'gap' && this.views.has(positionOf(point)));
    if (again.length > 0) this.goTo(this.random.pick(again).id);
    if (this.listed().some(({ id }) => id === back) && this.views.has(last)) this.goTo(back);
    this.run();
  }

  private stop(): void {
    this.stopped = true;
    this.guarded(() => this.pair.stopReplica());
    this.forgetViews(this.pair.readHistory().last);
  }

  private run(): void {
    this.stopped = false;
    this.recorded = -1;
    this.driver.forget();
    this.guarded(() => this.pair.startReplica());
  }

  /** A rewind that failed is asked for again, as the service does; until history says that the point is lost. */
  private goTo(id: string): void {
    const { pair } = this;
    for (let tries = 0; tries < RETRIES; tries += 1) {
      const answer = this.ask(id);
      if (answer === 'gone') return;
      if (answer !== undefined) {
        this.compare(id, answer);
        return;
      }
      pair.clock.advance(500);
    }
    this.problems.push(`the rewind to ${id} never arrived`);
  }

  /** Undefined: it failed, and may be tried again. */
  private ask(id: string): RewindResult | 'gone' | undefined {
    const { pair } = this;
    try {
      return pair.askHistory({ name: 'rewind', point: id }) as RewindResult;
    } catch (error) {
      pair.struck = false;
      if (error instanceof Struck) return undefined;
      const message = error instanceof Error ? error.message : String(error);
      if (!message.includes('no rewind point')) return undefined;
      return this.isToldLost() ? 'gone' : undefined;
    }
  }

  private isToldLost(): boolean {
    return this.listed().some(({ kind }) => kind === 'gap') || this.pair.trimmedTo() > 0;
  }

  private compare(id: string, { foreignCount, foreign }: RewindResult): void {
    const n = positionOf({ id });
    this.points += 1;
    const found = this.pair.replicaView();
    const wrong = differing(found, this.views.get(n)!);
    if (wrong.length > 0) this.problems.push(`point ${id} differs at ${wrong.slice(0, 4).join(', ') || '(root)'}`);
    if (foreignCount > 0) this.problems.push(`point ${id}: not as the journal left it: ${foreign[0]!.path}`);
    this.views.set(this.pair.readHistory().last, found);
  }

  // ---------------------------------------------------------------- judging

  private judge(): void {
    const { pair } = this;
    this.settle();
    this.stop();
    this.judgeLists();
    const known = this.listed().filter((point) => point.kind !== 'gap' && this.views.has(positionOf(point)));
    const bookmarks = known.filter(({ kind }) => kind === 'bookmark');
    const some = [known.at(-1), ...bookmarks, ...Array.from({ length: 2 }, () => this.random.pick(known))];
    for (const point of some) if (point !== undefined && this.problems.length === 0) this.goTo(point.id);
    this.run();
    this.settle();
    this.problems.push(...pair.failures.map(({ text }) => `failed: ${text}`).slice(0, 3));
  }

  /** What was listed is listed, or it is said that it is lost. */
  private judgeLists(): void {
    const now = this.listed();
    const ids = new Set(now.map(({ id }) => id));
    const gap = now.find(({ kind }) => kind === 'gap');
    const lostTo = Math.max(this.pair.trimmedTo(), gap?.at ?? 0);
    for (const { id, at, kind, text } of this.told) {
      if (kind === 'gap' || ids.has(id) || at <= lostTo) continue;
      if (kind === 'event' && at > this.toldAtMs - COVERED_AFTER_MS) continue;
      this.problems.push(`${kind} ${id} "${text}" was listed and is not any more, and nothing says so`);
    }
  }
}
