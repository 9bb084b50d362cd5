/** One line of JSON from an upgraded socket, bounded in size and time; for the pairing exchange. */
import type { Duplex } from 'node:stream';
import { Fault } from '../../shared/faults.ts';
import { MAX_PAIR_MESSAGE_BYTES, PAIR_TIMEOUT_MS } from '../../shared/protocol/pairing.ts';
import type { Clock } from '../ports.ts';

/** Rejects with `LINK-UNREACHABLE` when the socket ends first, `TIMEOUT`, or `COMMAND-INVALID` for what is not JSON in one line. */
export function readJsonLine(socket: Duplex, head: Uint8Array, clock: Clock): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let received = Buffer.from(head);
    const timer = clock.after(PAIR_TIMEOUT_MS, () =>
      finish(() =>
        reject(new Fault('TIMEOUT', { seconds: PAIR_TIMEOUT_MS / 1000, what: 'the other side of the pairing' })),
      ),
    );
    const finish = (settle: () => void) => {
      timer.cancel();
      socket.off('data', onData);
      socket.off('close', onClose);
      settle();
    };
    const onClose = () =>
      finish(() =>
        reject(new Fault('LINK-UNREACHABLE', { host: 'the other side', reason: 'it closed the connection' })),
      );
    const look = () => {
      const end = received.indexOf(0x0a);
      if (end < 0 && received.length <= MAX_PAIR_MESSAGE_BYTES) return;
      finish(() => {
        if (end < 0 || end > MAX_PAIR_MESSAGE_BYTES) reject(malformed('it is too long'));
        else settleJson(received.toString('utf8', 0, end), resolve, reject);
      });
    };
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      look();
    };
    socket.on('data', onData);
    socket.on('close', onClose);
    look();
  });
}

export function writeJsonLine(socket: Duplex, message: unknown): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

function malformed(reason: string): Fault {
  return new Fault('COMMAND-INVALID', { command: 'pair', reason });
}

function settleJson(text: string, resolve: (value: unknown) => void, reject: (fault: Fault) => void): void {
  try {
    resolve(JSON.parse(text));
  } catch {
    reject(malformed('it is not JSON'));
  }
}
