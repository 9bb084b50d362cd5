/**
 * `npm run bench [-- P1 P6 … --json FILE --runs N --files N --no-disk --long --profile DIR]`: measures our engines and the programs
 * people use instead in the same run, alternating, and prints one table. Exit code 0 when everything asked for could be measured.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArguments, refuse, wholeNumber } from '../runner/arguments.ts';
import { installHint, missingTools } from '../runner/tools.ts';
import { copyRows } from './copy-rows.ts';
import { failoverRows } from './failover-rows.ts';
import { growthRows } from './growth-rows.ts';
import { journalRows, largeJournalRows } from './journal-rows.ts';
import { largeRows } from './large-rows.ts';
import { liveRows } from './live-rows.ts';
import { formatTable, type Row } from './measure.ts';
import type { BenchContext } from './place.ts';
import { idleRows, scaleRows } from './scale-rows.ts';

const ROWS = ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10', 'P11', 'P12', 'P13', 'P14', 'P15', 'P16'];
/** Of machines on a network, and their addresses that move. */
const FAILOVER_TOOLS = ['ip', 'arping', 'nft', 'nginx', 'keepalived'] as const;
const DEFAULT_FILES = 1_000_000;
const DEFAULT_RUNS = 5;
const MEMORY_DIRECTORY = '/dev/shm';

const USAGE = `
usage: npm run bench -- [ROW…] [options]

Measures our engines and the programs people use instead in the same run, alternating, and prints one table (rows of
BENCHMARKS.md). Exit 0: everything asked for could be measured, 1: not, 2: wrong arguments.

  ROW             some of: ${ROWS.join(', ')} (default: all)
  --runs N        so many runs of each (default ${DEFAULT_RUNS}); the median counts
  --files N       files of the large row (default ${DEFAULT_FILES})
  --no-disk       in memory only
  --long          also what takes very long
  --json FILE     write the figures and what machine it was
  --profile DIR   write processor profiles of our engines there
  --help          this text
`;

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function describeMachine(): Record<string, unknown> {
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    at: new Date().toISOString(),
  };
}

interface Measurement {
  readonly rows: readonly string[];
  readonly disk: boolean;
  readonly measure: (context: BenchContext) => Promise<Row[]>;
}

const MEASUREMENTS: readonly Measurement[] = [
  { rows: ['P1', 'P2', 'P4', 'P16'], disk: true, measure: copyRows },
  { rows: ['P1', 'P2', 'P4', 'P16'], disk: false, measure: copyRows },
  { rows: ['P3', 'P5'], disk: false, measure: largeRows },
  { rows: ['P3', 'P5'], disk: true, measure: largeRows },
  { rows: ['P6', 'P7'], disk: false, measure: liveRows },
  { rows: ['P6', 'P7'], disk: true, measure: liveRows },
  { rows: ['P9', 'P10'], disk: false, measure: journalRows },
  { rows: ['P9', 'P10'], disk: true, measure: journalRows },
  { rows: ['P9'], disk: false, measure: largeJournalRows },
  { rows: ['P11', 'P12'], disk: false, measure: failoverRows },
  { rows: ['P14'], disk: false, measure: idleRows },
  { rows: ['P8', 'P13'], disk: false, measure: scaleRows },
  { rows: ['P15'], disk: false, measure: growthRows },
];

interface Options {
  readonly wanted: readonly string[];
  readonly runs: number;
  readonly files: number;
  readonly disk: boolean;
  readonly long: boolean;
  readonly profile: string | undefined;
}

/** A file system of its own for Replicas in memory; the same directory where nobody may mount. */
function mountForReplicas(directory: string): { readonly path: string; readonly unmount: () => void } {
  const path = join(directory, 'replica-host');
  mkdirSync(path);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', path], { stdio: 'ignore' }).status === 0;
  return {
    path,
    unmount: () => {
      if (mounted) spawnSync('umount', ['--lazy', path], { stdio: 'ignore' });
    },
  };
}

/** The rows of one measurement; undefined when it could not be done. */
async function measureOne({ rows: ids, disk, measure }: Measurement, options: Options): Promise<Row[] | undefined> {
  const directory = mkdtempSync(join(disk ? tmpdir() : MEMORY_DIRECTORY, 'mainstay-bench-'));
  const place = disk ? 'disk' : 'tmpfs';
  say(`measuring ${ids.join(', ')} on ${place}`);
  const replicas = disk ? { path: directory, unmount: () => {} } : mountForReplicas(directory);
  try {
    return await measure({
      place,
      directory,
      replicaDirectory: replicas.path,
      suffix: disk ? '-disk' : '',
      long: options.long,
      runs: options.runs,
      files: options.files,
      nodeOptions: options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`],
      wanted: (id) => options.wanted.includes(id),
      say,
    });
  } catch (error) {
    say(`${ids.join(', ')} could not be measured: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    return undefined;
  } finally {
    replicas.unmount();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureAll(options: Options): Promise<{ rows: Row[]; failed: boolean }> {
  const chosen = MEASUREMENTS.filter(
    ({ rows, disk }) => (options.disk || !disk) && rows.some((id) => options.wanted.includes(id)),
  );
  const results: (Row[] | undefined)[] = [];
  for (const measurement of chosen) results.push(await measureOne(measurement, options));
  return { rows: results.flatMap((rows) => rows ?? []), failed: results.includes(undefined) };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArguments(USAGE, {
    allowPositionals: true,
    allowNegative: true,
    options: {
      json: { type: 'string' },
      runs: { type: 'string', default: String(DEFAULT_RUNS) },
      files: { type: 'string', default: String(DEFAULT_FILES) },
      disk: { type: 'boolean', default: true },
      long: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  const unknown = positionals.filter((id) => !ROWS.includes(id));
  if (unknown.length > 0) refuse(`no such row: ${unknown.join(', ')}`, USAGE);
  const runs = wholeNumber(USAGE, 'runs', values.runs);
  const files = wholeNumber(USAGE, 'files', values.files);
  const wanted = positionals.length > 0 ? positionals : ROWS;
  const missing = missingTools([
    'rsync',
    'lsyncd',
    ...(wanted.some((id) => id === 'P11' || id === 'P12') ? FAILOVER_TOOLS : []),
  ]);
  if (missing.length > 0) {
    say(`the programs to compare with are missing: ${installHint(missing)}`);
    return 1;
  }
  if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });
  const { rows, failed } = await measureAll({
    wanted,
    runs,
    files,
    disk: values.disk,
    long: values.long,
    profile: values.profile,
  });
  process.stdout.write(`${formatTable(rows)}\n`);
  for (const row of rows) process.stdout.write(`${row.id}: ${row.note}\n`);
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine: describeMachine(), rows }, undefined, 2)}\n`);
  }
  return failed || rows.length === 0 ? 1 : 0;
}

process.exitCode = await main();
