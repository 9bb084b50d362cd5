/**
 * The test suites in the order they run: cheap and narrow first, so that a failure shows early. Every suite names the system
 * tools it needs; a test that needs more than its suite says so itself (`testNeeding` in test/runner/needing.ts).
 */
import type { ToolName } from './tools.ts';

export interface Suite {
  readonly name: string;
  /** Compiled test files, glob patterns relative to the top of the repository. */
  readonly files: readonly string[];
  readonly tools: readonly ToolName[];
  /** The whole suite must be over by then, or it is killed and counts as failed. */
  readonly timeoutMs: number;
  /** No test ended for so long: the runner of the suite gives up by itself. */
  readonly quietMs: number;
  /** Test files run side by side. */
  readonly concurrency: number;
  /** Too long for every run: only when it is named. */
  readonly long?: true;
}

const MINUTE_MS = 60_000;

export const SUITES: readonly Suite[] = [
  suite('unit', { files: ['dist/test/unit/**/*.test.js', 'dist/test/tidy.test.js'], timeoutMs: 8 * MINUTE_MS }),
  suite('contract', { timeoutMs: 2 * MINUTE_MS }),
  suite('sim', { timeoutMs: 4 * MINUTE_MS }),
  suite('crash', { timeoutMs: 5 * MINUTE_MS, quietMs: 4 * MINUTE_MS, concurrency: 1 }),
  suite('tui', { tools: ['tmux'], timeoutMs: 5 * MINUTE_MS }),
  suite('hosts', { tools: ['rsync'], timeoutMs: 18 * MINUTE_MS }),
  suite('workloads', { tools: ['rsync', 'git'], timeoutMs: 6 * MINUTE_MS, quietMs: 5 * MINUTE_MS }),
  suite('windows', { tools: ['wine', 'rsync'], timeoutMs: 5 * MINUTE_MS, concurrency: 1 }),
  suite('long', {
    tools: ['tmux', 'rsync'],
    timeoutMs: 30 * MINUTE_MS,
    quietMs: 15 * MINUTE_MS,
    concurrency: 1,
    long: true,
  }),
];

function suite(name: string, rest: Partial<Omit<Suite, 'name'>>): Suite {
  return {
    name,
    files: [`dist/test/${name}/**/*.test.js`],
    tools: [],
    timeoutMs: 5 * MINUTE_MS,
    quietMs: 2 * MINUTE_MS,
    concurrency: 2,
    ...rest,
  };
}

/** `npm test -- test/unit/x.test.ts`: the named files as one suite, sources or compiled. */
export function suiteOfFiles(files: readonly string[], timeoutMs: number): Suite {
  const compiled = files.map((file) =>
    file.startsWith('dist/') ? file : `dist/${file}`.replace(/^dist\/\.\//, 'dist/').replace(/\.tsx?$/, '.js'),
  );
  return { name: 'files', files: compiled, tools: [], timeoutMs, quietMs: timeoutMs, concurrency: 2 };
}
