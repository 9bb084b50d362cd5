/** `testNeeding('git')(title, body)`: a test that declares which system tools it needs beyond those of its suite. */
import test, { type ExecutionContext } from 'ava';
import { installHint, missingTools, skippingForbidden, type ToolName } from './tools.ts';

type Declare = (title: string, body: (t: ExecutionContext) => Promise<void> | void) => void;

/** Declares a serial test, skipped with a note on stderr when a tool is missing and skipping is allowed. `root`: user id 0. */
export function testNeeding(...needs: readonly (ToolName | 'root')[]): Declare {
  const missing = missingTools(needs.filter((need) => need !== 'root'));
  const lacksRoot = needs.includes('root') && process.getuid?.() !== 0;
  if ((missing.length === 0 && !lacksRoot) || skippingForbidden()) return test.serial;
  const reasons = [...(missing.length > 0 ? [installHint(missing)] : []), ...(lacksRoot ? ['run as root'] : [])];
  return (title) => {
    process.stderr.write(`skipping "${title}"; to run it: ${reasons.join(' and ')}\n`);
    test.serial.skip(title, () => {});
  };
}
