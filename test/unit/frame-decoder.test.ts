/** Cutting a stream into frames, however its bytes are cut and wherever they lie. */
import { crc32 } from 'node:zlib';
import test from 'ava';
import { copyBytes, giveBack } from '../../daemon/link/copy-bytes.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import {
  CONTENT_HEAD_BYTES,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameType,
} from '../../shared/protocol/frame.ts';
import { readContent, writeContentHead } from '../../shared/protocol/sync-codec.ts';
import { Contents, seededIntegers } from '../bench/data-sets.ts';

test('frames come out as they went in, in pieces of any size', (t) => {
  const random = seededIntegers(7);
  const contents = new Contents(8);
  for (let round = 0; round < 200; round += 1) {
    const payloads = Array.from({ length: 1 + (random() % 6) }, () => contents.take(random() % 3_000));
    const stream = Buffer.concat(payloads.map((payload) => encodeFrame(FrameType.batch, payload, crc32)));
    const decoder = new FrameDecoder(crc32);
    const got: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const count = 1 + (random() % 2_000);
      // Memory of its own: nothing can be joined by lying side by side.
      const own = Uint8Array.from(stream.subarray(at, at + count));
      for (const { payload } of decoder.push(own)) got.push(Buffer.from(payload));
      at += count;
    }
    t.is(got.length, payloads.length);
    t.true(got.every((payload, n) => payload.equals(payloads[n]!)));
  }
});

test('only the frame that lies in two places is joined: those behind it stay where they are', (t) => {
  const contents = new Contents(9);
  const frames = [600, 600, 600, 600].map((size) => encodeFrame(FrameType.batch, contents.take(size), crc32));
  const stream = Buffer.concat(frames);
  const first = new Uint8Array(stream.subarray(0, 900));
  const ring = new Uint8Array(stream.subarray(900));
  const decoder = new FrameDecoder(crc32);
  t.is([...decoder.push(first)].length, 1);
  const rest = [...decoder.push(ring.subarray(0, 1_000)), ...decoder.push(ring.subarray(1_000))];
  t.is(rest.length, 3);
  t.not(rest[0]!.payload.buffer, ring.buffer);
  for (const [n, { payload }] of rest.slice(1).entries()) {
    t.is(payload.buffer, ring.buffer);
    t.deepEqual(payload, new Uint8Array(frames[n + 2]!.subarray(FRAME_HEADER_BYTES)));
  }
});

test('copies into shared memory are exact at every alignment and touch nothing else', (t) => {
  const source = new Contents(10).take(300);
  for (const length of [0, 1, 2, 7, 8, 9, 255, 300]) {
    for (let at = 0; at < 9; at += 1) {
      const target = new Uint8Array(new SharedArrayBuffer(320)).fill(0xee);
      copyBytes(source.subarray(0, length), target, at);
      t.true(Buffer.from(target.subarray(at, at + length)).equals(source.subarray(0, length)));
      t.true(target.subarray(0, at).every((byte) => byte === 0xee));
      t.true(target.subarray(at + length).every((byte) => byte === 0xee));
    }
  }
});

test('memory is given back only when nobody else can hold a part of it', (t) => {
  const whole = new Uint8Array(16 * 1024);
  giveBack(whole);
  t.is(whole.length, 0);
  const part = new Uint8Array(32 * 1024).subarray(0, 16 * 1024);
  giveBack(part);
  t.is(part.length, 16 * 1024);
  const shared = new Uint8Array(new SharedArrayBuffer(16 * 1024));
  giveBack(shared);
  t.is(shared.length, 16 * 1024);
});

test('the checksum of a piece of a large file covers where it belongs, its hash the rest', (t) => {
  const payload = new Contents(11).take(5_000);
  const flipped = (type: FrameType, at: number): Uint8Array => {
    const frame = encodeFrame(type, payload, crc32);
    frame[FRAME_HEADER_BYTES + at]! ^= 1;
    return frame;
  };
  const decode = (bytes: Uint8Array) => [...new FrameDecoder(crc32).push(bytes)];
  for (let at = 0; at < CONTENT_HEAD_BYTES; at += 1) {
    t.throws(() => decode(flipped(FrameType.syncContent, at)), { message: /checksum/ });
  }
  t.is(decode(flipped(FrameType.syncContent, CONTENT_HEAD_BYTES)).length, 1);
  for (const type of [FrameType.batch, FrameType.syncData, FrameType.syncDirectory]) {
    t.throws(() => decode(flipped(type, 4_000)), { message: /checksum/ });
  }
});

test('a piece of a large file that cannot be one is refused', (t) => {
  const piece = (position: number) => {
    const writer = new ByteWriter();
    writeContentHead(writer, 7, position);
    writer.u8(1).u8(2);
    return writer.take();
  };
  t.deepEqual(readContent(piece(2 ** 40)), { kind: 'data', token: 7, position: 2 ** 40, content: Uint8Array.of(1, 2) });
  for (const position of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    t.throws(() => readContent(piece(position)), { message: /position/ });
  }
  t.throws(() => readContent(piece(0).subarray(0, CONTENT_HEAD_BYTES - 1)), { message: /truncated/ });
});
