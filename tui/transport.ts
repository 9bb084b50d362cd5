/**
 * Pinned TLS to a daemon, and joining one with an invitation; the rules are in shared/protocol/pairing.ts. Consoles and the
 * command line only dial out: nothing listens here.
 */
import { createHash, createHmac, type KeyObject, timingSafeEqual, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { Fault, type FaultDocument } from '../shared/faults.ts';
import {
  ACCESS_PATH,
  confirmationInput,
  confirmationText,
  decodeInvite,
  EXPORTER_BYTES,
  EXPORTER_LABEL,
  MAX_PAIR_MESSAGE_BYTES,
  PAIR_PATH,
  PAIR_TIMEOUT_MS,
  PAIR_UPGRADE,
  type PairBinding,
  type PairResult,
  parseAddress,
  proofInput,
} from '../shared/protocol/pairing.ts';
import type { PairJoin } from '../shared/protocol/pairing-messages.ts';

/** PEM; ours towards every host. */
export interface ClientIdentity {
  readonly key: string;
  readonly certificate: string;
}

/** Where a daemon is and which key it must have. */
export interface PinnedHost {
  /** `host:port`. */
  readonly address: string;
  readonly deviceId: string;
  /** The daemon of this computer. */
  readonly isHere?: boolean;
}

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 64 * 1024;

function deviceIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function deviceIdOfIdentity(identity: ClientIdentity): string {
  return deviceIdOf(new X509Certificate(identity.certificate).publicKey);
}

/** Connects with our key and hands the socket out only when the host has the pinned one. */
export class PinnedAgent extends Agent {
  /** Why the last connection failed; the libraries above only say that it did. */
  lastFault: Fault | undefined;
  readonly #host: PinnedHost;
  readonly #identity: ClientIdentity;

  constructor(host: PinnedHost, identity: ClientIdentity) {
    super({ keepAlive: false });
    this.#host = host;
    this.#identity = identity;
  }

  override createConnection(
    _options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const { host, port } = parseAddress(this.#host.address);
    const socket = connect({
      host,
      port,
      key: this.#identity.key,
      cert: this.#identity.certificate,
      minVersion: 'TLSv1.3',
      // Chains mean nothing here: the key itself is pinned below.
      rejectUnauthorized: false,
      // The system would speak from a production address of the same network, which a switchover takes away.
      ...(this.#host.isHere === true && isIP(host) !== 0 ? { localAddress: host } : {}),
    });
    const answer = callback as unknown as (error: Error | null, stream?: Duplex) => void;
    const fail = (fault: Fault) => {
      this.lastFault = fault;
      socket.destroy();
      answer(fault);
    };
    const onError = (error: Error) => fail(this.#unreachable(reasonOf(error)));
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => onError(new Error('no answer')));
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      socket.removeListener('error', onError);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      const found = serverDeviceId(socket);
      if (found !== this.#host.deviceId) {
        fail(new Fault('ACCESS-PIN', { host: this.#host.address, found, expected: this.#host.deviceId }));
        return;
      }
      this.lastFault = undefined;
      answer(null, socket);
    });
    return undefined;
  }

  #unreachable(reason: string): Fault {
    return new Fault('LINK-UNREACHABLE', { host: this.#host.address, reason });
  }
}

/**
 * Why a host does not let us in: the fault it answers to `GET /access`, or the one of the connection itself.
 * Undefined when access is fine (the failure was something else).
 */
export async function accessFault(host: PinnedHost, identity: ClientIdentity): Promise<Fault | undefined> {
  const agent = new PinnedAgent(host, identity);
  try {
    const response = await send(agent, host, ACCESS_PATH, {});
    if (response.upgraded !== undefined) return undefined;
    return response.status === 200 ? undefined : faultIn(response.body, host);
  } catch (error) {
    return agent.lastFault ?? new Fault('LINK-UNREACHABLE', { host: host.address, reason: reasonOf(error) });
  } finally {
    agent.destroy();
  }
}

/** Joins the host of an invitation as a console; throws `ACCESS-INVITE`, `ACCESS-PIN`, `LINK-UNREACHABLE`. */
export async function joinHost(invitation: string, identity: ClientIdentity, name: string): Promise<PairResult> {
  const invite = decodeInvite(invitation);
  const agent = new PinnedAgent(invite, identity);
  try {
    const response = await send(agent, invite, PAIR_PATH, { Connection: 'Upgrade', Upgrade: PAIR_UPGRADE });
    if (response.upgraded === undefined) throw faultIn(response.body, invite);
    const socket = response.upgraded;
    try {
      return await exchange(socket, invite, identity, name);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw agent.lastFault ?? new Fault('LINK-UNREACHABLE', { host: invite.address, reason: reasonOf(error) });
  } finally {
    agent.destroy();
  }
}

async function exchange(
  socket: TLSSocket,
  invite: PinnedHost & { readonly secret: string },
  identity: ClientIdentity,
  name: string,
): Promise<PairResult> {
  const binding: PairBinding = {
    exported: socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
    hostId: invite.deviceId,
    joinerId: deviceIdOfIdentity(identity),
  };
  const secret = Buffer.from(invite.secret, 'hex');
  const proof = (side: 'host' | 'joiner') => createHmac('sha256', secret).update(proofInput(side, binding)).digest();
  const join: PairJoin = { type: 'join', version: 1, kind: 'console', name, proof: proof('joiner').toString('hex') };
  socket.write(`${JSON.stringify(join)}\n`);
  const line = await readLine(socket);
  const { pairAnswer } = await import('../shared/protocol/pairing-messages.ts');
  const parsed = pairAnswer.safeParse(JSON.parse(line));
  if (!parsed.success) throw new Error('the answer to the pairing is malformed');
  const answer = parsed.data;
  if (answer.type === 'refused') throw Fault.fromDocument(answer.fault);
  if (!timingSafeEqual(Buffer.from(answer.proof, 'hex'), proof('host'))) throw new Fault('ACCESS-INVITE');
  return {
    deviceId: invite.deviceId,
    name: answer.name,
    address: invite.address,
    role: answer.role,
    confirmation: confirmationText(createHash('sha256').update(confirmationInput(binding)).digest()),
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly upgraded?: TLSSocket;
}

function send(agent: Agent, host: PinnedHost, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host: hostname, port } = parseAddress(host.address);
    const outgoing = request({ agent, host: hostname, port, path, headers, timeout: PAIR_TIMEOUT_MS });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.on('upgrade', (response: IncomingMessage, socket: Duplex) =>
      resolve({ status: response.statusCode ?? 0, body: '', upgraded: socket as TLSSocket }),
    );
    outgoing.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BODY_BYTES) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.end();
  });
}

function readLine(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const timer = setTimeout(() => reject(new Error('the host did not answer the pairing')), PAIR_TIMEOUT_MS);
    const done = (error: Error | undefined, line = '') => {
      clearTimeout(timer);
      if (error === undefined) resolve(line);
      else reject(error);
    };
    socket.on('error', done);
    socket.on('close', () => done(new Error('the host closed the connection')));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\n');
      if (end >= 0) done(undefined, received.slice(0, end));
      else if (received.length > MAX_PAIR_MESSAGE_BYTES) done(new Error('the answer is too long'));
    });
  });
}

function faultIn(body: string, host: PinnedHost): Fault {
  try {
    const { fault } = JSON.parse(body) as { fault: FaultDocument };
    if (typeof fault?.code === 'string') return Fault.fromDocument(fault);
  } catch {
    // Not ours: something else answers on that port.
  }
  return new Fault('LINK-UNREACHABLE', { host: host.address, reason: 'it does not answer like a Mainstay engine' });
}

function serverDeviceId(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? 'none' : deviceIdOf(certificate.publicKey);
}

/** Human words for the socket errors met most. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'the name is not known',
    EAI_AGAIN: 'the name cannot be resolved now',
    EHOSTUNREACH: 'no route to the host',
    ENETUNREACH: 'no route to the network',
    ETIMEDOUT: 'no answer',
    ECONNRESET: 'it closed the connection',
  };
  if (code !== undefined && Object.hasOwn(words, code)) return words[code]!;
  return error instanceof Error && error.message !== '' ? error.message : String(code ?? error);
}
