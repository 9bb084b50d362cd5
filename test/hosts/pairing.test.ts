import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { Identity } from '../../daemon/access/identity.ts';
import { PinnedAgent } from '../../daemon/link/dial.ts';
import { joinHost } from '../../daemon/link/join.ts';
import { Fault } from '../../shared/faults.ts';
import {
  decodeInvite,
  EXPORTER_BYTES,
  EXPORTER_LABEL,
  encodeInvite,
  INVITE_LIFETIME_MS,
  type PairResult,
  parseAddress,
} from '../../shared/protocol/pairing.ts';
import {
  ask,
  auditText,
  faultCode,
  freshIdentity,
  inviteFrom,
  openConsole,
  RigClock,
  type RigHost,
  rawConnection,
  startRigHost,
  temporaryDirectory,
  textUntilClose,
  until,
} from './network-rig.ts';

const self = { name: 'web2', port: 7401 };

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'none',
    (error: unknown) => Fault.from(error).code,
  );
}

/** An invitation with another secret: what somebody has who guesses. */
function guessed(invite: string, n: number): string {
  const decoded = decodeInvite(invite);
  return encodeInvite({ ...decoded, secret: n.toString(16).padStart(32, '0') });
}

function join(host: RigHost, identity: Identity, invite: string) {
  return joinHost(identity, invite, self, host.clock);
}

test('two hosts pair: each pins the other, both as peers, and the same confirmation appears on both', async (t) => {
  const master = await startRigHost(t, 'web1');
  const replica = await startRigHost(t, 'web2');
  const admin = await openConsole(t, master, master.admin);
  const { invite } = inviteFrom(replica, 'peer');
  const reply = await ask(admin, 'pair.accept', { invite });
  t.true(reply.ok, JSON.stringify(reply));
  const confirmation = reply.ok ? (reply.result as PairResult).confirmation : '';
  t.regex(confirmation, /^\d{4}-\d{4}$/);
  t.is(replica.eventsOf('ACC-001')[0]?.data.confirmation, confirmation);
  const onMaster = master.network.access.devices;
  const onReplica = replica.network.access.devices;
  t.like(onMaster[0], { deviceId: replica.network.deviceId, name: 'web2', role: 'peer', address: replica.address });
  t.like(onReplica[0], { deviceId: master.network.deviceId, name: 'web1', role: 'peer', address: master.address });
  t.is(master.eventsOf('ACC-001').length, 1);
  t.is(replica.eventsOf('ACC-001').length, 1);
  t.false(auditText(master).includes(decodeInvite(invite).secret), 'the secret must not be in the audit log');
});

test('a host keeps its identity and its paired devices over a restart; its invitations end', async (t) => {
  const data = temporaryDirectory(t);
  const first = await startRigHost(t, 'web1', { data });
  const joiner = await freshIdentity(t);
  await join(first, joiner, inviteFrom(first, 'peer').invite);
  const { invite } = inviteFrom(first, 'peer');
  await first.close();
  const second = await startRigHost(t, 'web1', { data, listen: first.address });
  t.is(second.network.deviceId, first.network.deviceId);
  t.is(second.network.access.devices[0]?.deviceId, joiner.deviceId);
  t.is(await codeOf(join(second, await freshIdentity(t), invite)), 'ACCESS-INVITE');
});

test('an invitation works once', async (t) => {
  const host = await startRigHost(t, 'web1');
  const { invite } = inviteFrom(host, 'peer');
  t.is(await codeOf(join(host, await freshIdentity(t), invite)), 'none');
  t.is(await codeOf(join(host, await freshIdentity(t), invite)), 'ACCESS-INVITE');
  t.is(host.network.access.devices.length, 1);
});

test('an invitation has ended after ten minutes', async (t) => {
  const host = await startRigHost(t, 'web1');
  const { invite } = inviteFrom(host, 'peer');
  host.clock.aheadMs += INVITE_LIFETIME_MS;
  t.is(await codeOf(join(host, await freshIdentity(t), invite)), 'ACCESS-INVITE');
});

test('five guesses are refused as wrong, and then even the right secret is', async (t) => {
  const host = await startRigHost(t, 'web1');
  const { invite } = inviteFrom(host, 'peer');
  const stranger = await freshIdentity(t);
  for (let n = 1; n <= 5; n += 1) t.is(await codeOf(join(host, stranger, guessed(invite, n))), 'ACCESS-INVITE');
  t.is(await codeOf(join(host, stranger, guessed(invite, 6))), 'ACCESS-INVITE');
  t.is(await codeOf(join(host, stranger, invite)), 'ACCESS-INVITE');
  t.is(host.network.access.devices.length, 0);
  t.true(host.eventsOf('ACC-004').length >= 5);
});

test('a joiner does not say a word to a host with another key than the invitation pins', async (t) => {
  const host = await startRigHost(t, 'web1');
  const { invite } = inviteFrom(host, 'peer');
  const forged = encodeInvite({ ...decodeInvite(invite), deviceId: 'ab'.repeat(32) });
  t.is(await codeOf(join(host, await freshIdentity(t), forged)), 'ACCESS-PIN');
  t.is(host.eventsOf('ACC-004').length, 0);
  t.is(host.eventsOf('ACC-002').length, 0);
});

