import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { type ClientNews, DaemonClient } from '../../tui/client.ts';
import { profileAccess, profilePath, readProfile, rememberHost } from '../../tui/profile.ts';
import { type RigHost, startRigHost, temporaryDirectory, until } from '../hosts/network-rig.ts';
import { scenarioStatus } from './command-line-rig.ts';

function clientOf(t: Parameters<typeof startRigHost>[0], host: RigHost): DaemonClient {
  const client = new DaemonClient({
    host: { name: host.name, address: host.address, deviceId: host.network.deviceId },
    identity: host.admin,
    now: () => performance.now(),
  });
  t.teardown(() => client.close());
  return client;
}

test('a subscriber hears welcome, snapshot and pushes, that the host is down, and all of it again when it is back', async (t) => {
  const data = temporaryDirectory(t);
  const first = await startRigHost(t, 'alpha', { data });
  first.board.list = [scenarioStatus('shop')];
  const news: ClientNews[] = [];
  const client = clientOf(t, first);
  client.subscribe((item) => news.push(item));
  const heard = (type: ClientNews['type']) => news.filter((item) => item.type === type).length;
  await until('the snapshot', () => heard('snapshot') === 1);
  t.deepEqual(news.map((item) => item.type).slice(0, 3), ['connecting', 'welcome', 'snapshot']);
  first.board.list = [scenarioStatus('shop', { state: 'stopped' })];
  first.board.changed('id-shop');
  await until('the push', () => heard('push') >= 1);
  await first.close();
  await until('the loss', () => heard('down') >= 1);
  const started = performance.now();
  const refused = await t.throwsAsync(client.request('daemon.info', {}), { instanceOf: Fault });
  t.is(refused?.code, 'LINK-UNREACHABLE');
  t.true(performance.now() - started < 200, 'while it is down a request fails at once');
  await startRigHost(t, 'alpha', { data, listen: first.address });
  await until('the second snapshot', () => heard('snapshot') === 2, 15_000);
  t.like(await client.request('daemon.info', {}), { name: 'alpha' });
});

test('a daemon that does not answer in time is a TIMEOUT, and its faults come through with their code', async (t) => {
  const host = await startRigHost(t, 'alpha', {
    handlers: {
      'scenario.barrier': () => new Promise(() => undefined),
      'scenario.show': ({ name }) => {
        throw new Fault('SCENARIO-NOT-FOUND', { name });
      },
    },
  });
  const client = clientOf(t, host);
  t.is((await client.open()).role, 'super');
  const slow = await t.throwsAsync(client.request('scenario.barrier', { name: 'x' }, { timeoutMs: 100 }), {
    instanceOf: Fault,
  });
  t.is(slow?.code, 'TIMEOUT');
  const missing = await t.throwsAsync(client.request('scenario.show', { name: 'x' }), { instanceOf: Fault });
  t.is(missing?.code, 'SCENARIO-NOT-FOUND');
  t.is(missing?.exitCode, 3);
});

test('a second subscriber gets a snapshot of its own', async (t) => {
  const host = await startRigHost(t, 'alpha');
  const client = clientOf(t, host);
  let first = 0;
  client.subscribe((item) => {
    if (item.type === 'snapshot') first += 1;
  });
  await until('the first snapshot', () => first === 1);
  let second = 0;
  client.subscribe((item) => {
    if (item.type === 'snapshot') second += 1;
  });
  await until('the second snapshot', () => second === 1);
  t.pass();
});

test('a profile keeps hosts by their key, gives each a name of its own, and is private', async (t) => {
  const path = join(temporaryDirectory(t), 'deep', 'profile.json');
  t.deepEqual(readProfile(path).hosts, []);
  const one = rememberHost(readProfile(path), { name: 'web', address: 'a:1', deviceId: '1'.repeat(64) });
  rememberHost(one, { name: 'web', address: 'b:2', deviceId: '2'.repeat(64) });
  rememberHost(readProfile(path), { name: 'web', address: 'c:3', deviceId: '1'.repeat(64) });
  t.deepEqual(
    readProfile(path).hosts.map((host) => [host.name, host.address]),
    [
      ['web-222222', 'b:2'],
      ['web', 'c:3'],
    ],
  );
  const access = await profileAccess(path, Date.now());
  t.deepEqual((await profileAccess(path, Date.now())).identity, access.identity, 'the identity stays');
  for (const file of ['profile.json', 'profile.key.pem', 'profile.cert.pem']) {
    t.is(statSync(join(path, '..', file)).mode & 0o777, 0o600, file);
  }
});

test('a damaged profile is named, not silently started anew', (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(directory, { recursive: true });
  for (const text of ['{', '{}', '{"hosts": [{"name": "x"}]}']) {
    writeFileSync(join(directory, 'p.json'), text);
    t.throws(() => readProfile(join(directory, 'p.json')), { message: /p\.json" is damaged/ });
  }
});

test('the profile is the one asked for, else of the environment, else of the user', (t) => {
  t.is(profilePath('/x.json', { MAINSTAY_PROFILE: '/y.json' }), '/x.json');
  t.is(profilePath(undefined, { MAINSTAY_PROFILE: '/y.json' }), '/y.json');
  t.is(profilePath(undefined, { XDG_CONFIG_HOME: '/home/a/.c' }), '/home/a/.c/mainstay/profile.json');
  t.regex(profilePath(undefined, {}), /\.config\/mainstay\/profile\.json$/);
});

test('a command that asks a host loads neither the HTTP stack nor the schemas it has no use for: it starts in half the time', async (t) => {
  const client = new URL('../../tui/client.js', import.meta.url).href;
  const script = `
    import { registerHooks } from 'node:module';
    const schemas = [];
    registerHooks({ resolve: (name, context, next) => (name === 'zod' && schemas.push(context.parentURL), next(name, context)) });
    const { DaemonClient } = await import(${JSON.stringify(client)});
    const one = new DaemonClient({ host: { name: 'x', address: '127.0.0.1:1', deviceId: '' }, identity: {}, now: () => 0 });
    await one.open().catch(() => {});
    one.close();
    console.log(schemas.join());
    console.log(process.moduleLoadList.filter((name) => name.endsWith(' https') || name.includes('undici')).join());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  t.is(stdout, '\nNativeModule https\n');
});
