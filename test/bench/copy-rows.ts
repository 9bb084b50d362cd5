/** P1 and P4: the first synchronization of the small set, and a second one that finds nothing to do. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { oracle, Pair } from '../hosts/rig.ts';
import { buildSmallSet } from './data-sets.ts';
import { makeRow, median, type Row } from './measure.ts';
import { startRsyncDaemon, timeRsync } from './peers.ts';
import type { BenchContext } from './place.ts';

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
async function lastSynchronization(pair: Pair): Promise<number> {
  const events = await pair.master.events();
  const started = events.findLast((event) => event.code === 'SYN-001');
  const finished = events.findLast((event) => event.code === 'SYN-002');
  if (started === undefined || finished === undefined) throw new Error('the synchronization left no events');
  return (finished.at - started.at) / 1000;
}

async function oursSample(context: BenchContext, source: string): Promise<Sample & { readonly request: number }> {
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  try {
    await pair.createScenario();
    const asked = performance.now();
    await pair.run();
    const request = (performance.now() - asked) / 1000;
    const first = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical after P1:\n${differences.slice(0, 1000)}`);
    await pair.stopScenario();
    await pair.run();
    const second = await lastSynchronization(pair);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return { first, second, request };
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
  const ours: (Sample & { request: number })[] = [];
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
  const request = median(ours.map((sample) => sample.request)).toFixed(2);
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
    row('P1', (sample) => sample.first, `; the whole command "run --wait" with verification took ${request} s`),
    row('P4', (sample) => sample.second, ''),
  ].filter((candidate) => context.wanted(candidate.id.slice(0, 2)));
}
