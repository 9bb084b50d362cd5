/**
 * The Socket.IO service: consoles, command lines and peers ask through `request`; consoles that subscribed get a snapshot
 * and then batches of what changed. It hangs on a server that never listens: the TLS port hands it upgrades of known devices.
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { type Socket, Server as SocketServer } from 'socket.io';
import { Fault } from '../../shared/faults.ts';
import {
  CONSOLE_PROTOCOL,
  type ConsoleToServer,
  MAX_REQUEST_BYTES,
  PUSH_INTERVAL_MS,
  type ServerToConsole,
} from '../../shared/protocol/console.ts';
import type { Clock, Timer } from '../ports.ts';
import type { DaemonInformation, EventLog, Session, StatusSource } from '../services.ts';
import type { Dispatcher } from './dispatcher.ts';
import { PushQueue } from './push-queue.ts';
import type { Peer, TlsPort } from './tls-port.ts';

// Importing it would also load what its exports name and nobody here uses: another HTTP stack of 14 MB.
const { createServer } = process.getBuiltinModule('node:http');

type ConsoleSocket = Socket<ConsoleToServer, ServerToConsole>;

const SOCKET_PATH = '/socket.io/';
const CONNECT_TIMEOUT_MS = 5_000;
/** Bytes on their way to one console above which it gets no more pushes until it has read; pushes coalesce meanwhile. */
const CONGESTED_BYTES = 256 * 1024;
/** Above this it does not read at all and is disconnected. */
const QUEUED_BYTES_LIMIT = 16 * 1024 * 1024;
/** How often a subscribed console hears of the daemon itself, so that it can tell a quiet host from a dead one. */
const DAEMON_STATUS_MS = 2_000;
const MAX_MALFORMED = 10;
const GOODBYE_MS = 1_000;

export interface ConsoleOptions {
  readonly port: TlsPort;
  readonly dispatcher: Dispatcher;
  readonly status: StatusSource;
  readonly daemon: DaemonInformation;
  readonly events: EventLog;
  readonly clock: Clock;
}

/** What we use of an engine.io connection. */
interface EngineConnection {
  readonly request: IncomingMessage;
  once(event: 'close', run: () => void): void;
}

interface Subscriber {
  readonly socket: ConsoleSocket;
  readonly outbound: Outbound;
  readonly queue: PushQueue;
}

/** Bytes on their way to one console: what Socket.IO still holds and what the TLS socket does. */
class Outbound {
  private readonly peer: Peer;
  private heldBytes = 0;

  constructor(socket: ConsoleSocket, peer: Peer) {
    this.peer = peer;
    socket.conn.on('packetCreate', (packet: { data?: { length?: number } }) => {
      this.heldBytes += packet.data?.length ?? 0;
    });
    socket.conn.on('flush', () => {
      this.heldBytes = 0;
    });
  }

  get bytes(): number {
    return this.heldBytes + this.peer.socket.writableLength;
  }
}

export class ConsoleService {
  private readonly options: ConsoleOptions;
  private readonly http: HttpServer;
  private readonly io: SocketServer<ConsoleToServer, ServerToConsole>;
  private readonly subscribers = new Map<string, Subscriber>();
  private readonly unsubscribe: readonly (() => void)[];
  private readonly peers = new WeakMap<object, Peer>();
  private pushTimer: Timer | undefined;
  private pushedAtMs = Number.NEGATIVE_INFINITY;
  private daemonTimer: Timer | undefined;

  constructor(options: ConsoleOptions) {
    this.options = options;
    this.http = createServer();
    this.io = new SocketServer(this.http, {
      path: SOCKET_PATH,
      transports: ['websocket'],
      allowUpgrades: false,
      serveClient: false,
      perMessageDeflate: false,
      httpCompression: false,
      maxHttpBufferSize: MAX_REQUEST_BYTES,
      connectTimeout: CONNECT_TIMEOUT_MS,
      pingInterval: 10_000,
      pingTimeout: 10_000,
      // Unknown upgrades are ended by the TLS port; the default kills those that write nothing within a second.
      destroyUpgrade: false,
      allowRequest: (request, answer) => answer(null, this.peers.get(request.socket)?.verdict().known === true),
    });
    this.io.on('connection', (socket) => this.onConnection(socket));
    this.io.engine.on('connection', (connection: EngineConnection) => {
      const { socket } = connection.request;
      // The WebSocket library waits half a minute for the other side's goodbye, also after malformed bytes.
      connection.once('close', () => options.clock.after(GOODBYE_MS, () => socket.destroy()));
    });
    options.port.onUpgrade(SOCKET_PATH, (request, socket, head, peer) => {
      this.peers.set(socket, peer);
      this.http.emit('upgrade', request, socket, head);
    });
    this.unsubscribe = [
      options.status.subscribe((id) => this.changed((queue) => queue.scenarioChanged(id))),
      options.events.subscribe((event) => this.changed((queue) => queue.eventRecorded(event))),
    ];
  }

