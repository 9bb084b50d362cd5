/** P9: the same work with Data Rewind on and off. P10: setting 10,000 changed files back, beside `cp -a` of the same bytes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalFigures, RewindPoint, RewindResult } from '../../shared/rewind.ts';
import { oracle, Pair } from '../hosts/rig.ts';
import { lastSynchronization } from './copy-rows.ts';
import { buildBigFile, buildSmallSet, Contents, changeBigFile } from './data-sets.ts';
import { timeBurst, timeOneFile } from './live-rows.ts';
import { makeRow, median, type Row } from './measure.ts';
import type { BenchContext } from './place.ts';

const CHANGED_FILES = 10_000;
const SINGLE_FILES = 60;
/** Between two single files, so that each is alone. */
const PAUSE_MS = 60;

interface Sample {
  /** Seconds; `single` in milliseconds. */
  readonly first: number;
  readonly second: number;
  readonly single: number;
  readonly burst: number;
  /** Of 10,000 files replaced at once. */
  readonly replaced: number;
  readonly rewind?: Rewinding;
}

interface Rewinding {
  /** Seconds: as the engine says, the whole command, and `cp -a`. */
  readonly took: number;
  readonly command: number;
  readonly copy: number;
  readonly steps: number;
  readonly journalBytes: number;
}

async function scenarioOf(context: BenchContext, source: string, rewinds: boolean): Promise<Pair> {
  const pair = await Pair.start({
    below: context.directory,
    replicaBelow: context.replicaDirectory,
    masterRoot: source,
    nodeOptions: context.nodeOptions,
  });
  await pair.createScenario();
  if (rewinds) await pair.master.must('scenario', 'set', pair.scenario, 'recovery.dataRewind@beta=on');
  return pair;
}

function changedDirectories(root: string): string[] {
  const perDirectory = readdirSync(join(root, 'd000')).length;
  const names = readdirSync(root).filter((name) => name.startsWith('d'));
  return names.sort().slice(0, CHANGED_FILES / perDirectory);
}

/** Replaces each of the files by as many other bytes. */
function replaceFiles(root: string, round: number): void {
  const contents = new Contents(50_001 + round);
  for (const directory of changedDirectories(root)) {
    for (const name of readdirSync(join(root, directory))) {
      const path = join(root, directory, name);
      writeFileSync(path, contents.take(readFileSync(path).length));
    }
  }
}

const seconds = (since: number): number => (performance.now() - since) / 1000;

async function rewindSample(context: BenchContext, pair: Pair, bookmark: string): Promise<Rewinding> {
  const figures = JSON.parse(await pair.master.must('journal', pair.scenario, '--json')) as JournalFigures;
  await pair.stopScenario();
  // What `cp -a` has to write is what the rewind gives back.
  const target = join(context.replicaDirectory, 'cp-target');
  mkdirSync(target);
  const sources = changedDirectories(pair.replicaRoot).map((name) => join(pair.replicaRoot, name));
  const copying = performance.now();
  execFileSync('cp', ['-a', ...sources, target]);
  const copy = seconds(copying);
  rmSync(target, { recursive: true });
  const at = ['--method', 'rewind-replica', '--at', bookmark, '--confirm', pair.scenario, '--json'];
  const asked = performance.now();
  const result = JSON.parse(await pair.master.must('restore', pair.scenario, ...at)) as RewindResult;
  const command = seconds(asked);
  if (result.foreignCount > 0) throw new Error(`${result.foreignCount} places were not set back`);
  return { took: result.tookMs / 1000, command, copy, steps: result.steps, journalBytes: figures.bytes };
}

/** Replaces the files, and sets them back where the history is kept. */
async function replaceAndRewind(
  context: BenchContext,
  pair: Pair,
  rewinds: boolean,
  round: number,
): Promise<Pick<Sample, 'replaced' | 'rewind'>> {
  await pair.barrier();
  const saved = join(context.replicaDirectory, 'saved');
  execFileSync('cp', ['-a', pair.replicaRoot, saved]);
  if (rewinds) await pair.master.must('bookmark', pair.scenario, 'before', '--replica', pair.replica.name);
  const changing = performance.now();
  replaceFiles(pair.masterRoot, round);
  await pair.barrier();
  const replaced = seconds(changing);
  let rewind: Rewinding | undefined;
  if (rewinds) {
    const line = await pair.master.must('points', pair.scenario, '--kind', 'bookmark', '--json');
    rewind = await rewindSample(context, pair, (JSON.parse(line) as RewindPoint).id);
    const differences = await oracle(saved, pair.replicaRoot);
    if (differences !== '') throw new Error(`not as it was:\n${differences.slice(0, 1000)}`);
  }
  rmSync(saved, { recursive: true });
  return rewind === undefined ? { replaced } : { replaced, rewind };
}

/** Nothing but the rewind. */
async function onlyRewind(context: BenchContext, source: string, round: number): Promise<Rewinding[]> {
  const pair = await scenarioOf(context, source, true);
  try {
    await pair.run();
    const { rewind } = await replaceAndRewind(context, pair, true, round);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return rewind === undefined ? [] : [rewind];
  } finally {
    await pair.remove();
  }
}

