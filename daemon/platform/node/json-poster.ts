/** Asks a service for JSON with JSON over HTTP or HTTPS, on connections that stay. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

const MAX_ANSWER_BYTES = 256 * 1024;

/** PEM texts. Without `ca` the authorities of the system count. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

export class JsonPoster {
  readonly #plain = new HttpAgent({ keepAlive: true, maxSockets: 4 });
  readonly #secure: HttpsAgent;

  constructor(tls: TlsFiles) {
    this.#secure = new HttpsAgent({ keepAlive: true, maxSockets: 4, ...tls });
  }

  /** Rejects when there is no answer within `timeoutMs`, or one that is no JSON. */
  post(url: string, body: unknown, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<JsonAnswer> {
    const text = JSON.stringify(body);
    const isSecure = url.startsWith('https:');
    const options: RequestOptions = {
      method: 'POST',
      agent: isSecure ? this.#secure : this.#plain,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    };
    return new Promise((resolve, reject) => {
      const started = (isSecure ? httpsRequest : httpRequest)(url, options, (answer) => {
        read(answer).then(resolve, reject);
      });
      // Of the whole exchange; the time-out of a socket begins anew with every byte.
      const timer = setTimeout(() => started.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      started.once('error', reject);
      started.once('close', () => clearTimeout(timer));
      started.end(text);
    });
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

async function read(answer: IncomingMessage): Promise<JsonAnswer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('its answer is too long');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString();
  try {
    return { status: answer.statusCode ?? 0, body: JSON.parse(text) };
  } catch {
    throw new Error(`it answers ${answer.statusCode ?? 0} without JSON`);
  }
}