  close(): void {
    for (const stop of this.unsubscribe) stop();
    this.pushTimer?.cancel();
    this.daemonTimer?.cancel();
    this.subscribers.clear();
    this.io.disconnectSockets(true);
    this.io.engine.close();
  }

  private onConnection(socket: ConsoleSocket): void {
    const peer = this.peers.get(socket.request.socket);
    const session = peer === undefined ? undefined : sessionOf(peer);
    if (peer === undefined || session === undefined) {
      socket.disconnect(true);
      return;
    }
    const outbound = new Outbound(socket, peer);
    let malformed = 0;
    // Every event passes here first: rights are looked up anew, and what is not one of ours is counted and then cut off.
    socket.use(([name, ...args], next) => {
      const isOurs = (name === 'request' && args.length === 2) || (name === 'subscribe' && args.length === 1);
      if (isOurs && typeof args.at(-1) === 'function') {
        next();
        return;
      }
      malformed += 1;
      if (malformed >= MAX_MALFORMED) socket.disconnect(true);
    });
    socket.on('request', (envelope, answer) => {
      const current = this.currentSession(socket, peer, outbound);
      if (current === undefined) return;
      this.options.dispatcher.dispatch(current, socket.id, envelope).then(answer);
    });
    socket.on('subscribe', (answer) => {
      const current = this.currentSession(socket, peer, outbound);
      if (current === undefined) return;
      if (current.role === 'peer' || current.role === 'witness') {
        const fault = new Fault('ACCESS-DENIED', { role: current.role, command: 'subscribe' });
        answer({ ok: false, fault: fault.toDocument() });
        return;
      }
      answer({ ok: true, result: {} });
      this.subscribe(socket, outbound);
    });
    socket.on('disconnect', () => this.subscribers.delete(socket.id));
    const daemon = this.options.daemon.status();
    socket.emit('welcome', { protocol: CONSOLE_PROTOCOL, role: session.role, daemon });
  }

  /** The session with the rights of this moment; undefined after disconnecting one that is no longer welcome or does not read. */
  private currentSession(socket: ConsoleSocket, peer: Peer, outbound: Outbound): Session | undefined {
    const session = sessionOf(peer);
    if (session === undefined || outbound.bytes > QUEUED_BYTES_LIMIT) {
      peer.socket.destroy();
      socket.disconnect(true);
      return undefined;
    }
    return session;
  }

  private subscribe(socket: ConsoleSocket, outbound: Outbound): void {
    const { daemon, status } = this.options;
    this.subscribers.set(socket.id, { socket, outbound, queue: new PushQueue() });
    socket.emit('snapshot', { daemon: daemon.status(), scenarios: status.scenarios() });
    this.scheduleDaemonStatus();
  }

  private changed(note: (queue: PushQueue) => void): void {
    if (this.subscribers.size === 0) return;
    for (const { queue } of this.subscribers.values()) note(queue);
    const waitMs = Math.max(0, this.pushedAtMs + PUSH_INTERVAL_MS - this.options.clock.bootMs());
    this.pushTimer ??= this.options.clock.after(waitMs, () => this.push());
  }

  private push(): void {
    this.pushTimer = undefined;
    this.pushedAtMs = this.options.clock.bootMs();
    const scenarios = this.options.status.scenarios();
    let waiting = false;
    for (const { socket, outbound, queue } of this.subscribers.values()) {
      if (outbound.bytes > CONGESTED_BYTES) {
        waiting = true;
        continue;
      }
      const batch = queue.take(scenarios, () => this.options.daemon.status());
      if (batch !== undefined) socket.emit('push', batch);
    }
    if (waiting) this.pushTimer = this.options.clock.after(PUSH_INTERVAL_MS, () => this.push());
  }

  private scheduleDaemonStatus(): void {
    this.daemonTimer ??= this.options.clock.after(DAEMON_STATUS_MS, () => {
      this.daemonTimer = undefined;
      if (this.subscribers.size === 0) return;
      this.changed((queue) => queue.daemonChanged());
      this.scheduleDaemonStatus();
    });
  }
}

function sessionOf(peer: Peer): Session | undefined {
  const verdict = peer.verdict();
  if (!verdict.known) return undefined;
  return { role: verdict.role, deviceId: verdict.deviceId, deviceName: verdict.name, address: peer.address };
}
