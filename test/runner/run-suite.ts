/** Runs one suite in ava and says truthfully how it ended: counts, exit code, time-out, processes left behind. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FoundProcess, killAll, processesOf, TOKEN_VARIABLE } from './processes.ts';
import type { Suite } from './suites.ts';
import { type AvaStats, EMPTY_TALLY, type Tally, tallyOfStats, tallyOfSuite } from './tally.ts';
import { pathWithoutPackages } from './tools.ts';

export const TOP = fileURLToPath(new URL('../../../', import.meta.url));
const AVA = join(TOP, 'node_modules/ava/entrypoints/cli.js');
const CONFIG = fileURLToPath(new URL('./ava-config.js', import.meta.url));
/** A process that is about to end is not a leak. */
const LEAK_GRACE_MS = 2_000;
const LEAK_POLL_MS = 100;

export interface SuiteResult {
  readonly tally: Tally;
  readonly timedOut: boolean;
  readonly leaked: readonly FoundProcess[];
  readonly elapsedMs: number;
}

function readCounts(statsFile: string): Tally {
  let text: string;
  try {
    text = readFileSync(statsFile, 'utf8');
  } catch {
    return EMPTY_TALLY;
  }
  const last = text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1);
  return last === undefined || last === '' ? EMPTY_TALLY : tallyOfStats(JSON.parse(last) as AvaStats);
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function waitForLeaks(token: string): Promise<FoundProcess[]> {
  for (let waitedMs = 0; ; waitedMs += LEAK_POLL_MS) {
    const left = processesOf(token);
    if (left.length === 0 || waitedMs >= LEAK_GRACE_MS) return left;
    await delay(LEAK_POLL_MS);
  }
}

/** Exit code of ava; undefined when a signal ended it. On time-out everything that carries the token is killed. */
function runAva(suite: Suite, token: string, statsFile: string): Promise<{ code: number | undefined; hung: boolean }> {
  return new Promise((resolve) => {
    const settings = { files: suite.files, concurrency: suite.concurrency, quietMs: suite.quietMs, statsFile };
    const child = spawn(process.execPath, [AVA, '--config', CONFIG], {
      cwd: TOP,
      // Reports go to stderr: the last line of stdout belongs to the tally.
      stdio: ['ignore', 2, 2],
      env: {
        ...process.env,
        PATH: pathWithoutPackages(),
        [TOKEN_VARIABLE]: token,
        MAINSTAY_AVA_SETTINGS: JSON.stringify(settings),
      },
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      killAll(token);
    }, suite.timeoutMs);
    child.once('error', () => resolve({ code: undefined, hung }));
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? undefined, hung });
    });
  });
}

export async function runSuite(suite: Suite): Promise<SuiteResult> {
  const started = performance.now();
  const scratch = mkdtempSync(join(tmpdir(), 'mainstay-suite-'));
  const token = `${suite.name}-${process.pid}-${scratch.slice(-6)}`;
  const statsFile = join(scratch, 'stats');
  try {
    const { code, hung } = await runAva(suite, token, statsFile);
    const leaked = hung ? [] : await waitForLeaks(token);
    killAll(token);
    const tally = tallyOfSuite(readCounts(statsFile), {
      exitCode: code,
      timedOut: hung,
      leakedProcesses: leaked.length,
    });
    return { tally, timedOut: hung, leaked, elapsedMs: performance.now() - started };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
