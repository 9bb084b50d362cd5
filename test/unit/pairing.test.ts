import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { Fault } from '../../shared/faults.ts';
import { makeIdentity } from '../../shared/protocol/identity.ts';
import {
  confirmationInput,
  confirmationText,
  decodeInvite,
  encodeInvite,
  formatAddress,
  parseAddress,
  proofInput,
  shortDeviceId,
} from '../../shared/protocol/pairing.ts';
import { pairAnswer, pairJoin } from '../../shared/protocol/pairing-messages.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const deviceId = 'a'.repeat(64);
const secret = '0123456789abcdef'.repeat(2);

test('an invitation survives being copied, with spaces around it and an IPv6 address in it', (t) => {
  for (const address of ['127.0.0.1:7400', 'web1.example.org:443', '[::1]:7400']) {
    const text = encodeInvite({ address, deviceId, secret });
    t.notRegex(text, /\s/);
    t.deepEqual(decodeInvite(`  ${text}\n`), { address, deviceId, secret });
  }
});

test('what is not an invitation is refused with a code', (t) => {
  const good = encodeInvite({ address: '127.0.0.1:7400', deviceId, secret });
  for (const text of [
    '',
    'hello',
    good.slice(1),
    good.slice(0, -1),
    `${good}0`,
    `${good}/x`,
    good.replace('aaaa', 'AAAA'),
    good.replace('aaaa', 'zzzz'),
    good.replace(':7400', ''),
  ]) {
    const fault = t.throws(() => decodeInvite(text), { instanceOf: Fault });
    t.true(fault.code === 'ACCESS-INVITE' || fault.code === 'USAGE', text);
  }
});

test('whatever is pasted as an invitation is decoded or refused, never a crash', (t) => {
  const near = fc
    .array(fc.constantFrom('mainstay1:', '/', ':', '[', ']', 'a'.repeat(64), '0'.repeat(32), '127.0.0.1:1', '\0', ' '))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      try {
        const invite = decodeInvite(text);
        t.deepEqual(decodeInvite(encodeInvite(invite)), invite);
      } catch (error) {
        t.true(error instanceof Fault && error.code !== 'INTERNAL', text);
      }
    }),
  );
});

test('addresses are HOST:PORT', (t) => {
  t.deepEqual(parseAddress('[fe80::1]:80'), { host: 'fe80::1', port: 80 });
  t.deepEqual(parseAddress('localhost:0'), { host: 'localhost', port: 0 });
  t.is(formatAddress('::1', 5), '[::1]:5');
  t.is(formatAddress('10.0.0.1', 5), '10.0.0.1:5');
  for (const wrong of ['', 'host', 'host:', ':80', 'host:70000', 'a b:1', '::1:80', 'h/x:1']) {
    t.throws(() => parseAddress(wrong), { instanceOf: Fault }, wrong);
  }
});

test('a proof is different for each side, each TLS session and each pair of devices', (t) => {
  const binding = { exported: new Uint8Array(32).fill(1), hostId: deviceId, joinerId: 'b'.repeat(64) };
  const inputs = [
    proofInput('host', binding),
    proofInput('joiner', binding),
    confirmationInput(binding),
    proofInput('host', { ...binding, exported: new Uint8Array(32).fill(2) }),
    proofInput('host', { ...binding, hostId: binding.joinerId, joinerId: deviceId }),
  ];
  t.is(new Set(inputs.map((input) => Buffer.from(input).toString('hex'))).size, inputs.length);
});

test('the confirmation is two groups of four digits', (t) => {
  t.is(confirmationText(new Uint8Array(32)), '0000-0000');
  t.regex(confirmationText(createHash('sha256').update('x').digest()), /^\d{4}-\d{4}$/);
  t.is(shortDeviceId(deviceId).length, 12);
});

test('pairing messages with unknown fields or wrong types are refused', (t) => {
  const join = { type: 'join', version: 1, kind: 'host', name: 'b', port: 7400, proof: 'c'.repeat(64) };
  t.true(pairJoin.safeParse(join).success);
  for (const change of [{ version: 2 }, { proof: 'x' }, { extra: 1 }, { name: '' }, { port: 0 }, { kind: 'witness' }]) {
    t.false(pairJoin.safeParse({ ...join, ...change }).success, JSON.stringify(change));
  }
  const fault = new Fault('ACCESS-INVITE').toDocument();
  t.true(pairAnswer.safeParse({ type: 'refused', fault }).success);
  t.false(pairAnswer.safeParse({ type: 'refused', fault: null }).success);
  t.false(pairAnswer.safeParse({ type: 'paired', name: 'a', role: 'root', proof: 'c'.repeat(64) }).success);
});

test('an identity is a P-256 key with a certificate of the same key', async (t) => {
  const pems = await makeIdentity('web1', 1_800_000_000_000);
  const key = createPrivateKey(pems.key);
  const certificate = new X509Certificate(pems.certificate);
  t.is(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.true(certificate.checkPrivateKey(key));
  t.is(certificate.subject, 'CN=web1');
});
