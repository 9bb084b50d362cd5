/** From properties to adapters that work on this system, with keys that only the engine's account may read. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadRedirection } from '../../daemon/platform/select.ts';
import { redirectionOf } from '../../daemon/redirect/methods.ts';
import type { AdoptionDocument } from '../../daemon/redirect/move-ip.ts';
import { planRedirection } from '../../daemon/redirect/plan.ts';
import type { DocumentStore } from '../../daemon/services.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';

const KEY = 'key "ha" { algorithm hmac-sha256; secret "c2VjcmV0"; };\n';

test('a scenario gets its methods, and a key file that others may read is no key', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-methods-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'ha'), KEY, { mode: 0o600 });
  const adoption: DocumentStore<AdoptionDocument> = {
    value: { adopted: [] },
    update: async (change) => change(adoption.value),
  };
  const methods = planRedirection({
    settings: {
      'redirect.moveIp': true,
      'redirect.moveIpAddresses': ['192.0.2.10/24'],
      'redirect.computerName': true,
      'redirect.dns': true,
      'redirect.dnsName': 'web.corp.test',
      'redirect.dnsUpdate': 'tsig',
      'redirect.dnsTsigKey': 'ha',
    },
    master: { name: 'web', address: '192.0.2.11:4090' },
    replica: { name: 'spare', address: '192.0.2.12:4090', settings: { 'redirect.activateScript': 'on' } },
    here: 'replica',
  });
  const ports = {
    ...(await loadRedirection(folder, join(folder, 'tickets'))),
    clock: new SimulatedClock(),
    random: new SeededRandom(1),
    events: { record: () => t.fail('nothing happened') as never },
    scripts: { run: () => Promise.reject(new Error('not run')), confirm: () => undefined },
    adoption,
  };
  const context = {
    host: 'spare',
    scenarioName: 'web',
    switchId: 'k',
    leaseSeconds: 5,
    partial: 'undo',
  } as const;
  const made = () => methods.map((planned) => redirectionOf(planned, context, ports));
  t.deepEqual(
    made().map(({ kind }) => kind),
    ['move-ip', 'computer-name', 'dns', 'script'],
  );
  t.deepEqual(
    made().flatMap((method) => method.describe('release')),
    [
      'Move IP: ip address del 192.0.2.10/24',
      'Computer name: this computer becomes spare if it is called web, now and after a boot',
      'Redirect DNS: nothing on this host; the host that takes over changes the record',
    ],
  );
  const codes = async () => (await made()[2]!.check()).map(({ code }) => code);
  // Without servers nothing is sent.
  t.deepEqual(await codes(), ['DNS-SERVERS']);
  chmodSync(join(folder, 'ha'), 0o640);
  if (process.platform !== 'win32') t.deepEqual(await codes(), ['DNS-SERVERS', 'DNS-KEY']);
});

test('what answers at an address: a web server, a program that only listens, one that hangs up, and nobody', async (t) => {
  const { silence } = await loadRedirection('/nonexistent', '/nonexistent');
  const listening = async (serve: (socket: Socket) => void): Promise<number> => {
    const server = createServer((socket) => serve(socket.on('error', () => undefined)));
    t.teardown(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const web = await listening((socket) => socket.end('HTTP/1.0 503 Busy\r\n\r\n'));
  t.is(await silence('127.0.0.1', web), undefined, 'it is there; whether it works is another question');
  const quiet = await listening(() => undefined);
  t.is(await silence('127.0.0.1', quiet), undefined);
  const rude = await listening((socket) => socket.destroy());
  t.regex((await silence('127.0.0.1', rude)) ?? '', /ended at once/);
  t.regex((await silence('127.0.0.1', 1)) ?? '', /refused/);
});
