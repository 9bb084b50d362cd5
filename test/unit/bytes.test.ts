/** What is written into a binary payload is read back exactly. */
import test from 'ava';
import fc from 'fast-check';
import { decodeName, encodeName } from '../../shared/path.ts';
import { ByteReader, ByteWriter } from '../../shared/protocol/bytes.ts';

const escaped = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 })
  .map((bytes) => decodeName(Uint8Array.from(bytes)));

test('numbers of every size', (t) => {
  const edges = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 53 - 1];
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...edges), fc.nat({ max: Number.MAX_SAFE_INTEGER })), (value) => {
      const bytes = new ByteWriter(1).varint(value).take();
      const reader = new ByteReader(bytes);
      return reader.varint() === value && reader.done;
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});

test('names and paths: ASCII, any Unicode, bytes that are no Unicode, short and long', (t) => {
  const text = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.string({ unit: 'grapheme', maxLength: 120 }),
    escaped,
    fc.integer({ min: 90, max: 110 }).map((length) => 'x'.repeat(length)),
    fc.integer({ min: 90, max: 110 }).map((length) => `${'x'.repeat(length)}é`),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (values) => {
      const writer = new ByteWriter(1);
      for (const value of values) writer.text(value);
      const bytes = writer.take();
      const expected = Buffer.concat(
        values.flatMap((value) => {
          const encoded = encodeName(value);
          return [new ByteWriter().varint(encoded.length).take(), encoded];
        }),
      );
      const reader = new ByteReader(bytes);
      const back = values.map(() => reader.text());
      return Buffer.compare(bytes, expected) === 0 && back.every((value, at) => value === values[at]) && reader.done;
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});
