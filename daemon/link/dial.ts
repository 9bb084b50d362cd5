/** Outgoing connections: TLS 1.3 with our key, the other side's key checked before a byte is written. */
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { Fault, type FaultDocument } from '../../shared/faults.ts';
import { parseAddress, shortDeviceId } from '../../shared/protocol/pairing.ts';
import { deviceIdOf, type Identity } from '../access/identity.ts';

/** Where to connect and the key that must be there. */
export interface PinnedHost {
  /** `host:port`. */
  readonly address: string;
  readonly deviceId: string;
  /** Address of this host to speak from; without it the system's choice, which may be one that moves to another host. */
  readonly from?: string;
}

/** Hosts talk over the address they listen on: the system would prefer a production address, which moves while they talk. */
export function speakingFrom(listenHost: string): Pick<PinnedHost, 'from'> {
  return isIP(listenHost) === 0 ? {} : { from: listenHost };
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 10_000;
const MAX_REFUSAL_BYTES = 16 * 1024;

/** Rejects with `ACCESS-PIN` when another key is there, `LINK-UNREACHABLE` for everything else. */
function connectPinned(identity: Identity, pinned: PinnedHost): Promise<TLSSocket> {
  const { host, port } = parseAddress(pinned.address);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      key: identity.key,
      cert: identity.certificate,
      minVersion: 'TLSv1.3',
      // The chain means nothing and `checkServerIdentity` is not called: the key itself is compared below.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(pinned.from === undefined ? {} : { localAddress: pinned.from, family: isIP(pinned.from) }),
    });
    const fail = (fault: Fault) => {
      socket.destroy();
      reject(fault);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(unreachable(pinned, 'no answer')));
    socket.once('error', (error) => fail(unreachable(pinned, error.message)));
    socket.once('close', () => fail(unreachable(pinned, 'it closed the connection')));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const found = certificate === undefined ? '' : deviceIdOf(certificate.publicKey);
      if (found !== pinned.deviceId) {
        fail(pinFault(pinned, found));
        return;
      }
      socket.removeAllListeners('close');
      socket.removeAllListeners('timeout');
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEPALIVE_MS);
      resolve(socket);
    });
  });
}

function pinFault(pinned: PinnedHost, found: string): Fault {
  return new Fault('ACCESS-PIN', {
    host: pinned.address,
    found: shortDeviceId(found) || 'none',
    expected: shortDeviceId(pinned.deviceId),
  });
}

function unreachable(pinned: PinnedHost, reason: string): Fault {
  return new Fault('LINK-UNREACHABLE', { host: pinned.address, reason });
}

/** One fresh pinned connection for each request; the options of the request are not passed on to TLS (`path` would become a UNIX socket). */
export class PinnedAgent extends Agent {
  private readonly identity: Identity;
  private readonly pinned: PinnedHost;
  /** Why the last connection failed; Socket.IO does not say. */
  lastFault: Fault | undefined;

  constructor(identity: Identity, pinned: PinnedHost) {
    super({ keepAlive: false });
    this.identity = identity;
    this.pinned = pinned;
  }

  override createConnection(
    _options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.lastFault = undefined;
    connectPinned(this.identity, this.pinned).then(
      (socket) => callback?.(null, socket),
      (fault: Fault) => {
        this.lastFault = fault;
        callback?.(fault, undefined as unknown as Duplex);
      },
    );
    return undefined;
  }
}

export interface Upgraded {
  readonly socket: TLSSocket;
  /** Bytes that arrived with the answer. */
  readonly head: Buffer;
}

/** Asks for an HTTP upgrade. Rejects with the fault the other host refused with, `ACCESS-PIN` or `LINK-UNREACHABLE`. */
export function dialUpgrade(
  identity: Identity,
  pinned: PinnedHost,
  path: string,
  protocol: string,
  signal?: AbortSignal,
): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const agent = new PinnedAgent(identity, pinned);
    const { host, port } = parseAddress(pinned.address);
    const outgoing = request({
      agent,
      host,
      port,
      path,
      headers: { connection: 'Upgrade', upgrade: protocol },
      timeout: CONNECT_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.once('upgrade', (_response, socket, head) => {
      // Back-pressure and silence are the stream's business from here on.
      socket.setTimeout(0);
      resolve({ socket: socket as TLSSocket, head });
    });
    outgoing.once('response', (response) => {
      readRefusal(response, pinned).then((fault) => {
        outgoing.destroy();
        reject(fault);
      });
    });
    outgoing.once('timeout', () => outgoing.destroy(unreachable(pinned, 'no answer')));
    outgoing.once('error', (error) => reject(error instanceof Fault ? error : unreachable(pinned, error.message)));
    outgoing.end();
  });
}

/** The fault in the body of a refusal (403); `LINK-UNREACHABLE` with the status when there is none. */
async function readRefusal(response: IncomingMessage, pinned: PinnedHost): Promise<Fault> {
  const fallback = unreachable(pinned, `HTTP status ${response.statusCode}`);
  try {
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > MAX_REFUSAL_BYTES) return fallback;
    }
    const { fault } = JSON.parse(text) as { fault?: FaultDocument };
    return typeof fault?.code === 'string' ? Fault.fromDocument(fault) : fallback;
  } catch {
    return fallback;
  }
}

/** What the other host says about us: resolves when it knows us, rejects with its refusal or why it cannot be reached. */
export function checkAccess(identity: Identity, pinned: PinnedHost, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port } = parseAddress(pinned.address);
    const agent = new PinnedAgent(identity, pinned);
    const outgoing = request({ agent, host, port, path, timeout: CONNECT_TIMEOUT_MS });
    outgoing.once('response', (response) => {
      if (response.statusCode === 200) resolve();
      else readRefusal(response, pinned).then(reject);
    });
    outgoing.once('timeout', () => outgoing.destroy(unreachable(pinned, 'no answer')));
    outgoing.once('error', (error) => reject(error instanceof Fault ? error : unreachable(pinned, error.message)));
    outgoing.end();
  });
}
