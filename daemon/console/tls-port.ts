/**
 * The host's one TCP port: TLS 1.3, everybody shows a key, an unknown one gets a fixed 403 and nothing else. Upgrades go to
 * their owners (console, link, pairing) only after the key was looked up; all sockets are kept so that one can be dropped.
 */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Fault, type FaultDocument } from '../../shared/faults.ts';
import { ACCESS_PATH, formatAddress, PAIR_PATH } from '../../shared/protocol/pairing.ts';
import type { Verdict } from '../access/devices-model.ts';
import { deviceIdOf, type Identity } from '../access/identity.ts';
import { RateLimiter } from '../access/rate-limit.ts';
import type { AccessService } from '../access/service.ts';
import type { Clock } from '../ports.ts';
import type { EventLog } from '../services.ts';

/** The other side of one connection. */
export interface Peer {
  readonly socket: TLSSocket;
  /** Device id of its key; undefined when it showed none. */
  readonly deviceId: string | undefined;
  readonly remoteHost: string;
  /** `host:port`, for people. */
  readonly address: string;
  /** What it may do now; asks anew each time, so a revocation counts at once. */
  verdict(): Verdict;
}

export type UpgradeHandler = (request: IncomingMessage, socket: TLSSocket, head: Buffer, peer: Peer) => void;

const HANDSHAKE_TIMEOUT_MS = 5_000;
const HEADERS_TIMEOUT_MS = 5_000;
const CHECKING_INTERVAL_MS = 5_000;
const MAX_CONNECTIONS = 2_000;
/** Connections whose key is not known, or not yet: strangers must not take the places of consoles and hosts. */
const MAX_STRANGERS = 300;
/** New connections of one address. */
const CONNECTION_RATE = { burst: 400, perSecond: 100 };
/** Refusals of one address that become events; the rest is only in the log file. */
const REFUSAL_EVENT_RATE = { burst: 3, perSecond: 1 / 60 };

export interface TlsPortOptions {
  readonly identity: Identity;
  readonly access: AccessService;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly log: (what: string, details: Readonly<Record<string, unknown>>) => void;
  /** All addresses of this host now. */
  readonly ownAddresses: () => readonly string[];
}

export class TlsPort {
  private readonly options: TlsPortOptions;
  private readonly server: Server;
  private readonly peers = new Map<Duplex, Peer>();
  private readonly rawSockets = new Set<Socket>();
  /** By remote address and port: the TLS socket of a connection is another object than the one that connected. */
  private readonly strangers = new Map<string, Socket>();
  private readonly exempt = new WeakSet<TLSSocket>();
  private readonly routes = new Map<string, UpgradeHandler>();
  private readonly connectionRate: RateLimiter;
  private readonly eventRate: RateLimiter;

  constructor(options: TlsPortOptions) {
    this.options = options;
    this.connectionRate = new RateLimiter(options.clock, CONNECTION_RATE);
    this.eventRate = new RateLimiter(options.clock, REFUSAL_EVENT_RATE);
    this.server = createServer({
      key: options.identity.key,
      cert: options.identity.certificate,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Keys are pinned, chains mean nothing: the key is looked up below.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: HEADERS_TIMEOUT_MS,
      // A wake-up each, also of a host that has no connection.
      connectionsCheckingInterval: CHECKING_INTERVAL_MS,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 8 * 1024,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    });
    this.server.maxConnections = MAX_CONNECTIONS;
    this.listenToServer();
  }

  /** Upgrades of paths that equal `path`, or start with it when it ends in a slash. `handle` sees known devices only, but for PAIR_PATH. */
  onUpgrade(path: string, handle: UpgradeHandler): void {
    this.routes.set(path, handle);
  }

  /** Resolves with the port; rejects with `USAGE` when the address cannot be listened on. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const onError = (error: Error) =>
        reject(
          new Fault('USAGE', { reason: `cannot listen on ${formatAddress(host, port)}: ${error.message}` }, error),
        );
      this.server.once('error', onError);
      this.server.listen({ host, port }, () => {
        this.server.off('error', onError);
        this.server.on('error', (error) => this.options.log('port', { error: error.message }));
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  /** Ends every connection of a device at once. */
  drop(deviceId: string): void {
    for (const { deviceId: id, socket } of this.peers.values()) {
      if (id === deviceId && !this.exempt.has(socket)) socket.destroy();
    }
  }

  /** A pairing connection outlives the drop of what its device was before: its answer must go out. */
  exemptFromDrop(socket: TLSSocket): void {
    this.exempt.add(socket);
  }

  get connections(): number {
    return this.peers.size;
  }

