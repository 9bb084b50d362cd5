/**
 * The one client of a daemon's console service, for console and command line: requests with ids and time limits, reconnecting
 * with back-off, snapshot and pushes. socket.io-client costs 25 ms to load and is loaded when a connection is opened.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'socket.io-client';
import type { CommandName } from '../shared/commands.ts';
import { Fault } from '../shared/faults.ts';
import { removeWebSocket } from '../shared/no-web-socket.ts';
import {
  CONSOLE_PROTOCOL,
  type ConsoleToServer,
  type PushBatch,
  type Reply,
  type ServerToConsole,
  type Welcome,
} from '../shared/protocol/console.ts';
import type { Snapshot } from '../shared/status.ts';
import { accessFault, type ClientIdentity, PinnedAgent, type PinnedHost } from './transport.ts';

export interface ClientHost extends PinnedHost {
  /** Name in the profile. */
  readonly name: string;
}

export type ClientNews =
  | { readonly type: 'connecting' }
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'push'; readonly batch: PushBatch }
  | { readonly type: 'round-trip'; readonly ms: number }
  /** Lost or refused; it is tried again by the connection itself. */
  | { readonly type: 'down'; readonly fault: ReturnType<Fault['toDocument']> };

export interface RequestOptions {
  readonly timeoutMs?: number;
  /** When the connection breaks meanwhile: ask again under the same id, which the daemon answers only once. */
  readonly resend?: boolean;
}

const require = createRequire(import.meta.url);

type ClientSocket = Socket<ServerToConsole, ConsoleToServer>;

const REQUEST_TIMEOUT_MS = 30_000;
const RECONNECT_FIRST_MS = 200;
const RECONNECT_LONGEST_MS = 5_000;
/** How often the round trip is measured while someone looks. */
const ROUND_TRIP_EVERY_MS = 5_000;

export interface DaemonClientOptions {
  readonly host: ClientHost;
  readonly identity: ClientIdentity;
  /** Monotonic clock in ms, for round trips. */
  readonly now: () => number;
}

