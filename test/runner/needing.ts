/** `testNeeding('git')(title, body)`: a test that declares which system tools it needs beyond those of its suite. */
import test, { type TestFn } from 'ava';
import { installHint, missingTools, skippingForbidden, type ToolName } from './tools.ts';

/** `test`, or `test.skip` with a note on stderr when a tool is missing and skipping is allowed. `root`: needs user id 0. */
export function testNeeding(...needs: readonly (ToolName | 'root')[]): TestFn | typeof test.skip {
  const missing = missingTools(needs.filter((need) => need !== 'root'));
  const lacksRoot = needs.includes('root') && process.getuid?.() !== 0;
  if ((missing.length === 0 && !lacksRoot) || skippingForbidden()) return test;
  const reasons = [...(missing.length > 0 ? [installHint(missing)] : []), ...(lacksRoot ? ['run as root'] : [])];
  process.stderr.write(`skipping a test; to run it: ${reasons.join(' and ')}\n`);
  return test.skip;
}
