/**
 * Random histories of a pair: whatever users do, and whoever is killed, cut off or overflown meanwhile, the Replica ends
 * equal to the Master by an oracle that knows nothing of the engines. A failing history shrinks to its shortest form.
 */
import fc from 'fast-check';
import type { RootTree } from '../../daemon/ports.ts';
import { SeededRandom } from '../memory/clock.ts';
import { type UserCalls, Users } from '../sim/users.ts';
import { PairDriver, type ViewedPair } from './driver.ts';

/** In memory or over real files. */
export interface PlayedPair extends ViewedPair {
  readonly user: UserCalls;
  readonly masterTree: RootTree;
}

const SETTLE_LIMIT_MS = 300_000;
const SEED_OF_LATENCIES = 7;

const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const content = fc.oneof(
  { weight: 9, arbitrary: fc.string({ maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constant('x'.repeat(300_000)) },
);

interface Step {
  readonly run: (pair: PlayedPair) => void;
  readonly [fc.toStringMethod]: () => string;
}

function step<Args extends readonly unknown[]>(name: string, run: (pair: PlayedPair, ...args: Args) => void) {
  return (args: Args): Step => ({
    run: (pair) => run(pair, ...args),
    [fc.toStringMethod]: () => `${name} ${args.map((arg) => String(arg).slice(0, 12)).join(' ')}`.trim(),
  });
}

function user<Args extends readonly unknown[]>(name: string, run: (calls: UserCalls, ...args: Args) => void) {
  return step<Args>(name, (pair, ...args) => {
    try {
      run(pair.user, ...args);
    } catch {
      // Not possible in this state of the tree: nothing happened.
    }
  });
}

const NOTHING = fc.constant<[]>([]);

const ordinary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(path, content).map(user('write', (calls, p, text) => calls.writeFile(p, text))) },
  {
    weight: 1,
    arbitrary: fc.tuple(path, content).map(user('writeOpen', (calls, p, text) => calls.writeOpen(p, text))),
  },
  { weight: 4, arbitrary: fc.tuple(path).map(user('mkdir', (calls, p) => calls.makeDirectory(p))) },
  { weight: 6, arbitrary: fc.tuple(path, path).map(user('rename', (calls, p, q) => calls.rename(p, q))) },
  { weight: 3, arbitrary: fc.tuple(path).map(user('remove', (calls, p) => calls.remove(p))) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(user('symlink', (calls, p, q) => calls.makeSymlink(p, q))) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(user('link', (calls, p, q) => calls.link(p, q))) },
  {
    weight: 1,
    arbitrary: fc.tuple(path, fc.constantFrom(0o600, 0o755)).map(user('chmod', (c, p, m) => c.setMode(p, m))),
  },
  { weight: 1, arbitrary: fc.tuple(path).map(user('moveIn', (calls, p) => calls.moveIn(p, buildTree))) },
  { weight: 6, arbitrary: fc.tuple(fc.nat(200)).map(step('wait', (pair, ms) => pair.run(ms))) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(3_000)).map(step('wait', (pair, ms) => pair.run(ms))) },
);

const fault: fc.Arbitrary<Step> = fc.oneof(
  NOTHING.map(step('cut', (pair) => pair.cut())),
  NOTHING.map(step('kill Master', (pair) => pair.killMaster())),
  NOTHING.map(step('kill Replica', (pair) => pair.killReplica())),
  NOTHING.map(step('overflow', (pair) => pair.capture.overflow(0))),
  NOTHING.map(step('start again', startAgain)),
);

function buildTree(elsewhere: UserCalls): void {
  elsewhere.makeDirectory('a');
  elsewhere.writeFile('a/b', 'moved in');
}

/** What the daemons do after a kill. */
function startAgain(pair: PlayedPair): void {
  if (!pair.replicaAlive) pair.startReplica();
  if (!pair.masterAlive) pair.startMaster();
}

function play(pair: PlayedPair, steps: readonly Step[]): string[] {
  const random = new SeededRandom(SEED_OF_LATENCIES);
  const users = new Users(pair.masterTree, pair.user, random);
  const run = (work: () => void) => work();
  const driver = new PairDriver(pair, users, random, { guarded: run, act: run, mayConnect: () => true });
  startAgain(pair);
  driver.supervise();
  for (const { run: work } of steps) {
    work(pair);
    if (!pair.masterAlive) driver.forget();
  }
  startAgain(pair);
  const untilMs = pair.clock.bootMs() + SETTLE_LIMIT_MS;
  while (pair.clock.bootMs() < untilMs) {
    pair.run(500);
    if (driver.isOver()) return pair.failures.map((failure) => failure.text);
  }
  return driver.describeUnsettled();
}

export interface PropertyOptions {
  readonly runs: number;
  readonly seed: number;
  readonly makePair: () => PlayedPair;
}

/** Empty, or the shortest history that fails with the seed and path that repeat it. */
export function findUnequalHistory({ runs, seed, makePair }: PropertyOptions): string {
  const steps = fc.array(fc.oneof({ weight: 8, arbitrary: ordinary }, { weight: 1, arbitrary: fault }), {
    maxLength: 60,
    size: 'max',
  });
  const property = fc.property(steps, (history) => {
    const pair = makePair();
    try {
      const problems = play(pair, history);
      if (problems.length > 0) throw new Error(problems.join('\n'));
    } finally {
      pair.close();
    }
  });
  const result = fc.check(property, { seed, numRuns: runs });
  return result.failed ? (fc.defaultReportMessage(result) ?? 'failed') : '';
}
