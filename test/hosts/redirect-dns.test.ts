/** Redirect DNS against real BIND servers: what clients are answered, when all goes well and when a server refuses or is gone. */
import type { ExecutionContext } from 'ava';
import { SecureDnsUpdate } from '../../daemon/platform/linux/secure-dns-update.ts';
import { SystemClock } from '../../daemon/platform/node/clock.ts';
import { DnsExchange } from '../../daemon/platform/node/dns-exchange.ts';
import { SystemRandom } from '../../daemon/platform/node/random.ts';
import { DnsRedirection, type DnsRedirectionOptions } from '../../daemon/redirect/dns.ts';
import { parseTsigKey } from '../../daemon/redirect/tsig.ts';
import { testNeeding } from '../runner/needing.ts';
import { NameServer, type NameServerOptions, ZONE } from './name-server-rig.ts';

const KEY_TEXT = 'key "ha" { algorithm hmac-sha256; secret "c2VjcmV0IG9mIHRoZSB0ZXN0IGtleSBmb3IgaGEh"; };';
const WRONG_KEY_TEXT = 'key "ha" { algorithm hmac-sha256; secret "YW5vdGhlciBzZWNyZXQ="; };';
const story = testNeeding('named', 'nsupdate', 'dig');
const NO_TICKET = new SecureDnsUpdate('/nonexistent/tickets', '/nonexistent/keytab');

