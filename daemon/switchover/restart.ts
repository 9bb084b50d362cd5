/**
 * Property "Reboot after switchover and switchback": the host that handed over is restarted when its part is over. The wish is durable from
 * the step on in which its name changed, and gone before the system is asked: a host restarts once, or not at all, never in a circle.
 */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { storedIn } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';

export function wantsRestart({ settings }: Pick<ScenarioDocument, 'settings'>): boolean {
  return settingOf(settings, 'redirect.reboot') && settingOf(settings, 'redirect.computerName');
}

/** `active`: name of a scenario whose users would lose this host by it. Throws nothing: what kept it is told. */
export async function restartIfWanted(
  { book, events, roles, complain }: ScenarioEnvironment,
  id: string,
  active: string | undefined,
): Promise<void> {
  const { document, run } = storedIn(book.value, id);
  if (run.restart === undefined) return;
  try {
    await book.update((value) => {
      storedIn(value, id).run.restart = undefined;
    });
    if (active !== undefined) {
      events.record('SWT-045', { reason: `it is active in "${active}"` }, document.name);
      return;
    }
    events.record('SWT-044', {}, document.name);
    await roles.restartHost();
  } catch (error) {
    const reason = Fault.from(error).message;
    try {
      events.record('SWT-045', { reason }, document.name);
    } catch (failed) {
      complain(`event SWT-045: ${String(failed)}`);
    }
  }
}
