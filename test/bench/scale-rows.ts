/** P8, P13 and P14: what a large protected root costs when nothing happens, and when a large directory is renamed. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { eventually, Pair } from '../hosts/rig.ts';
import { hasTool } from '../runner/tools.ts';
import { type Limits, makeRow, median, type Row } from './measure.ts';
import { startLsyncd, startRsyncDaemon, startSyncthing } from './peers.ts';
import type { BenchContext } from './place.ts';
import { processorTime, usedBetween } from './processor-time.ts';

const FILES_A_DIRECTORY = 1_000;
const RENAMED_FILES = 100_000;
const SPARSE_BYTES = 10 * 2 ** 30;
/** Until garbage of the synchronization is collected and every timer has come to rest. */
const REST_MS = 20_000;
const IDLE_MS = 20_000;
/** Of a figure that has a limit of its own, beside that of the peer. */
const LIMIT: Limits = { required: 1, goal: 1 };
const MEMORY_LIMIT: Limits = { required: 0.3, goal: 0.3 };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `count` files in directories of a thousand below `top`; every tenth has content. */
function buildFiles(top: string, count: number): void {
  for (let file = 0; file < count; file += 1) {
    const directory = join(top, `d${Math.floor(file / FILES_A_DIRECTORY)}`);
    if (file % FILES_A_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${file}`), file % 10 === 0 ? `content of ${file}` : '');
  }
}

/** Resident memory of a process in MB (10⁶ bytes). */
function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Percent of one core that the processes use while nothing happens, and by which threads. */
async function idlePercent(pids: readonly number[]): Promise<{ percent: number; threads: string }> {
  const before = pids.map(processorTime);
  await sleep(IDLE_MS);
  const used = pids.map((pid, at) => usedBetween(before[at]!, processorTime(pid)));
  const seconds = used.reduce((sum, { total }) => sum + total, 0);
  const percent = Number(((seconds / (IDLE_MS / 1000)) * 100).toFixed(3));
  return { percent, threads: JSON.stringify(used.map(({ threads }) => threads)) };
}

async function sentBytes(pair: Pair): Promise<number> {
  const { scenarios } = JSON.parse(await pair.master.must('status', '--json')) as {
    scenarios: { statistics: { replicatedBytes: number } }[];
  };
  return scenarios[0]!.statistics.replicatedBytes;
}

async function renameRow(context: BenchContext, pair: Pair, files: number): Promise<Row[]> {
  const before = await sentBytes(pair);
  const times: number[] = [];
  let from = 'big';
  for (let run = 0; run < context.runs; run += 1) {
    const to = `renamed-${run}`;
    const last = join(pair.replicaRoot, to, 'sparse');
    const started = performance.now();
    renameSync(join(pair.masterRoot, from), join(pair.masterRoot, to));
    while (!isThere(last)) {
      if (performance.now() - started > 60_000) throw new Error('the renamed directory did not arrive');
      await sleep(1);
    }
    times.push((performance.now() - started) / 1000);
    from = to;
  }
  await pair.barrier();
  const bytes = ((await sentBytes(pair)) - before) / context.runs;
  const note = `a directory of ${files} files with a sparse file of 10 GiB, ${context.runs} times; ratio to the limit`;
  const what = { peerName: 'limit (lsyncd sends all again)', note };
  return [
    makeRow(
      { id: 'P8', work: 'rename of a large directory → renamed on the Replica', unit: 's', ...what },
      { ours: median(times), peer: 2 },
      LIMIT,
    ),
    makeRow({ id: 'P8-sent', work: 'the same, sent', unit: 'bytes', ...what }, { ours: bytes, peer: 10_000 }, LIMIT),
  ];
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `ours`: MB, of a quiet pair. Syncthing scans the Master's root afterwards, so it comes last. */
async function memoryRows(
  context: BenchContext,
  pair: Pair,
  ours: { readonly master: number; readonly replica: number },
): Promise<Row[]> {
  const work = `resident memory, ${context.files} files protected and idle`;
  const note = `VmRSS of the larger daemon, ${REST_MS / 1000} s after the synchronization: Master ${ours.master.toFixed(0)} MB, Replica ${ours.replica.toFixed(0)} MB`;
  const most = Math.max(ours.master, ours.replica);
  const limit = makeRow(
    { id: 'P13-limit', work, unit: 'MB', peerName: 'limit', note },
    { ours: most, peer: 250 },
    LIMIT,
  );
  if (!hasTool('syncthing')) {
    context.say('syncthing is not installed: P13 is measured against the limit only');
    return [limit];
  }
  for (const name of readdirSync(pair.masterRoot)) rmSync(join(pair.masterRoot, name, 'sparse'), { force: true });
  const peer = await startSyncthing(join(context.directory, 'syncthing'), pair.masterRoot, context.files);
  try {
    await sleep(REST_MS);
    const theirs = residentMegabytes(peer.pid);
    const beside = `${note}; syncthing: one folder with the same files, scanned, shared with nobody, ${REST_MS / 1000} s idle`;
    const row = { id: 'P13', work, unit: 'MB', peerName: 'syncthing', note: beside };
    return [makeRow(row, { ours: most, peer: theirs }, MEMORY_LIMIT), limit];
  } finally {
    await peer.stop();
  }
}

/** P13 and P8 in one protected pair: building and copying its files is most of the work. */
export async function scaleRows(context: BenchContext): Promise<Row[]> {
  const renamed = Math.min(RENAMED_FILES, context.files / 2);
  const rest = context.files - renamed;
  const rows: Row[] = [];
  const pair = await Pair.protectedPair(
    { below: context.directory, replicaBelow: context.replicaDirectory, nodeOptions: context.nodeOptions },
    (root) => {
      buildFiles(join(root, 'files'), rest);
      buildFiles(join(root, 'big'), renamed);
      writeFileSync(join(root, 'big', 'sparse'), '');
      truncateSync(join(root, 'big', 'sparse'), SPARSE_BYTES);
    },
  );
  try {
    await sleep(REST_MS);
    const hosts = { master: pair.master.pid!, replica: pair.replica.pid! };
    const ours = { master: residentMegabytes(hosts.master), replica: residentMegabytes(hosts.replica) };
    const { percent, threads } = await idlePercent(Object.values(hosts));
    context.say(`idle with ${context.files} files: ${percent} % of a core, ${threads}`);
    if (context.wanted('P8')) rows.push(...(await renameRow(context, pair, renamed)));
    if (context.wanted('P13')) rows.push(...(await memoryRows(context, pair, ours)));
  } finally {
    await pair.remove();
  }
  return rows;
}

/** P14, beside lsyncd on a source of its own. */
export async function idleRows(context: BenchContext): Promise<Row[]> {
  const at = (name: string): string => join(context.directory, name);
  const source = at('lsyncd-source');
  const target = at('lsyncd-target');
  for (const path of [source, target]) mkdirSync(path, { recursive: true });
  const files = Math.min(10_000, context.files);
  buildFiles(source, files);
  const daemon = await startRsyncDaemon(at('rsync'), target);
  const lsyncd = await startLsyncd(at('lsyncd'), source, `${daemon.url}/`);
  const pair = await Pair.protectedPair(
    { below: context.directory, replicaBelow: context.replicaDirectory, nodeOptions: context.nodeOptions },
    (root) => buildFiles(root, files),
  );
  try {
    await eventually('lsyncd has copied', 60_000, () => (isThere(join(target, 'd0')) ? true : undefined));
    await sleep(REST_MS);
    const [ours, peer] = await Promise.all([
      idlePercent([pair.master.pid!, pair.replica.pid!]),
      idlePercent([lsyncd.pid, daemon.pid]),
    ]);
    const what = {
      id: 'P14',
      work: 'idle processor time of a protected pair, both daemons',
      unit: '% of a core',
      peerName: 'limit',
      note: `${files} files, ${IDLE_MS / 1000} s; lsyncd and its rsync daemon beside it: ${peer.percent} %; by thread ${ours.threads}`,
    };
    return [makeRow(what, { ours: ours.percent, peer: 0.5 }, LIMIT)];
  } finally {
    await pair.remove();
    await lsyncd.stop();
    await daemon.stop();
    for (const path of [source, target]) rmSync(path, { recursive: true, force: true });
  }
}
