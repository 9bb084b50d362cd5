/** Redirection in a real Active Directory domain: secure updates of its zone as the account of a host, and computers renamed over LDAPS. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testNeeding } from '../runner/needing.ts';
import type { MemberCommand, MemberOptions } from './domain-member.ts';
import { Domain, ZONE } from './domain-rig.ts';
import { LineProgram } from './line-program.ts';
import { Lan } from './namespace-rig.ts';

const story = testNeeding('root', 'ip', 'samba', 'kinit', 'ldapmodify', 'nsupdate', 'dig', 'openssl', 'ss');
const MEMBER = fileURLToPath(new URL('./domain-member.js', import.meta.url));
const OLD = '300 A 10.0.0.1';
const NEW = '20 A 10.0.0.2';

async function inDomain(run: (domain: Domain, member: Member) => Promise<void>): Promise<void> {
  const folder = mkdtempSync('/dev/shm/mainstay-domain-');
  const lan = new Lan();
  const members: LineProgram<MemberCommand>[] = [];
  let domain: Domain | undefined;
  try {
    lan.machine('dc', '10.9.0.53/24');
    lan.machine('member', '10.9.0.11/24');
    domain = await Domain.start(lan, 'dc', '10.9.0.53', folder, ['WEB01:DnsAdmins', 'WEB02:Domain Admins', 'GUEST01']);
    lan.nameServer('member', domain.address);
    const { address, certificate, kerberosConfiguration, keytab } = domain;
    await run(domain, (computer, options = {}) => {
      const all: MemberOptions = {
        name: `web.${ZONE}`,
        servers: [address],
        ttlSeconds: 20,
        addresses: ['10.0.0.2'],
        method: 'secure',
        ticketCache: join(folder, `${computer}.cache`),
        keytab,
        certificate,
        ...options,
      };
      // A name of its own: the account of the host is called like the computer.
      const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$1" && exec "$2" "$3" "$4"', 'sh', computer];
      const program = new LineProgram<MemberCommand>(
        [...lan.within('member'), ...named, process.execPath, MEMBER, JSON.stringify(all)],
        { KRB5_CONFIG: kerberosConfiguration },
      );
      members.push(program);
      return program;
    });
  } finally {
    await Promise.all(members.map((member) => member.kill()));
    await domain?.stop();
    await lan.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Member = (computer: string, options?: Partial<MemberOptions>) => LineProgram<MemberCommand>;

story('a zone of a domain: secure updates as the account of the host, nothing else, and LDAPS renames', async (t) => {
  await inDomain(async (domain, member) => {
    domain.addRecords('web 300 A 10.0.0.1', `www 300 CNAME web.${ZONE}.`);
    t.deepEqual(domain.seen('web'), [OLD]);

    const plain = await member('web01', { method: 'non-secure' }).ask({ do: 'acquire' });
    t.regex(String(plain.fault?.details?.reason), /REFUSED/);
    const stranger = member('web01', { keytab: '/nonexistent', ticketCache: '/nonexistent/cache' });
    t.regex(JSON.stringify(await stranger.tell({ do: 'check' })), /DNS-SECURE/);
    const guest = await member('guest01').ask({ do: 'acquire' });
    t.is(
      guest.fault?.code,
      'REDIRECT-FAILED',
      'a member of the domain that does not own the record and has no right to it',
    );
    t.deepEqual(domain.seen('web'), [OLD]);

    const host = member('web01');
    t.deepEqual(await host.tell({ do: 'check' }), []);
    t.like(await host.tell({ do: 'acquire' }), { changed: true, state: { clients: 'here' } });
    t.deepEqual(domain.seen('www'), [`300 CNAME web.${ZONE}.`, NEW], 'the alias follows');
    t.like(await member('web01').tell({ do: 'acquire' }), { changed: false }, 'done before a crash: not done twice');
    t.like(await host.tell({ do: 'revert' }), { changed: true, state: { clients: 'elsewhere' } });
    t.deepEqual(domain.seen('web'), [OLD], 'address and time to live as they were');
    const byName = member('web01', { servers: [`${domain.address}:53`], ttlSeconds: 300 });
    t.like(await byName.tell({ do: 'acquire' }), { changed: true });
    t.deepEqual(domain.seen('web'), ['300 A 10.0.0.2']);

    const named = (account: string) => domain.computers().find((one) => one.account === account);
    const stranger02 = member('web02', { certificate: '/nonexistent' });
    t.regex(
      JSON.stringify(await stranger02.tell({ do: 'checkName' })),
      /NAME-DIRECTORY/,
      'nobody vouches for the server',
    );
    const standby = member('web02');
    t.deepEqual(await standby.tell({ do: 'checkName' }), []);
    t.like(await standby.tell({ do: 'takeName' }), { changed: true, state: { clients: 'here' } });
    t.deepEqual(named('WEB01$'), undefined, 'the computer of the dead Master gave its name up');
    t.like(named('web01-XO$'), { dn: 'CN=web01-XO,CN=Computers,DC=corp,DC=test' });
    t.regex(domain.principals('WEB02$'), /cifs\/web01/, 'clients of the domain get tickets for it');
    t.like(await standby.tell({ do: 'takeName' }), { changed: false });
    t.like(await standby.tell({ do: 'giveNameUp' }), { changed: true, state: { clients: 'elsewhere' } });
    t.like(named('web01$'), { dn: 'CN=web01,CN=Computers,DC=corp,DC=test' });
    t.notRegex(domain.principals('WEB02$'), /web01/);
    const powerless = (await member('guest01').tell({ do: 'takeName' })) as { remarks: string[] };
    t.regex(
      powerless.remarks.join(),
      /was not moved in Active Directory: Insufficient|was not moved in Active Directory: .*[Aa]ccess/,
    );
    t.truthy(named('web01$'));
  });
});
