/** Directories that sites name, and the roots proposed from them. Pure. */
import type { DiscoveredSite } from '../../shared/results.ts';

const UNC = /^(\\\\|\/\/)/;
const ABSOLUTE = /^([A-Za-z]:[\\/]|\/|%[^%]+%)/;

export function isUnc(path: string): boolean {
  // `\\?\C:\…` and `\\.\…` are local device paths.
  return UNC.test(path) && !/^\\\\[?.]\\(?!UNC\\)/i.test(path);
}

export function isAbsolute(path: string): boolean {
  return ABSOLUTE.test(path);
}

/** `%NAME%` replaced where it is known (Windows); names without a value stay and are returned. */
export function expandVariables(
  path: string,
  variables: Readonly<Record<string, string>>,
): { readonly path: string; readonly unknown: readonly string[] } {
  const known = new Map(Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]));
  const unknown: string[] = [];
  const expanded = path.replace(/%([^%]+)%/g, (whole, name: string) => {
    const value = known.get(name.toLowerCase());
    if (value === undefined) unknown.push(name);
    return value ?? whole;
  });
  return { path: expanded, unknown };
}

/** All local directories of all sites, without the ones that lie inside another; in the order of the sites. */
export function proposeRoots(sites: readonly DiscoveredSite[]): string[] {
  const paths = new Map<string, string>();
  for (const site of sites) {
    for (const application of site.applications) {
      for (const { physicalPath } of application.virtualDirectories) {
        if (!isAbsolute(physicalPath) || isUnc(physicalPath)) continue;
        const key = comparable(physicalPath);
        if (!paths.has(key)) paths.set(key, withoutEnd(physicalPath));
      }
    }
  }
  return [...paths].filter(([key]) => !hasAncestor(key, paths)).map(([, path]) => path);
}

function hasAncestor(key: string, paths: ReadonlyMap<string, string>): boolean {
  for (let at = key.lastIndexOf('/', key.length - 2); at >= 0; at = key.lastIndexOf('/', at - 1)) {
    if (paths.has(key.slice(0, at + 1))) return true;
    if (at === 0) return false;
  }
  return false;
}

/** Windows spellings compare without case and with either separator; a Linux path has neither drive nor variable. */
function comparable(path: string): string {
  const windows = !path.startsWith('/');
  const unified = windows ? path.replaceAll('\\', '/').toLowerCase() : path;
  return `${unified.replace(/\/+/g, '/').replace(/\/$/, '')}/`;
}

function withoutEnd(path: string): string {
  return /^([A-Za-z]:)?[\\/]$/.test(path) ? path : path.replace(/[\\/]+$/, '');
}
