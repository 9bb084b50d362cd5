/**
 * Everything of a daemon that others can reach, put together: identity, trust, the TLS port, links and requests between
 * hosts. Nothing listens before `listen`; the composition root adds the console and the scenarios in between.
 */
import { join } from 'node:path';
import { Fault } from '../shared/faults.ts';
import {
  ACCESS_PATH,
  decodeInvite,
  formatAddress,
  type PairedDevice,
  type PairResult,
  parseAddress,
} from '../shared/protocol/pairing.ts';
import { Audit } from './access/audit.ts';
import { type DevicesDocument, devicesDocument, LOCAL_DEVICE, resolveHost } from './access/devices-model.ts';
import { accessHandlers } from './access/handlers.ts';
import { type Identity, loadIdentity } from './access/identity.ts';
import { AccessService } from './access/service.ts';
import { Dispatcher } from './console/dispatcher.ts';
import { servePairing } from './console/pair-upgrade.ts';
import { ConsoleService } from './console/service.ts';
import { isLoopback, TlsPort } from './console/tls-port.ts';
import { checkAccess, speakingFrom } from './link/dial.ts';
import { joinHost } from './link/join.ts';
import { SocketPeerControl } from './link/peer-control.ts';
import { SocketLinkService } from './link/service.ts';
import type { Clock, Random } from './ports.ts';
import type {
  CommandHandlers,
  DaemonInformation,
  DocumentStore,
  EventLog,
  LinkService,
  PeerControl,
  StatusSource,
} from './services.ts';
import { type ClosableAuditFile, openAuditFile } from './store/audit-file.ts';
import { openDocument } from './store/documents.ts';

export interface NetworkOptions {
  /** The data directory; exists. */
  readonly data: string;
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
  readonly log: (what: string, details: Readonly<Record<string, unknown>>) => void;
  /** Defects, with their cause. */
  readonly complain: NetworkOptions['log'];
  /** Address of this host for others when it listens on all of its addresses. */
  readonly outsideHost: () => string;
  /** All addresses of this host now. */
  readonly ownAddresses: () => readonly string[];
}

export interface Network {
  readonly deviceId: string;
  readonly links: LinkService;
  readonly peers: PeerControl;
  readonly access: AccessService;
  /** Set when the audit chain was found broken: number of the first bad line. */
  readonly auditBrokenAt: number | undefined;
  /** Asks every paired host whether it knows us; `problem` when it does not or cannot be reached. */
  checkPeers(): Promise<{ name: string; address: string; problem?: string }[]>;
  /** Open TLS connections, of known devices and others. */
  connections(): number;
  /** `host:port` that other hosts use; port 0 before `listen`. */
  address(): string;
  /** `host:port` that this host itself uses. */
  ownAddress(): string;
  /** Adds the console service with all handlers, then listens. `preferredPort` is tried first when `listen` asks for any port. */
  listen(options: ListenOptions): Promise<void>;
  close(): Promise<void>;
}

export interface ListenOptions {
  /** `host:port`; port 0 = any free port. */
  readonly listen: string;
  readonly preferredPort?: number;
  readonly handlers: CommandHandlers;
  readonly status: StatusSource;
  readonly daemon: DaemonInformation;
}

export async function openNetwork(options: NetworkOptions): Promise<Network> {
  return new DaemonNetwork(options, await openTrust(options));
}

/** Identity, paired devices and audit log, as they are in the data directory. */
interface Trust {
  readonly identity: Identity;
  readonly devices: DocumentStore<DevicesDocument>;
  readonly audit: Audit;
  readonly auditFile: ClosableAuditFile;
  readonly access: AccessService;
}

async function openTrust({ clock, data, events, name, random }: NetworkOptions): Promise<Trust> {
  const identity = await loadIdentity(join(data, 'identity'), name, clock.wallMs());
  const admin = await loadIdentity(join(data, 'admin'), `${name} admin`, clock.wallMs());
  const devices = await openDocument<DevicesDocument>({
    path: join(data, 'devices.json'),
    schema: devicesDocument,
    initial: { devices: [] },
    onDamaged: ({ details }) => events.record('HST-005', { path: details.path ?? '', reason: details.reason ?? '' }),
  });
  const auditFile = openAuditFile(join(data, 'audit.jsonl'));
  const audit = new Audit(auditFile, clock);
  if (audit.brokenAt !== undefined) events.record('ACC-005', { line: audit.brokenAt });
  const { deviceId } = identity;
  const access = new AccessService({ devices, adminId: admin.deviceId, deviceId, clock, random, events, audit });
  return { identity, devices, audit, auditFile, access };
}

class DaemonNetwork implements Network {
  readonly links: SocketLinkService;
  readonly peers: SocketPeerControl;
  private readonly options: NetworkOptions;
  private readonly trust: Trust;
  private readonly port: TlsPort;
  private service: ConsoleService | undefined;
  private listenHost = '';
  private portNumber = 0;

