/** Discovery from a given text: offline, on any platform, also for the command line. Pure. */
import { Fault } from '../../shared/faults.ts';
import type { Discovery } from '../../shared/results.ts';
import { discoverIis } from './iis.ts';
import { discoverNginx } from './nginx.ts';

export type ApplicationName = Discovery['application'];

/** `file` is only named in findings. Paths stay as the text has them: variables belong to the host it came from. */
export function discoverText(application: ApplicationName, text: string, file: string): Discovery {
  const name = file.replace(/^.*[\\/]/, '') || file;
  if (application === 'iis') return discoverIis({ file: name, text });
  if (application === 'nginx') return discoverNginx({ file: name, text });
  throw notYet(application);
}

export function notYet(application: ApplicationName): Fault {
  return new Fault('DISCOVER-FAILED', { application, reason: 'this version discovers IIS and nginx only' });
}
