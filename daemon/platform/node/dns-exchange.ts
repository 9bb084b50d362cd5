/** One message to a DNS server and its answer: UDP, and TCP when the answer was cut short or did not come. */
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';
import { createConnection, isIPv6 } from 'node:net';
import { Fault } from '../../../shared/faults.ts';
import { codeOf } from '../system-fault.ts';

const UDP_TRIES = 2;
const TRY_MS = 1_000;
const TCP_MS = 3_000;
const HEADER_BYTES = 12;
const TRUNCATED = 0x02;

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export class DnsExchange {
  /** Servers of this host, as its resolver is configured. */
  servers(): string[] {
    return getServers();
  }

  async exchange(server: ServerAddress, message: Uint8Array): Promise<Uint8Array> {
    for (let attempt = 0; attempt < UDP_TRIES; attempt += 1) {
      const answer = await overUdp(server, message).catch(() => undefined);
      if (answer !== undefined && (answer[2]! & TRUNCATED) === 0) return answer;
      if (answer !== undefined) break;
    }
    try {
      return await overTcp(server, message);
    } catch (error) {
      const reason = `no answer (${codeOf(error)})`;
      throw new Fault('REDIRECT-FAILED', { method: 'Redirect DNS', reason }, error);
    }
  }
}

/** resolv.conf(5): of `domain` and `search` the last one counts; empty where there is none. */
export function searchDomain(path = '/etc/resolv.conf'): string {
  try {
    const lines = [...readFileSync(path, 'utf8').matchAll(/^(?:search|domain)\s+(\S+)/gm)];
    return lines.at(-1)?.[1]?.replace(/\.$/, '') ?? '';
  } catch {
    return '';
  }
}

class NoAnswer extends Error {
  readonly code = 'ETIMEDOUT';
}

/** A connected socket: the system drops what does not come from that server. */
function overUdp({ host, port }: ServerAddress, message: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  return new Promise<Uint8Array>((resolve, reject) => {
    const limit = setTimeout(() => reject(new NoAnswer()), TRY_MS);
    socket.once('close', () => clearTimeout(limit));
    socket.on('error', reject);
    socket.on('message', (answer) => {
      // A late answer to an earlier question has another number.
      if (answer.length >= HEADER_BYTES && answer[0] === message[0] && answer[1] === message[1]) resolve(answer);
    });
    socket.connect(port, host, (error?: Error) => {
      if (error === undefined || error === null) socket.send(message);
      else reject(error);
    });
  }).finally(() => socket.close());
}

function overTcp({ host, port }: ServerAddress, message: Uint8Array): Promise<Uint8Array> {
  const socket = createConnection({ host, port });
  return new Promise<Uint8Array>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(TCP_MS, () => reject(new NoAnswer()));
    socket.on('error', reject);
    socket.on('close', () => reject(new NoAnswer()));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = received.subarray(2, 2 + received.readUInt16BE(0));
      if (answer.length >= HEADER_BYTES) resolve(answer);
      else reject(new NoAnswer());
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length, 0);
    socket.write(Buffer.concat([length, message]));
  }).finally(() => socket.destroy());
}
