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

/** What serves directories to others on Linux, by the names of the distributions. */
const SHARE_SERVICES = ['smbd', 'smb', 'ksmbd', 'nfs-server'] as const;

/** With property "Manage shares" also the file services that this host knows: a share cannot be stopped alone on Linux. */
export async function managedServices(
  services: Pick<SystemServices, 'state'>,
  { settings }: Pick<ScenarioDocument, 'settings'>,
): Promise<readonly string[]> {
  const named = settingOf(settings, 'dbManagement.services');
  if (!settingOf(settings, 'dbManagement.shares')) return named;
  return [...named, ...(await shareServices(services)).filter((name) => !named.includes(name))];
}

/** None: shares of this host cannot be managed. */
export async function shareServices(services: Pick<SystemServices, 'state'>): Promise<string[]> {
  const states = await Promise.all(SHARE_SERVICES.map((name) => services.state(name)));
  return SHARE_SERVICES.filter((_name, index) => states[index] !== 'unknown');
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
