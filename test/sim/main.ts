/**
 * `npm run sim -- --seeds N [--from SEED]`: runs N simulated worlds. A failing seed prints itself with a short trace and ends
 * the run with exit 1. The last line of stdout is a summary.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { World } from './world.ts';

const TRACE_LINES = 400;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    all: { type: 'boolean' },
    without: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
const from = Number(values.from);
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from) || from < 0) {
  process.stderr.write('usage: npm run sim -- [--seeds N] [--from SEED] [--all] [--without FAULT,…]\n');
  process.exit(2);
}

/** Faults left out, to find out which one matters: `--without planted-link,power`. */
const without = values.without?.split(',') ?? [];
const hasher = await createContentHasher();
const directory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const startedAt = performance.now();
const failed: number[] = [];
let ran = 0;
let virtualMs = 0;
let kills = 0;
let cuts = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = new World(seed, { hasher, directory, without }).run();
  ran += 1;
  virtualMs += result.virtualMs;
  kills += result.kills;
  cuts += result.cuts;
  if (result.problems.length === 0) continue;
  failed.push(seed);
  process.stdout.write(`seed ${seed} failed\n`);
  for (const line of result.trace.slice(-TRACE_LINES)) process.stdout.write(`  ${line}\n`);
  for (const problem of result.problems) process.stdout.write(`  ! ${problem}\n`);
  // `--all` goes on to count how many fail.
  if (values.all !== true) break;
}
const seconds = (performance.now() - startedAt) / 1000;
const hours = virtualMs / 3_600_000;
const rate = (ran / seconds).toFixed(1);
process.stdout.write(
  `sim: ${ran} seeds from ${from}, ${failed.length} failed${failed.length === 0 ? '' : ` (${failed.slice(0, 20).join(', ')})`}, ` +
    `${kills} kills, ${cuts} cuts, ${hours.toFixed(1)} virtual hours, ${seconds.toFixed(1)} s, ${rate} seeds/s\n`,
);
process.exit(failed.length === 0 ? 0 : 1);
