/** Whether something answers at an address: a web server by its first bytes, anything else by taking the connection. */
import { createConnection } from 'node:net';
import { codeOf } from '../system-fault.ts';

const LIMIT_MS = 3_000;
/** A program that speaks another protocol may wait for us; it took the connection, which is enough. */
const ANSWER_MS = 1_000;
const QUESTION = 'HEAD / HTTP/1.0\r\n\r\n';

/** Why nothing does; undefined: it does. */
export function silenceAt(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    let isConnected = false;
    const done = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(LIMIT_MS, () => done(isConnected ? undefined : 'no answer within 3 s'));
    socket.once('connect', () => {
      isConnected = true;
      socket.setTimeout(ANSWER_MS);
      socket.write(QUESTION);
    });
    socket.once('data', () => done(undefined));
    socket.once('error', (error) =>
      done(`${isConnected ? 'the connection is ended at once' : 'refused'} (${codeOf(error)})`),
    );
    socket.once('close', () => done(isConnected ? 'the connection is ended at once' : 'refused'));
  });
}
