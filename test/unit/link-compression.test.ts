/** Compressed frames: smaller where that is possible, never larger than a frame when they are expanded. */
import { zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { compressPayload, expandPayload } from '../../daemon/link/compression.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { MAX_FRAME_BYTES } from '../../shared/protocol/frame.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();
const random = new SeededRandom(7);
const text = (bytes: number) =>
  Buffer.from('<p>Mainstay keeps a Replica identical to a Master.</p>\n'.repeat(bytes / 54));

test('text gets smaller and comes back as it was; what is compressed already is left as it is', (t) => {
  for (const payload of [text(2_000), text(1_000_000), Buffer.concat([random.bytes(500_000), text(500_000)])]) {
    const compressed = compressPayload(payload);
    t.true(compressed !== undefined && compressed.length < payload.length * 0.9);
    t.is(Buffer.compare(expandPayload(compressed!), payload), 0);
  }
  t.is(compressPayload(random.bytes(1_000_000)), undefined);
  t.is(compressPayload(random.bytes(2_000)), undefined);
  t.is(compressPayload(text(500)), undefined);
});

function announced(size: number, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(size);
  return Buffer.concat([head, zstdCompressSync(content)]);
}

test('a frame that would expand to more than it says, or than a frame may hold, is refused', (t) => {
  const bomb = new Uint8Array(64 * 1024 * 1024);
  const bad = [
    announced(1_000, bomb),
    announced(MAX_FRAME_BYTES, bomb),
    announced(bomb.length, bomb),
    announced(0, text(1_000)),
    announced(2_000, new Uint8Array(1_000)),
    Buffer.concat([announced(1_000, new Uint8Array(1_000)).subarray(0, 12)]),
    new Uint8Array(3),
  ];
  for (const payload of bad) t.is(t.throws(() => expandPayload(payload), { instanceOf: Fault })?.code, 'LINK-FRAME');
});

test('a pair with compression sends less over the line, switched on and off while it runs, and stays equal', (t) => {
  const policy = { bytesPerSecond: 0, grid: [] };
  const pair = new EnginePair(hasher);
  pair.start();
  pair.call({ name: 'bandwidth', policy: { ...policy, compression: 'zstd' } });
  for (let i = 0; i < 40; i += 1) pair.user.writeFile(`page${i}.html`, text(50_000));
  pair.user.writeFile('large.html', text(3_000_000));
  pair.user.writeFile('picture', random.bytes(400_000));
  pair.synchronize();
  t.true(pair.sentBytes < 900_000, `${pair.sentBytes} bytes for 5,400,000`);
  pair.user.writeFile('later.html', text(1_000_000));
  pair.barrier();
  t.true(pair.sentBytes < 1_000_000);
  t.true((pair.masterStatus?.statistics?.wireBytes ?? 0) < 1_000_000);
  pair.call({ name: 'bandwidth', policy: { ...policy, compression: 'off' } });
  const before = pair.sentBytes;
  pair.user.writeFile('plain.html', text(1_000_000));
  pair.barrier();
  t.true(pair.sentBytes - before > 990_000);
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
  pair.close();
});