/** One daemon. Nothing is connected before the first `subscribe` or `open`. */
export class DaemonClient {
  readonly host: ClientHost;
  readonly #options: DaemonClientOptions;
  readonly #agent: PinnedAgent;
  readonly #listeners = new Set<(news: ClientNews) => void>();
  readonly #waiting = new Set<(fault: Fault | undefined) => void>();
  #socket: ClientSocket | undefined;
  #welcome: Welcome | undefined;
  #wantsPushes = false;
  #closed = false;
  /** Refusals in a row, for the back-off. */
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: DaemonClientOptions) {
    this.#options = options;
    this.host = options.host;
    this.#agent = new PinnedAgent(options.host, options.identity);
  }

  /** News of the connection, beginning with a snapshot; connects. Returns the end of the subscription. */
  subscribe(onNews: (news: ClientNews) => void): () => void {
    this.#listeners.add(onNews);
    if (this.#wantsPushes) {
      // A later subscriber gets a snapshot of its own by asking again.
      if (this.#welcome !== undefined) onNews({ type: 'welcome', welcome: this.#welcome });
      this.#askForPushes();
    } else {
      this.#wantsPushes = true;
      if (this.#welcome !== undefined) this.#askForPushes();
      this.#timer = setInterval(() => void this.#measure(), ROUND_TRIP_EVERY_MS);
      this.#timer.unref();
    }
    this.#start();
    return () => this.#listeners.delete(onNews);
  }

  /** Connects and waits for the daemon's welcome; throws the first fault (`LINK-UNREACHABLE`, `ACCESS-*`). */
  async open(): Promise<Welcome> {
    this.#start();
    if (this.#welcome === undefined) await this.#nextConnection();
    return this.#welcome!;
  }

  /** Asks the daemon; rejects with the fault it answers, `TIMEOUT`, or `LINK-UNREACHABLE` at once while it is not connected. */
  async request(command: CommandName, args: unknown, options: RequestOptions = {}): Promise<unknown> {
    const id = crypto.randomUUID();
    const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const deadline = this.#options.now() + timeoutMs;
    for (;;) {
      const left = Math.max(1, deadline - this.#options.now());
      const reply = await this.#ask({ id, command, args }, left);
      if (reply === 'timeout') {
        throw new Fault('TIMEOUT', { seconds: Math.round(timeoutMs / 1000), what: `${command} on ${this.host.name}` });
      }
      if (reply !== 'disconnected') {
        if (reply.ok) return reply.result;
        throw Fault.fromDocument(reply.fault);
      }
      if (options.resend !== true || this.#closed) throw this.#unreachable('the connection was lost');
      await this.#reconnected(deadline);
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#listeners.clear();
    this.#socket?.disconnect();
    this.#agent.destroy();
    this.#wake(this.#unreachable('closed'));
  }

  #start(): void {
    if (this.#socket === undefined && !this.#closed) this.#connect();
  }

  #connect(): void {
    // Required, not imported: the same library in fewer files.
    removeWebSocket();
    const { io } = require('socket.io-client') as typeof import('socket.io-client');
    this.#emit({ type: 'connecting' });
    const socket: ClientSocket = io(`https://${this.host.address}`, {
      transports: ['websocket'],
      agent: this.#agent as unknown as string,
      rejectUnauthorized: false,
      forceNew: true,
      autoConnect: false,
      timeout: 10_000,
      reconnectionDelay: RECONNECT_FIRST_MS,
      reconnectionDelayMax: RECONNECT_LONGEST_MS,
    });
    this.#socket = socket;
    socket.on('welcome', (welcome) => this.#onWelcome(welcome));
    socket.on('snapshot', (snapshot) => this.#emit({ type: 'snapshot', snapshot }));
    socket.on('push', (batch) => this.#emit({ type: 'push', batch }));
    socket.on('connect_error', (error) => void this.#onRefused(socket, error));
    socket.on('disconnect', (reason) => this.#onLost(socket, reason));
    socket.io.on('reconnect_attempt', () => this.#emit({ type: 'connecting' }));
    socket.connect();
  }

  #onWelcome(welcome: Welcome): void {
    if (welcome.protocol !== CONSOLE_PROTOCOL) {
      this.#down(new Fault('LINK-VERSION', { ours: CONSOLE_PROTOCOL, theirs: welcome.protocol }));
      return;
    }
    this.#welcome = welcome;
    this.#failures = 0;
    this.#emit({ type: 'welcome', welcome });
    if (this.#wantsPushes) this.#askForPushes();
    this.#wake(undefined);
  }

  #askForPushes(): void {
    if (this.#socket?.connected !== true || this.#welcome === undefined) return;
    this.#socket.emit('subscribe', (reply) => {
      if (!reply.ok) this.#down(Fault.fromDocument(reply.fault));
    });
  }

  async #onRefused(socket: ClientSocket, error: Error): Promise<void> {
    // Socket.IO hides what the host answered; ask the same host over plain HTTPS.
    const fault =
      this.#agent.lastFault ??
      (await accessFault(this.host, this.#options.identity)) ??
      this.#unreachable(error.message === 'timeout' ? 'no answer' : error.message);
    this.#down(fault);
    // A refusal by middleware ends Socket.IO's own reconnecting; a transport error does not.
    if (!socket.active) this.#retryLater(socket);
  }

  #onLost(socket: ClientSocket, reason: string): void {
    this.#welcome = undefined;
    if (this.#closed) return;
    this.#down(this.#unreachable(`the connection was lost (${reason})`));
    if (!socket.active) this.#retryLater(socket);
  }

  #retryLater(socket: ClientSocket): void {
    if (this.#closed) return;
    const delayMs = Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Not unref'd: whoever follows this host must not end while it is down.
    this.#retry = setTimeout(() => {
      this.#emit({ type: 'connecting' });
      socket.connect();
    }, delayMs);
  }

  async #ask(
    envelope: { id: string; command: string; args: unknown },
    timeoutMs: number,
  ): Promise<Reply | 'timeout' | 'disconnected'> {
    const socket = this.#socket;
    if (socket === undefined || !socket.connected || this.#welcome === undefined) return 'disconnected';
    try {
      return await socket.timeout(timeoutMs).emitWithAck('request', envelope);
    } catch {
      return socket.connected ? 'timeout' : 'disconnected';
    }
  }

  async #reconnected(deadline: number): Promise<void> {
    while (this.#welcome === undefined) {
      const left = deadline - this.#options.now();
      if (left <= 0 || this.#closed) throw this.#unreachable('the connection was lost');
      await this.#nextConnection(left).catch((error: unknown) => {
        // Only what another try cannot change ends the waiting.
        if (error instanceof Fault && error.code.startsWith('ACCESS-')) throw error;
      });
    }
  }

  /** Resolves at the next welcome, rejects at the next failure. */
  #nextConnection(limitMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (fault: Fault | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        if (fault === undefined) resolve();
        else reject(fault);
      };
      const timer =
        limitMs === undefined ? undefined : setTimeout(() => settle(this.#unreachable('no answer')), limitMs);
      this.#waiting.add(settle);
    });
  }

  async #measure(): Promise<void> {
    const started = this.#options.now();
    try {
      await this.request('daemon.info', {}, { timeoutMs: ROUND_TRIP_EVERY_MS });
      this.#emit({ type: 'round-trip', ms: this.#options.now() - started });
    } catch {
      // Shown by what does not arrive: the age of the data grows.
    }
  }

  #down(fault: Fault): void {
    this.#emit({ type: 'down', fault: fault.toDocument() });
    this.#wake(fault);
  }

  #wake(fault: Fault | undefined): void {
    for (const settle of [...this.#waiting]) settle(fault);
  }

  #emit(news: ClientNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  #unreachable(reason: string): Fault {
    return new Fault('LINK-UNREACHABLE', { host: `${this.host.name} (${this.host.address})`, reason });
  }
}
