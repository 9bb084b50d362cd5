/** P1 and P4: the first synchronization of the small set, and a second one that finds nothing to do. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { oracle, Pair } from '../hosts/rig.ts';
import { buildSmallSet } from './data-sets.ts';
import { makeRow, median, type Row } from './measure.ts';
import { startRsyncDaemon, startSshServer, timeRsync } from './peers.ts';
import { type BenchContext, settle } from './place.ts';
import { processorTime, usedBetween } from './processor-time.ts';

interface Sample {
  /** Seconds. */
  readonly first: number;
  readonly second: number;
}

/**
 * What a run left goes when all are over, on disk: ext4 does not use an inode again for a minute and longer after its deletion, and
 * walks over all such ones for each file that is made (30,000 files in one directory: 2 s, 10 s after as many were deleted).
 */
class Leftovers {
  private readonly removals: (() => unknown)[] = [];
  private readonly keep: boolean;

  constructor(keep: boolean) {
    this.keep = keep;
  }

  async remove(removal: () => unknown): Promise<void> {
    if (this.keep) this.removals.push(removal);
    else await removal();
  }

  async end(): Promise<void> {
    for (const removal of this.removals) await removal();
  }
}

let emptied = 0;

async function empty(target: string, leftovers: Leftovers): Promise<void> {
  emptied += 1;
  const old = `${target}-${emptied}`;
  renameSync(target, old);
  mkdirSync(target);
  await leftovers.remove(() => rmSync(old, { recursive: true }));
  settle(target);
}

type Ssh = Awaited<ReturnType<typeof startSshServer>>;

interface Target {
  readonly directory: string;
  readonly url: string;
  readonly ssh: Ssh | undefined;
}

async function rsyncSample(
  source: string,
  { directory: target, url, ssh }: Target,
  leftovers: Leftovers,
): Promise<PeerSample> {
  await empty(target, leftovers);
  const first = await timeRsync([`${source}/`, `${url}/`]);
  const flushed = first + settle(target);
  const second = await timeRsync([`${source}/`, `${url}/`]);
  if (ssh === undefined) return { first, flushed, second, ssh: Number.NaN };
  await empty(target, leftovers);
  return { first, flushed, second, ssh: await timeRsync(['-e', ssh.shell, `${source}/`, `${ssh.host}:${target}/`]) };
}

/** How late the main threads were in the last seconds, as the engines say themselves. */
async function lateness(pair: Pair): Promise<number> {
  const late: number[] = [];
  for (const host of [pair.master, pair.replica]) {
    const { hosts } = JSON.parse(await host.must('hosts', '--json')) as {
      hosts: { daemon?: { loopDelayMs?: number } }[];
    };
    const lateMs = hosts[0]?.daemon?.loopDelayMs;
    if (lateMs === undefined) throw new Error(`${host.name} does not say how late it is`);
    late.push(lateMs);
  }
  return Math.max(...late);
}

/** Seconds from the last `Synchronization started` to `Synchronization finished`, as the Master recorded them. */
export async function lastSynchronization(pair: Pair): Promise<number> {
  const events = await pair.master.events();
  const started = events.findLast((event) => event.code === 'SYN-001');
  const finished = events.findLast((event) => event.code === 'SYN-002');
  if (started === undefined || finished === undefined) throw new Error('the synchronization left no events');
  return (finished.at - started.at) / 1000;
}

interface OwnSample extends Sample {
  /** Seconds of the whole first and second command. */
  readonly request: number;
  readonly again: number;
  /** Processor seconds of both engines in the first and the second run. */
  readonly processor: readonly number[];
  /** Milliseconds, the 99th percentile of how late the main threads of both engines were during the first one. */
  readonly lateMs: number;
}

interface PeerSample extends Sample {
  /** The first one until its volume was flushed as well. */
  readonly flushed: number;
  /** The first one over ssh. */
  readonly ssh: number;
}

/** Runs the scenario; how long the command took and what the engines used meanwhile. */
async function measuredRun(context: BenchContext, pair: Pair): Promise<{ seconds: number; processor: number }> {
  const pids = [pair.master.pid!, pair.replica.pid!];
  settle(pair.replicaRoot);
  const before = pids.map(processorTime);
  const asked = performance.now();
  await pair.run();
  const seconds = (performance.now() - asked) / 1000;
  const used = pids.map((pid, n) => usedBetween(before[n]!, processorTime(pid)));
  context.say(`processor seconds: Master ${JSON.stringify(used[0])} Replica ${JSON.stringify(used[1])}`);
  return { seconds, processor: used.reduce((sum, one) => sum + one.total, 0) };
}

