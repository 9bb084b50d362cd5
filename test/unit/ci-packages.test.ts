/** CI installs every system tool that a test may need: a tool forgotten there would fail every clean machine. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { SUITES } from '../runner/suites.ts';
import { TOOL_PACKAGES } from '../runner/tools.ts';

const SCRIPT = readFileSync(fileURLToPath(new URL('../../../.ci/run', import.meta.url)), 'utf8');

test('CI installs the package of every tool that tests use', (t) => {
  const list = /^PACKAGES=\(\n([\s\S]*?)^\)/m.exec(SCRIPT)?.[1] ?? '';
  const installed = new Set(list.split('\n').map((line) => line.trim().split(/\s+/)[0]));
  const forgotten = Object.values(TOOL_PACKAGES).filter((name) => !installed.has(name));
  t.deepEqual(forgotten, []);
});

test('Every suite may take a bounded time, 54 minutes together at the worst', (t) => {
  const totalMs = SUITES.filter(({ long }) => long !== true).reduce((sum, suite) => sum + suite.timeoutMs, 0);
  t.true(totalMs <= 54 * 60_000, `${totalMs / 60_000} minutes`);
});
