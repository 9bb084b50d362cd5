/** Hosts with real sockets on 127.0.0.1 and everything of the network, without scenarios; and clients with keys of their own. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { io, type Socket } from 'socket.io-client';
import { type Identity, loadIdentity } from '../../daemon/access/identity.ts';
import { PinnedAgent } from '../../daemon/link/dial.ts';
import { type Network, openNetwork } from '../../daemon/network.ts';
import type { Clock } from '../../daemon/ports.ts';
import type { CommandHandlers, Session, StatusSource } from '../../daemon/services.ts';
import { type OpenEventLog, openEventLog } from '../../daemon/store/event-log.ts';
import type { EventRecord } from '../../shared/events.ts';
import type { ConsoleToServer, Reply, ServerToConsole } from '../../shared/protocol/console.ts';
import { type InviteResult, type PairedDevice, parseAddress } from '../../shared/protocol/pairing.ts';
import type { DaemonStatus, ScenarioStatus } from '../../shared/status.ts';

interface Teardown {
  teardown(run: () => unknown): void;
}

/** Real time, that a test may move forward by hand. */
export class RigClock implements Clock {
  aheadMs = 0;
  wallMs(): number {
    return Date.now() + this.aheadMs;
  }
  bootMs(): number {
    return performance.now() + this.aheadMs;
  }
  after(delayMs: number, run: () => void) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  }
}

export class StatusBoard implements StatusSource {
  list: ScenarioStatus[] = [];
  private readonly listeners = new Set<(id: string) => void>();
  scenarios(): readonly ScenarioStatus[] {
    return this.list;
  }
  subscribe(onChange: (id: string) => void): () => void {
    this.listeners.add(onChange);
    return () => this.listeners.delete(onChange);
  }
  changed(id: string): void {
    for (const listener of this.listeners) listener(id);
  }
}

export interface RigHost {
  readonly name: string;
  readonly data: string;
  readonly network: Network;
  readonly events: OpenEventLog;
  readonly clock: RigClock;
  readonly board: StatusBoard;
  readonly logged: { what: string; details: Readonly<Record<string, unknown>> }[];
  readonly address: string;
  /** The key of DIR/admin. */
  readonly admin: Identity;
  eventsOf(code: string): EventRecord[];
  close(): Promise<void>;
}

export interface RigHostOptions {
  readonly handlers?: CommandHandlers;
  readonly data?: string;
  readonly listen?: string;
}

export function temporaryDirectory(t: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), 'network-hosts-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function startRigHost(t: Teardown, name: string, options: RigHostOptions = {}): Promise<RigHost> {
  const data = options.data ?? temporaryDirectory(t);
  const clock = new RigClock();
  const events = openEventLog({ path: ':memory:', clock, host: name });
  const logged: RigHost['logged'] = [];
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)), fraction: () => 0.5 };
  const network = await openNetwork({
    data,
    name,
    clock,
    random,
    events,
    log: () => undefined,
    complain: (what, details) => logged.push({ what, details }),
    outsideHost: () => '127.0.0.1',
    ownAddresses: () => ['127.0.0.1'],
  });
  const board = new StatusBoard();
  const status = (): DaemonStatus => ({
    name,
    deviceId: network.deviceId,
    version: '0',
    platform: 'test',
    startedAt: 0,
    address: network.address(),
    at: clock.wallMs(),
  });
  await network.listen({
    listen: options.listen ?? '127.0.0.1:0',
    handlers: { 'daemon.info': status, ...options.handlers },
    status: board,
    daemon: { status },
  });
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await network.close();
    events.close();
  };
  t.teardown(close);
  const admin = await loadIdentity(join(data, 'admin'), 'admin', 0);
  return {
    name,
    data,
    network,
    events,
    clock,
    board,
    logged,
    address: network.address(),
    admin,
    eventsOf: (code) => events.query({ limit: 1000 }).filter((event) => event.code === code),
    close,
  };
}

/** A key that nobody knows yet. */
export function freshIdentity(t: Teardown, name = 'stranger'): Promise<Identity> {
  return loadIdentity(join(temporaryDirectory(t), 'identity'), name, Date.now());
}

/** Makes the host trust a new key with this role, as a pairing would. */
export async function trusted(t: Teardown, host: RigHost, role: PairedDevice['role']): Promise<Identity> {
  const identity = await freshIdentity(t, role);
  const kind = role === 'peer' || role === 'witness' ? ('host' as const) : ('console' as const);
  await host.network.access.trust(
    { deviceId: identity.deviceId, name: role, kind, role, pairedAt: 1 },
    'test',
    '0000-0000',
  );
  return identity;
}

export const localSession: Session = {
  role: 'super',
  deviceId: 'local',
  deviceName: 'this host',
  address: '127.0.0.1:1',
};

export function inviteFrom(host: RigHost, role?: PairedDevice['role']): InviteResult {
  return host.network.access.invite(localSession, host.address, role);
}

/** A bare TLS connection that shows `identity`. Resolves when the handshake is done on this side. */
export function rawConnection(t: Teardown, address: string, identity?: Identity): Promise<TLSSocket> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve, reject) => {
    const socket = connect(
      {
        host,
        port,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.3',
        ...(identity === undefined ? {} : { key: identity.key, cert: identity.certificate }),
      },
      () => resolve(socket),
    );
    socket.once('error', reject);
    t.teardown(() => socket.destroy());
  });
}

/** All text until the other side closes. */
export function textUntilClose(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(text));
    if (socket.destroyed) resolve(text);
  });
}

export type ConsoleClient = Socket<ServerToConsole, ConsoleToServer>;

/** A Socket.IO client like the console's. Rejects when it is not let in. */
export function openConsole(
  t: Teardown,
  host: { readonly address: string; readonly network: Pick<Network, 'deviceId'> },
  identity: Identity,
): Promise<ConsoleClient> {
  const agent = new PinnedAgent(identity, { address: host.address, deviceId: host.network.deviceId });
  const client: ConsoleClient = io(`https://${host.address}`, {
    agent: agent as unknown as string,
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
  });
  t.teardown(() => client.disconnect());
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('connect_error', (error) => reject(agent.lastFault ?? error));
  });
}

let requestNumber = 0;

export function ask(client: ConsoleClient, command: string, args: unknown = {}, id?: string): Promise<Reply> {
  requestNumber += 1;
  const envelope = { id: id ?? `request-${requestNumber}`, command, args };
  return client.timeout(10_000).emitWithAck('request', envelope);
}

export function faultCode(reply: Reply): string {
  return reply.ok ? 'none' : reply.fault.code;
}

/** Polls a condition; rejects after `limitMs`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 5_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function auditText(host: RigHost): string {
  return readFileSync(join(host.data, 'audit.jsonl'), 'utf8');
}
