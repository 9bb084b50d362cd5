/** One workload: a protected pair, real programs working in the Master's root, then barrier and oracle. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Pair, type PairOptions } from '../hosts/rig.ts';

const SHELL_TIMEOUT_MS = 180_000;
/** Lines of the oracle shown when a Replica differs. */
const SHOWN_DIFFERENCES = 20;
const MEMORY_DIRECTORY = '/dev/shm';
const MEMORY_NEEDED_BYTES = 1024 ** 3;

/** Runs a bash script in `directory`; fails with what it printed when it exits with an error. */
export function shell(directory: string, script: string, env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: directory,
      timeout: SHELL_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, HOME: directory, ...env },
    };
    execFile('bash', ['-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`bash: ${stderr.trim().slice(-2000)}`, { cause: error }));
    });
  });
}

/** A directory in memory when there is room, else the system's temporary one. */
export function fastDirectory(): string {
  if (!existsSync(MEMORY_DIRECTORY)) return tmpdir();
  const { bavail, bsize } = statfsSync(MEMORY_DIRECTORY);
  return bavail * bsize > MEMORY_NEEDED_BYTES ? MEMORY_DIRECTORY : tmpdir();
}

/** Scratch space beside the pair, outside both roots, on the same file system. */
export function scratchOf(pair: Pair): string {
  const path = join(pair.top, 'scratch');
  mkdirSync(path, { recursive: true });
  return path;
}

/** Directories of a test that end with it. */
export function temporaryDirectory(t: ExecutionContext, below = tmpdir()): string {
  const path = mkdtempSync(join(below, 'mainstay-work-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function identical(t: ExecutionContext, pair: Pair): Promise<void> {
  const differences = await pair.differences();
  const lines = differences.split('\n').filter((line) => line !== '');
  t.deepEqual(lines.slice(0, SHOWN_DIFFERENCES), [], `${lines.length} differences between Master and Replica`);
}

export interface WorkloadOptions extends PairOptions {
  /** Fills the Master root before the scenario runs. */
  readonly fill?: (root: string) => void;
}

/** Body of a test: start, work, compare, clean up. */
export function workload(
  work: (root: string, pair: Pair, t: ExecutionContext) => Promise<void> | void,
  options: WorkloadOptions = {},
): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    const pair = await Pair.protectedPair({ below: fastDirectory(), ...options }, options.fill);
    try {
      await work(pair.masterRoot, pair, t);
      await identical(t, pair);
      t.is(await pair.master.countEvents('SYN-001'), 1, 'live replication must not fall back to a synchronization');
    } finally {
      await pair.remove();
    }
  };
}
