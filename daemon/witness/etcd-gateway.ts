/**
 * One key of etcd (3.4 or later) over its JSON gateway: read as of now, and replaced only if nobody has written it meanwhile. Any
 * member answers; the one that answered last is asked first.
 */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';

/** See daemon/platform/node/json-poster.ts. */
export interface EtcdTransport {
  post(
    url: string,
    body: unknown,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  close(): void;
}

export interface EtcdParts {
  /** `host:port` (HTTPS), `https://host:port` or `http://host:port`. */
  readonly members: readonly string[];
  readonly clock: Clock;
  /** `NAME:PASSWORD`; undefined: etcd does not ask who it is. Read again after every failure, like the files of the transport. */
  readonly user: () => string | undefined;
  readonly connect: () => EtcdTransport;
}

/** What a key holds. */
export interface EtcdRead {
  readonly cluster: string;
  /** Of the whole store when this was read. */
  readonly revision: bigint;
  /** When the key was written last; 0: it does not exist. */
  readonly written: bigint;
  readonly value: string | undefined;
}

/** A member that says nothing leaves time for the next one, at least this long, ms. */
const LEAST_MS = 40;

const number = z.string().regex(/^\d{1,20}$/);
const header = z.object({ cluster_id: number.default('0'), revision: number.default('0') });
const pairs = z.object({ kvs: z.array(z.object({ mod_revision: number, value: z.string().default('') })).default([]) });
const rangeAnswer = pairs.extend({ header });
const txnAnswer = z.object({
  header,
  succeeded: z.boolean().default(false),
  responses: z.array(z.object({ response_range: pairs.optional() })).default([]),
});
const authAnswer = z.object({ token: z.string().min(1) });
const refusal = z.object({ message: z.string().optional(), error: z.string().optional() });

export class EtcdGateway {
  readonly #parts: EtcdParts;
  #transport: EtcdTransport | undefined;
  #token: string | undefined;
  #first = 0;

  constructor(parts: EtcdParts) {
    this.#parts = parts;
  }

  /** Rejects with `LINK-UNREACHABLE` when no member answers by `deadline` (boot clock). */
  async read(key: string, deadline: number): Promise<EtcdRead> {
    const answer = rangeAnswer.parse(await this.#ask('kv/range', { key: encoded(key) }, deadline));
    return readOf(answer.header, answer);
  }

  /** Writes when the key was not written since `written`; else answers what it holds now. Rejects like `read`: it may be written. */
  async replace(key: string, written: bigint, value: string, deadline: number): Promise<EtcdRead & { done: boolean }> {
    const name = encoded(key);
    const body = {
      compare: [{ key: name, target: 'MOD', result: 'EQUAL', mod_revision: String(written) }],
      success: [{ request_put: { key: name, value: encoded(value) } }],
      failure: [{ request_range: { key: name } }],
    };
    const answer = txnAnswer.parse(await this.#ask('kv/txn', body, deadline));
    if (!answer.succeeded) {
      return { ...readOf(answer.header, answer.responses[0]?.response_range ?? { kvs: [] }), done: false };
    }
    const revision = BigInt(answer.header.revision);
    return { cluster: answer.header.cluster_id, revision, written: revision, value, done: true };
  }

  close(): void {
    this.#forget();
  }

  async #ask(path: string, body: unknown, deadline: number): Promise<unknown> {
    const { members, clock } = this.#parts;
    const reasons: string[] = [];
    // One member may have closed a connection that was kept: it is asked once more.
    const attempts = Math.max(2, members.length);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const member = members[(this.#first + attempt) % members.length]!;
      const left = deadline - clock.bootMs();
      if (left <= 0) break;
      const until = clock.bootMs() + Math.min(left, Math.max(LEAST_MS, left / Math.min(attempts - attempt, 2)));
      try {
        const answer = await this.#askMember(urlOf(member), path, body, until);
        this.#first = (this.#first + attempt) % members.length;
        return answer;
      } catch (error) {
        reasons.push(`${member}: ${error instanceof Error ? error.message : String(error)}`);
        this.#forget();
      }
    }
    // The next question begins with another member.
    this.#first = (this.#first + 1) % members.length;
    throw new Fault('LINK-UNREACHABLE', { host: 'etcd', reason: [...new Set(reasons)].join('; ') || 'no time left' });
  }

  async #askMember(url: string, path: string, body: unknown, until: number): Promise<unknown> {
    for (let again = false; ; again = true) {
      const user = this.#parts.user();
      if (user !== undefined) this.#token ??= await this.#login(url, user, until);
      const headers: Record<string, string> = this.#token === undefined ? {} : { authorization: this.#token };
      const { status, body: answer } = await this.#post(`${url}/v3/${path}`, body, headers, until);
      if (status === 200) return answer;
      const reason = reasonOf(answer, status);
      if (again || !/auth token|auth store|user name is empty/i.test(reason)) throw new Error(reason);
      // Tokens end after some minutes, and whenever etcd changes its users.
      this.#token = undefined;
    }
  }

  async #login(url: string, user: string, until: number): Promise<string> {
    const [name = '', ...password] = user.trim().split(':');
    const body = { name, password: password.join(':') };
    const { status, body: answer } = await this.#post(`${url}/v3/auth/authenticate`, body, {}, until);
    if (status !== 200) throw new Error(reasonOf(answer, status));
    return authAnswer.parse(answer).token;
  }

  async #post(url: string, body: unknown, headers: Readonly<Record<string, string>>, until: number) {
    this.#transport ??= this.#parts.connect();
    const left = Math.max(1, Math.round(until - this.#parts.clock.bootMs()));
    return await this.#transport.post(url, body, headers, left);
  }

  /** Certificates may have been replaced. */
  #forget(): void {
    this.#transport?.close();
    this.#transport = undefined;
    this.#token = undefined;
  }
}

function urlOf(member: string): string {
  return (/^https?:\/\//.test(member) ? member : `https://${member}`).replace(/\/+$/, '');
}

function readOf({ cluster_id, revision }: z.output<typeof header>, { kvs }: z.output<typeof pairs>): EtcdRead {
  const [pair] = kvs;
  return {
    cluster: cluster_id,
    revision: BigInt(revision),
    written: BigInt(pair?.mod_revision ?? 0),
    value: pair === undefined ? undefined : Buffer.from(pair.value, 'base64').toString(),
  };
}

function reasonOf(answer: unknown, status: number): string {
  const parsed = refusal.safeParse(answer);
  const said = parsed.success ? (parsed.data.message ?? parsed.data.error) : undefined;
  return said ?? `it answers ${status}`;
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}
