/**
 * `npm test [-- SUITE… | FILE…]`: runs the suites in order and ends with one line on stdout,
 * `N passed, N failed` or `N passed, N failed, N skipped`. Everything else goes to stderr. Exit code 0 only without a failure.
 */
import { globSync } from 'node:fs';
import { explainWhenAsked } from './runner/arguments.ts';
import { runSuite, type SuiteResult, TOP } from './runner/run-suite.ts';
import { SUITES, type Suite, suiteOfFiles } from './runner/suites.ts';
import { addTallies, EMPTY_TALLY, type Tally, tallyLine } from './runner/tally.ts';
import { installHint, missingTools, skippingForbidden } from './runner/tools.ts';

const FILES_TIMEOUT_MS = 600_000;

function say(text: string): void {
  process.stderr.write(`test: ${text}\n`);
}

/** Suites named by the arguments; without arguments all but those that are too long for every run. Undefined when a name is unknown. */
function chooseSuites(args: readonly string[]): Suite[] | undefined {
  if (args.length === 0) return SUITES.filter(({ long }) => long !== true);
  const files = args.filter((arg) => /\.[jt]sx?$/.test(arg));
  const named = args.filter((arg) => !files.includes(arg)).map((name) => SUITES.find((suite) => suite.name === name));
  if (named.includes(undefined)) return undefined;
  const timeoutMs = Number(process.env.MAINSTAY_SUITE_TIMEOUT_MS ?? FILES_TIMEOUT_MS);
  return [...(named as Suite[]), ...(files.length > 0 ? [suiteOfFiles(files, timeoutMs)] : [])];
}

function describe(suite: Suite, result: SuiteResult): void {
  const seconds = (result.elapsedMs / 1000).toFixed(1);
  if (result.timedOut) say(`${suite.name}: TIMED OUT after ${suite.timeoutMs / 1000} s and was killed`);
  for (const { pid, command } of result.leaked) say(`${suite.name}: LEFT BEHIND process ${pid}: ${command}`);
  say(`${suite.name}: ${tallyLine(result.tally)} (${seconds} s)`);
}

async function runOne(suite: Suite): Promise<Tally> {
  const count = globSync([...suite.files], { cwd: TOP }).length;
  if (count === 0) {
    say(`${suite.name}: has no tests`);
    return suite.name === 'files' ? { ...EMPTY_TALLY, failed: 1 } : EMPTY_TALLY;
  }
  const missing = missingTools(suite.tools);
  if (missing.length > 0) {
    const forbidden = skippingForbidden();
    say(`${suite.name}: ${count} test files ${forbidden ? 'FAILED' : 'SKIPPED'}: missing ${missing.join(', ')}`);
    say(`${suite.name}: to run them: ${installHint(missing)}`);
    return forbidden ? { ...EMPTY_TALLY, failed: count } : { ...EMPTY_TALLY, skipped: count };
  }
  const result = await runSuite(suite);
  describe(suite, result);
  return result.tally;
}

const USAGE = `
usage: npm test [-- SUITE… | FILE…]

Runs suites of tests in order (default: all but long), or test files (sources or compiled). The last line of stdout counts them.
Exit 0: nothing failed, 1: something did, 2: wrong arguments.

  SUITE   ${SUITES.map(({ name }) => name).join(', ')}
  --help  this text
`;

async function main(args: readonly string[]): Promise<number> {
  explainWhenAsked(USAGE, args);
  const suites = chooseSuites(args);
  if (suites === undefined) {
    say(`unknown suite; there are ${SUITES.map((suite) => suite.name).join(', ')}`);
    process.stdout.write(`${tallyLine({ ...EMPTY_TALLY, failed: 1 })}\n`);
    return 2;
  }
  let total = EMPTY_TALLY;
  for (const suite of suites) total = addTallies(total, await runOne(suite));
  const skipFailed = total.skipped > 0 && skippingForbidden();
  if (skipFailed) say('skipped tests count as failed here (CI=true or MAINSTAY_NO_SKIP=1)');
  const shown = skipFailed ? { ...total, failed: total.failed + total.skipped, skipped: 0 } : total;
  process.stdout.write(`${tallyLine(shown)}\n`);
  return shown.failed === 0 && shown.passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
