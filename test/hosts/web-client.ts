/**
 * A client that requests all the time, as a process of its own for a machine of the network rig: each request over a new connection,
 * none waits for another. It may also write (HTTP PUT of small files, numbered). argv: JSON of ClientOptions. It ends by itself.
 */
import { request } from 'node:http';
import { type Answer, writtenText } from './client-record.ts';
import { answerLines } from './line-program.ts';

export interface ClientOptions {
  readonly address: string;
  readonly port: number;
  /** Name that it asks for; default the address. */
  readonly hostHeader?: string;
  readonly everyMs: number;
  /** Default: it does not write. */
  readonly writeEveryMs?: number;
  /** A request that is not answered by then has failed. */
  readonly timeoutMs: number;
  /** It ends after so long, whatever happens. */
  readonly limitSeconds: number;
}

export type ClientCommand =
  | { readonly do: 'answers' | 'writes'; readonly sinceMs: number }
  | { readonly do: 'now' }
  | { readonly do: 'rest' };

const options = JSON.parse(process.argv[2]!) as ClientOptions;
const answers: Answer[] = [];
const writes: Answer[] = [];
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function send(method: string, path: string, body: string | undefined, done: (answer: Answer) => void): void {
  const startedMs = nowMs();
  let isOver = false;
  const end = (rest: Partial<Answer>): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done({ startedMs, endedMs: nowMs(), ...rest });
  };
  const { address: host, port, hostHeader = host, timeoutMs } = options;
  const headers = { host: hostHeader, connection: 'close' };
  const sent = request({ host, port, path, method, headers, agent: false }, (response) => {
    const by = String(response.headers['x-answered-by'] ?? '?');
    response.resume();
    response.once('end', () => end({ status: response.statusCode ?? 0, by }));
    response.once('error', (error) => end({ error: error.message }));
  });
  const timer = setTimeout(() => {
    end({ error: 'timeout' });
    sent.destroy();
  }, timeoutMs);
  sent.once('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }));
  sent.end(body);
}

const requesting = setInterval(() => send('GET', '/', undefined, (answer) => answers.push(answer)), options.everyMs);
let number = 0;
let open = 0;
function write(): void {
  number += 1;
  open += 1;
  const own = number;
  send('PUT', `/written/${own}`, writtenText(own), (answer) => {
    open -= 1;
    writes.push({ ...answer, number: own });
  });
}
const writing = options.writeEveryMs === undefined ? undefined : setInterval(write, options.writeEveryMs);
setTimeout(() => process.exit(3), options.limitSeconds * 1_000);

/** Resolves when the last write is answered. */
async function rest(): Promise<void> {
  clearInterval(requesting);
  clearInterval(writing);
  while (open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

await answerLines((command: ClientCommand) => {
  if (command.do === 'rest') return rest();
  if (command.do === 'now') return nowMs();
  const { sinceMs } = command;
  return (command.do === 'answers' ? answers : writes).filter(({ endedMs }) => endedMs >= sinceMs);
});
