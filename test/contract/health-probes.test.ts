/** The probes of Is Alive against real servers: what answers, what refuses, what hangs, and names in TLS. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { SystemRandom } from '../../daemon/platform/node/random.ts';
import { loadProbes } from '../../daemon/platform/select.ts';

const LIMIT_MS = 1_000;
const services = {
  state: (name: string) =>
    name === 'broken'
      ? Promise.reject(new Error('no bus'))
      : Promise.resolve(name === 'nginx' ? ('running' as const) : ('stopped' as const)),
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};
const probes = await loadProbes(new SystemClock(), new SystemRandom(), services);

async function port(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createTcp();
  const at = await port(server);
  await new Promise((resolve) => server.close(resolve));
  return at;
}

const target = (at: number, changes: Partial<{ tls: boolean; host: string; path: string }> = {}) => ({
  address: '127.0.0.1',
  port: at,
  tls: false,
  host: 'www.example.org',
  path: '/',
  ...changes,
});

test('a site is asked by its name and path, and its status is told, whatever its body does', async (t) => {
  const asked: IncomingMessage[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(request);
    // The body never ends.
    response.writeHead(503, { 'content-length': '1000000' }).write('x');
  };
  const server = createHttp(answer);
  const at = await port(server);
  t.deepEqual(await probes.http(target(at, { host: `www.example.org:${at}`, path: '/health?x=1' }), LIMIT_MS), {
    status: 503,
  });
  t.is(asked[0]?.headers.host, `www.example.org:${at}`);
  t.is(asked[0]?.url, '/health?x=1');
  server.closeAllConnections();
  server.close();
});

test('a site with TLS is asked by its name there too; its certificate is not what is checked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alive-tls-'));
  const file = (name: string) => join(folder, name);
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '1',
      '-subj',
      '/CN=other',
      '-keyout',
      file('key'),
      '-out',
      file('cert'),
    ],
    { stdio: 'ignore' },
  );
  const names: unknown[] = [];
  const server = createHttps(
    { key: readFileSync(file('key')), cert: readFileSync(file('cert')) },
    (request, response) => {
      names.push((request.socket as { servername?: unknown }).servername);
      response.end();
    },
  );
  const at = await port(server);
  t.deepEqual(await probes.http(target(at, { tls: true, host: `www.example.org:${at}` }), LIMIT_MS), { status: 200 });
  t.deepEqual(await probes.http(target(at, { tls: true, host: '127.0.0.1' }), LIMIT_MS), { status: 200 });
  t.deepEqual(names, ['www.example.org', false], 'an address is no name');
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

test('a closed port, one that accepts and says nothing, and one that speaks otherwise are told apart', async (t) => {
  const at = await closedPort();
  const closed = await probes.http(target(at), LIMIT_MS);
  t.regex('problem' in closed ? closed.problem : '', /ECONNREFUSED/);
  const hanging = createTcp(() => undefined);
  const hangingAt = await port(hanging);
  const began = performance.now();
  t.deepEqual(await probes.http(target(hangingAt), 300), { problem: 'no answer within 300 ms' });
  t.deepEqual(await probes.http(target(hangingAt, { tls: true }), 300), { problem: 'no answer within 300 ms' });
  t.true(performance.now() - began < 2_000);
  const other = createTcp((socket) => socket.end('220 mail\r\n'));
  t.true('problem' in (await probes.http(target(await port(other)), LIMIT_MS)));
  hanging.close();
  other.close();
});

test('a reference address is reached when it connects or refuses, and not when nothing comes back', async (t) => {
  const server = createTcp();
  t.is((await probes.connect('127.0.0.1', await port(server), LIMIT_MS)).outcome, 'passed');
  server.close();
  t.is((await probes.connect('127.0.0.1', await closedPort(), LIMIT_MS)).outcome, 'passed');
  t.is((await probes.connect('name.invalid', 80, 300)).outcome, 'failed');
});

test('ICMP: this machine answers by its address and by name, also many times at once; a name that is none does not', async (t) => {
  t.like(await probes.ping('127.0.0.1', LIMIT_MS), { outcome: 'passed' });
  t.like(await probes.ping('localhost', LIMIT_MS), { outcome: 'passed' });
  const many = await Promise.all(Array.from({ length: 50 }, () => probes.ping('127.0.0.1', LIMIT_MS)));
  t.true(
    many.every(({ outcome }) => outcome === 'passed'),
    'answers of many at once are told apart',
  );
  t.is((await probes.ping('name.invalid', 500)).outcome, 'failed');
});

test('a ping that was answered while the event loop stood still is not lost', async (t) => {
  const asked = probes.ping('127.0.0.1', 500);
  const until = performance.now() + 700;
  while (performance.now() < until);
  t.is((await asked).outcome, 'passed');
});

test('services: what runs, what does not, and what cannot be told', async (t) => {
  t.deepEqual(
    (await probes.services(['nginx', 'apache2', 'broken'])).map(({ running }) => running),
    [true, false, undefined],
  );
});

test('the disk: a write reaches it and its age is told; a folder that cannot be written says why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alive-disk-'));
  probes.disk(folder, [folder]);
  const clock = new SystemClock();
  const until = clock.bootMs() + 5_000;
  while (probes.disk(folder, [folder]).fullest === undefined && clock.bootMs() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { flushedAgeMs, fullest, problem } = probes.disk(folder, [folder]);
  t.true(flushedAgeMs < 5_000);
  t.is(fullest?.path, folder);
  t.true((fullest?.freeBytes ?? 0) > 0);
  t.is(problem, undefined);
  rmSync(folder, { recursive: true });
  const missing = join(folder, 'missing');
  probes.disk(missing, []);
  while (probes.disk(missing, []).problem === undefined && clock.bootMs() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.regex(probes.disk(missing, []).problem ?? '', /ENOENT/);
});
