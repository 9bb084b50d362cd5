/** Requests to paired hosts over Socket.IO, with the role `peer`; one connection for each host, kept while it is used. */
import { createRequire } from 'node:module';
import type { Socket } from 'socket.io-client';
import type { CommandArgs, CommandName } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import { removeWebSocket } from '../../shared/no-web-socket.ts';
import type { ConsoleToServer, Reply, ServerToConsole } from '../../shared/protocol/console.ts';
import type { RequestEnvelope } from '../../shared/protocol/console-request.ts';
import { ACCESS_PATH } from '../../shared/protocol/pairing.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { Identity } from '../access/identity.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { PeerControl } from '../services.ts';
import { checkAccess, PinnedAgent, type PinnedHost } from './dial.ts';

removeWebSocket();
const { io } = createRequire(import.meta.url)('socket.io-client') as typeof import('socket.io-client');

const REQUEST_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_MS = 60_000;

type PeerSocket = Socket<ServerToConsole, ConsoleToServer>;

export interface PeerControlOptions {
  readonly identity: Identity;
  readonly resolve: PeerControl['resolve'];
  readonly clock: Clock;
  readonly random: Random;
}

export class SocketPeerControl implements PeerControl {
  private readonly options: PeerControlOptions;
  private readonly connections = new Map<string, PeerConnection>();
  private closed = false;

  constructor(options: PeerControlOptions) {
    this.options = options;
  }

  resolve(host: HostReference): ReturnType<PeerControl['resolve']> {
    return this.options.resolve(host);
  }

  async request<Name extends CommandName>(
    host: HostReference,
    command: Name,
    args: CommandArgs<Name>,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<unknown> {
    const pinned = this.resolve(host);
    const id = Buffer.from(this.options.random.bytes(16)).toString('hex');
    const reply = await this.ask(pinned, { id, command, args }, timeoutMs);
    if (!reply.ok) throw Fault.fromDocument(reply.fault);
    return reply.result;
  }

  /** A kept connection may have died unnoticed: then once more on a new one, with the same id, so that it is done once. */
  private async ask(pinned: PinnedHost, envelope: RequestEnvelope, timeoutMs: number): Promise<Reply> {
    const { connection, isNew } = this.connectionTo(pinned);
    try {
      return await connection.request(envelope, timeoutMs);
    } catch (error) {
      if (isNew || Fault.from(error).code !== 'LINK-UNREACHABLE' || this.closed) throw error;
    }
    return this.connectionTo(pinned).connection.request(envelope, timeoutMs);
  }

  private connectionTo(pinned: PinnedHost): { readonly connection: PeerConnection; readonly isNew: boolean } {
    const key = `${pinned.deviceId} ${pinned.address}`;
    const kept = this.connections.get(key);
    if (kept !== undefined && !kept.ended) return { connection: kept, isNew: false };
    const connection = new PeerConnection(this.options, pinned);
    this.connections.set(key, connection);
    return { connection, isNew: true };
  }

  /** Ends the connections to one device, after its revocation, or all. */
  close(deviceId?: string): void {
    this.closed ||= deviceId === undefined;
    for (const [key, connection] of this.connections) {
      if (deviceId !== undefined && !key.startsWith(deviceId)) continue;
      this.connections.delete(key);
      connection.close();
    }
  }
}

class PeerConnection {
  private readonly options: PeerControlOptions;
  private readonly pinned: PinnedHost;
  private readonly socket: PeerSocket;
  private readonly opened: Promise<void>;
  private inFlight = 0;
  private idle: Timer | undefined;
  ended = false;

  constructor(options: PeerControlOptions, pinned: PinnedHost) {
    this.options = options;
    this.pinned = pinned;
    const agent = new PinnedAgent(options.identity, pinned);
    this.socket = io(`https://${pinned.address}`, {
      // Our agent makes the connection; the type knows the browser's options only.
      agent: agent as unknown as string,
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      timeout: CONNECT_TIMEOUT_MS,
    });
    this.opened = this.open(agent);
    // Whoever requests awaits it; a failure nobody waits for is not an unhandled one.
    this.opened.catch(() => undefined);
  }

  async request(envelope: RequestEnvelope, timeoutMs: number): Promise<Reply> {
    this.idle?.cancel();
    this.inFlight += 1;
    try {
      await this.opened;
      return await this.ask(envelope, timeoutMs);
    } finally {
      this.inFlight -= 1;
      if (this.inFlight === 0 && !this.ended) this.idle = this.options.clock.after(IDLE_MS, () => this.close());
    }
  }

  close(): void {
    this.ended = true;
    this.idle?.cancel();
    this.socket.disconnect();
  }

  private ask(envelope: RequestEnvelope, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.after(timeoutMs, () =>
        finish(() => reject(new Fault('TIMEOUT', { seconds: timeoutMs / 1000, what: this.pinned.address }))),
      );
      const onDisconnect = (reason: string) =>
        finish(() => reject(new Fault('LINK-UNREACHABLE', { host: this.pinned.address, reason })));
      const finish = (settle: () => void) => {
        timer.cancel();
        this.socket.off('disconnect', onDisconnect);
        settle();
      };
      this.socket.once('disconnect', onDisconnect);
      if (!this.socket.connected) {
        onDisconnect('the connection was closed');
        return;
      }
      this.socket.emit('request', envelope, (reply) => finish(() => resolve(reply)));
    });
  }

  private async open(agent: PinnedAgent): Promise<void> {
    this.socket.once('disconnect', () => this.close());
    try {
      await new Promise<void>((resolve, reject) => {
        this.socket.once('connect', () => resolve());
        this.socket.once('connect_error', reject);
      });
    } catch (error) {
      this.close();
      if (agent.lastFault !== undefined) throw agent.lastFault;
      // Socket.IO hides the body of a refusal; the plain request shows it.
      await checkAccess(this.options.identity, this.pinned, ACCESS_PATH);
      const reason = error instanceof Error ? error.message : String(error);
      throw new Fault('LINK-UNREACHABLE', { host: this.pinned.address, reason }, error);
    }
  }
}
