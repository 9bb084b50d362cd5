/** The wrapper behind `npm test` itself: a failure, a hang, a crash or a process left behind can never look like success. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { tallyLine, tallyOfSuite } from '../runner/tally.ts';

const RUN = fileURLToPath(new URL('../run.js', import.meta.url));

function run(
  sample: string,
  env: Record<string, string> = {},
): { status: number | null; last: string; stderr: string } {
  const { NODE_CHANNEL_FD: _, CI: __, MAINSTAY_NO_SKIP: ___, MAINSTAY_TEST_SUITE: ____, ...clean } = process.env;
  const result = spawnSync(process.execPath, [RUN, `test/runner/samples/${sample}.ts`], {
    encoding: 'utf8',
    env: { ...clean, ...env },
  });
  return { status: result.status, last: result.stdout.trimEnd().split('\n').at(-1) ?? '', stderr: result.stderr };
}

/** A killed process whose parent has not looked yet has an empty command line. */
function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

test('A clean run ends with its counts and exit code 0', (t) => {
  const { status, last } = run('passing');
  t.is(last, '2 passed, 0 failed');
  t.is(status, 0);
});

test('A failed and a skipped test are counted and the exit code is not 0', (t) => {
  const { status, last } = run('failing');
  t.is(last, '1 passed, 1 failed, 1 skipped');
  t.not(status, 0);
});

test('On CI a skipped test is a failure', (t) => {
  const { status, last } = run('failing', { MAINSTAY_NO_SKIP: '1' });
  t.is(last, '1 passed, 2 failed');
  t.not(status, 0);
});

test('A test that never ends is killed at the time limit and counts as failed', (t) => {
  const { status, last, stderr } = run('hanging', { MAINSTAY_SUITE_TIMEOUT_MS: '4000' });
  t.regex(last, /^1 passed, [12] failed$/);
  t.not(status, 0);
  t.regex(stderr, /TIMED OUT|timed out|Timed out/);
});

test('A process left behind by a passing test counts as failed and is ended', (t) => {
  const { status, last, stderr } = run('leaking');
  t.is(last, '1 passed, 1 failed');
  t.not(status, 0);
  const pid = Number(/LEFT BEHIND process (\d+)/.exec(stderr)?.[1]);
  t.false(isRunning(pid));
});

test('A test process that dies counts as failed', (t) => {
  const { status, last } = run('crashing');
  t.regex(last, /^[01] passed, [1-9] failed$/);
  t.not(status, 0);
});

test('An unknown file is a failure, not an empty success', (t) => {
  const { status, last } = run('no-such-file');
  t.is(last, '0 passed, 1 failed');
  t.not(status, 0);
});

test('A suite that exits with an error without a failed test still counts a failure', (t) => {
  const counted = { passed: 3, failed: 0, skipped: 0 };
  t.is(tallyLine(tallyOfSuite(counted, { exitCode: 1, timedOut: false, leakedProcesses: 0 })), '3 passed, 1 failed');
  t.is(tallyLine(tallyOfSuite(counted, { exitCode: 0, timedOut: false, leakedProcesses: 0 })), '3 passed, 0 failed');
});