test('a host that cannot prove the invitation is not trusted, even with the pinned key', async (t) => {
  const identity = await freshIdentity(t, 'half a host');
  const server = createServer({
    key: identity.key,
    cert: identity.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const answers = [
    { type: 'paired', name: 'web1', role: 'peer', proof: '00'.repeat(32) },
    { type: 'paired', name: 'web1', role: 'root', proof: '00'.repeat(32) },
    { type: 'refused' },
    {},
  ];
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mainstay-pair\r\n\r\n');
    socket.once('data', () => socket.end(`${JSON.stringify(answers.shift())}\n`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const invite = encodeInvite({ address, deviceId: identity.deviceId, secret: 'ab'.repeat(16) });
  const joiner = await freshIdentity(t);
  const clock = new RigClock();
  const codes = [];
  while (answers.length > 0) codes.push(await codeOf(joinHost(joiner, invite, self, clock)));
  t.deepEqual(codes, ['ACCESS-INVITE', 'LINK-REFUSED', 'LINK-REFUSED', 'LINK-REFUSED']);
});

test('a console gets the role of its invitation, a machine cannot become a person, nor a person a machine', async (t) => {
  const host = await startRigHost(t, 'web1');
  t.is(await codeOf(join(host, await freshIdentity(t), inviteFrom(host, 'super').invite)), 'ACCESS-DENIED');
  t.is(host.network.access.devices.length, 0);
});

test('both sides take the same keying material, and every connection other', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await freshIdentity(t);
  const [one, two] = await Promise.all([
    rawConnection(t, host.address, identity),
    rawConnection(t, host.address, identity),
  ]);
  const material = [one, two].map((socket) =>
    socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0)),
  );
  t.notDeepEqual(material[0], material[1]);
});

test('what is not a pairing message is refused with a code, and silence ends', async (t) => {
  const host = await startRigHost(t, 'web1');
  inviteFrom(host, 'peer');
  const identity = await freshIdentity(t);
  const upgrade = 'GET /pair HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mainstay-pair\r\n\r\n';
  for (const message of [
    '{}\n',
    'not json\n',
    `${'x'.repeat(10_000)}`,
    '{"type":"join","version":1}\n',
    '\n',
    '[]\n',
  ]) {
    const socket = await rawConnection(t, host.address, identity);
    const text = textUntilClose(socket);
    socket.write(upgrade + message);
    t.regex(await text, /101 Switching[\s\S]*"type":"refused"[\s\S]*COMMAND-INVALID/, message.slice(0, 30));
  }
  const wrong = await rawConnection(t, host.address, identity);
  const text = textUntilClose(wrong);
  wrong.write(upgrade.replace('mainstay-pair', 'websocket'));
  t.regex(await text, /^HTTP\/1.1 403[\s\S]*COMMAND-INVALID/);
  t.is(host.network.access.devices.length, 0);
});

test('without a certificate nobody pairs', async (t) => {
  const host = await startRigHost(t, 'web1');
  inviteFrom(host, 'peer');
  const socket = await rawConnection(t, host.address);
  const text = textUntilClose(socket);
  socket.write('GET /pair HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mainstay-pair\r\n\r\n');
  t.regex(await text, /^HTTP\/1.1 403[\s\S]*ACCESS-INVITE/);
});

test('a device that pairs again changes its role at once, and its old connections end', async (t) => {
  const host = await startRigHost(t, 'web1');
  const joiner = await freshIdentity(t);
  await join(host, joiner, inviteFrom(host, 'peer').invite);
  const before = await openConsole(t, host, joiner);
  const ended = new Promise<void>((resolve) => before.once('disconnect', () => resolve()));
  t.is(await codeOf(join(host, joiner, inviteFrom(host, 'witness').invite)), 'none');
  await ended;
  t.deepEqual(
    host.network.access.devices.map(({ role }) => role),
    ['witness'],
  );
});

test('a revoked device loses its live connection within a second and is told why it cannot come back', async (t) => {
  const host = await startRigHost(t, 'web1');
  const joiner = await freshIdentity(t);
  await join(host, joiner, inviteFrom(host, 'peer').invite);
  const admin = await openConsole(t, host, host.admin);
  const live = await openConsole(t, host, joiner);
  let droppedAt = 0;
  live.once('disconnect', () => {
    droppedAt = performance.now();
  });
  const revokedAt = performance.now();
  const reply = await ask(admin, 'pair.revoke', { deviceId: joiner.deviceId.slice(0, 12) });
  t.is(faultCode(reply), 'none');
  await until('the connection drops', () => droppedAt > 0, 1_000);
  t.true(droppedAt - revokedAt < 1_000);
  await t.throwsAsync(openConsole(t, host, joiner));
  t.regex(await accessText(host, joiner), /ACCESS-REVOKED/);
  t.is(host.eventsOf('ACC-003').length, 1);
  t.is(await codeOf(join(host, joiner, inviteFrom(host, 'peer').invite)), 'none');
  t.regex(await accessText(host, joiner), /"role":"peer"/);
});

function accessText(host: RigHost, identity: Identity): Promise<string> {
  const agent = new PinnedAgent(identity, { address: host.address, deviceId: host.network.deviceId });
  const target = parseAddress(host.address);
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, ...target, path: '/access' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(text));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
