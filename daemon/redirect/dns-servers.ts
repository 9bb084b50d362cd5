/** Questions to single DNS servers, signed when there is a key: an answer that is not proves nothing. */
import { Fault } from '../../shared/faults.ts';
import type { Clock, Random } from '../ports.ts';
import {
  CLASS_IN,
  type DnsMessage,
  decodeMessage,
  queryBytes,
  RECORD_A,
  RECORD_CNAME,
  RECORD_SOA,
  rcodeName,
  sameName,
  updateBytes,
} from './dns-message.ts';
import { signMessage, type TsigKey, whyNotSigned } from './tsig.ts';

export interface ServerAddress {
  /** Name or address. */
  readonly host: string;
  readonly port: number;
}

/** Sends a message to one server and gives its answer: over UDP, and over TCP when that was cut short or got no answer. */
export interface DnsServerPort {
  /** Throws `REDIRECT-FAILED` when there is no answer within the adapter's time limit. */
  exchange(server: ServerAddress, message: Uint8Array): Promise<Uint8Array>;
}

/** What one server says about a name. */
export interface DnsReading {
  /** IPv4 addresses of its A records. */
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
  readonly isAuthoritative: boolean;
  /** Set when the name is an alias (CNAME) of another. */
  readonly aliasOf?: string;
  /** Zone that the name lies in; undefined when the server knows of none. */
  readonly zone?: string;
  /** Why there is no answer that counts. */
  readonly failure?: string;
}

export interface ARecordUpdate {
  readonly zone: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

export interface DnsServersPorts {
  readonly exchange: DnsServerPort;
  readonly clock: Clock;
  readonly random: Random;
}

const NXDOMAIN = 3;

export class DnsServers {
  private readonly ports: DnsServersPorts;
  private readonly key: TsigKey | undefined;

  constructor(ports: DnsServersPorts, key: TsigKey | undefined) {
    this.ports = ports;
    this.key = key;
  }

  async read(server: string, name: string): Promise<DnsReading> {
    const unread = { addresses: [], ttlSeconds: 0, isAuthoritative: false };
    const answer = await this.ask(server, queryBytes(this.freshId(), name, RECORD_A));
    if (typeof answer === 'string') return { ...unread, failure: answer };
    if (answer.rcode !== 0 && answer.rcode !== NXDOMAIN) return { ...unread, failure: rcodeName(answer.rcode) };
    const start = await this.ask(server, queryBytes(this.freshId(), name, RECORD_SOA));
    if (typeof start === 'string') return { ...unread, failure: start };
    const own = answer.answers.filter((record) => record.class === CLASS_IN && sameName(record.name, name));
    const records = own.filter((record) => record.type === RECORD_A && record.data.length === 4);
    const alias = own.find((record) => record.type === RECORD_CNAME);
    const zone = zoneOf(start, name);
    return {
      addresses: records.map((record) => [...record.data].join('.')),
      ttlSeconds: records[0]?.ttl ?? 0,
      isAuthoritative: answer.isAuthoritative,
      ...(alias === undefined ? {} : { aliasOf: Buffer.from(alias.data).toString('utf8') }),
      ...(zone === undefined ? {} : { zone }),
    };
  }

  /** What is said against it; undefined when it was accepted. */
  async update(server: string, update: ARecordUpdate): Promise<string | undefined> {
    const answer = await this.ask(server, updateBytes({ id: this.freshId(), ...update }));
    if (typeof answer === 'string') return answer;
    return answer.rcode === 0 ? undefined : rcodeName(answer.rcode);
  }

  private freshId(): number {
    const [high, low] = this.ports.random.bytes(2);
    return (high! << 8) | low!;
  }

  /** The answer, or why there is none. */
  private async ask(server: string, message: Uint8Array): Promise<DnsMessage | string> {
    const { clock, exchange } = this.ports;
    const signed = this.key === undefined ? undefined : signMessage(message, this.key, clock.wallMs());
    let bytes: Uint8Array;
    try {
      bytes = await exchange.exchange(splitServer(server), signed?.bytes ?? message);
    } catch (error) {
      return String(Fault.from(error).details.reason ?? 'no answer');
    }
    const answer = decodeMessage(bytes);
    const id = (message[0]! << 8) | message[1]!;
    if (answer === undefined || !answer.isResponse || answer.id !== id) return 'the answer makes no sense';
    if (this.key === undefined || signed === undefined) return answer;
    const distrust = whyNotSigned(bytes, answer, this.key, signed.mac, clock.wallMs());
    if (distrust === undefined) return answer;
    return answer.rcode === 0 ? distrust : `${rcodeName(answer.rcode)} (${distrust})`;
  }
}

/** `192.0.2.1:5353`, `dc1.corp.test`, `[2001:db8::1]:53`; port 53 when there is none. */
export function splitServer(server: string): ServerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server);
  // A bare IPv6 address.
  if (match === null) return { host: server, port: 53 };
  return { host: match[1] ?? match[2] ?? server, port: Number(match[3] ?? 53) };
}

/** The start of authority stands in the answer when the name is the zone's own, else beside it. */
function zoneOf(start: DnsMessage, name: string): string | undefined {
  return [...start.answers, ...start.authority].find(
    (record) =>
      record.type === RECORD_SOA && (record.name === '' || `.${name.toLowerCase()}`.endsWith(`.${record.name}`)),
  )?.name;
}
