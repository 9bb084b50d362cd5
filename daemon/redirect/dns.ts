/**
 * Redirect DNS: the A record of the Master's name gets the addresses of the host that becomes active, on every server. What a server
 * holds afterwards decides, never what an update answered: `nsupdate -g` fails after updates that were applied, and a server may
 * accept one that it does not keep.
 */
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { Clock, Random } from '../ports.ts';
import { type DnsReading, type DnsServerPort, DnsServers, splitServer } from './dns-servers.ts';
import {
  type Applied,
  type RedirectDirection,
  type Redirection,
  type RedirectState,
  redirectFinding,
} from './model.ts';
import type { TsigKey } from './tsig.ts';

export type DnsUpdateMethod = 'secure' | 'tsig' | 'non-secure';

/** `nsupdate -g` or its like: an update as the account of this host. */
export interface SecureUpdater {
  /** Why there is none on this host; undefined when there is. */
  unavailable(): Promise<string | undefined>;
  /** Runs the lines of an nsupdate script; gives what it said. Never throws for what the server answered. */
  update(lines: readonly string[]): Promise<string>;
}

export interface DnsRedirectionOptions {
  readonly host: string;
  /** Fully qualified name of the A record. */
  readonly name: string;
  readonly ttlSeconds: number;
  /** `host` or `host:port`. */
  readonly servers: readonly string[];
  readonly method: DnsUpdateMethod;
  readonly key?: TsigKey;
  /** IPv4 addresses at which clients reach this host. */
  readonly addresses: readonly string[];
  /**
   * When not every server can be changed: `undo` takes all back and fails (planned switchover), `keep` goes on with those that could
   * (the others may have died with the Master) and says which were not.
   */
  readonly partial: 'undo' | 'keep';
}

export interface DnsRedirectionPorts {
  readonly exchange: DnsServerPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly secure?: SecureUpdater;
}

interface Changed {
  readonly server: string;
  readonly before: DnsReading;
}

/** A server of the domain may take a moment until it answers with what it accepted. */
const SETTLE_MS = 2_000;
const SETTLE_STEP_MS = 100;

export class DnsRedirection implements Redirection {
  readonly kind = 'dns';
  private readonly options: DnsRedirectionOptions;
  private readonly ports: DnsRedirectionPorts;
  private readonly servers: DnsServers;
  private changed: Changed[] = [];

  constructor(options: DnsRedirectionOptions, ports: DnsRedirectionPorts) {
    this.options = options;
    this.ports = ports;
    this.servers = new DnsServers(ports, options.method === 'tsig' ? options.key : undefined);
  }

  async check(): Promise<Finding[]> {
    const { host, name, servers, addresses, method } = this.options;
    const error = (code: string, text: string, fix: string) => redirectFinding(host, 'error', code, text, fix);
    const found: Finding[] = [];
    if (servers.length === 0)
      found.push(error('DNS-SERVERS', 'No DNS server is known', 'Name the servers in the property DNS servers.'));
    if (addresses.length === 0)
      found.push(
        error(
          'DNS-ADDRESS',
          'This host has no IPv4 address to enter into DNS',
          'Give the host of the scenario by its address: A records hold IPv4 addresses only.',
        ),
      );
    if (method === 'tsig' && this.options.key === undefined)
      found.push(
        error(
          'DNS-KEY',
          'The TSIG key is not on this host',
          'Put the key file of the DNS server into keys/ of the data directory, readable by its account only.',
        ),
      );
    const noSecure = method === 'secure' ? await this.whyNotSecure() : undefined;
    if (noSecure !== undefined)
      found.push(error('DNS-SECURE', `Secure updates are not possible: ${noSecure}`, 'Install and join, or use TSIG.'));
    for (const server of servers) found.push(...(await this.checkServer(server, name)));
    return found;
  }

