import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import {
  addDevice,
  type DevicesDocument,
  findDevice,
  judge,
  mayGrant,
  resolveHost,
  revokeDevice,
  roleForJoiner,
} from '../../daemon/access/devices-model.ts';
import { loadIdentity } from '../../daemon/access/identity.ts';
import { Invitations } from '../../daemon/access/invitations.ts';
import { acceptJoiner, confirmationOf, proofMatches, proofOf } from '../../daemon/access/pairing.ts';
import { RateLimiter } from '../../daemon/access/rate-limit.ts';
import type { Clock, Random } from '../../daemon/ports.ts';
import type { SessionRole } from '../../shared/commands.ts';
import { Fault, type FaultCode } from '../../shared/faults.ts';
import { INVITE_LIFETIME_MS, INVITE_TRIES, type PairedDevice } from '../../shared/protocol/pairing.ts';
import type { PairJoin } from '../../shared/protocol/pairing-messages.ts';

class HandClock implements Clock {
  now = 1_000_000;
  wallMs(): number {
    return this.now + 5;
  }
  bootMs(): number {
    return this.now;
  }
  after(): never {
    throw new Error('not used here');
  }
}

function counting(): Random {
  let next = 1;
  return { bytes: (count) => new Uint8Array(count).fill(next++), fraction: () => 0.5 };
}

const ADMIN = 'ad'.repeat(32);
const HOST = 'aa'.repeat(32);
const JOINER = 'bb'.repeat(32);
const binding = { exported: new Uint8Array(32).fill(7), hostId: HOST, joinerId: JOINER };

function device(change: Partial<PairedDevice> = {}): PairedDevice {
  return { deviceId: JOINER, name: 'laptop', kind: 'console', role: 'control', pairedAt: 1, ...change };
}

function faultOf(t: { throws(run: () => unknown, expected: object): unknown }, run: () => unknown): FaultCode {
  return (t.throws(run, { instanceOf: Fault }) as Fault).code;
}

test('an unknown key, no key, a revoked key and the admin key from elsewhere are refused', (t) => {
  const document: DevicesDocument = { devices: [device()] };
  const verdict = (deviceId: string | undefined, fromThisHost = false) =>
    judge(document, ADMIN, { deviceId, fromThisHost });
  t.like(verdict(undefined), { known: false, fault: { code: 'ACCESS-UNKNOWN-DEVICE' } });
  t.like(verdict(HOST), { known: false, fault: { code: 'ACCESS-UNKNOWN-DEVICE' } });
  t.like(verdict(ADMIN), { known: false, fault: { code: 'ACCESS-UNKNOWN-DEVICE' } });
  t.like(verdict(ADMIN, true), { known: true, deviceId: 'local', role: 'super' });
  t.like(verdict(JOINER), { known: true, role: 'control', name: 'laptop' });
  revokeDevice(document, JOINER, 9);
  t.like(verdict(JOINER), { known: false, fault: { code: 'ACCESS-REVOKED' } });
  addDevice(document, device({ role: 'view' }));
  t.like(verdict(JOINER), { known: true, role: 'view' });
  t.is(document.devices.length, 1);
});

test('a device is named by its id, the beginning of it or its name, when that is unique', (t) => {
  const document: DevicesDocument = { devices: [device(), device({ deviceId: 'bc'.repeat(32), name: 'other' })] };
  t.is(findDevice(document, 'bbbbbbbb').name, 'laptop');
  t.is(findDevice(document, 'other').deviceId, 'bc'.repeat(32));
  t.is(
    faultOf(t, () => findDevice(document, 'b')),
    'ACCESS-UNKNOWN-DEVICE',
  );
  t.is(
    faultOf(t, () => findDevice(document, 'nobody')),
    'ACCESS-UNKNOWN-DEVICE',
  );
});