async function withServers(
  options: readonly NameServerOptions[],
  run: (servers: readonly NameServer[]) => Promise<void>,
): Promise<void> {
  const servers: NameServer[] = [];
  try {
    for (const option of options) servers.push(await NameServer.start(option));
    await run(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

function redirection(servers: readonly NameServer[], options: Partial<DnsRedirectionOptions> = {}): DnsRedirection {
  return new DnsRedirection(
    {
      host: 'spare',
      name: `web.${ZONE}`,
      ttlSeconds: 20,
      servers: servers.map(({ address }) => address),
      method: 'non-secure',
      addresses: ['10.0.0.2'],
      partial: 'undo',
      ...options,
    },
    { exchange: new DnsExchange(), clock: new SystemClock(), random: new SystemRandom(), secure: NO_TICKET },
  );
}

async function reasonOf(t: ExecutionContext, run: Promise<unknown>): Promise<string> {
  const fault = await t.throwsAsync(run);
  t.is((fault as { code?: string } | undefined)?.code, 'REDIRECT-FAILED');
  return fault?.message ?? '';
}

const REFUSED = [`update add web.${ZONE}. 5 A 10.0.0.9`];
const OLD = ['300 A 10.0.0.1'];
const NEW = ['20 A 10.0.0.2'];

story(
  'the record and what is an alias of it lead to the Replica, with the TTL of the property, and back',
  async (t) => {
    await withServers([{ allowUpdate: 'any;' }, { allowUpdate: 'any;' }], async (servers) => {
      const dns = redirection(servers);
      t.deepEqual(await dns.check(), []);
      t.is((await dns.readBack()).clients, 'elsewhere');
      const applied = await dns.apply('acquire');
      t.deepEqual([applied.changed, applied.state.clients, applied.remarks], [true, 'here', []]);
      for (const server of servers) {
        t.deepEqual(server.seen('web'), NEW);
        t.deepEqual(server.seen('www'), [`300 CNAME web.${ZONE}.`, ...NEW]);
      }
      const again = redirection(servers);
      t.false((await again.apply('acquire')).changed, 'a step that was done before a crash is not done twice');
      t.true((await dns.revert()).changed);
      for (const server of servers) t.deepEqual(server.seen('web'), OLD, 'address and TTL as they were');
    });
  },
);

story(
  'with a TSIG key the server takes the update; with a wrong one, or none, it refuses and nothing changed',
  async (t) => {
    await withServers([{ allowUpdate: 'key "ha";', key: KEY_TEXT }], async (servers) => {
      const wrong = redirection(servers, { method: 'tsig', key: parseTsigKey(WRONG_KEY_TEXT)! });
      t.regex((await wrong.check())[0]?.text ?? '', /NOTAUTH/);
      t.regex(await reasonOf(t, wrong.apply('acquire')), /NOTAUTH/);
      t.regex(await reasonOf(t, redirection(servers).apply('acquire')), /REFUSED/);
      t.deepEqual(servers[0]!.seen('web'), OLD);
      const signed = redirection(servers, {
        method: 'tsig',
        key: parseTsigKey(KEY_TEXT)!,
        addresses: ['10.0.0.3', '10.0.0.4'],
      });
      t.deepEqual(await signed.check(), []);
      t.is((await signed.apply('acquire')).state.clients, 'here');
      t.deepEqual(servers[0]!.seen('web').sort(), ['20 A 10.0.0.3', '20 A 10.0.0.4']);
    });
  },
);

story(
  'when one of two servers refuses, the other is taken back to what it was, and the reason names both',
  async (t) => {
    await withServers([{ allowUpdate: 'any;' }, { allowUpdate: 'none;' }], async (servers) => {
      const reason = await reasonOf(t, redirection(servers).apply('acquire'));
      t.true(reason.includes(`${servers[1]!.address}: REFUSED; taken back on ${servers[0]!.address}`), reason);
      for (const server of servers) t.deepEqual(server.seen('web'), OLD);
    });
  },
);

story(
  'when a server died with the Master, the others lead to the Replica all the same and the report says which did not',
  async (t) => {
    await withServers([{ allowUpdate: 'any;' }, { allowUpdate: 'any;' }], async (servers) => {
      await servers[0]!.stop();
      const dns = redirection(servers, { partial: 'keep' });
      t.deepEqual(
        (await dns.check()).map(({ code, text }) => [code, text.includes(servers[0]!.address)]),
        [['DNS-SERVER', true]],
      );
      const applied = await dns.apply('acquire');
      t.is(applied.state.clients, 'here');
      t.deepEqual(applied.remarks, [`not changed: ${servers[0]!.address}: no answer (ECONNREFUSED)`]);
      t.deepEqual(servers[1]!.seen('web'), NEW);
      await servers[1]!.stop();
      t.is((await dns.readBack()).clients, 'unknown');
      await reasonOf(t, redirection(servers, { partial: 'keep' }).apply('acquire'));
    });
  },
);

story(
  'a secure update without an account of the domain is refused before anything is sent, and by the server',
  async (t) => {
    await withServers([{ allowUpdate: 'key "ha";', key: KEY_TEXT }], async (servers) => {
      const secure = redirection(servers, { method: 'secure' });
      t.regex((await secure.check())[0]?.text ?? '', /no Kerberos ticket/);
      t.regex(await reasonOf(t, secure.apply('acquire')), /no Kerberos ticket/);
      t.not(
        await NO_TICKET.update([
          `server 127.0.0.1 ${servers[0]!.address.split(':')[1]}`,
          `zone ${ZONE}.`,
          ...REFUSED,
          'send',
        ]),
        '',
      );
      t.deepEqual(servers[0]!.seen('web'), OLD);
    });
  },
);

story('an alias is not changed: the check names the record that must be', async (t) => {
  await withServers([{ allowUpdate: 'any;' }], async (servers) => {
    const dns = redirection(servers, { name: `www.${ZONE}` });
    t.true((await dns.check())[0]?.fix.includes(`web.${ZONE}`));
    t.regex(await reasonOf(t, dns.apply('acquire')), /alias of web/);
    t.deepEqual(servers[0]!.seen('www'), [`300 CNAME web.${ZONE}.`, ...OLD]);
    t.is((await redirection(servers, { name: 'web.elsewhere.test' }).check())[0]?.code, 'DNS-SERVER');
  });
});