  private async checkServer(server: string, name: string): Promise<Finding[]> {
    const { host } = this.options;
    const reading = await this.servers.read(server, name);
    if (reading.failure !== undefined)
      return [
        redirectFinding(
          host,
          'error',
          'DNS-SERVER',
          `DNS server ${server} does not answer for ${name}: ${reading.failure}`,
          'Name a server that holds the zone and may be updated from this host.',
        ),
      ];
    if (reading.aliasOf !== undefined)
      return [
        redirectFinding(
          host,
          'error',
          'DNS-ALIAS',
          `${name} is an alias (CNAME) of ${reading.aliasOf} on ${server}`,
          `Only A records are changed: enter ${reading.aliasOf} as the Master's name in DNS; the alias follows it.`,
        ),
      ];
    return reading.zone === undefined
      ? [
          redirectFinding(
            host,
            'error',
            'DNS-ZONE',
            `DNS server ${server} holds no zone of ${name}`,
            'Name a server that holds the zone.',
          ),
        ]
      : [];
  }

  private async whyNotSecure(): Promise<string | undefined> {
    return this.ports.secure === undefined ? 'this system has no way to make them' : this.ports.secure.unavailable();
  }

  async apply(direction: RedirectDirection): Promise<Applied> {
    this.changed = [];
    // The record moves when the other host takes it: until then the old address is the better answer.
    if (direction === 'release') return { changed: false, state: await this.readBack(), remarks: [] };
    const { servers, addresses, partial } = this.options;
    if (addresses.length === 0 || servers.length === 0) throw this.failed('there is no server or no address');
    const { remarks, failures } = await this.changeAll();
    const isUsable = failures.length === 0 || (partial === 'keep' && failures.length < servers.length);
    if (!isUsable) throw this.failed(`${failures.join('; ')}${await this.undone()}`);
    remarks.push(...failures.map((failure) => `not changed: ${failure}`));
    return { changed: this.changed.length > 0, state: await this.readBack(), remarks };
  }

  private async changeAll(): Promise<{ remarks: string[]; failures: string[] }> {
    const { servers, addresses, name, ttlSeconds, partial } = this.options;
    const remarks: string[] = [];
    const failures: string[] = [];
    for (const server of servers) {
      const before = await this.servers.read(server, name);
      if (isAsWanted(before, addresses, ttlSeconds)) continue;
      const outcome = await this.change(server, before, addresses, ttlSeconds);
      if (outcome.changed) this.changed.push({ server, before });
      if (outcome.failure !== undefined) failures.push(`${server}: ${outcome.failure}`);
      else if (outcome.said !== undefined) remarks.push(`${server}: changed, although it said: ${outcome.said}`);
      if (failures.length > 0 && partial === 'undo') break;
    }
    return { remarks, failures };
  }

  private failed(reason: string): Fault {
    return new Fault('REDIRECT-FAILED', { method: 'Redirect DNS', reason });
  }

  /** Takes back what was changed; text for the reason of the fault. */
  private async undone(): Promise<string> {
    if (this.changed.length === 0) return '';
    const names = this.changed.map(({ server }) => server).join(', ');
    const stuck = await this.takeBack();
    return stuck.length === 0 ? `; taken back on ${names}` : `; could not be taken back: ${stuck.join('; ')}`;
  }

  /** What could not be taken back, one line a server; that stays on the list for another `revert`. */
  private async takeBack(): Promise<string[]> {
    const stuck: string[] = [];
    const left: Changed[] = [];
    for (const entry of [...this.changed].reverse()) {
      const { server, before } = entry;
      const outcome = await this.change(
        server,
        await this.servers.read(server, this.options.name),
        before.addresses,
        before.ttlSeconds,
      );
      if (outcome.failure === undefined) continue;
      stuck.push(`${server}: ${outcome.failure}`);
      left.unshift(entry);
    }
    this.changed = left;
    return stuck;
  }

  async revert(): Promise<Applied> {
    const count = this.changed.length;
    const stuck = await this.takeBack();
    if (stuck.length > 0) throw this.failed(`could not be taken back: ${stuck.join('; ')}`);
    return { changed: count > 0, state: await this.readBack(), remarks: [] };
  }