async function oursSample(context: BenchContext, source: string, leftovers: Leftovers): Promise<OwnSample> {
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  try {
    await pair.createScenario();
    const one = await measuredRun(context, pair);
    const lateMs = await lateness(pair);
    const first = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical after P1:\n${differences.slice(0, 1000)}`);
    await pair.stopScenario();
    const two = await measuredRun(context, pair);
    const second = await lastSynchronization(pair);
    return {
      first,
      second,
      request: one.seconds,
      again: two.seconds,
      processor: [one.processor, two.processor],
      lateMs,
    };
  } finally {
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    await leftovers.remove(() => pair.remove());
  }
}

const LIMITS = {
  P1: { required: 0.8, goal: 0.6 },
  P2: { required: 0.7, goal: 0.5 },
  P4: { required: 0.7, goal: 0.4 },
  P16: { required: 1, goal: 1 },
} as const;
/** P16: how late the main thread may be. */
const LATE_MS = 50;
const WORK = {
  P1: 'initial copy, 50,000 small files in 500 directories',
  P2: 'initial copy, same set, beside rsync over ssh',
  P16: 'lateness of the main threads during the initial copy, p99',
  P4: 'second synchronization, nothing changed, same set',
} as const;

export async function copyRows(context: BenchContext): Promise<Row[]> {
  const source = join(context.directory, 'small-set');
  const target = join(context.directory, 'rsync-target');
  const built = buildSmallSet(source);
  mkdirSync(target, { recursive: true });
  const daemon = await startRsyncDaemon(join(context.directory, 'rsync'), target);
  const ssh = context.wanted('P2') ? await startSshServer(join(context.directory, 'ssh')) : undefined;
  const ours: OwnSample[] = [];
  const peer: PeerSample[] = [];
  const leftovers = new Leftovers(context.place === 'disk');
  try {
    for (let run = 0; run < context.runs; run += 1) {
      ours.push(await oursSample(context, source, leftovers));
      peer.push(await rsyncSample(source, { directory: target, url: daemon.url, ssh }, leftovers));
      context.say(
        `copy ${run + 1}/${context.runs}: ours ${JSON.stringify(ours.at(-1))} rsync ${JSON.stringify(peer.at(-1))}`,
      );
    }
  } finally {
    await ssh?.stop();
    await daemon.stop();
    await leftovers.end();
    rmSync(source, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
  }
  const commands = (pick: (sample: OwnSample) => number) => median(ours.map(pick)).toFixed(2);
  const whole = (what: string, seconds: string, processor: string): string =>
    `; ${what} took ${seconds} s and ${processor} processor seconds of both engines`;
  const note =
    `${built.files} files, ${built.bytes} bytes, ${context.place}; ours: TLS 1.3, groups flushed before they are renamed, ` +
    'from "Synchronization started" to "finished"; rsync -a plain to a daemon on loopback, unflushed ' +
    `(${median(peer.map((sample) => sample.flushed)).toFixed(2)} s until its volume is flushed); flushed between runs`;
  const row = (id: 'P1' | 'P2' | 'P4', ownTime: number, peerTime: number, peerName: string, extra: string): Row =>
    makeRow(
      { id: `${id}${context.suffix}`, work: WORK[id], unit: 's', peerName, note: note + extra },
      { ours: ownTime, peer: peerTime },
      LIMITS[id],
    );
  const first = median(ours.map((sample) => sample.first));
  return [
    row(
      'P1',
      first,
      median(peer.map((sample) => sample.first)),
      'rsync daemon',
      whole(
        'the whole command "run --wait" with verification',
        commands((sample) => sample.request),
        commands((sample) => sample.processor[0]!),
      ),
    ),
    row('P2', first, median(peer.map((sample) => sample.ssh)), 'rsync over ssh', '; the peer over ssh'),
    row(
      'P4',
      median(ours.map((sample) => sample.second)),
      median(peer.map((sample) => sample.second)),
      'rsync daemon',
      whole(
        'the whole second "run --wait"',
        commands((sample) => sample.again),
        commands((sample) => sample.processor[1]!),
      ),
    ),
    makeRow(
      {
        id: `P16${context.suffix}`,
        work: WORK.P16,
        unit: 'ms',
        peerName: 'the limit',
        note: `the later of both engines, ${context.place}; the window begins before the verification`,
      },
      { ours: median(ours.map((sample) => sample.lateMs)), peer: LATE_MS },
      LIMITS.P16,
    ),
  ].filter((candidate) => context.wanted(candidate.id.split('-')[0]!));
}