test('a host of a scenario is found by its pinned id, its address or its name, among paired hosts only', (t) => {
  const host = (n: string, change: Partial<PairedDevice> = {}): PairedDevice =>
    device({
      deviceId: n.repeat(64),
      name: `web${n}`,
      kind: 'host',
      role: 'peer',
      address: `10.0.0.${n}:1`,
      ...change,
    });
  const document: DevicesDocument = { devices: [host('1'), host('2'), host('3', { revokedAt: 5 }), device()] };
  const find = (name: string, address: string, deviceId?: string) =>
    resolveHost(document, { name, address, ...(deviceId === undefined ? {} : { deviceId }) });
  t.deepEqual(find('other', '10.0.0.1:1'), { deviceId: '1'.repeat(64), address: '10.0.0.1:1' });
  t.deepEqual(find('web2', 'moved:9'), { deviceId: '2'.repeat(64), address: 'moved:9' });
  t.deepEqual(find('web1', 'x:1', '2'.repeat(64)), { deviceId: '2'.repeat(64), address: 'x:1' });
  t.is(
    faultOf(t, () => find('web1', '10.0.0.1:1', '9'.repeat(64))),
    'ACCESS-UNKNOWN-DEVICE',
    'a pinned id is never replaced by a name',
  );
  t.is(
    faultOf(t, () => find('laptop', 'x:1')),
    'ACCESS-UNKNOWN-DEVICE',
  );
  t.is(
    faultOf(t, () => find('web3', 'x:1')),
    'ACCESS-REVOKED',
  );
});

test('when the list of devices is full, revoked ones give way and nobody else does', (t) => {
  const id = (n: number) => n.toString(16).padStart(64, '0');
  const document: DevicesDocument = { devices: [] };
  for (let n = 0; n < 1000; n += 1) addDevice(document, device({ deviceId: id(n) }));
  t.is(
    faultOf(t, () => addDevice(document, device())),
    'USAGE',
  );
  revokeDevice(document, id(500), 2);
  addDevice(document, device());
  t.is(document.devices.length, 1000);
  t.false(document.devices.some((one) => one.deviceId === id(500)));
});

test('nobody grants more than the own role, and machines grant nothing', (t) => {
  const allowed = (granter: SessionRole) =>
    (['view', 'control', 'admin', 'super', 'peer', 'witness'] as const).filter((role) => mayGrant(granter, role));
  t.deepEqual(allowed('super'), ['view', 'control', 'admin', 'super', 'peer', 'witness']);
  t.deepEqual(allowed('admin'), ['view', 'control', 'admin', 'peer', 'witness']);
  for (const granter of ['control', 'view', 'peer', 'witness'] as const) t.deepEqual(allowed(granter), []);
});

test('a host joins as a machine and a console as a person, whatever the invitation says', (t) => {
  t.is(roleForJoiner('host', undefined), 'peer');
  t.is(roleForJoiner('console', undefined), 'admin');
  t.is(roleForJoiner('console', 'view'), 'view');
  t.is(
    faultOf(t, () => roleForJoiner('console', 'peer')),
    'ACCESS-DENIED',
  );
  t.is(
    faultOf(t, () => roleForJoiner('host', 'super')),
    'ACCESS-DENIED',
  );
});

function join(secret: Uint8Array, change: Partial<PairJoin> = {}): PairJoin {
  const proof = proofOf('joiner', secret, binding);
  return { type: 'join', version: 1, kind: 'console', name: 'laptop', proof, ...change };
}

const seen = { remoteHost: '10.0.0.9', nowMs: 77 };

test('the right secret pairs once; the invitation is used up', (t) => {
  const invitations = new Invitations(new HandClock(), counting());
  const { secret } = invitations.invite('control', 'local');
  const accepted = acceptJoiner(invitations, join(secret), binding, seen);
  t.deepEqual(accepted.device, device({ pairedAt: 77 }));
  t.true(proofMatches(accepted.proof, 'host', secret, binding));
  t.is(accepted.confirmation, confirmationOf(binding));
  t.false(invitations.anyOpen);
  t.is(
    faultOf(t, () => acceptJoiner(invitations, join(secret), binding, seen)),
    'ACCESS-INVITE',
  );
});

test('after five wrong tries the right secret is refused too', (t) => {
  const invitations = new Invitations(new HandClock(), counting());
  const { secret } = invitations.invite(undefined, 'local');
  const wrong = new Uint8Array(16).fill(99);
  for (let n = 0; n < INVITE_TRIES; n += 1) {
    t.true(invitations.anyOpen);
    t.is(
      faultOf(t, () => acceptJoiner(invitations, join(wrong), binding, seen)),
      'ACCESS-INVITE',
    );
  }
  t.false(invitations.anyOpen);
  t.is(
    faultOf(t, () => acceptJoiner(invitations, join(secret), binding, seen)),
    'ACCESS-INVITE',
  );
});