  constructor(options: NetworkOptions, trust: Trust) {
    const { clock, events, log, name, ownAddresses, random } = options;
    const { access, devices, identity } = trust;
    this.options = options;
    this.trust = trust;
    this.port = new TlsPort({ identity, access, clock, events, log, ownAddresses });
    const resolve: PeerControl['resolve'] = (host) => ({
      ...resolveHost(devices.value, host),
      ...this.speaking(),
    });
    this.peers = new SocketPeerControl({ identity, resolve, clock, random });
    this.links = new SocketLinkService({ port: this.port, identity, resolve, clock, random, events });
    access.onRevoked = (deviceId) => {
      this.port.drop(deviceId);
      this.peers.close(deviceId);
      this.links.drop(deviceId);
    };
    servePairing({ port: this.port, access, deviceId: identity.deviceId, hostName: name, clock, events });
  }

  get deviceId(): string {
    return this.trust.identity.deviceId;
  }

  get access(): AccessService {
    return this.trust.access;
  }

  get auditBrokenAt(): number | undefined {
    return this.trust.audit.brokenAt;
  }

  connections(): number {
    return this.port.connections;
  }

  address(): string {
    const host = isWildcard(this.listenHost) ? this.options.outsideHost() : this.listenHost;
    return formatAddress(host, this.portNumber);
  }

  ownAddress(): string {
    const loopback = this.listenHost === '::' ? '::1' : '127.0.0.1';
    return formatAddress(isWildcard(this.listenHost) ? loopback : this.listenHost, this.portNumber);
  }

  private speaking(): { readonly from?: string } {
    return isWildcard(this.listenHost) || isLoopback(this.listenHost) ? {} : speakingFrom(this.listenHost);
  }

  checkPeers(): Promise<{ name: string; address: string; problem?: string }[]> {
    const hosts = this.access.devices.filter((one) => one.kind === 'host' && one.revokedAt === undefined);
    return Promise.all(hosts.map((peer) => checkPeer(this.trust.identity, peer, this.speaking())));
  }

  async listen({ daemon, handlers, listen, preferredPort, status }: ListenOptions): Promise<void> {
    const { clock, complain, events } = this.options;
    const { access, audit } = this.trust;
    const ownHandlers = accessHandlers({
      access,
      address: () => this.address(),
      join: (invite) => this.join(invite),
    });
    const dispatcher = new Dispatcher({
      handlers: { ...handlers, ...ownHandlers },
      audit,
      clock,
      onDefect: (command, fault) => complain('defect', { command, error: stackOf(fault) }),
    });
    this.service = new ConsoleService({ port: this.port, dispatcher, status, daemon, events, clock });
    const wanted = parseAddress(listen);
    this.listenHost = wanted.host;
    this.portNumber = await this.listenOn(wanted.host, wanted.port, preferredPort);
  }

  async close(): Promise<void> {
    this.links.stop();
    this.peers.close();
    this.service?.close();
    await this.port.close();
    this.trust.auditFile.close();
  }

  private listenOn(host: string, wanted: number, preferred: number | undefined): Promise<number> {
    if (wanted !== 0 || preferred === undefined) return this.port.listen(host, wanted);
    // The same port as before keeps the addresses that paired hosts remember.
    return this.port.listen(host, preferred).catch(() => this.port.listen(host, 0));
  }

  /** Joins the host that made the invitation and trusts it as a peer. */
  private async join(invite: string): Promise<PairResult> {
    const { clock, name } = this.options;
    const { access, identity } = this.trust;
    if (decodeInvite(invite).deviceId === identity.deviceId) {
      throw new Fault('USAGE', { reason: 'a host cannot pair with itself' });
    }
    const seenFromOutside = isWildcard(this.listenHost) ? {} : { address: this.address() };
    const result = await joinHost(identity, invite, { name, port: this.portNumber, ...seenFromOutside }, clock);
    const { address, confirmation, deviceId } = result;
    const host = {
      deviceId,
      name: result.name,
      address,
      kind: 'host',
      role: 'peer',
      pairedAt: clock.wallMs(),
    } as const;
    await access.trust(host, LOCAL_DEVICE, confirmation);
    return result;
  }
}

async function checkPeer(identity: Identity, peer: PairedDevice, speaking: { readonly from?: string }) {
  const { address = '', deviceId, name } = peer;
  try {
    await checkAccess(identity, { address, deviceId, ...speaking }, ACCESS_PATH);
    return { name, address };
  } catch (error) {
    return { name, address, problem: Fault.from(error).message };
  }
}

function stackOf(fault: Fault): string {
  const cause = fault.cause instanceof Error ? fault.cause : fault;
  return cause.stack ?? cause.message;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}
