import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import test from 'ava';
import { createRingPair, RingLinks } from '../../daemon/link/ring-link.ts';
import { createRing, RingReader, RingWriter } from '../../daemon/link/shared-ring.ts';
import { Contents, seededIntegers } from '../bench/data-sets.ts';

/** A writer and a reader in one thread, with the wake-ups they sent. */
function ringOf(sizeBytes: number) {
  const ring = createRing(sizeBytes);
  const signals = { wake: 0, room: 0 };
  const writer = new RingWriter(ring, () => {
    signals.wake += 1;
  });
  const reader = new RingReader(ring, () => {
    signals.room += 1;
  });
  return { ring, writer, reader, signals };
}

test('everything written arrives in order, whatever the sizes, and also what had to wait for room', (t) => {
  const contents = new Contents(41);
  const random = seededIntegers(42);
  const { writer, reader, signals } = ringOf(1024);
  const sent: Buffer[] = [];
  const got: Buffer[] = [];
  let held = 0;
  for (let step = 0; step < 3_000; step += 1) {
    const bytes = Buffer.from(contents.take(random() % 700));
    sent.push(bytes);
    t.true(writer.write(bytes));
    writer.wakeReader();
    for (const piece of reader.read(300)) {
      t.true(piece.length <= 300);
      got.push(Buffer.from(piece));
      held += piece.length;
    }
    const done = random() % (held + 1);
    const rooms = signals.room;
    reader.release(done);
    held -= done;
    if (signals.room > rooms) writer.continue();
  }
  while (Buffer.concat(got).length < Buffer.concat(sent).length) {
    reader.release(held);
    held = 0;
    writer.continue();
    for (const piece of reader.read(4096)) {
      got.push(Buffer.from(piece));
      held += piece.length;
    }
  }
  t.true(Buffer.concat(got).equals(Buffer.concat(sent)));
  t.true(signals.room > 100);
});

test('bytes stay as they are until they are released', (t) => {
  const { writer, reader } = ringOf(64);
  writer.write(new Uint8Array(64).fill(1));
  const [kept] = [...reader.read(64)];
  writer.write(new Uint8Array(64).fill(2));
  t.deepEqual([...kept!], Array(64).fill(1));
  t.deepEqual([...reader.read(64)], [], 'the second part waits with the writer');
  reader.release(64);
  writer.continue();
  t.deepEqual([...kept!], Array(64).fill(2), 'its place is used again');
});

test('one wake-up is sent until the reader has read', (t) => {
  const { writer, reader, signals } = ringOf(1024);
  for (let n = 0; n < 10; n += 1) {
    writer.write(Uint8Array.of(n));
    writer.wakeReader();
  }
  t.is(signals.wake, 1);
  t.is([...reader.read(1024)].length, 1);
  writer.write(Uint8Array.of(10));
  t.is(signals.wake, 1, 'the writer says when');
  writer.wakeReader();
  t.is(signals.wake, 2);
});

test('a reader that never makes room does not fill the memory', (t) => {
  const { writer } = ringOf(1024);
  const part = new Uint8Array(8 * 1024 * 1024);
  let accepted = 0;
  while (writer.write(part)) accepted += 1;
  t.is(accepted, 8);
});

test('two threads at full speed lose and mix up nothing', async (t) => {
  const ring = createRing(64 * 1024);
  const { port1, port2 } = new MessageChannel();
  // Sends 4 MiB in which every 32-bit word is its own number, in pieces of all sizes; waits for room as a thread would.
  const source = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ RingWriter }) => {
      const { port, ring } = workerData;
      const writer = new RingWriter(ring, () => port.postMessage('wake'));
      port.on('message', () => writer.continue());
      const words = new Uint32Array(1 << 20).map((_, n) => n);
      const bytes = new Uint8Array(words.buffer);
      for (let at = 0, size = 1; at < bytes.length; size = (size * 7 + 3) % 5000) {
        writer.write(bytes.subarray(at, at + size));
        writer.wakeReader();
        at += size;
      }
      writer.continue();
    });`;
  const module = new URL('../../daemon/link/shared-ring.js', import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { module, ring, port: port2 }, transferList: [port2] });
  const reader = new RingReader(ring, () => port1.postMessage('room'));
  const got = new Uint8Array(4 << 20);
  let at = 0;
  await new Promise<void>((resolve) => {
    port1.on('message', () => {
      for (const piece of reader.read(10_000)) {
        got.set(piece, at);
        at += piece.length;
        reader.release(piece.length);
      }
      if (at === got.length) resolve();
    });
  });
  t.is(receiveMessageOnPort(port1), undefined);
  const words = new Uint32Array(got.buffer);
  t.is(
    words.findIndex((word, n) => word !== n),
    -1,
  );
  port1.close();
  await worker.terminate();
});

test('the memory of a ring is given back only while nothing is in it, and what is written afterwards arrives', (t) => {
  const { ring, writer, reader } = ringOf(1024);
  const released: ArrayBufferLike[] = [];
  const release = (memory: ArrayBufferLike): void => {
    released.push(memory);
    new Uint8Array(memory).fill(0);
  };
  t.true(writer.write(Buffer.alloc(1000, 1)));
  t.false(writer.releaseWhenEmpty(release), 'nobody has read it');
  for (const piece of reader.read(1024)) t.is(piece.length, 1000);
  t.false(writer.releaseWhenEmpty(release), 'it is still in use');
  t.true(writer.write(Buffer.alloc(100, 2)), 'more than fits waits with the writer');
  reader.release(1000);
  t.false(writer.releaseWhenEmpty(release), 'something waits');
  writer.continue();
  const rest = [...reader.read(1024)].map((piece) => Buffer.from(piece));
  reader.release(100);
  t.deepEqual(Buffer.concat(rest), Buffer.alloc(100, 2));
  t.true(writer.releaseWhenEmpty(release));
  t.deepEqual(released, [ring.data]);
  t.true(writer.write(Buffer.alloc(700, 3)));
  t.deepEqual(Buffer.concat([...reader.read(1024)]), Buffer.alloc(700, 3));
});

test('a link gives the memory of its ring back some time after a burst, not while more comes', (t) => {
  const pair = createRingPair();
  const later: (() => void)[] = [];
  const released: ArrayBufferLike[] = [];
  const spare = {
    later: (run: () => void) => later.push(run),
    release: (memory: ArrayBufferLike) => released.push(memory),
  };
  const engine = new RingLinks('engine', () => {}, spare);
  const main = new RingLinks('main', () => {});
  engine.open('peer', pair);
  main.open('peer', pair);
  const burst = (): void => {
    for (let n = 0; n < 5; n += 1) t.true(engine.write('peer', Buffer.alloc(512 * 1024)));
    engine.announce();
    main.onSignal({ type: 'link-wake', peer: 'peer' }, (_bytes, done) => done());
  };
  const pass = (): void => {
    for (const run of later.splice(0)) run();
  };
  t.true(engine.write('peer', Buffer.alloc(100)));
  t.is(later.length, 0, 'a few bytes are not worth it');
  burst();
  pass();
  burst();
  pass();
  t.is(released.length, 0, 'more has come since');
  pass();
  t.deepEqual(released, [pair.fromEngine.data]);
  t.is(later.length, 0);
});