test('four wrong tries leave the fifth for the right one', (t) => {
  const invitations = new Invitations(new HandClock(), counting());
  const { secret } = invitations.invite(undefined, 'local');
  for (let n = 0; n < INVITE_TRIES - 1; n += 1) invitations.redeem(() => false);
  t.is(acceptJoiner(invitations, join(secret), binding, seen).device.role, 'admin');
});

test('an invitation ends after ten minutes', (t) => {
  const clock = new HandClock();
  const invitations = new Invitations(clock, counting());
  const { secret, expiresAt } = invitations.invite(undefined, 'local');
  t.is(expiresAt, clock.wallMs() + INVITE_LIFETIME_MS);
  clock.now += INVITE_LIFETIME_MS - 1;
  t.true(invitations.anyOpen);
  clock.now += 1;
  t.false(invitations.anyOpen);
  t.is(
    faultOf(t, () => acceptJoiner(invitations, join(secret), binding, seen)),
    'ACCESS-INVITE',
  );
});

test('a proof made for another TLS session, host, joiner or side proves nothing', (t) => {
  const secret = new Uint8Array(16).fill(3);
  for (const other of [
    { ...binding, exported: new Uint8Array(32) },
    { ...binding, hostId: JOINER },
    { ...binding, joinerId: HOST },
  ]) {
    t.false(proofMatches(proofOf('joiner', secret, other), 'joiner', secret, binding));
  }
  t.false(proofMatches(proofOf('host', secret, binding), 'joiner', secret, binding));
  t.true(proofMatches(proofOf('joiner', secret, binding), 'joiner', secret, binding));
});

test('a joining host is remembered where it says it listens, else where it came from', (t) => {
  const accepted = (change: Partial<PairJoin>) => {
    const invitations = new Invitations(new HandClock(), counting());
    const { secret } = invitations.invite('peer', 'local');
    return acceptJoiner(invitations, join(secret, { kind: 'host', ...change }), binding, seen).device.address;
  };
  t.is(accepted({ port: 7400 }), '10.0.0.9:7400');
  t.is(accepted({ port: 7400, address: 'web2:7400' }), 'web2:7400');
  t.is(
    faultOf(t, () => accepted({})),
    'COMMAND-INVALID',
  );
});

test('a rate limit allows a burst, then as many as time gives back, each key for itself', (t) => {
  const clock = new HandClock();
  const limiter = new RateLimiter(clock, { burst: 3, perSecond: 2 });
  const allowed = (key: string, count: number) => Array.from({ length: count }, () => limiter.take(key));
  t.deepEqual(allowed('a', 4), [true, true, true, false]);
  t.true(limiter.take('b'));
  clock.now += 1000;
  t.deepEqual(allowed('a', 3), [true, true, false]);
  clock.now += 3_600_000;
  t.deepEqual(allowed('a', 4), [true, true, true, false]);
});

test('an identity is made once, kept in files only its owner reads, and never replaced when damaged', async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/network-identity-`);
  t.teardown(() => rmSync(directory, { recursive: true }));
  const place = `${directory}/identity`;
  const first = await loadIdentity(place, 'web1', 1_800_000_000_000);
  t.regex(first.deviceId, /^[0-9a-f]{64}$/);
  t.deepEqual(await loadIdentity(place, 'web1', 1_900_000_000_000), first);
  t.is(statSync(place).mode & 0o777, 0o700);
  for (const name of ['key.pem', 'cert.pem']) t.is(statSync(`${place}/${name}`).mode & 0o777, 0o600);

  const key = readFileSync(`${place}/key.pem`, 'utf8');
  writeFileSync(`${place}/key.pem`, key.slice(0, 100));
  t.like(await t.throwsAsync(loadIdentity(place, 'web1', 1), { instanceOf: Fault }), { code: 'STATE-DAMAGED' });
  const other = await loadIdentity(`${directory}/other`, 'web2', 1_800_000_000_000);
  writeFileSync(`${place}/key.pem`, other.key);
  t.like(await t.throwsAsync(loadIdentity(place, 'web1', 1), { instanceOf: Fault }), { code: 'STATE-DAMAGED' });
  t.is(readFileSync(`${place}/key.pem`, 'utf8'), other.key);
});
