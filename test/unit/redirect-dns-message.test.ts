/** Updates of DNS records are the bytes that the standards say, and no answer, however broken, does more than not count. */
import { createHmac } from 'node:crypto';
import test from 'ava';
import {
  decodeMessage,
  nameBytes,
  queryBytes,
  RECORD_A,
  rcodeName,
  updateBytes,
} from '../../daemon/redirect/dns-message.ts';
import { splitServer } from '../../daemon/redirect/dns-servers.ts';
import { parseTsigKey, signMessage, whyNotSigned } from '../../daemon/redirect/tsig.ts';

const KEY = parseTsigKey('key "test.example" {\n\talgorithm hmac-sha256;\n\tsecret "MDEyMzQ1Njc4OWFiY2RlZg==";\n};\n')!;
const AT_MS = 1_700_000_000_500;

function hex(text: string): string {
  return text.replaceAll(/\s/g, '');
}

function bytesOf(text: string): Buffer {
  return Buffer.from(hex(text), 'hex');
}

/** Repeats itself: a failing case is found again. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test('an update is written byte by byte as RFC 2136 says: zone, condition, removal of the set, new records', (t) => {
  const bytes = updateBytes({
    id: 0x1234,
    zone: 'Corp.Test.',
    name: 'WEB.corp.test',
    addresses: ['10.0.0.2'],
    ttlSeconds: 60,
    onlyIf: ['10.0.0.1'],
  });
  const name = '03 776562 04 636f7270 04 74657374 00';
  t.is(
    Buffer.from(bytes).toString('hex'),
    hex(`1234 2800 0001 0001 0002 0000
      04 636f7270 04 74657374 00 0006 0001
      ${name} 0001 0001 00000000 0004 0a000001
      ${name} 0001 00ff 00000000 0000
      ${name} 0001 0001 0000003c 0004 0a000002`),
  );
});

test('a question is written byte by byte as RFC 1035 says', (t) => {
  t.is(
    Buffer.from(queryBytes(7, 'a.b', RECORD_A)).toString('hex'),
    hex('0007 0100 0001 0000 0000 0000 0161 0162 00 0001 0001'),
  );
});

test('a signature is the HMAC over message, key, time and limits, in the last record (RFC 8945)', (t) => {
  const message = queryBytes(7, 'a.b', RECORD_A);
  const { bytes, mac } = signMessage(message, KEY, AT_MS);
  const name = '04 74657374 07 6578616d706c65 00';
  const algorithm = '0b 686d61632d736861323536 00';
  const signed = Buffer.concat([message, bytesOf(`${name} 00ff 00000000 ${algorithm} 00006553f100 012c 0000 0000`)]);
  const expected = createHmac('sha256', '0123456789abcdef').update(signed).digest('hex');
  t.is(Buffer.from(mac).toString('hex'), expected);
  t.is(
    Buffer.from(bytes).toString('hex'),
    hex(`0007 0100 0001 0000 0000 0001 0161 0162 00 0001 0001
      ${name} 00fa 00ff 00000000 003d ${algorithm} 00006553f100 012c 0020 ${expected} 0007 0000 0000`),
  );
});

test('an answer counts only with the signature of the key, over this question, at this time', (t) => {
  const request = signMessage(queryBytes(7, 'a.b', RECORD_A), KEY, AT_MS);
  // An answer is signed over the question's signature too: made here as a server does.
  const answer = Buffer.from(queryBytes(7, 'a.b', RECORD_A));
  answer.writeUInt16BE(0x8180, 2);
  const prefix = Buffer.concat([Buffer.of(0, request.mac.length), request.mac]);
  const unsigned = signMessage(answer, KEY, AT_MS);
  const variables = bytesOf(
    '04 74657374 07 6578616d706c65 00 00ff 00000000 0b 686d61632d736861323536 00 00006553f100 012c 0000 0000',
  );
  const mac = createHmac('sha256', KEY.secret)
    .update(Buffer.concat([prefix, answer, variables]))
    .digest();
  const good = Buffer.from(unsigned.bytes);
  mac.copy(good, good.length - 6 - mac.length);
  const why = (bytes: Uint8Array, atMs = AT_MS) => whyNotSigned(bytes, decodeMessage(bytes), KEY, request.mac, atMs);
  t.is(why(good), undefined);
  t.is(why(unsigned.bytes), 'the signature of the answer is wrong');
  t.is(why(answer), 'the answer is not signed with the key');
  t.is(why(good, AT_MS + 301_000), 'the clocks are 301 s apart');
  // The first two bytes number the question; the signature holds that number itself.
  for (let at = 2; at < good.length; at += 1) {
    const broken = Buffer.from(good);
    broken[at]! ^= 1;
    t.not(why(broken), undefined, `a flipped bit in byte ${at}`);
  }
});

test('key files of every kind of line are read; what is none is refused', (t) => {
  t.is(parseTsigKey('key k { algorithm HMAC-SHA512; secret "YQ=="; };')?.algorithm, 'hmac-sha512');
  t.is(parseTsigKey('key k { algorithm hmac-md5; secret "YQ=="; };'), undefined);
  t.is(parseTsigKey('no key'), undefined);
});

test('compressed answers are read; pointers that go round in a circle are not followed', (t) => {
  const start = '0007 8580 0001 0002 0000 0000 03 777777 01 62 00 0001 0001';
  const alias = 'c00c 0005 0001 00000e10 0004 0161 c010';
  const address = 'c023 0001 0001 0000003c 0004 0a000003';
  const message = decodeMessage(bytesOf(`${start} ${alias} ${address}`));
  t.deepEqual(
    message?.answers.map(({ name, type, ttl, data }) => [name, type, ttl, Buffer.from(data).toString('latin1')]),
    [
      ['www.b', 5, 3600, 'a.b'],
      ['a.b', 1, 60, '\n\0\0\u0003'],
    ],
  );
  t.is(decodeMessage(bytesOf('0007 8580 0001 0000 0000 0000 c00c 0001 0001')), undefined);
});

test('ten thousand broken answers are refused or read, none throws', (t) => {
  const random = sequence(2136);
  const { bytes } = signMessage(
    updateBytes({ id: 1, zone: 'b', name: 'a.b', addresses: ['10.0.0.2', '10.0.0.3'], ttlSeconds: 5 }),
    KEY,
    AT_MS,
  );
  let read = 0;
  for (let n = 0; n < 10_000; n += 1) {
    const broken = Buffer.from(bytes.subarray(0, random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length)));
    for (let flips = Math.floor(random() * 6); flips > 0 && broken.length > 0; flips -= 1)
      broken[Math.floor(random() * broken.length)] = Math.floor(random() * 256);
    const message = decodeMessage(broken);
    if (message !== undefined) read += 1;
    if (!broken.equals(bytes)) t.not(whyNotSigned(broken, message, KEY, new Uint8Array(), AT_MS), undefined);
  }
  t.true(read > 100 && read < 9_900, `${read} could be read`);
});

test('names that no server could hold are refused, not sent', (t) => {
  t.is(nameBytes('a..b'), undefined);
  t.is(nameBytes('x'.repeat(64)), undefined);
  t.is(nameBytes(`${'x.'.repeat(128)}x`), undefined);
  t.throws(() => updateBytes({ id: 1, zone: 'b', name: 'a.b', addresses: ['10.0.0.256'], ttlSeconds: 1 }), {
    instanceOf: RangeError,
  });
  t.is(rcodeName(5), 'REFUSED');
});

test('servers are given with and without a port', (t) => {
  t.deepEqual(splitServer('192.0.2.1'), { host: '192.0.2.1', port: 53 });
  t.deepEqual(splitServer('dc1.corp.test:5353'), { host: 'dc1.corp.test', port: 5353 });
  t.deepEqual(splitServer('[2001:db8::1]:54'), { host: '2001:db8::1', port: 54 });
  t.deepEqual(splitServer('2001:db8::1'), { host: '2001:db8::1', port: 53 });
});
