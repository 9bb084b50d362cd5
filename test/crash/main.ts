/**
 * `npm run test:crash [-- --crashes N] [--from SEED] [--only CAMPAIGN,…]`: the long form of the crash tests. Prints the seed and
 * the moment of each crash that showed something. The last line of stdout is a summary; exit 1 when anything showed.
 */
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { parseArguments, wholeNumber as readNumber, refuse } from '../runner/arguments.ts';
import { sweepCrashes } from './campaign.ts';

const USAGE = `
usage: npm run test:crash -- [options]

Crashes the engines in many ways and looks whether anything was lost, torn or different afterwards. Prints the seed and the
moment of every crash that showed something. Exit 0: nothing, 1: something, 2: wrong arguments.

  --only CAMPAIGN,…  some of: simulated, edits, kills, faults, rewinds, steps, histories (default: all, in this order)
                       simulated   crashes over an in-memory file system that forgets what was not flushed
                       edits       the same with large files that are patched where they are
                       kills       SIGKILL in the N-th system call of real engines
                       faults      system calls that fail (EIO, ENOSPC) or do a part
                       rewinds     points of the history gone back to and compared
                       steps       kill, full disk and EIO at each operation of lives of a history and of a restore
                       histories   random histories of whole pairs, in memory and over real files
  --crashes N        simulated, edits: so many crashes (default 10000)
  --kills N          kills: so many (default 1000)
  --faults N         faults: so many (default 3000)
  --points N         rewinds: so many (default 10000)
  --steps N          steps: so many operations that go wrong (default 10000)
  --histories N      histories: so many, each way (default 3000)
  --from SEED        the first seed (default 1000)
  --stride N         simulated, edits, faults, steps: every N-th operation only (default 1)
  --help             this text
`;

const { values } = parseArguments(USAGE, {
  options: {
    crashes: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1000' },
    stride: { type: 'string', default: '1' },
    kills: { type: 'string', default: '1000' },
    faults: { type: 'string', default: '3000' },
    points: { type: 'string', default: '10000' },
    steps: { type: 'string', default: '10000' },
    histories: { type: 'string', default: '3000' },
    only: { type: 'string', default: 'simulated,edits,kills,faults,rewinds,steps,histories' },
  },
});

const NUMBERS = ['crashes', 'kills', 'faults', 'points', 'steps', 'histories', 'from', 'stride'] as const;

function wholeNumber(name: (typeof NUMBERS)[number]): number {
  return readNumber(USAGE, name, values[name]);
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
  rewinds: async () => {
    const { sweepRewinds } = await import('./rewinds.ts');
    const hasher = await createContentHasher();
    const options = { points: wholeNumber('points'), firstSeed: wholeNumber('from'), problemLimit: 10 };
    const { histories, points, afterDeaths, problems } = sweepRewinds(hasher, options);
    say(
      `rewinds: ${points} points compared in ${histories} histories, ${afterDeaths} of them after a rewind that died`,
    );
    return [...problems];
  },
  steps: async () => {
    const { sweepSteps } = await import('./step-campaign.ts');
    const hasher = await createContentHasher();
    const options = { steps: wholeNumber('steps'), firstSeed: wholeNumber('from'), stride: wholeNumber('stride') };
    const { steps, lives, points, problems } = sweepSteps(hasher, { ...options, problemLimit: 10 });
    say(`steps: ${steps} operations went wrong in ${lives} lives, ${points} points compared`);
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
const chosen = values.only.split(',').map((name) => campaigns[name] ?? refuse(`unknown campaign "${name}"`, USAGE));
// A wrong number is refused before anything runs for hours.
for (const name of NUMBERS) wholeNumber(name);
for (const campaign of chosen) {
  const problems = await campaign();
  for (const problem of problems) say(`  ! ${problem}`);
  failed += problems.length;
}
say(`crash: ${failed} failed, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
process.exit(failed === 0 ? 0 : 1);
