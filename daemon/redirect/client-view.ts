/**
 * What clients see after a host has become active, as far as it can be seen from there: whether another machine answers for a moved
 * address, what the resolvers of the network answer, and whether the application answers at the address that clients use. That it
 * was read back from the servers themselves is the business of the methods.
 */
import type { Finding } from '../../shared/results.ts';
import type { Clock, Random } from '../ports.ts';
import { type DnsServerPort, DnsServers } from './dns-servers.ts';
import { deviceFor, type HostAddresses } from './host-addresses.ts';
import { redirectFinding } from './model.ts';
import type { PlannedDns, PlannedMethod, PlannedMoveIp } from './plan.ts';

export interface ClientViewPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly exchange: DnsServerPort;
  readonly addresses: HostAddresses;
  /** DNS servers of this host. */
  hostServers(): readonly string[];
  /** Why nothing answers there (HTTP, or anything that takes a connection); undefined: it does. */
  silence(address: string, port: number): Promise<string | undefined>;
}

export interface ClientView {
  /** What is as it should be, one a line. */
  readonly seen: readonly string[];
  readonly findings: readonly Finding[];
}

export async function clientView(
  host: string,
  methods: readonly PlannedMethod[],
  servicePorts: readonly number[],
  ports: ClientViewPorts,
): Promise<ClientView> {
  const seen: string[] = [];
  const findings: Finding[] = [];
  const parts: Promise<ClientView>[] = methods.map((method) => {
    if (method.kind === 'move-ip') return viewOfAddresses(host, method, ports);
    return method.kind === 'dns' ? viewOfName(host, method, ports) : Promise.resolve({ seen: [], findings: [] });
  });
  const usedBy = [...new Set(methods.flatMap(addressesOf))];
  parts.push(...usedBy.map((address) => viewOfServices(host, address, servicePorts, ports)));
  for (const part of await Promise.all(parts)) {
    seen.push(...part.seen);
    findings.push(...part.findings);
  }
  return { seen, findings };
}

/** At which clients come to this host. */
function addressesOf(method: PlannedMethod): readonly string[] {
  if (method.kind === 'move-ip') return method.addresses.map(({ address }) => address);
  return method.kind === 'dns' ? method.addresses : [];
}

async function viewOfAddresses(
  host: string,
  { addresses }: PlannedMoveIp,
  { addresses: table }: ClientViewPorts,
): Promise<ClientView> {
  const seen: string[] = [];
  const findings: Finding[] = [];
  const entries = await table.list();
  for (const { address, prefix } of addresses) {
    const device = deviceFor(entries, address, prefix);
    const holder = device === undefined ? undefined : await table.holder(address, device);
    if (holder === undefined) seen.push(`nobody else answers for ${address}`);
    else {
      const text = `${holder} answers for ${address} too: some clients are led there`;
      const fix = 'It is announced again. Take the address from that machine: it is not the active one.';
      findings.push(redirectFinding(host, 'error', 'VIEW-ARP', text, fix));
    }
  }
  return { seen, findings };
}

/** Resolvers between clients and the servers of the zone keep the old answer for as long as its time to live said. */
async function viewOfName(host: string, plan: PlannedDns, ports: ClientViewPorts): Promise<ClientView> {
  const { name, addresses, servers } = plan;
  const resolvers = ports.hostServers().filter((server) => !servers.includes(server));
  const asking = new DnsServers(ports, undefined);
  const readings = await Promise.all(
    resolvers.map(async (server) => ({ server, reading: await asking.read(server, name) })),
  );
  const seen: string[] = [];
  const findings: Finding[] = [];
  for (const { server, reading } of readings) {
    const isNew = reading.addresses.length > 0 && reading.addresses.every((address) => addresses.includes(address));
    if (reading.failure === undefined && isNew) {
      seen.push(`${server} answers ${name} with ${reading.addresses.join(', ')}`);
      continue;
    }
    const holds = reading.failure ?? (reading.addresses.join(', ') || 'no address');
    const text = `The resolver ${server} does not lead clients of ${name} here yet: ${holds}`;
    const fix = `It keeps an answer for as long as its time to live says (${reading.ttlSeconds} s now); afterwards look at its cache.`;
    findings.push(redirectFinding(host, 'warning', 'VIEW-DNS', text, fix));
  }
  return { seen, findings };
}

async function viewOfServices(
  host: string,
  address: string,
  servicePorts: readonly number[],
  ports: ClientViewPorts,
): Promise<ClientView> {
  const seen: string[] = [];
  const findings: Finding[] = [];
  for (const port of servicePorts) {
    const why = await ports.silence(address, port);
    if (why === undefined) seen.push(`${address}:${port} answers`);
    else {
      const text = `Nothing answers at ${address}:${port} on this host: ${why}`;
      const fix = 'Start the application here, and see that it listens at the address that clients use.';
      findings.push(redirectFinding(host, 'error', 'VIEW-SERVICE', text, fix));
    }
  }
  return { seen, findings };
}
