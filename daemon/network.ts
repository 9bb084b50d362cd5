/**
 * Everything of a daemon that others can reach, put together: identity, trust, the TLS port, links and requests between
 * hosts. Nothing listens before `listen`; the composition root adds the console and the scenarios in between.
 */
import { join } from 'node:path';
import { Fault } from '../shared/faults.ts';
import { formatAddress, parseAddress } from '../shared/protocol/pairing.ts';
import { Audit } from './access/audit.ts';
import { type DevicesDocument, devicesDocument, LOCAL_DEVICE, resolveHost } from './access/devices-model.ts';
import { accessHandlers } from './access/handlers.ts';
import { loadIdentity } from './access/identity.ts';
import { AccessService } from './access/service.ts';
import { Dispatcher } from './console/dispatcher.ts';
import { servePairing } from './console/pair-upgrade.ts';
import { ConsoleService } from './console/service.ts';
import { TlsPort } from './console/tls-port.ts';
import { joinHost } from './link/join.ts';
import { SocketPeerControl } from './link/peer-control.ts';
import { SocketLinkService } from './link/service.ts';
import type { Clock, Random } from './ports.ts';
import type {
  CommandHandlers,
  DaemonInformation,
  EventLog,
  LinkService,
  PeerControl,
  StatusSource,
} from './services.ts';
import { openAuditFile } from './store/audit-file.ts';
import { openDocument } from './store/documents.ts';

export interface NetworkOptions {
  /** The data directory; exists. */
  readonly data: string;
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventLog;
  readonly log: (what: string, details: Readonly<Record<string, unknown>>) => void;
  /** Address of this host for others when it listens on all of its addresses. */
  readonly outsideHost: () => string;
}

export interface Network {
  readonly deviceId: string;
  readonly links: LinkService;
  readonly peers: PeerControl;
  readonly access: AccessService;
  /** Set when the audit chain was found broken: number of the first bad line. */
  readonly auditBrokenAt: number | undefined;
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
  const { clock, data, events, log, name, random } = options;
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
  const port = new TlsPort({ identity, access, clock, events, log });
  const resolve: PeerControl['resolve'] = (host) => resolveHost(devices.value, host);
  const peers = new SocketPeerControl({ identity, resolve, clock, random });
  const links = new SocketLinkService({ port, identity, resolve, clock, random, events });
  access.onRevoked = (device) => {
    port.drop(device);
    peers.close(device);
    links.drop(device);
  };
  servePairing({
    port,
    access,
    deviceId,
    hostName: name,
    clock,
    events,
  });

  let listenHost = '';
  let portNumber = 0;
  let service: ConsoleService | undefined;
  const address = () => formatAddress(isWildcard(listenHost) ? options.outsideHost() : listenHost, portNumber);

  const listenOn = async (host: string, wanted: number, preferred: number | undefined): Promise<number> => {
    if (wanted !== 0 || preferred === undefined) return port.listen(host, wanted);
    // The same port as before keeps the addresses that paired hosts remember.
    return port.listen(host, preferred).catch(() => port.listen(host, 0));
  };

  const ownHandlers = accessHandlers({
    access,
    address,
    join: async (invite) => {
      const self = { name, port: portNumber, ...(isWildcard(listenHost) ? {} : { address: address() }) };
      const result = await joinHost(identity, invite, self, clock);
      if (result.deviceId === deviceId) throw new Fault('USAGE', { reason: 'a host cannot pair with itself' });
      const { deviceId: hostId, name: hostName } = result;
      await access.trust(
        {
          deviceId: hostId,
          name: hostName,
          kind: 'host',
          role: 'peer',
          address: result.address,
          pairedAt: clock.wallMs(),
        },
        LOCAL_DEVICE,
        result.confirmation,
      );
      return result;
    },
  });

  return {
    deviceId,
    links,
    peers,
    access,
    auditBrokenAt: audit.brokenAt,
    connections: () => port.connections,
    address,
    ownAddress: () => formatAddress(isWildcard(listenHost) ? '127.0.0.1' : listenHost, portNumber),
    listen: async ({ daemon, handlers, listen, preferredPort, status }) => {
      const dispatcher = new Dispatcher({
        handlers: { ...handlers, ...ownHandlers },
        audit,
        clock,
        onDefect: (command, fault) => log('defect', { command, error: fault.cause ?? fault }),
      });
      const wanted = parseAddress(listen);
      service = new ConsoleService({ port, dispatcher, status, daemon, events, clock });
      listenHost = wanted.host;
      portNumber = await listenOn(wanted.host, wanted.port, preferredPort);
    },
    close: async () => {
      links.stop();
      peers.close();
      service?.close();
      await port.close();
      auditFile.close();
    },
  };
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}
