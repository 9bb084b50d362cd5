/**
 * Random histories of a pair whose Replica keeps its history: users, synchronizations, parked items, kills, power cuts,
 * prunings, stops, edits, wrong clocks and rewinds. The Replica's root is recorded whenever its engine rests, by the number
 * of the last undo record; later any point that is listed must give back exactly what was recorded at it, and both ways to
 * list them must agree.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Standby } from '../../daemon/apply/standby.ts';
import type { EngineConfig } from '../../daemon/engine/engine-protocol.ts';
import { logBackwards } from '../../daemon/journal/log-backwards.ts';
import { pointsBackwards } from '../../daemon/journal/point-stream.ts';
import { pointsOf, positionOf } from '../../daemon/journal/points.ts';
import type { RewindCounts } from '../../daemon/journal/rewind.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { profileOf } from '../../daemon/link/profile.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName } from '../../shared/path.ts';
import { SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { Oddities } from '../sim/oddities.ts';
import { Users } from '../sim/users.ts';
import { PairDriver } from './driver.ts';

export interface RewindTotals {
  readonly histories: number;
  /** Gone back to and compared. */
  readonly points: number;
  /** Of these, so many were reached after another rewind had been killed or cut off. */
  readonly afterDeaths: number;
  readonly problems: readonly string[];
}

export interface RewindOptions {
  readonly points: number;
  readonly firstSeed: number;
  /** A campaign that has shown so many problems ends. */
  readonly problemLimit: number;
}

const VISITS = 4;
const POINTS_A_VISIT = 12;
const REFUSED_NAMES = ['a', 'b', 'leaf', 'data.db', 'burst1'];

type View = ReadonlyMap<string, string>;

/** Paths and what is there, each as a short hash. */
function digestOf(view: Map<string, string>): View {
  return new Map(
    [...view].map(([path, text]) => [path, createHash('sha256').update(text, 'latin1').digest('base64').slice(0, 16)]),
  );
}

function differing(found: View, wanted: View): string[] {
  return [...new Set([...found.keys(), ...wanted.keys()])].filter((path) => found.get(path) !== wanted.get(path));
}

/** `points`: stops when so many were compared. */
export function sweepRewinds(hasher: ContentHasher, { points, firstSeed, problemLimit }: RewindOptions): RewindTotals {
  const problems: string[] = [];
  let histories = 0;
  let compared = 0;
  let afterDeaths = 0;
  try {
    while (compared < points && problems.length < problemLimit) {
      const seed = firstSeed + histories;
      const history = new RewoundHistory(hasher, seed);
      history.play();
      histories += 1;
      compared += history.points;
      afterDeaths += history.afterDeaths;
      problems.push(...history.problems.slice(0, 3).map((problem) => `seed ${seed}: ${problem}`));
    }
  } finally {
    forceLargeFiles();
  }
  return { histories, points: compared, afterDeaths, problems };
}

class RewoundHistory {
  points = 0;
  afterDeaths = 0;
  readonly problems: string[] = [];
  private readonly random: SeededRandom;
  private readonly pair: EnginePair;
  private readonly hasher: ContentHasher;
  private readonly driver: PairDriver;
  /** By the number of the last record. */
  private readonly views = new Map<number, View>();
  private recorded = -1;
  private died = false;
  /** Names can change places in one step only every second time. */
  private readonly remounts: boolean;

  constructor(hasher: ContentHasher, seed: number) {
    this.hasher = hasher;
    const random = new SeededRandom(seed);
    this.random = random;
    const inPlace = random.chance(0.5);
    forceLargeFiles(inPlace ? SMALL_LARGE_FILES : undefined);
    const refuses = random.chance(0.2);
    this.pair = new EnginePair(hasher, {
      seed,
      cutOrder: random.pick(['any', 'journalled']),
      ...(refuses ? { replicaCapabilities: { attributeKinds: 0, owners: random.chance(0.5) } } : {}),
    });
    const { pair } = this;
    pair.replicaTree.exchanges = seed % 3 !== 0;
    this.remounts = seed % 3 === 1;
    const keepDeleted = { synchronization: random.chance(0.7), replication: random.chance(0.7) };
    pair.replicaSettings = { history: this.someLimits(), ...(random.chance(0.2) ? { keepDeleted } : {}) };
    const { masterTree, user } = pair;
    const users = new Users(masterTree, user, random, inPlace ? (path) => user.readFile(path) : undefined);
    const oddities = new Oddities(masterTree, user, random);
    const act = users.act.bind(users);
    users.act = () => (random.chance(0.1) ? oddities.act() : act());
    const run = (work: () => void) => work();
    this.driver = new PairDriver(pair, users, random, { guarded: run, act: run, mayConnect: () => pair.replicaAlive });
  }

