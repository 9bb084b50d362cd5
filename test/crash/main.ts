/**
 * `npm run test:crash [-- --crashes N] [--from SEED] [--only CAMPAIGN,…]`: the long form of the crash tests. Prints the seed and
 * the moment of each crash that showed something. The last line of stdout is a summary; exit 1 when anything showed.
 */
import { parseArgs } from 'node:util';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { sweepCrashes } from './campaign.ts';

const { values } = parseArgs({
  options: {
    crashes: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1000' },
    stride: { type: 'string', default: '1' },
    kills: { type: 'string', default: '1000' },
    faults: { type: 'string', default: '3000' },
    histories: { type: 'string', default: '3000' },
    only: { type: 'string', default: 'simulated,edits,kills,faults,histories' },
  },
});

function wholeNumber(name: 'crashes' | 'kills' | 'faults' | 'histories' | 'from' | 'stride'): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  process.stderr.write(`--${name} must be a whole number above 0\n`);
  process.exit(2);
}

/** `edits`: of files large enough to be patched where they are, for once from a few hundred bytes on. */
async function sweep(name: string, edits: boolean): Promise<string[]> {
  const hasher = await createContentHasher();
  const options = { crashes: wholeNumber('crashes'), firstSeed: wholeNumber('from'), stride: wholeNumber('stride') };
  const result = sweepCrashes(hasher, { ...options, problemLimit: 10, edits });
  const kinds = Object.entries(result.kinds).map(([kind, count]) => `${count} ${kind}`);
  const { crashes, deaths, workloads } = result;
  say(`${name}: ${crashes} crashes (${kinds.join(', ')}), ${deaths} deaths, ${workloads} workloads`);
  return [...result.problems];
}

const campaigns: Readonly<Record<string, () => Promise<string[]>>> = {
  simulated: async () => sweep('simulated', false),
  edits: async () => sweep('edits', true),
  kills: async () => {
    const { sweepKills } = await import('./real-campaign.ts');
    const { points, calls, problems } = sweepKills(wholeNumber('kills'), wholeNumber('from'));
    say(`kills: ${points} processes killed in a system call, ${calls.lives} lives`);
    return [...problems];
  },
  faults: async () => {
    const { sweepFaults } = await import('./real-campaign.ts');
    const { points, calls, problems } = sweepFaults(wholeNumber('faults'), wholeNumber('from'), wholeNumber('stride'));
    say(`faults: ${points} system calls that failed or did a part, ${Object.keys(calls).length} kinds`);
    return [...problems];
  },
  histories: async () => {
    const { findUnequalHistory } = await import('./pair-property.ts');
    const { realPairs } = await import('./real-crash.ts');
    const { EnginePair } = await import('../memory/engine-pair.ts');
    const hasher = await createContentHasher();
    const runs = wholeNumber('histories');
    const seed = wholeNumber('from');
    const inMemory = findUnequalHistory({ runs, seed, makePair: () => new EnginePair(hasher, { seed }) });
    const onDisk = findUnequalHistory({ runs, seed: seed + 1, makePair: realPairs() });
    say(`histories: ${runs} in memory and ${runs} over real files, seeds ${seed} and ${seed + 1}`);
    return [inMemory, onDisk].filter((message) => message !== '');
  },
};

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const startedAt = performance.now();
let failed = 0;
for (const name of values.only.split(',')) {
  const campaign = campaigns[name];
  if (campaign === undefined) {
    process.stderr.write(`unknown campaign ${name}; there are ${Object.keys(campaigns).join(', ')}\n`);
    process.exit(2);
  }
  const problems = await campaign();
  for (const problem of problems) say(`  ! ${problem}`);
  failed += problems.length;
}
say(`crash: ${failed} failed, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
process.exit(failed === 0 ? 0 : 1);