async function sampleOf(context: BenchContext, source: string, rewinds: boolean, round: number): Promise<Sample> {
  const pair = await scenarioOf(context, source, rewinds);
  const way = { source, target: pair.replicaRoot };
  try {
    await pair.run();
    const first = await lastSynchronization(pair);
    await pair.stopScenario();
    await pair.run();
    const second = await lastSynchronization(pair);
    const contents = new Contents(77 + round);
    const singles: number[] = [];
    for (let n = 0; n < SINGLE_FILES; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      singles.push(timeOneFile(way, `live-${round}-${n}`, contents.take(2_048)));
    }
    const burst = timeBurst(way, 1_000 + round);
    const { replaced, rewind } = await replaceAndRewind(context, pair, rewinds, round);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return { first, second, single: median(singles), burst, replaced, ...(rewind === undefined ? {} : { rewind }) };
  } finally {
    await pair.remove();
    for (const name of readdirSync(source))
      if (/^(live|burst)-/.test(name)) rmSync(join(source, name), { recursive: true });
  }
}

const OFF = 'Data Rewind off';

/** Rows of what costs the same work twice, with the history kept and without. */
export async function journalRows(context: BenchContext): Promise<Row[]> {
  const source = join(context.directory, 'small-set');
  buildSmallSet(source);
  const on: Sample[] = [];
  const off: Sample[] = [];
  const rewinds: Rewinding[] = [];
  try {
    for (let run = 0; run < context.runs; run += 1) {
      if (!context.wanted('P9')) {
        rewinds.push(...(await onlyRewind(context, source, run)));
        context.say(`rewind ${run + 1}/${context.runs}: ${JSON.stringify(rewinds.at(-1))}`);
        continue;
      }
      off.push(await sampleOf(context, source, false, 2 * run));
      on.push(await sampleOf(context, source, true, 2 * run + 1));
      context.say(
        `history ${run + 1}/${context.runs}: on ${JSON.stringify(on.at(-1))} off ${JSON.stringify(off.at(-1))}`,
      );
    }
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
  const note = `${context.place}, alternating; on: every change kept, and so all earlier ones of the same run`;
  const row = (of: string, work: string, unit: string, pick: (sample: Sample) => number): Row =>
    makeRow(
      { id: `P9-${of}${context.suffix}`, work: `${work}, history kept`, unit, peerName: OFF, note },
      { ours: median(on.map(pick)), peer: median(off.map(pick)) },
      { required: 1.25, goal: 1.25 },
    );
  rewinds.push(...on.flatMap(({ rewind }) => rewind ?? []));
  const [one] = rewinds;
  const rewound = makeRow(
    {
      id: `P10${context.suffix}`,
      work: 'rewind of 10,000 changed files',
      unit: 's',
      peerName: 'cp -a',
      note: `${context.place}, flushed; ${one?.steps} changes taken back; the whole command ${median(rewinds.map(({ command }) => command)).toFixed(2)} s; history ${one?.journalBytes} bytes`,
    },
    { ours: median(rewinds.map(({ took }) => took)), peer: median(rewinds.map(({ copy }) => copy)) },
    { required: 0.5, goal: 0.5 },
  );
  if (on.length === 0) return [rewound];
  return [
    row('P1', 'initial copy, small set', 's', ({ first }) => first),
    row('P4', 'second synchronization', 's', ({ second }) => second),
    row('P6', 'one 2 KB file, p50', 'ms', ({ single }) => single),
    row('P7', 'burst of 10,000 new files', 's', ({ burst }) => burst),
    row('replaced', '10,000 files replaced', 's', ({ replaced }) => replaced),
    rewound,
  ].filter(({ id }) => context.wanted(id.startsWith('P10') ? 'P10' : 'P9'));
}

async function largeSample(context: BenchContext, source: string, rewinds: boolean, change: () => void) {
  const pair = await scenarioOf(context, source, rewinds);
  try {
    await pair.run();
    const copy = await lastSynchronization(pair);
    await pair.stopScenario();
    change();
    await pair.run('--sync', 'block');
    const delta = await lastSynchronization(pair);
    const differences = await oracle(source, pair.replicaRoot);
    if (differences !== '') throw new Error(`not identical:\n${differences.slice(0, 1000)}`);
    await Promise.all([pair.master.stop(), pair.replica.stop()]);
    return { copy, delta };
  } finally {
    await pair.remove();
  }
}

export async function largeJournalRows(context: BenchContext): Promise<Row[]> {
  const source = join(context.directory, 'big-set');
  const file = join(source, 'big.bin');
  const bytes = buildBigFile(file);
  const on: { copy: number; delta: number }[] = [];
  const off: { copy: number; delta: number }[] = [];
  try {
    for (let run = 0; run < context.runs; run += 1) {
      off.push(await largeSample(context, source, false, () => changeBigFile(file, bytes, 2 * run)));
      on.push(await largeSample(context, source, true, () => changeBigFile(file, bytes, 2 * run + 1)));
      context.say(
        `history ${run + 1}/${context.runs}: on ${JSON.stringify(on.at(-1))} off ${JSON.stringify(off.at(-1))}`,
      );
    }
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
  const note = `one file of ${bytes} random bytes, ${context.place}, alternating`;
  const row = (of: string, work: string, limit: number, pick: (sample: { copy: number; delta: number }) => number) =>
    makeRow(
      { id: `P9-${of}${context.suffix}`, work: `${work}, history kept`, unit: 's', peerName: OFF, note },
      { ours: median(on.map(pick)), peer: median(off.map(pick)) },
      { required: limit, goal: limit },
    );
  return [
    row('P3', 'initial copy, one file of 2 GiB', 1.25, ({ copy }) => copy),
    row('P5', 'block synchronization, 1 % of its blocks changed', 2.5, ({ delta }) => delta),
  ];
}