  private someLimits(): NonNullable<EngineConfig['history']> {
    const { random } = this;
    return {
      retentionMs: random.pick([24_000, 86_400_000]),
      maxBytes: random.pick([30_000, 2 ** 30, 2 ** 30]),
      minFreeBytes: 0,
      whenFull: 'gap',
    };
  }

  play(): void {
    const { pair, driver } = this;
    try {
      driver.actNow(10);
      pair.start();
      driver.supervise();
      for (let visit = 0; visit < VISITS && this.problems.length === 0; visit += 1) {
        driver.actLater(30 + this.random.below(60));
        this.live(4_000 + this.random.below(8_000));
        this.visit();
      }
    } catch (error) {
      this.problems.push(`thrown: ${error instanceof Error ? error.stack : error}`);
    } finally {
      pair.close();
    }
  }

  // ---------------------------------------------------------------- replication

  private live(durationMs: number): void {
    const { pair, random } = this;
    const untilMs = pair.clock.bootMs() + durationMs;
    let faultAtMs = pair.clock.bootMs() + random.below(3_000);
    while (pair.clock.bootMs() < untilMs && pair.clock.runNext()) {
      this.record();
      if (pair.clock.bootMs() < faultAtMs) continue;
      faultAtMs = pair.clock.bootMs() + random.below(4_000);
      this.fault();
    }
    pair.replicaTree.beforeOperation = () => {};
  }

  private fault(): void {
    const { pair, random, driver } = this;
    random.pick([
      () => pair.cut(),
      () => this.dies(() => pair.killReplica()),
      () => this.dies(() => pair.cutReplicaPower(random)),
      () => {
        pair.killMaster();
        driver.forget();
        pair.startMaster();
      },
      () => pair.capture.overflow(0),
      () => this.refuse(),
      () => this.refuse(),
      () => driver.forget(),
      () => this.resynchronize(),
      () => this.stopAndRun(),
      () => this.stopAndRun(() => this.edit()),
    ])();
  }

  /** As an operator does, perhaps of both hosts, and somebody may have set the clock of the Replica meanwhile. */
  private stopAndRun(meanwhile: () => void = () => {}): void {
    const { pair, random, driver } = this;
    const both = random.chance(0.5);
    pair.stopReplica();
    if (both) pair.stopMaster();
    meanwhile();
    driver.forget();
    if (both) pair.startMaster();
    pair.startReplica();
    this.forgetLost(pair.standby!);
  }

  private edit(): void {
    const { pair, random } = this;
    const keepDeleted = { synchronization: random.chance(0.5), replication: random.chance(0.5) };
    random.pick([
      () => {
        pair.replicaSettings = { ...pair.replicaSettings, history: this.someLimits() };
      },
      () => {
        pair.replicaSettings = { ...pair.replicaSettings, keepDeleted };
      },
      () => {
        pair.limits = { applyDelayMs: random.pick([0, 500, 3_000]) };
      },
      () => pair.clock.setWallMs(pair.clock.wallMs() + random.pick([-1, 1]) * random.below(400) * 86_400_000),
    ])();
  }

  private dies(how: () => void): void {
    how();
    this.pair.startReplica();
    this.forgetLost(this.pair.standby!);
  }

  private refuse(): void {
    const { pair, random } = this;
    const name = random.pick(REFUSED_NAMES);
    const code = random.pick(['FS-DENIED', 'FS-BUSY', 'FS-FULL'] as const);
    pair.replicaTree.beforeOperation = (operation, path) => {
      if (/^(commit|make|write|rename|keep|metadata)/.test(operation) && baseName(path) === name)
        throw new Fault(code, { path });
    };
    pair.clock.after(random.below(3_000), () => {
      pair.replicaTree.beforeOperation = () => {};
    });
  }

