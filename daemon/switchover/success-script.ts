/** Property group "Action upon Success": a registered script after a switchover or switchback. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';

export const SCRIPT_MS = 300_000;

/** Runs the script of "Action upon Success" on this host; throws when it does not end with 0. */
export async function runSuccess(
  { scripts, host }: ScenarioEnvironment,
  { name, settings }: ScenarioDocument,
  id: string,
): Promise<{ exitCode: number }> {
  const script = settingOf(settings, 'success.script');
  const variables = { MAINSTAY_SCENARIO: name, MAINSTAY_HOST: host.name, MAINSTAY_SWITCH: id };
  const outcome = await scripts.run(script, variables, SCRIPT_MS, settingOf(settings, 'success.arguments'));
  if (outcome.exitCode === 0) return { exitCode: 0 };
  const how = outcome.timedOut ? 'it did not end in time' : `it ended with ${outcome.exitCode ?? 'a signal'}`;
  throw new Fault('SCRIPT-FAILED', { name: script, reason: how });
}
