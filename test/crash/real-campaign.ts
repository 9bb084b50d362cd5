/** Sweeps over real files: processes killed in their system calls, and calls that fail in a process that lives on. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '../memory/clock.ts';
import { failAt, type RealCrashPoint, type SystemFault } from './real-crash.ts';

export interface RealCampaignResult {
  readonly points: number;
  /** How often which call was hit. */
  readonly calls: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

const VICTIM = fileURLToPath(new URL('./victim.js', import.meta.url));
/** Kills one after the other in the same directories, then a life to the end. */
const KILLS_IN_A_ROW = 12;
const PROBLEM_LIMIT = 8;
const LIFE_LIMIT_MS = 60_000;

function temporary(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mainstay-crash-'));
}

/** SIGKILL in the n-th system call of the Replica's or the Master's engine, `kills` times. */
export function sweepKills(kills: number, firstSeed: number): RealCampaignResult {
  const problems: string[] = [];
  const tally = { killed: 0, lives: 0 };
  for (let seed = firstSeed; tally.killed < kills && problems.length === 0; seed += 1) {
    const directory = temporary();
    try {
      killInARow(seed, Math.min(KILLS_IN_A_ROW, kills - tally.killed), directory, { tally, problems });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return { points: tally.killed, calls: tally, problems };
}

function killInARow(
  seed: number,
  kills: number,
  directory: string,
  { tally, problems }: { tally: { killed: number; lives: number }; problems: string[] },
): void {
  const random = new SeededRandom(seed);
  for (let row = 0; row < kills && problems.length === 0; row += 1) {
    const side = random.chance(0.7) ? 'replica' : 'master';
    const n = 1 + random.below(random.chance(0.4) ? 40 : 250);
    tally.lives += 1;
    const killed = live({ seed: 1_000 * seed + row, side, fault: 'SIGKILL', n, times: 1 }, directory, problems);
    if (killed) tally.killed += 1;
  }
  if (problems.length === 0) live({ seed, side: 'replica', fault: 'SIGKILL', n: 0, times: 0 }, directory, problems);
}

/** True when the process was killed. */
function live(point: RealCrashPoint, directory: string, problems: string[]): boolean {
  const args = [VICTIM, JSON.stringify(point), directory];
  const result = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: LIFE_LIMIT_MS });
  if (result.signal === 'SIGKILL') return true;
  if (result.status !== 0) {
    const said = `${result.stdout}${result.stderr}`.trim().slice(0, 2_000);
    problems.push(`${JSON.stringify(point)}: exit ${result.status ?? result.signal}: ${said}`);
  }
  return false;
}

interface FaultKind {
  readonly fault: SystemFault;
  readonly side: RealCrashPoint['side'];
  /** In a row from the n-th call on. */
  readonly times: number;
}

const FAULTS: readonly FaultKind[] = [
  { fault: 'EIO', side: 'replica', times: 1 },
  { fault: 'ENOSPC', side: 'replica', times: 1 },
  { fault: 'ENOSPC', side: 'replica', times: 40 },
  { fault: 'EMFILE', side: 'replica', times: 1 },
  { fault: 'EMFILE', side: 'replica', times: 30 },
  { fault: 'EBUSY', side: 'replica', times: 3 },
  { fault: 'EINTR', side: 'replica', times: 3 },
  { fault: 'short', side: 'replica', times: 1_000 },
  { fault: 'EIO', side: 'master', times: 1 },
  { fault: 'EIO', side: 'master', times: 15 },
  { fault: 'EMFILE', side: 'master', times: 20 },
  { fault: 'EBUSY', side: 'master', times: 3 },
  { fault: 'EINTR', side: 'master', times: 3 },
  { fault: 'short', side: 'master', times: 1_000 },
];

/** Faults in every `stride`-th call of each workload, until `points` were made. */
export function sweepFaults(points: number, firstSeed: number, stride: number): RealCampaignResult {
  const calls: Record<string, number> = {};
  const problems: string[] = [];
  let made = 0;
  const goesOn = () => made < points && problems.length < PROBLEM_LIMIT;
  for (let seed = firstSeed; goesOn(); seed += 1) {
    const random = new SeededRandom(seed);
    for (const kind of FAULTS) {
      for (let n = 1 + random.below(stride); goesOn(); n += stride) {
        const outcome = failAt({ ...kind, seed, n }, temporary());
        if (outcome.problems.length > 0) {
          problems.push(`${JSON.stringify({ ...kind, seed, n })} in ${outcome.call}: ${outcome.problems.join('; ')}`);
        }
        if (!outcome.reached) break;
        made += 1;
        const name = `${kind.fault} in ${outcome.call}`;
        calls[name] = (calls[name] ?? 0) + 1;
      }
    }
  }
  return { points: made, calls, problems };
}
