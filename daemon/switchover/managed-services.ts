/** Services that belong to the active host (property group "DB management"): stopped on the standby, started on the host that takes over. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';

/** Port: services of this operating system. */
export interface SystemServices {
  /** unknown: there is none of that name, or nobody can say. */
  state(name: string): Promise<'running' | 'stopped' | 'unknown'>;
  /** Runs now and after a boot; throws `SERVICE-FAILED`. */
  start(name: string): Promise<void>;
  /** Does not run, nor after a boot; throws `SERVICE-FAILED`. */
  stop(name: string): Promise<void>;
}

export function managedServices({ settings }: ScenarioDocument): readonly string[] {
  return settingOf(settings, 'dbManagement.services');
}

/** In the order of the list; answers those that were started. Throws `SERVICE-FAILED` of the first that does not run. */
export async function startServices(services: SystemServices, names: readonly string[]): Promise<string[]> {
  const started: string[] = [];
  for (const name of names) {
    if ((await services.state(name)) === 'running') continue;
    await services.start(name);
    started.push(name);
  }
  return started;
}

/** In the opposite order. One that will not stop does not keep the others from it: all are tried, then the first fault is thrown. */
export async function stopServices(services: SystemServices, names: readonly string[]): Promise<string[]> {
  const stopped: string[] = [];
  let fault: Fault | undefined;
  for (const name of [...names].reverse()) {
    if ((await services.state(name)) !== 'running') continue;
    try {
      await services.stop(name);
      stopped.push(name);
    } catch (error) {
      fault ??= Fault.from(error);
    }
  }
  if (fault !== undefined) throw fault;
  return stopped;
}