  /** `changed`: the server holds something else than before, or nobody can tell; then it has to be taken back. */
  private async change(
    server: string,
    before: DnsReading,
    addresses: readonly string[],
    ttlSeconds: number,
  ): Promise<{ changed: boolean; failure?: string; said?: string }> {
    const { name } = this.options;
    const why = before.failure ?? (before.zone === undefined ? `it holds no zone of ${name}` : undefined);
    if (why !== undefined || before.zone === undefined) return { changed: false, failure: why ?? '' };
    if (before.aliasOf !== undefined) return { changed: false, failure: `${name} is an alias of ${before.aliasOf}` };
    const said = await this.send(server, before.zone, addresses, ttlSeconds);
    const after = await this.settled(server, addresses, ttlSeconds, said === undefined ? SETTLE_MS : SETTLE_STEP_MS);
    if (isAsWanted(after, addresses, ttlSeconds)) return { changed: true, ...(said === undefined ? {} : { said }) };
    const isUntouched = after.failure === undefined && isAsWanted(after, before.addresses, before.ttlSeconds);
    const holds = after.failure ?? `it still answers ${after.addresses.join(', ') || 'no address'}`;
    return { changed: !isUntouched, failure: said ?? holds };
  }

  /** What is said against it; undefined when it was accepted. */
  private async send(
    server: string,
    zone: string,
    addresses: readonly string[],
    ttlSeconds: number,
  ): Promise<string | undefined> {
    const { name, method } = this.options;
    if (method !== 'secure') return this.servers.update(server, { zone, name, addresses, ttlSeconds });
    const noSecure = await this.whyNotSecure();
    if (this.ports.secure === undefined || noSecure !== undefined) return noSecure;
    const said = await this.ports.secure.update(secureScript(server, zone, name, addresses, ttlSeconds));
    return said === '' ? undefined : said;
  }

  private async settled(
    server: string,
    addresses: readonly string[],
    ttlSeconds: number,
    limitMs: number,
  ): Promise<DnsReading> {
    const { clock } = this.ports;
    const end = clock.bootMs() + limitMs;
    for (;;) {
      const reading = await this.servers.read(server, this.options.name);
      if (isAsWanted(reading, addresses, ttlSeconds) || clock.bootMs() >= end) return reading;
      await new Promise<void>((resolve) => clock.after(SETTLE_STEP_MS, resolve));
    }
  }

  async readBack(): Promise<RedirectState> {
    const { servers, name, addresses } = this.options;
    const readings = await Promise.all(
      servers.map(async (server) => ({ server, reading: await this.servers.read(server, name) })),
    );
    const detail = readings.map(({ server, reading }) =>
      reading.failure === undefined
        ? `${server}: ${name} A ${reading.addresses.join(', ') || 'none'}, TTL ${reading.ttlSeconds} s`
        : `${server}: ${reading.failure}`,
    );
    const known = readings.filter(({ reading }) => reading.failure === undefined);
    const here = known.filter(({ reading }) => sameAddresses(reading.addresses, addresses)).length;
    if (known.length === 0) return { clients: 'unknown', detail };
    if (here === known.length) return { clients: 'here', detail };
    return { clients: here === 0 ? 'elsewhere' : 'mixed', detail };
  }

  describe(direction: RedirectDirection): string[] {
    if (direction === 'release')
      return ['Redirect DNS: nothing on this host; the host that takes over changes the record'];
    const { servers, name, addresses, ttlSeconds, method, key } = this.options;
    const how = method === 'tsig' ? `signed with ${key?.name ?? 'a missing key'}` : method;
    return servers.map(
      (server) =>
        `Redirect DNS: on ${server} (${how}): ${name} ${ttlSeconds} IN A ${addresses.join(', ') || '(no address)'}`,
    );
  }
}

function secureScript(
  server: string,
  zone: string,
  name: string,
  addresses: readonly string[],
  ttlSeconds: number,
): string[] {
  const { host, port } = splitServer(server);
  return [
    `server ${host} ${port}`,
    `zone ${zone}.`,
    `update delete ${name}. A`,
    ...addresses.map((address) => `update add ${name}. ${ttlSeconds} A ${address}`),
    'send',
  ];
}

function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}

function isAsWanted(reading: DnsReading, addresses: readonly string[], ttlSeconds: number): boolean {
  if (reading.failure !== undefined || !sameAddresses(reading.addresses, addresses)) return false;
  // A server that only passes answers on counts their age down.
  return addresses.length === 0 || reading.ttlSeconds === ttlSeconds || !reading.isAuthoritative;
}
