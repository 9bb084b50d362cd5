/** Which sites are asked, and which answers count. Pure. */
import type { DiscoveredSite } from '../../shared/results.ts';
import type { SiteTarget } from './contract.ts';

const PORTS = { http: 80, https: 443 } as const;
const ANY_ADDRESS = new Set(['', '*', '0.0.0.0', '[::]', '::']);

/** `200,301-308`. */
export function acceptsStatus(statuses: string, status: number): boolean {
  return statuses.split(',').some((part) => {
    const [from = '', to = from] = part.split('-');
    return status >= Number(from) && status <= Number(to);
  });
}

/** A site the operator named, such as `https://www.example.org/health`; undefined: it is no such address. */
export function namedSite(text: string, probeAddress: string, masterHost: string): SiteTarget | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  const tls = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return {
    // By its name, clients may be led to the other host already.
    address: probeAddress || (isAddress(name) ? name : masterHost),
    port: url.port === '' ? PORTS[tls ? 'https' : 'http'] : Number(url.port),
    tls,
    host: url.host,
    path: `${url.pathname}${url.search}`,
  };
}

function isAddress(name: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name) || name.includes(':');
}

/** What a host says of its own sites; addresses only the host itself reaches become its address. */
export function bindingTarget(
  binding: DiscoveredSite['bindings'][number],
  probeAddress: string,
  masterHost: string,
): SiteTarget | undefined {
  const { protocol, address, port, host } = binding;
  if (protocol !== 'http' && protocol !== 'https') return undefined;
  const tls = protocol === 'https';
  const own = ANY_ADDRESS.has(address) ? masterHost : address.replace(/^\[|\]$/g, '');
  const to = probeAddress || own;
  const named = host === '' || host === '_' || host.includes('*') ? to : host;
  return { address: to, port, tls, host: port === PORTS[protocol] ? named : `${named}:${port}`, path: '/' };
}

export function siteName({ tls, host, path }: SiteTarget): string {
  return `site ${tls ? 'https' : 'http'}://${host}${path}`;
}

/** Of those in the roots, all bindings that speak HTTP. */
export function sitesOfRoots(sites: readonly DiscoveredSite[], roots: readonly string[]): DiscoveredSite['bindings'] {
  return sites
    .filter(({ applications }) =>
      applications.some(({ virtualDirectories }) =>
        virtualDirectories.some(({ physicalPath }) => roots.some((root) => isWithin(physicalPath, root))),
      ),
    )
    .flatMap(({ bindings }) => bindings)
    .filter(({ protocol }) => protocol === 'http' || protocol === 'https');
}

function isWithin(path: string, root: string): boolean {
  const plain = (text: string) => `${text.toLowerCase().replaceAll('\\', '/').replace(/\/+$/, '')}/`;
  return plain(path).startsWith(plain(root));
}
