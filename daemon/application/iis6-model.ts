/** IIS 6 metabase (MetaBase.xml), read for verification only: this version of IIS cannot be protected any more. Pure. */
import type { DiscoveredSite } from '../../shared/results.ts';
import { readBinding } from './iis-binding.ts';
import { attributeOf, childrenOf, descendantsOf, type Element } from './xml.ts';

/** Whether the document is a metabase: its parts carry a `Location` below `/LM`. */
export function isMetabase(root: Element): boolean {
  return childrenOf(root, 'MBProperty').length > 0 || root.name === 'MBProperty';
}

export function readMetabase(root: Element): { sites: DiscoveredSite[]; pools: { name: string }[] } {
  const parts = [...descendantsOf(root)];
  const locationOf = (element: Element) => attributeOf(element, 'Location') ?? '';
  const sites = parts
    .filter((element) => element.name === 'IIsWebServer' && /^\/LM\/W3SVC\/\d+$/i.test(locationOf(element)))
    .map((server) => {
      const location = locationOf(server);
      const id = location.slice(location.lastIndexOf('/') + 1);
      const inside = parts.filter((element) =>
        locationOf(element).toLowerCase().startsWith(`${location.toLowerCase()}/root`),
      );
      return {
        name: attributeOf(server, 'ServerComment') ?? `site ${id}`,
        id: Number(id),
        bindings: [...bindingsOf(server, 'http', 'ServerBindings'), ...bindingsOf(server, 'https', 'SecureBindings')],
        applications: applicationsOf(inside, location, attributeOf(server, 'AppPoolId')),
      };
    });
  const pools = parts
    .filter((element) => element.name === 'IIsApplicationPool')
    .map((element) => ({ name: locationOf(element).replace(/^.*\//, '') }));
  return { sites, pools };
}

/** A list in one attribute, divided by white space (line ends become blanks in XML). */
function bindingsOf(server: Element, protocol: string, attribute: string) {
  const list = (attributeOf(server, attribute) ?? '').split(/\s+/).filter((one) => one !== '');
  return list.map((information) => readBinding({ protocol, information }).binding);
}

/** Directories with an application of their own (AppRoot is themselves) begin one; the others belong to the nearest. */
function applicationsOf(parts: readonly Element[], server: string, serverPool: string | undefined) {
  const root = `${server}/root`.toLowerCase();
  const directories = parts
    .filter((element) => attributeOf(element, 'Path') !== undefined)
    .map((element) => {
      const location = attributeOf(element, 'Location') ?? '';
      return {
        path: location.slice(root.length) || '/',
        physicalPath: attributeOf(element, 'Path') ?? '',
        pool: attributeOf(element, 'AppPoolId'),
        begins: (attributeOf(element, 'AppRoot') ?? '').toLowerCase() === location.toLowerCase(),
      };
    })
    .sort((a, b) => a.path.length - b.path.length);
  const applications: { path: string; pool: string; virtualDirectories: { path: string; physicalPath: string }[] }[] =
    [];
  for (const directory of directories) {
    const owner = [...applications].reverse().find((one) => isBelow(directory.path, one.path));
    if (owner !== undefined && !directory.begins) {
      const path = owner.path === '/' ? directory.path : directory.path.slice(owner.path.length);
      owner.virtualDirectories.push({ path, physicalPath: directory.physicalPath });
      continue;
    }
    const pool = directory.pool ?? owner?.pool ?? serverPool ?? 'DefaultAppPool';
    applications.push({
      path: directory.path,
      pool,
      virtualDirectories: [{ path: '/', physicalPath: directory.physicalPath }],
    });
  }
  return applications;
}

function isBelow(path: string, ancestor: string): boolean {
  return ancestor === '/' || path.toLowerCase().startsWith(`${ancestor.toLowerCase()}/`);
}
