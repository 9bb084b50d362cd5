/** P6 and P7: how long a change takes until the Replica holds it, beside lsyncd with delay 0. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pair } from '../hosts/rig.ts';
import { BURST, burstFiles, Contents } from './data-sets.ts';
import { makeRow, median, percentile, type Row } from './measure.ts';
import { type Peer, startLsyncd, startRsyncDaemon } from './peers.ts';
import type { BenchContext } from './place.ts';

const ROUNDS = 10;
const FILES_A_ROUND = 12;
const ARRIVAL_TIMEOUT_MS = 60_000;
/** Between two looks at the Replica; short against everything measured, long enough to leave the processor to the others. */
const LOOK_MS = 0.5;
/** Between two single files, so that each is alone. */
const PAUSE_MS = 60;

interface Way {
  readonly source: string;
  readonly target: string;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** Blocks this thread: timers of the event loop are too coarse. */
function rest(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

function holds(path: string, data: Buffer): boolean {
  try {
    return statSync(path).size === data.length && readFileSync(path).equals(data);
  } catch {
    return false;
  }
}

export function timeOneFile(way: Way, name: string, data: Buffer): number {
  const started = performance.now();
  writeFileSync(join(way.source, name), data);
  while (!holds(join(way.target, name), data)) {
    if (performance.now() - started > ARRIVAL_TIMEOUT_MS) throw new Error(`${name} did not arrive at ${way.target}`);
    rest(LOOK_MS);
  }
  return performance.now() - started;
}

/** Seconds from the first directory made to the last file there. */
export function timeBurst(way: Way, round: number): number {
  const { directories, files } = burstFiles(round);
  const started = performance.now();
  for (const directory of directories) mkdirSync(join(way.source, directory));
  for (const file of files) writeFileSync(join(way.source, file.path), file.data);
  const pending = [...files].reverse();
  while (pending.length > 0) {
    const { path, data } = pending.at(-1)!;
    if (holds(join(way.target, path), data)) pending.pop();
    else if (performance.now() - started > ARRIVAL_TIMEOUT_MS)
      throw new Error(`${path} did not arrive at ${way.target}`);
    else rest(LOOK_MS * 4);
  }
  return (performance.now() - started) / 1000;
}

interface Contest {
  readonly ours: Way;
  readonly peer: Way;
  readonly pair: Pair;
  stop(): Promise<void>;
}

async function startContest(context: BenchContext): Promise<Contest> {
  const at = (name: string): string => join(context.directory, name);
  const peer = { source: at('lsyncd-source'), target: at('lsyncd-target') };
  for (const path of Object.values(peer)) mkdirSync(path, { recursive: true });
  const daemon = await startRsyncDaemon(at('rsync'), peer.target);
  const lsyncd: Peer = await startLsyncd(at('lsyncd'), peer.source, `${daemon.url}/`);
  const pair = await Pair.protectedPair({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    nodeOptions: context.nodeOptions,
  });
  return {
    ours: { source: pair.masterRoot, target: pair.replicaRoot },
    peer,
    pair,
    stop: async () => {
      await Promise.all([pair.master.stop(), pair.replica.stop()]);
      await pair.remove();
      await lsyncd.stop();
      await daemon.stop();
      for (const path of Object.values(peer)) rmSync(path, { recursive: true, force: true });
    },
  };
}

async function singleFiles(context: BenchContext, contest: Contest): Promise<Row[]> {
  const contents = new Contents(606);
  const times: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ['ours', 'peer'] as const) {
      for (let n = 0; n < FILES_A_ROUND; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        times[side].push(timeOneFile(contest[side], `live-${round}-${n}`, contents.take(2_048)));
      }
    }
  }
  const row = (id: string, share: number, limits: { required: number; goal: number }): Row =>
    makeRow(
      {
        id: id + context.suffix,
        work: `live: one 2 KB file written → identical on the Replica, p${share * 100}`,
        unit: 'ms',
        peerName: 'lsyncd delay 0',
        note: `${ROUNDS * FILES_A_ROUND} files a side, alternating, ${context.place}; lsyncd to an rsync daemon on loopback`,
      },
      { ours: percentile(times.ours, share), peer: percentile(times.peer, share) },
      limits,
    );
  return [row('P6', 0.5, { required: 0.15, goal: 0.08 }), row('P6-p95', 0.95, { required: 0.25, goal: 0.15 })];
}

async function bursts(context: BenchContext, contest: Contest): Promise<Row[]> {
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < context.runs; round += 1) {
    ours.push(timeBurst(contest.ours, round));
    peer.push(timeBurst(contest.peer, round));
    context.say(
      `burst ${round + 1}/${context.runs}: ours ${ours.at(-1)?.toFixed(2)} s, lsyncd ${peer.at(-1)?.toFixed(2)} s`,
    );
  }
  return [
    makeRow(
      {
        id: `P7${context.suffix}`,
        work: `live burst: ${BURST.files} files of 2 KB over ${BURST.directories} new directories → all identical`,
        unit: 's',
        peerName: 'lsyncd delay 0',
        note: `from the first mkdir to the last file identical, writing included, ${context.place}`,
      },
      { ours: median(ours), peer: median(peer) },
      { required: 0.2, goal: 0.1 },
    ),
  ];
}

export async function liveRows(context: BenchContext): Promise<Row[]> {
  const contest = await startContest(context);
  try {
    const rows: Row[] = [];
    if (context.wanted('P6')) rows.push(...(await singleFiles(context, contest)));
    if (context.wanted('P7')) rows.push(...(await bursts(context, contest)));
    const differences = await contest.pair.differences();
    if (differences !== '') throw new Error(`not identical after the live rows:\n${differences.slice(0, 1000)}`);
    return rows;
  } finally {
    await contest.stop();
  }
}