  /** `server.close` leaves upgraded sockets open: they are ended here. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const peer of this.peers.values()) peer.socket.destroy();
    for (const socket of this.rawSockets) socket.destroy();
    await closed;
  }

  private listenToServer(): void {
    this.server.on('connection', (socket: Socket) => this.onConnection(socket));
    this.server.on('secureConnection', (socket) => this.onSecure(socket));
    this.server.on('request', (request, response) => this.onRequest(request, response));
    this.server.on('upgrade', (request, socket, head) => this.routeUpgrade(request, socket as TLSSocket, head));
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.options.log('malformed request', { code: error.code });
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      socket.destroy();
    });
    this.server.on('tlsClientError', (error, socket) => {
      this.options.log('handshake failed', { reason: error.message });
      socket.destroy();
    });
  }

  private onConnection(socket: Socket): void {
    if (!this.connectionRate.take(socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    if (this.strangers.size >= MAX_STRANGERS) this.dropOldestStranger();
    const key = endOf(socket);
    this.rawSockets.add(socket);
    this.strangers.set(key, socket);
    socket.once('close', () => {
      this.rawSockets.delete(socket);
      this.strangers.delete(key);
    });
  }

  /** The one that had the longest time to show a key. */
  private dropOldestStranger(): void {
    const [oldest] = this.strangers;
    if (oldest === undefined) return;
    this.strangers.delete(oldest[0]);
    oldest[1].destroy();
  }

  private onSecure(socket: TLSSocket): void {
    const deviceId = presentedDevice(socket.getPeerX509Certificate());
    const remoteHost = plainAddress(socket.remoteAddress ?? '');
    // With several addresses in one network the system speaks from the first one, whichever it speaks to.
    const isOwn = remoteHost === plainAddress(socket.localAddress ?? '');
    const fromThisHost = isOwn || isLoopback(remoteHost) || this.options.ownAddresses().includes(remoteHost);
    const peer: Peer = {
      socket,
      deviceId,
      remoteHost,
      address: formatAddress(remoteHost, socket.remotePort ?? 0),
      verdict: () => this.options.access.judge({ deviceId, fromThisHost }),
    };
    this.peers.set(socket, peer);
    if (peer.verdict().known) this.strangers.delete(endOf(socket));
    socket.once('close', () => this.peers.delete(socket));
    // Whoever owns the socket listens too; without any listener a reset would end the process.
    socket.on('error', () => undefined);
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const peer = this.peers.get(request.socket);
    if (peer === undefined) {
      request.socket.destroy();
      return;
    }
    const verdict = peer.verdict();
    if (!verdict.known) {
      this.refuse(peer, verdict.fault);
      return;
    }
    const known = request.url === ACCESS_PATH && request.method === 'GET';
    const body = known ? { role: verdict.role, deviceName: verdict.name } : { error: 'nothing here' };
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(body));
  }

  private routeUpgrade(request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    const peer = this.peers.get(socket);
    if (peer === undefined) {
      socket.destroy();
      return;
    }
    const verdict = peer.verdict();
    const path = (request.url ?? '').split('?')[0] ?? '';
    const mayPair = path === PAIR_PATH && this.options.access.anyInvitationOpen;
    if (!verdict.known && !mayPair) {
      // Without an open invitation every key gets the same answer here, also one that tries an old invitation.
      this.refuse(peer, path === PAIR_PATH ? new Fault('ACCESS-INVITE') : verdict.fault);
      return;
    }
    const handle = this.routes.get(path) ?? this.routes.get(path.slice(0, path.indexOf('/', 1) + 1));
    if (handle === undefined) endWith(socket, 404, undefined);
    else handle(request, socket, head, peer);
  }

  /** The one answer an unknown or revoked key gets. */
  private refuse(peer: Peer, fault: Fault): void {
    this.options.log('refused', { address: peer.address, deviceId: peer.deviceId, code: fault.code });
    if (this.eventRate.take(peer.remoteHost)) {
      if (fault.code === 'ACCESS-UNKNOWN-DEVICE') this.options.events.record('ACC-002', { address: peer.address });
      else {
        const what = `device ${peer.deviceId?.slice(0, 12)}`;
        this.options.events.record('ACC-004', { what, address: peer.address, reason: fault.message });
      }
    }
    refuseUpgrade(peer.socket, fault);
  }
}

/** Answers 403 with the fault and closes; for refused upgrades and unknown keys. */
export function refuseUpgrade(socket: TLSSocket, fault: Fault): void {
  endWith(socket, 403, fault.toDocument());
}

function endWith(socket: TLSSocket, status: 403 | 404, fault: FaultDocument | undefined): void {
  const body = JSON.stringify(fault === undefined ? {} : { fault });
  const reason = status === 403 ? 'Forbidden' : 'Not Found';
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  // What still arrives is not read: a request body or further requests of a refused device are nothing to us.
  socket.end(head + body, () => socket.destroySoon());
  socket.setTimeout(1_000, () => socket.destroy());
}

function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

function presentedDevice(certificate: X509Certificate | undefined): string | undefined {
  if (certificate === undefined) return undefined;
  try {
    return deviceIdOf(certificate.publicKey);
  } catch {
    return undefined;
  }
}

/** IPv4 addresses without the prefix they have on a socket that serves both families. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
