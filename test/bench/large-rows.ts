/** P3 and P5: the first copy of one large file, and the next synchronization by blocks when a little of it has changed. */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { oracle, Pair } from '../hosts/rig.ts';
import { lastSynchronization } from './copy-rows.ts';
import { buildBigFile, changeBigFile } from './data-sets.ts';
import { makeRow, median, type Row } from './measure.ts';
import { startRsyncDaemon, startSshServer, timeRsync } from './peers.ts';
import { type BenchContext, settle } from './place.ts';
import { processorTime, usedBetween } from './processor-time.ts';

interface Sample {
  /** Seconds. */
  readonly copy: number;
  readonly delta: number;
  /** Bytes on the loopback interface during the second synchronization, everything counted. */
  readonly deltaBytes: number;
}

/** Bytes that went over loopback since boot; nothing else may run. */
function loopbackBytes(): number {
  return Number(readFileSync('/sys/class/net/lo/statistics/tx_bytes', 'utf8'));
}

/**
 * Memory that a virtual machine has not used for seconds is given back to its host, and costs several times as much to write to
 * when it is used again. rsync writes at once, a run of ours begins with verification: so each gets its memory, as much as the
 * file needs, at the moment it starts to write.
 */
function holdMemory(directory: string, sizeBytes: number): () => void {
  const path = join(directory, 'held');
  const handle = openSync(path, 'w');
  const zeros = Buffer.alloc(8 * 1024 * 1024);
  for (let position = 0; position < sizeBytes; position += zeros.length) {
    writeSync(handle, zeros, 0, zeros.length, position);
  }
  closeSync(handle);
  return () => rmSync(path, { force: true });
}

/** Calls `then` as soon as something of a large file has arrived on the Replica. */
function whenArriving(replicaRoot: string, then: () => void): () => void {
  const control = join(dirname(replicaRoot), '.mainstay');
  const timer = setInterval(() => {
    if (!existsSync(control)) return;
    const names = readdirSync(control, { recursive: true, encoding: 'utf8' });
    if (!names.some((name) => name.includes('partial-'))) return;
    clearInterval(timer);
    then();
  }, 5);
  return () => clearInterval(timer);
}

async function counted<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly bytes: number }> {
  const before = loopbackBytes();
  const result = await work();
  return { result, bytes: loopbackBytes() - before };
}

async function oursSample(
  context: BenchContext,
  source: string,
  sizeBytes: number,
  change: () => void,
): Promise<Sample> {
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  try {
    await pair.createScenario();
    const pids = [pair.master.pid!, pair.replica.pid!];
    const giveUp = holdMemory(context.replicaDirectory, sizeBytes);
    settle(context.replicaDirectory);
    const stopWaiting = whenArriving(pair.replicaRoot, giveUp);
    const before = pids.map(processorTime);
    await pair.run();
    stopWaiting();
    giveUp();
    for (const [n, pid] of pids.entries()) {
      context.say(`processor seconds of engine ${n}: ${JSON.stringify(usedBetween(before[n]!, processorTime(pid)))}`);
    }
    const copy = await lastSynchronization(pair);
    await pair.stopScenario();
    change();
    settle(context.replicaDirectory);
    const { bytes } = await counted(() => pair.run('--sync', 'block'));
    const delta = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical after P5:\n${differences.slice(0, 1000)}`);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return { copy, delta, deltaBytes: bytes };
  } finally {
    await pair.remove();
  }
}

export async function largeRows(context: BenchContext): Promise<Row[]> {
  const source = join(context.directory, 'big-set');
  const file = join(source, 'big.bin');
  const target = join(context.directory, 'rsync-target');
  const sizeBytes = buildBigFile(file);
  const daemon = await startRsyncDaemon(join(context.directory, 'rsync'), target);
  const ssh = await startSshServer(join(context.directory, 'ssh'));
  const fresh = (): void => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    holdMemory(target, sizeBytes)();
    settle(target);
  };
  const ours: Sample[] = [];
  const peer: Sample[] = [];
  const overSsh: number[] = [];
  try {
    for (let run = 0; run < context.runs; run += 1) {
      fresh();
      overSsh.push(await timeRsync(['-e', ssh.shell, `${source}/`, `${ssh.host}:${target}/`]));
      fresh();
      const copy = await timeRsync([`${source}/`, `${daemon.url}/`]);
      ours.push(await oursSample(context, source, sizeBytes, () => changeBigFile(file, sizeBytes, run)));
      settle(target);
      const delta = await counted(() => timeRsync(['--inplace', '--no-whole-file', `${source}/`, `${daemon.url}/`]));
      peer.push({ copy, delta: delta.result, deltaBytes: delta.bytes });
      context.say(
        `large ${run + 1}/${context.runs}: ours ${JSON.stringify(ours.at(-1))} rsync ${JSON.stringify(peer.at(-1))} ` +
          `over ssh ${overSsh.at(-1)}`,
      );
    }
  } finally {
    await Promise.all([daemon.stop(), ssh.stop()]);
    rmSync(source, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
  }
  const note = `one file of ${sizeBytes} random bytes, ${context.place}; ours: TLS 1.3, flushed, from "Synchronization started" to "finished"`;
  const row = (
    what: { id: string; work: string; unit: string; peerName: string },
    pick: (sample: Sample) => number,
    theirs: readonly number[],
    limits: { required: number; goal: number },
  ): Row =>
    makeRow(
      { ...what, id: what.id + context.suffix, note },
      { ours: median(ours.map(pick)), peer: median(theirs) },
      limits,
    );
  const copyWork = 'initial copy, one file of 2 GiB';
  const deltaWork = 'block synchronization, 4 KiB changed in 1 % of its 64 KiB blocks';
  const inplace = 'rsync --inplace --no-whole-file';
  return [
    row(
      { id: 'P3', work: copyWork, unit: 's', peerName: 'rsync daemon' },
      ({ copy }) => copy,
      peer.map(({ copy }) => copy),
      { required: 1, goal: 0.7 },
    ),
    row({ id: 'P3-ssh', work: copyWork, unit: 's', peerName: 'rsync over ssh' }, ({ copy }) => copy, overSsh, {
      required: 0.7,
      goal: 0.5,
    }),
    row(
      { id: 'P5', work: deltaWork, unit: 's', peerName: inplace },
      ({ delta }) => delta,
      peer.map(({ delta }) => delta),
      { required: 0.8, goal: 0.6 },
    ),
    row(
      { id: 'P5-bytes', work: `${deltaWork}, bytes on the wire`, unit: 'B', peerName: inplace },
      ({ deltaBytes }) => deltaBytes,
      peer.map(({ deltaBytes }) => deltaBytes),
      { required: 1.1, goal: 1.1 },
    ),
  ].filter((candidate) => context.wanted(candidate.id.slice(0, 2)));
}
