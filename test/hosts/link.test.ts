import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import type { LinkStream } from '../../daemon/ports.ts';
import type { KeptLink } from '../../daemon/services.ts';
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import {
  localSession,
  type RigHost,
  rawConnection,
  startRigHost,
  textUntilClose,
  trusted,
  until,
} from './network-rig.ts';

const SCENARIO = 'ab'.repeat(16);

interface Pair {
  readonly master: RigHost;
  readonly replica: RigHost;
  /** The Replica as the Master's scenario names it. */
  readonly host: HostReference;
}

/** Two hosts that trust each other as peers. */
async function pairOfHosts(
  t: Parameters<typeof startRigHost>[0],
  options: Parameters<typeof startRigHost>[2] = {},
): Promise<Pair> {
  const [master, replica] = await Promise.all([startRigHost(t, 'web1'), startRigHost(t, 'web2', options)]);
  await introduce(master, replica);
  await introduce(replica, master);
  return { master, replica, host: { name: 'web2', address: replica.address } };
}

function introduce(to: RigHost, other: RigHost): Promise<void> {
  const { deviceId } = other.network;
  const { name, address } = other;
  return to.network.access.trust({ deviceId, name, address, kind: 'host', role: 'peer', pairedAt: 1 }, 'test', '');
}

/** Keeps what arrives on a stream. */
class Heard {
  bytes = 0;
  readonly closed: string[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly stream: LinkStream;

  constructor(stream: LinkStream, keep = true) {
    this.stream = stream;
    stream.onBytes = (bytes) => {
      this.bytes += bytes.length;
      if (keep) this.chunks.push(bytes);
    };
    stream.onClose = (reason) => this.closed.push(reason);
  }

  text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

interface Kept {
  readonly link: KeptLink;
  readonly opened: Heard[];
  readonly down: string[];
}

function keep(t: { teardown(run: () => void): void }, { master, host }: Pair, scenario = SCENARIO): Kept {
  const opened: Heard[] = [];
  const down: string[] = [];
  const link = master.network.links.keep(
    host,
    scenario,
    (stream) => opened.push(new Heard(stream)),
    (reason) => down.push(reason),
  );
  t.teardown(() => link.stop());
  return { link, opened, down };
}

/** Takes every incoming link. */
function listening(host: RigHost): { heard: Heard[]; asked: string[] } {
  const result: { heard: Heard[]; asked: string[] } = { heard: [], asked: [] };
  host.network.links.onIncoming = (scenarioId, deviceId) => {
    result.asked.push(`${scenarioId} ${deviceId}`);
    return (stream) => result.heard.push(new Heard(stream));
  };
  return result;
}

test('bytes go both ways, in order, in buffers of their own', async (t) => {
  const pair = await pairOfHosts(t);
  const incoming = listening(pair.replica);
  const { opened } = keep(t, pair);
  await until('both ends are open', () => opened.length === 1 && incoming.heard.length === 1);
  t.deepEqual(incoming.asked, [`${SCENARIO} ${pair.master.network.deviceId}`]);
  for (let n = 0; n < 100; n += 1) opened[0]!.stream.send(Buffer.from(`${n},`));
  incoming.heard[0]!.stream.send(Buffer.from('answer'));
  const expected = Array.from({ length: 100 }, (_, n) => `${n},`).join('');
  await until('all arrived', () => incoming.heard[0]!.text() === expected && opened[0]!.text() === 'answer');
  for (const chunk of incoming.heard[0]!.chunks) t.is(chunk.byteLength, chunk.buffer.byteLength);
});

test('a link that breaks is dialed again until it is stopped', async (t) => {
  const pair = await pairOfHosts(t);
  const incoming = listening(pair.replica);
  const { link, opened } = keep(t, pair);
  for (let n = 1; n <= 3; n += 1) {
    await until('it is open', () => opened.length === n && incoming.heard.length === n);
    incoming.heard[n - 1]!.stream.close();
    await until('the other end hears of it', () => opened[n - 1]!.closed.length === 1);
  }
  await until('it is open again', () => opened.length === 4);
  link.stop();
  await until('both ends are closed', () => incoming.heard[3]?.closed.length === 1 && opened[3]!.closed.length === 1);
  t.deepEqual(opened[3]!.closed, ['closed by this host']);
});

test('what was sent before a stop arrives', async (t) => {
  const pair = await pairOfHosts(t);
  const incoming = listening(pair.replica);
  const { link, opened } = keep(t, pair);
  await until('it is open', () => opened.length === 1);
  opened[0]!.stream.send(new Uint8Array(3_000_000));
  link.stop();
  await until('it is closed', () => incoming.heard[0]?.closed.length === 1);
  t.is(incoming.heard[0]?.bytes, 3_000_000);
});

test('a host that comes up later is reached without anybody asking', async (t) => {
  const pair = await pairOfHosts(t);
  await pair.replica.close();
  const { opened, down } = keep(t, pair);
  await until('attempts fail', () => down.length >= 2);
  t.regex(down[0]!, /Cannot reach/);
  const again = await startRigHost(t, 'web2', { data: pair.replica.data, listen: pair.replica.address });
  const incoming = listening(again);
  await until('it is open', () => opened.length === 1 && incoming.heard.length === 1, 10_000);
});

test('the refusal of the other host is told with its reason', async (t) => {
  const pair = await pairOfHosts(t);
  pair.replica.network.links.onIncoming = () => {
    throw new Fault('LINK-REFUSED', { reason: 'no such scenario' });
  };
  const { down, opened } = keep(t, pair);
  await until('it is refused', () => down.length >= 1);
  t.regex(down[0]!, /no such scenario/);
  t.is(opened.length, 0);
  await until('it is in the event log there', () => pair.replica.eventsOf('ACC-004').length > 0);
});

test('only peers open links, and only for scenario ids', async (t) => {
  const pair = await pairOfHosts(t);
  const incoming = listening(pair.replica);
  const attempt = async (role: 'peer' | 'super' | 'view' | 'witness', path: string, upgrade = 'mainstay-link') => {
    const socket = await rawConnection(t, pair.replica.address, await trusted(t, pair.replica, role));
    const answer = textUntilClose(socket);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`);
    return answer;
  };
  for (const role of ['super', 'view', 'witness'] as const) {
    t.regex(await attempt(role, `/link/${SCENARIO}`), /^HTTP\/1\.1 403[\s\S]*ACCESS-DENIED/, role);
  }
  for (const path of ['/link/', '/link/../../etc', '/link/%2e%2e', `/link/${SCENARIO}/x`, `/link/${'a'.repeat(500)}`]) {
    t.regex(await attempt('peer', path), /^HTTP\/1\.1 403[\s\S]*LINK-REFUSED/, path);
  }
  t.regex(await attempt('peer', `/link/${SCENARIO}`, 'websocket'), /^HTTP\/1\.1 403[\s\S]*LINK-REFUSED/);
  t.deepEqual(incoming.asked, []);
});

test('a revoked host loses its link within a second, on whichever side it was revoked', async (t) => {
  for (const side of ['master', 'replica'] as const) {
    const pair = await pairOfHosts(t);
    const incoming = listening(pair.replica);
    const { opened, down } = keep(t, pair);
    await until('it is open', () => opened.length === 1 && incoming.heard.length === 1);
    const other = side === 'master' ? pair.replica : pair.master;
    await pair[side].network.access.revoke(localSession, other.network.deviceId);
    await until(
      'both ends are closed',
      () => opened[0]!.closed.length === 1 && incoming.heard[0]!.closed.length === 1,
      1_000,
    );
    await until('it is told why', () => down.some((reason) => /revoked/.test(reason)));
    t.is(opened.length, 1, side);
  }
});

test('a host with another key at the same address gets nothing', async (t) => {
  const pair = await pairOfHosts(t);
  await pair.replica.close();
  const impostor = await startRigHost(t, 'web2', { listen: pair.replica.address });
  const incoming = listening(impostor);
  await introduce(impostor, pair.master);
  const { down, opened } = keep(t, pair);
  await until('it is refused', () => down.length >= 1);
  t.regex(down[0]!, /another key/);
  t.is(opened.length, 0);
  t.deepEqual(incoming.asked, []);
});

test('a reader that stops does not make the sender grow without end', async (t) => {
  const pair = await pairOfHosts(t);
  const incoming = listening(pair.replica);
  const identity = await trusted(t, pair.replica, 'peer');
  const socket = await rawConnection(t, pair.replica.address, identity);
  socket.write(`GET /link/${SCENARIO} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mainstay-link\r\n\r\n`);
  await once(socket, 'data');
  socket.pause();
  const [heard] = incoming.heard;
  let sentBytes = 0;
  while (heard!.closed.length === 0 && sentBytes < 300e6) {
    heard!.stream.send(new Uint8Array(1_000_000));
    sentBytes += 1_000_000;
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(sentBytes < 120e6, `${sentBytes} bytes were taken`);
  t.regex(heard!.closed[0] ?? '', /does not read/);
});

test('a request to a paired host is answered, with its faults as they are there', async (t) => {
  const asked: unknown[] = [];
  const pair = await pairOfHosts(t, {
    handlers: {
      'peer.stop': (args, session) => {
        asked.push([args, session.role, session.deviceName]);
        return { stopped: true };
      },
      'peer.forget': () => {
        throw new Fault('SCENARIO-NOT-FOUND', { name: 'x' });
      },
      'peer.facts': () => new Promise(() => undefined),
    },
  });
  const { peers } = pair.master.network;
  const stop = { scenarioId: SCENARIO, reason: 'test' };
  t.deepEqual(await peers.request(pair.host, 'peer.stop', stop), { stopped: true });
  t.deepEqual(asked, [[stop, 'peer', 'web1']]);
  const code = (attempt: Promise<unknown>) =>
    attempt.then(
      () => 'none',
      (error: Fault) => error.code,
    );
  t.is(await code(peers.request(pair.host, 'peer.forget', { scenarioId: SCENARIO })), 'SCENARIO-NOT-FOUND');
  t.is(await code(peers.request(pair.host, 'daemon.info', {})), 'ACCESS-DENIED');
  t.is(
    await code(peers.request(pair.host, 'peer.facts', { scenarioId: SCENARIO, paths: [], spool: 'tmp' }, 200)),
    'TIMEOUT',
  );
  t.is(await code(peers.request({ name: 'web9', address: '127.0.0.1:1' }, 'peer.stop', stop)), 'ACCESS-UNKNOWN-DEVICE');
});

test('requests fail at once when the other host goes, and work again when it is back', async (t) => {
  const handlers = { 'peer.facts': () => new Promise(() => undefined), 'peer.stop': () => 'done' };
  const pair = await pairOfHosts(t, { handlers });
  const { peers } = pair.master.network;
  const waiting = peers.request(pair.host, 'peer.facts', { scenarioId: SCENARIO, paths: [], spool: 'tmp' });
  t.is(await peers.request(pair.host, 'peer.stop', { scenarioId: SCENARIO, reason: '' }), 'done');
  await pair.replica.close();
  t.like(await t.throwsAsync(waiting), { code: 'LINK-UNREACHABLE' });
  const stop = () => peers.request(pair.host, 'peer.stop', { scenarioId: SCENARIO, reason: '' });
  t.like(await t.throwsAsync(stop()), { code: 'LINK-UNREACHABLE' });
  await startRigHost(t, 'web2', { data: pair.replica.data, listen: pair.replica.address, handlers });
  t.is(await stop(), 'done');
});

test('requests say when this host was revoked there, or another key answers', async (t) => {
  const pair = await pairOfHosts(t, { handlers: { 'peer.stop': () => 'done' } });
  const stop = () => pair.master.network.peers.request(pair.host, 'peer.stop', { scenarioId: SCENARIO, reason: '' });
  t.is(await stop(), 'done');
  await pair.replica.network.access.revoke(localSession, pair.master.network.deviceId);
  await until('the connection dropped', () => pair.replica.network.connections() === 0);
  t.like(await t.throwsAsync(stop()), { code: 'ACCESS-REVOKED' });
  await pair.replica.close();
  await startRigHost(t, 'web2', { listen: pair.replica.address });
  t.like(await t.throwsAsync(stop()), { code: 'ACCESS-PIN' });
});

test('an address where something else than a host answers is unreachable, not a crash', async (t) => {
  const pair = await pairOfHosts(t);
  await pair.replica.close();
  const nonsense = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('220 smtp ready\r\n');
  });
  nonsense.listen(Number(pair.replica.address.split(':')[1]), '127.0.0.1');
  await once(nonsense, 'listening');
  t.teardown(() => nonsense.close());
  const { down } = keep(t, pair);
  await until('it fails', () => down.length >= 1);
  t.regex(down[0]!, /Cannot reach/);
  const stop = pair.master.network.peers.request(pair.host, 'peer.stop', { scenarioId: SCENARIO, reason: '' });
  t.like(await t.throwsAsync(stop), { code: 'LINK-UNREACHABLE' });
});