  private resynchronize(): void {
    const { pair, random } = this;
    if (!pair.masterAlive || pair.masterStatus?.peers.replica?.link !== 'live') return;
    const method = random.pick(['file', 'block'] as const);
    pair.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: random.chance(0.7) });
  }

  // ---------------------------------------------------------------- recording

  /** When nothing is under way: what lies in the root now is the state behind the last record. */
  private record(): void {
    const { standby } = this.pair;
    if (standby === undefined || standby.received === undefined || standby.backlog) return;
    const { last } = standby.journal;
    if (last === this.recorded) return;
    this.recorded = last;
    this.views.set(last, digestOf(this.pair.replicaView()));
  }

  /** Numbers of records that a crash took are given again. */
  private forgetLost(standby: Standby): void {
    const { last } = standby.history.read();
    for (const n of [...this.views.keys()]) if (n > last) this.views.delete(n);
    this.recorded = -1;
  }

  // ---------------------------------------------------------------- going back

  private visit(): void {
    const { pair, random } = this;
    pair.killReplica();
    let standby = this.open();
    if (random.chance(0.5)) standby.journal.roll();
    const end = standby.history.read().last;
    for (let round = 0; round < POINTS_A_VISIT && this.problems.length === 0; round += 1) {
      const points = this.listed(standby);
      if (points.length === 0) break;
      const point = random.pick(points);
      if (random.chance(0.15)) standby = this.interrupted(standby, point);
      // A gap may have come of a power cut.
      if (this.listed(standby).includes(point)) this.goTo(standby, point);
    }
    const back = random.chance(0.5) && this.listed(standby).includes(end);
    if (back && this.problems.length === 0) this.goTo(standby, end);
    this.died = false;
    pair.startReplica();
  }

  private open(): Standby {
    const { pair, hasher } = this;
    if (this.remounts) pair.replicaTree.exchanges = !pair.replicaTree.exchanges;
    const files = pair.replicaFiles();
    const { trees } = files;
    const profile = profileOf(trees, ALL_KINDS);
    const ports = { ...files, clock: pair.clock, hasher, onEvent: () => {}, keepsHistory: true };
    const standby = new Standby(ports, 1, profile);
    this.forgetLost(standby);
    return standby;
  }

  /** Positions of what an operator may choose, of which it is known what was there. */
  private listed(standby: Standby): number[] {
    const points = [...pointsOf(standby.history.read())];
    const streamed = [...pointsBackwards(logBackwards(this.pair.journalLog))].map(({ point }) => point);
    if (!isDeepStrictEqual(streamed, points)) this.problems.push('read from its end, the log lists other points');
    const positions = points.filter(({ kind }) => kind !== 'gap').map(positionOf);
    return [...new Set(positions)].filter((n) => this.views.has(n));
  }

  private goTo(standby: Standby, point: number): void {
    const counts: RewindCounts = { steps: 0, foreign: [] };
    for (const _ of standby.rewind(point, counts, this.points % 2 === 0));
    this.points += 1;
    if (this.died) this.afterDeaths += 1;
    const found = digestOf(this.pair.replicaView());
    this.views.set(standby.journal.last, found);
    const wrong = differing(found, this.views.get(point)!);
    if (wrong.length > 0) this.problems.push(`point ${point} differs at ${wrong.slice(0, 4).join(', ') || '(root)'}`);
    if (counts.foreign.length > 0)
      this.problems.push(`point ${point}: not as the journal left it: ${counts.foreign[0]!.path}`);
  }

  /** A rewind that is killed, or during which power is lost. */
  private interrupted(standby: Standby, point: number): Standby {
    const { pair, random } = this;
    let left = 1 + random.below(60);
    pair.watchOperations((side) => {
      if (side !== 'replica') return;
      left -= 1;
      if (left <= 0) throw new Error('killed');
    });
    try {
      for (const _ of standby.rewind(point, { steps: 0, foreign: [] }, this.points % 2 === 0));
    } catch (error) {
      if (!Fault.from(error).message.includes('killed')) throw error;
    }
    pair.watchOperations(() => {});
    if (random.chance(0.4)) pair.cutReplicaPower(random);
    this.died = true;
    return this.open();
  }
}
