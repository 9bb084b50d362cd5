/** P1 and P4: the first synchronization of the small set, and a second one that finds nothing to do. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { oracle, Pair } from '../hosts/rig.ts';
import { buildSmallSet } from './data-sets.ts';
import { makeRow, median, type Row } from './measure.ts';
import { startRsyncDaemon, timeRsync } from './peers.ts';
import type { BenchContext } from './place.ts';
import { processorTime, usedBetween } from './processor-time.ts';

interface Sample {
  /** Seconds. */
  readonly first: number;
  readonly second: number;
}

async function rsyncSample(source: string, target: string, url: string): Promise<Sample> {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  const first = await timeRsync([`${source}/`, `${url}/`]);
  return { first, second: await timeRsync([`${source}/`, `${url}/`]) };
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
}

/** Runs the scenario; how long the command took and what the engines used meanwhile. */
async function measuredRun(context: BenchContext, pair: Pair): Promise<{ seconds: number; processor: number }> {
  const pids = [pair.master.pid!, pair.replica.pid!];
  const before = pids.map(processorTime);
  const asked = performance.now();
  await pair.run();
  const seconds = (performance.now() - asked) / 1000;
  const used = pids.map((pid, n) => usedBetween(before[n]!, processorTime(pid)));
  context.say(`processor seconds: Master ${JSON.stringify(used[0])} Replica ${JSON.stringify(used[1])}`);
  return { seconds, processor: used.reduce((sum, one) => sum + one.total, 0) };
}

async function oursSample(context: BenchContext, source: string): Promise<OwnSample> {
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  try {
    await pair.createScenario();
    const one = await measuredRun(context, pair);
    const first = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical after P1:\n${differences.slice(0, 1000)}`);
    await pair.stopScenario();
    const two = await measuredRun(context, pair);
    const second = await lastSynchronization(pair);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return { first, second, request: one.seconds, again: two.seconds, processor: [one.processor, two.processor] };
  } finally {
    await pair.remove();
  }
}

const LIMITS = { P1: { required: 0.8, goal: 0.6 }, P4: { required: 0.7, goal: 0.4 } } as const;
const WORK = {
  P1: 'initial copy, 50,000 small files in 500 directories',
  P4: 'second synchronization, nothing changed, same set',
} as const;

export async function copyRows(context: BenchContext): Promise<Row[]> {
  const source = join(context.directory, 'small-set');
  const target = join(context.directory, 'rsync-target');
  const built = buildSmallSet(source);
  mkdirSync(target, { recursive: true });
  const daemon = await startRsyncDaemon(join(context.directory, 'rsync'), target);
  const ours: OwnSample[] = [];
  const peer: Sample[] = [];
  try {
    for (let run = 0; run < context.runs; run += 1) {
      ours.push(await oursSample(context, source));
      peer.push(await rsyncSample(source, target, daemon.url));
      context.say(
        `copy ${run + 1}/${context.runs}: ours ${JSON.stringify(ours.at(-1))} rsync ${JSON.stringify(peer.at(-1))}`,
      );
    }
  } finally {
    await daemon.stop();
    rmSync(source, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
  }
  const commands = (pick: (sample: OwnSample) => number) => median(ours.map(pick)).toFixed(2);
  const whole = (what: string, seconds: string, processor: string): string =>
    `; ${what} took ${seconds} s and ${processor} processor seconds of both engines`;
  const note =
    `${built.files} files, ${built.bytes} bytes, ${context.place}; ours: TLS 1.3, groups flushed before they are renamed, ` +
    'from "Synchronization started" to "finished"; rsync -a plain to a daemon on loopback, unflushed';
  const row = (id: 'P1' | 'P4', pick: (sample: Sample) => number, extra: string): Row =>
    makeRow(
      { id: `${id}${context.suffix}`, work: WORK[id], unit: 's', peerName: 'rsync daemon', note: note + extra },
      { ours: median(ours.map(pick)), peer: median(peer.map(pick)) },
      LIMITS[id],
    );
  return [
    row(
      'P1',
      (sample) => sample.first,
      whole(
        'the whole command "run --wait" with verification',
        commands((sample) => sample.request),
        commands((sample) => sample.processor[0]!),
      ),
    ),
    row(
      'P4',
      (sample) => sample.second,
      whole(
        'the whole second "run --wait"',
        commands((sample) => sample.again),
        commands((sample) => sample.processor[1]!),
      ),
    ),
  ].filter((candidate) => context.wanted(candidate.id.slice(0, 2)));
}
