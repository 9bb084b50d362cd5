/**
 * `npm run sim -- --seeds N [--from SEED]`: runs N simulated worlds. A failing seed prints itself with a short trace and ends
 * the run with exit 1. The last line of stdout is a summary.
 */
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { parseArguments, refuse, wholeNumber } from '../runner/arguments.ts';
import { runRoles } from './roles-seeds.ts';
import { World } from './world.ts';

const TRACE_LINES = 400;

const USAGE = `
usage: npm run sim -- [options]

Runs simulated worlds: hosts, users, clocks and faults in virtual time, each from one seed. A world in which a Replica ends
different prints its seed and a trace. Exit 0: none, 1: one, 2: wrong arguments.

  --seeds N          so many worlds (default 200)
  --from SEED        the first seed (default 1)
  --kind KIND        data (default): replication; roles: who is active, over lost words, kills and late leases
  --all              go on after one that failed, to count them
  --without FAULT,…  leave faults out, to find out which one matters, such as planted-link,power
  --help             this text
`;

const { values } = parseArguments(USAGE, {
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    kind: { type: 'string', default: 'data' },
    all: { type: 'boolean' },
    without: { type: 'string' },
  },
});
const seeds = wholeNumber(USAGE, 'seeds', values.seeds);
const from = wholeNumber(USAGE, 'from', values.from, 0);

if (!['data', 'roles'].includes(values.kind)) refuse(`--kind is data or roles, not "${values.kind}"`, USAGE);
if (values.kind === 'roles') process.exit(runRoles(seeds, from, values.all === true) ? 0 : 1);

/** Faults left out, to find out which one matters: `--without planted-link,power`. */
const without = values.without?.split(',') ?? [];
const hasher = await createContentHasher();
const startedAt = performance.now();
const failed: number[] = [];
let ran = 0;
let virtualMs = 0;
let kills = 0;
let cuts = 0;
let barriers = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = new World(seed, { hasher, without }).run();
  ran += 1;
  virtualMs += result.virtualMs;
  kills += result.kills;
  cuts += result.cuts;
  barriers += result.barriers;
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
    `${kills} kills, ${cuts} cuts, ${barriers} barriers, ${hours.toFixed(1)} virtual hours, ${seconds.toFixed(1)} s, ${rate} seeds/s\n`,
);
process.exit(failed.length === 0 ? 0 : 1);
