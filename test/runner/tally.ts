/** Counting of test results, pure. A run of ava tells its counts as it goes; whatever went wrong outside a test counts too. */

/** The counters of ava's run status that matter here (ava 8.0.1, lib/run-status.js). */
export interface AvaStats {
  readonly passedTests: number;
  readonly passedKnownFailingTests: number;
  readonly failedTests: number;
  readonly failedHooks: number;
  readonly failedWorkers: number;
  readonly internalErrors: number;
  readonly sharedWorkerErrors: number;
  readonly uncaughtExceptions: number;
  readonly unhandledRejections: number;
  readonly unexpectedProcessExits: number;
  readonly timedOutTests: number;
  readonly timeouts: number;
  readonly skippedTests: number;
  readonly todoTests: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const EMPTY_TALLY: Tally = { passed: 0, failed: 0, skipped: 0 };

export function addTallies(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

export function tallyOfStats(stats: AvaStats): Tally {
  const outsideTests =
    stats.failedHooks +
    stats.failedWorkers +
    stats.internalErrors +
    stats.sharedWorkerErrors +
    stats.uncaughtExceptions +
    stats.unhandledRejections +
    stats.unexpectedProcessExits +
    Math.max(stats.timedOutTests, stats.timeouts);
  return {
    passed: stats.passedTests,
    // A test that is known to fail proves nothing: it counts as not run.
    failed: stats.failedTests + outsideTests,
    skipped: stats.skippedTests + stats.todoTests + stats.passedKnownFailingTests,
  };
}

export interface SuiteEnd {
  readonly exitCode: number | undefined;
  readonly timedOut: boolean;
  readonly leakedProcesses: number;
}

/** The counts of a suite: an end that was not clean is never without a failure. */
export function tallyOfSuite(counted: Tally, end: SuiteEnd): Tally {
  const extra = (end.timedOut ? 1 : 0) + end.leakedProcesses;
  const failed = counted.failed + extra;
  const unclean = end.exitCode !== 0 || counted.passed + counted.failed + counted.skipped === 0;
  return { ...counted, failed: failed === 0 && unclean ? 1 : failed };
}

/** The last line of `npm test`. */
export function tallyLine(tally: Tally): string {
  const line = `${tally.passed} passed, ${tally.failed} failed`;
  return tally.skipped > 0 ? `${line}, ${tally.skipped} skipped` : line;
}
