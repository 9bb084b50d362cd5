/** Discovery on this host: finds and reads the configuration files of an application. */
import { Fault } from '../../shared/faults.ts';
import type { DiscoveredSite, Discovery } from '../../shared/results.ts';
import type { ServerType } from '../../shared/scenario.ts';
import type { ConfigurationFiles } from '../ports.ts';
import type { CommandHandlers } from '../services.ts';
import { type ApplicationName, discoverText, notYet } from './discover.ts';
import { discoverIis } from './iis.ts';
import { discoverNginx } from './nginx.ts';
import { expandVariables } from './paths.ts';
import { attributeOf, childOf, readXml } from './xml.ts';

const IIS_FOLDER = '%windir%\\System32\\inetsrv\\config';
const NGINX_FILE = '/etc/nginx/nginx.conf';

export function createDiscoverHandler(files: ConfigurationFiles): Pick<CommandHandlers, 'application.discover'> {
  return {
    'application.discover': ({ application, config, text }) => {
      if (text !== undefined) return discoverText(application, text, config ?? 'text');
      return discoverHere(files, application, config);
    },
  };
}

/** Sites of this host by its own configuration; none where it cannot be read, or its kind is not known. */
export function discoverSites(files: ConfigurationFiles, type: ServerType): readonly DiscoveredSite[] {
  if (type !== 'iis' && type !== 'nginx') return [];
  try {
    return discoverHere(files, type, undefined).sites;
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

function discoverHere(files: ConfigurationFiles, application: ApplicationName, config: string | undefined): Discovery {
  if (application === 'iis') return discoverIisHere(files, config);
  if (application === 'nginx') return discoverNginxHere(files, config ?? NGINX_FILE);
  throw notYet(application);
}

function discoverIisHere(files: ConfigurationFiles, config: string | undefined): Discovery {
  if (config === undefined && !files.windows) {
    throw new Fault('DISCOVER-FAILED', { application: 'IIS', reason: 'this host does not run Windows' });
  }
  const path = config ?? iisFile(files);
  const text = files.read(path);
  if (text === undefined) throw new Fault('DISCOVER-FAILED', { application: 'IIS', reason: `${path} cannot be read` });
  return discoverIis({
    file: path,
    text,
    beside: (name) => files.read(files.beside(path, name)),
    ...(files.windows ? { variables: files.variables } : {}),
  });
}

/** With shared configuration, redirection.config says where the files really are [D]. */
function iisFile(files: ConfigurationFiles): string {
  const folder = expandVariables(IIS_FOLDER, files.variables).path;
  const text = files.read(`${folder}\\redirection.config`);
  const parsed = text === undefined ? undefined : readXml(text);
  const redirection =
    parsed !== undefined && 'root' in parsed ? childOf(parsed.root, 'configurationRedirection') : undefined;
  const path = attributeOf(redirection, 'path');
  const shared = attributeOf(redirection, 'enabled')?.toLowerCase() === 'true' && path !== undefined;
  return `${shared ? expandVariables(path, files.variables).path : folder}\\applicationHost.config`;
}

function discoverNginxHere(files: ConfigurationFiles, path: string): Discovery {
  const text = files.read(path);
  if (text === undefined)
    throw new Fault('DISCOVER-FAILED', { application: 'nginx', reason: `${path} cannot be read` });
  return discoverNginx({
    file: path,
    text,
    include: (pattern) =>
      files.match(files.beside(path, pattern)).flatMap((file) => {
        const included = files.read(file);
        return included === undefined ? [] : [{ file, text: included }];
      }),
  });
}
