import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import test from 'ava';
import type { PushBatch } from '../../shared/protocol/console.ts';
import { parseAddress } from '../../shared/protocol/pairing.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import {
  ask,
  auditText,
  faultCode,
  freshIdentity,
  openConsole,
  rawConnection,
  startRigHost,
  textUntilClose,
  trusted,
  until,
} from './network-rig.ts';

const WEBSOCKET =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const LINK = `GET /link/${'0'.repeat(32)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mainstay-link\r\n\r\n`;

test('an unknown key gets one fixed 403 with its reason, whatever it asks for', async (t) => {
  const host = await startRigHost(t, 'web1');
  const stranger = await freshIdentity(t);
  for (const text of [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /access HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`,
    WEBSOCKET,
    LINK,
  ]) {
    for (const identity of [stranger, undefined]) {
      const socket = await rawConnection(t, host.address, identity);
      const answer = textUntilClose(socket);
      socket.write(text);
      t.regex(await answer, /^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*ACCESS-UNKNOWN-DEVICE/, text.slice(0, 30));
    }
  }
  const events = host.eventsOf('ACC-002');
  t.true(events.length >= 1 && events.length <= 3, `the event log is not flooded: ${events.length}`);
});

test('the admin key of the data directory is a super user', async (t) => {
  const host = await startRigHost(t, 'web1');
  const client = await openConsole(t, host, host.admin);
  t.is(faultCode(await ask(client, 'pair.invite', { role: 'super' })), 'none');
  t.regex(auditText(host), /"command":"pair.invite"/);
});

test('each connection is welcomed with its role', async (t) => {
  const host = await startRigHost(t, 'web1');
  for (const role of ['view', 'control', 'admin', 'super', 'peer', 'witness'] as const) {
    const identity = await trusted(t, host, role);
    const client = await openConsole(t, host, identity);
    const [welcome] = await once(client as never, 'welcome');
    t.is((welcome as { role: string }).role, role);
    const subscribed = await client.timeout(5_000).emitWithAck('subscribe');
    t.is(faultCode(subscribed), role === 'peer' || role === 'witness' ? 'ACCESS-DENIED' : 'none', role);
  }
});

test('a console that subscribed gets a snapshot, then batches of what changed', async (t) => {
  const host = await startRigHost(t, 'web1');
  const scenario = { id: 's1', name: 'sites', state: 'stopped' } as ScenarioStatus;
  host.board.list = [scenario];
  const client = await openConsole(t, host, await trusted(t, host, 'view'));
  const batches: PushBatch[] = [];
  client.on('push', (batch) => batches.push(batch));
  const snapshot = once(client as never, 'snapshot');
  t.is(faultCode(await client.timeout(5_000).emitWithAck('subscribe')), 'none');
  const [first] = (await snapshot) as [{ scenarios: ScenarioStatus[]; daemon: { name: string } }];
  t.is(first.daemon.name, 'web1');
  t.deepEqual(first.scenarios, [scenario]);

  host.board.list = [{ ...scenario, state: 'protected' }];
  for (let n = 0; n < 500; n += 1) host.board.changed('s1');
  host.events.record('HST-001', { version: 'x' });
  await until('a push with both', () => batches.some((batch) => batch.events.length > 0));
  t.is(batches[0]?.scenarios[0]?.state, 'protected');
  t.true(batches.length <= 2, `coalesced: ${batches.length} pushes`);
  host.board.list = [];
  host.board.changed('s1');
  await until('the removal', () => batches.some((batch) => batch.removedScenarios.includes('s1')));
  await until('a sign of life without any change', () => batches.some((batch) => batch.daemon !== undefined));
});

test('who did not subscribe gets no pushes', async (t) => {
  const host = await startRigHost(t, 'web1');
  const quiet = await openConsole(t, host, await trusted(t, host, 'view'));
  const loud = await openConsole(t, host, await trusted(t, host, 'view'));
  let pushes = 0;
  quiet.onAny((name: string) => {
    if (name === 'push' || name === 'snapshot') pushes += 1;
  });
  await loud.timeout(5_000).emitWithAck('subscribe');
  const pushed = once(loud as never, 'push');
  host.events.record('HST-001', { version: 'x' });
  await pushed;
  t.is(faultCode(await ask(quiet, 'daemon.info')), 'none');
  t.is(pushes, 0);
});

test('a message above 1 MiB ends the connection, and only that one', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'super');
  const bad = await openConsole(t, host, identity);
  const good = await openConsole(t, host, identity);
  const ended = once(bad as never, 'disconnect');
  bad.emit('request', { id: 'request-1', command: 'daemon.info', args: 'x'.repeat(1_100_000) }, () => undefined);
  await ended;
  t.is(faultCode(await ask(good, 'daemon.info')), 'none');
});

test('events that are not ours are ignored, and a connection that goes on with them ends', async (t) => {
  const host = await startRigHost(t, 'web1');
  const client = await openConsole(t, host, await trusted(t, host, 'super'));
  const anything = client as unknown as { emit(name: string, ...args: unknown[]): void };
  anything.emit('request');
  anything.emit('request', { id: 'request-1', command: 'daemon.info', args: {} });
  anything.emit('request', () => undefined);
  anything.emit('constructor', 1);
  anything.emit('subscribe', 1, 2, 3);
  t.is(faultCode(await ask(client, 'daemon.info')), 'none', 'a few mistakes are forgiven');
  const ended = once(client as never, 'disconnect');
  for (let n = 0; n < 10; n += 1) anything.emit('nonsense', n);
  await ended;
});

test('malformed WebSocket and Socket.IO bytes end the connection and hurt nobody else', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'super');
  const good = await openConsole(t, host, identity);
  const frames = [
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from('not a frame at all, just text'),
    // An announced length of 2^62 bytes.
    Buffer.from([0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
    // Unmasked text: a client must mask.
    Buffer.from([0x81, 0x02, 0x34, 0x30]),
    // A masked engine.io packet of an unknown type, then a Socket.IO packet that is no JSON.
    masked('z'),
    masked('42{{{{'),
    masked('4999999999999999-["x"]'),
  ];
  for (const frame of frames) {
    const socket = await rawConnection(t, host.address, identity);
    const closed = textUntilClose(socket);
    socket.write(WEBSOCKET);
    socket.write(frame);
    t.regex(await closed, /^HTTP\/1\.1 (?:101|400)/, frame.toString('hex').slice(0, 20));
  }
  t.is(faultCode(await ask(good, 'daemon.info')), 'none');
});

function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

test('a WebSocket that never joins is closed', async (t) => {
  const host = await startRigHost(t, 'web1');
  const socket = await rawConnection(t, host.address, await trusted(t, host, 'view'));
  const closed = textUntilClose(socket);
  socket.write(WEBSOCKET);
  const started = performance.now();
  await closed;
  t.true(performance.now() - started < 8_000);
});

test('a known device gets 404 for pages and for unknown upgrades, never a file', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'super');
  for (const path of ['/', '/socket.io/socket.io.js', '/../../etc/passwd', '/metrics', '/pair/x', '/link']) {
    const plain = await rawConnection(t, host.address, identity);
    const plainAnswer = textUntilClose(plain);
    plain.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    t.regex(await plainAnswer, /^HTTP\/1\.1 404/, path);
  }
  for (const path of ['/', '/other', '/socket.io', '/linkage/x', '/admin']) {
    const socket = await rawConnection(t, host.address, identity);
    const answer = textUntilClose(socket);
    socket.write(WEBSOCKET.replace(/GET \S+/, `GET ${path}`));
    t.regex(await answer, /^HTTP\/1\.1 404/, path);
  }
});

test('bytes that are no TLS, no HTTP or no end of a header are cut off while others are served', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'view');
  const { host: name, port } = parseAddress(host.address);
  const started = performance.now();
  const silent = connectPlain(port, name);
  const noTls = connectPlain(port, name);
  for (const socket of [silent, noTls]) {
    socket.on('error', () => undefined);
    socket.resume();
    t.teardown(() => socket.destroy());
  }
  const plainClosed = [once(silent, 'close'), once(noTls, 'close')];
  noTls.write('GET / HTTP/1.1\r\n\r\n');
  const quiet = await rawConnection(t, host.address, identity);
  const slow = await rawConnection(t, host.address, identity);
  const noHttp = await rawConnection(t, host.address, identity);
  const huge = await rawConnection(t, host.address, identity);
  const drip = setInterval(() => slow.write('X-A: b\r\n'), 300);
  t.teardown(() => clearInterval(drip));
  slow.write('GET / HTTP/1.1\r\n');
  noHttp.write('\0\0\0\0 nonsense\r\n\r\n');
  huge.write(`GET / HTTP/1.1\r\nX-Big: ${'x'.repeat(100_000)}\r\n\r\n`);
  const all = Promise.all([
    ...plainClosed,
    textUntilClose(quiet),
    textUntilClose(slow),
    textUntilClose(noHttp),
    textUntilClose(huge),
  ]);
  const client = await openConsole(t, host, identity);
  t.is(faultCode(await ask(client, 'daemon.info')), 'none');
  await all;
  t.true(performance.now() - started < 12_000);
  t.is(faultCode(await ask(client, 'daemon.info')), 'none', 'an open console is not cut off with them');
});

test('200 consoles at the same time are all served and all told', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'view');
  const clients = await Promise.all(Array.from({ length: 200 }, () => openConsole(t, host, identity)));
  const told = clients.map((client) => once(client as never, 'push'));
  const subscribed = await Promise.all(clients.map((client) => client.timeout(20_000).emitWithAck('subscribe')));
  t.true(subscribed.every((reply) => reply.ok));
  host.events.record('HST-001', { version: 'x' });
  await Promise.all(told);
  const replies = await Promise.all(clients.map((client) => ask(client, 'daemon.info')));
  t.true(replies.every((reply) => reply.ok));
});

// Serial, and within the handshake's own limit of 5 s: it must be the number of strangers that ends them.
test.serial('strangers that flood the port lose their places, and consoles keep theirs', async (t) => {
  const host = await startRigHost(t, 'web1');
  const identity = await trusted(t, host, 'view');
  const { host: name, port } = parseAddress(host.address);
  const before = await openConsole(t, host, identity);
  let ended = 0;
  for (let n = 0; n < 360; n += 1) {
    const socket = connectPlain(port, name);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      ended += 1;
    });
    socket.resume();
    t.teardown(() => socket.destroy());
    if (n % 20 === 0) await once(socket, 'connect');
  }
  await until('the first ones are cut off', () => ended >= 50, 4_000);
  const after = await openConsole(t, host, identity);
  t.is(faultCode(await ask(before, 'daemon.info')), 'none');
  t.is(faultCode(await ask(after, 'daemon.info')), 'none');
});

test('a console that asks and never reads is disconnected before memory grows', async (t) => {
  const big = 'x'.repeat(2_000_000);
  const host = await startRigHost(t, 'web1', { handlers: { 'scenario.list': () => big } });
  const identity = await trusted(t, host, 'view');
  const socket = await rawConnection(t, host.address, identity);
  let connected = true;
  socket.once('close', () => {
    connected = false;
  });
  socket.on('error', () => undefined);
  socket.write(WEBSOCKET);
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  socket.pause();
  socket.write(masked('40'));
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  let number = 0;
  let growth = 0;
  while (connected && number < 150) {
    number += 1;
    const request = `42${number}["request",{"id":"request-${number}","command":"scenario.list","args":{}}]`;
    socket.write(longMasked(request));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = process.memoryUsage();
    growth = Math.max(growth, now.arrayBuffers + now.heapUsed - before);
  }
  await until('it is disconnected', () => host.network.connections() === 0);
  t.true(growth < 120_000_000, `grew by ${growth}`);
});

function longMasked(text: string): Buffer {
  const head = text.length < 126 ? [0x81, 0x80 | text.length] : [0x81, 0xfe, text.length >> 8, text.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text)]);
}
