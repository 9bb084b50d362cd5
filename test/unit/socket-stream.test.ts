/** A socket as the byte stream of two engines: order, what is borrowed, and what happens when it ends. */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { SocketStream } from '../../daemon/link/socket-stream.ts';
import type { Clock } from '../../daemon/ports.ts';

const clock: Clock = { wallMs: () => 0, bootMs: () => 0, after: () => ({ cancel: () => {} }) };

/** Notes each write it gets; `answer` lets the oldest one be done. */
class SlowSocket extends Duplex {
  readonly writes: { readonly pieces: number; readonly bytes: Buffer }[] = [];
  private done: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push({ pieces: 1, bytes: Buffer.from(chunk) });
    this.done = done;
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.writes.push({ pieces: chunks.length, bytes: Buffer.concat(chunks.map(({ chunk }) => chunk)) });
    this.done = done;
  }

  async answer(): Promise<void> {
    const { done } = this;
    this.done = undefined;
    done?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function streamOn(socket: SlowSocket): SocketStream {
  const stream = new SocketStream(socket as unknown as TLSSocket, clock);
  stream.start(new Uint8Array(0));
  return stream;
}

test('large pieces are written one by one without being joined, small ones together, all in order', async (t) => {
  const socket = new SlowSocket();
  const stream = streamOn(socket);
  const sent: number[] = [];
  const sizes = [100_000, 10, 20, 30, 90_000, 80_000, 5];
  for (const [n, size] of sizes.entries()) stream.send(new Uint8Array(size).fill(n), () => sent.push(n));
  t.deepEqual(sent, []);
  for (let round = 0; round < sizes.length; round += 1) await socket.answer();
  t.deepEqual(
    socket.writes.map(({ pieces, bytes }) => [pieces, bytes.length]),
    [
      [1, 100_000],
      [3, 60],
      [1, 90_000],
      [1, 80_000],
      [1, 5],
    ],
  );
  t.deepEqual(sent, [0, 1, 2, 3, 4, 5, 6]);
  const expected = Buffer.concat(sizes.map((size, n) => Buffer.alloc(size, n)));
  t.true(Buffer.concat(socket.writes.map(({ bytes }) => bytes)).equals(expected));
});

test('bytes sent without a callback may be used again at once', async (t) => {
  const socket = new SlowSocket();
  const stream = streamOn(socket);
  const bytes = new Uint8Array(50_000).fill(1);
  stream.send(bytes);
  stream.send(bytes);
  bytes.fill(9);
  await socket.answer();
  await socket.answer();
  t.is(socket.writes.length, 2);
  t.true(socket.writes.every((write) => write.bytes.every((byte) => byte === 1)));
});

test('closing sends what was queued first; nothing is taken after it', async (t) => {
  const socket = new SlowSocket();
  const stream = streamOn(socket);
  stream.send(new Uint8Array(40_000));
  stream.send(new Uint8Array(50_000));
  stream.close();
  let refused = false;
  stream.send(new Uint8Array(60_000), () => {
    refused = true;
  });
  t.true(refused);
  t.false(socket.writableEnded);
  await socket.answer();
  await socket.answer();
  t.deepEqual(
    socket.writes.map(({ bytes }) => bytes.length),
    [40_000, 50_000],
  );
  t.true(socket.writableEnded);
});

test('when it breaks, everything borrowed is given back once', async (t) => {
  const socket = new SlowSocket();
  const stream = streamOn(socket);
  const given: number[] = [];
  const ended = new Promise<string>((resolve) => {
    stream.onClose = resolve;
  });
  for (const n of [0, 1, 2]) stream.send(new Uint8Array(40_000), () => given.push(n));
  socket.destroy(new Error('reset by peer'));
  t.is(await ended, 'reset by peer');
  await socket.answer();
  t.deepEqual([...given].sort(), [0, 1, 2]);
});

test('a peer that does not read is cut off instead of filling this memory', async (t) => {
  const socket = new SlowSocket();
  const stream = streamOn(socket);
  const ended = new Promise<string>((resolve) => {
    stream.onClose = resolve;
  });
  const piece = new Uint8Array(16 * 1024 * 1024);
  for (let n = 0; n < 5; n += 1) stream.send(piece, () => {});
  t.regex(await ended, /the other side does not read/);
});
