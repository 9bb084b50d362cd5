/**
 * Computers of an Active Directory, over LDAPS as the account of this host: `ldapsearch` and `ldapmodify` (package ldap-utils, with
 * libsasl2-modules-gssapi-mit). The certificate of the server is checked by the system's authorities, or by a file of our own.
 */
import { existsSync } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { KEYTAB, KerberosTicket } from './kerberos-ticket.ts';
import { runTool } from './tool.ts';

const TIMEOUT_MS = 15_000;
const SERVERS_TRIED = 3;

interface Computer {
  readonly dn: string;
  readonly dnsName: string;
  readonly principals: readonly string[];
}

interface Bound {
  readonly url: string;
  readonly base: string;
}

/** What may stand in a search filter and a name; everything else is refused instead of escaped. */
const NAME = /^[A-Za-z0-9-]{1,63}$/;

export class LdapComputerDirectory {
  private readonly ticket: KerberosTicket;
  private readonly authority: string;

  /** `authority`: PEM file of who signs the certificates of the domain, used when it is there. */
  constructor(ticketCache: string | undefined, authority: string, keytab = KEYTAB) {
    this.ticket = new KerberosTicket(ticketCache, keytab);
    this.authority = authority;
  }

  isMember(): boolean {
    return this.ticket.hasKeytab;
  }

  async unavailable(): Promise<string | undefined> {
    if ((await runTool('ldapmodify', ['-VV'], TIMEOUT_MS)).exitCode === undefined)
      return 'ldapmodify is missing (packages ldap-utils and libsasl2-modules-gssapi-mit)';
    try {
      await this.bound();
      return undefined;
    } catch (error) {
      return String(Fault.from(error).details.reason);
    }
  }

  /** Account, with the dollar sign, of the computer that this host is in the directory. */
  async ownAccount(): Promise<string> {
    const principal = await this.ticket.principal();
    if (principal === undefined) throw failed('there is no Kerberos ticket and no keytab of this host that gives one');
    return principal.split('@')[0]!;
  }

  async find(account: string): Promise<Computer | undefined> {
    if (!NAME.test(account.replace(/\$$/, ''))) throw failed(`${account} is no account of a computer`);
    const { url, base } = await this.bound();
    const wanted = ['dNSHostName', 'servicePrincipalName'];
    const filter = `(&(objectClass=computer)(sAMAccountName=${account}))`;
    const text = await this.search(url, ['-b', base, filter, ...wanted]);
    const values = (key: string) => [...text.matchAll(new RegExp(`^${key}: (.*)$`, 'gm'))].map((match) => match[1]!);
    const [dn] = values('dn');
    if (dn === undefined) return undefined;
    return { dn, dnsName: values('dNSHostName')[0] ?? '', principals: values('servicePrincipalName') };
  }

  /** Changes of one entry or more, as LDIF (RFC 2849). */
  async change(lines: readonly string[]): Promise<void> {
    const { url } = await this.bound();
    const { exitCode, stderr } = await this.run('ldapmodify', url, [], `${lines.join('\n')}\n`);
    if (exitCode !== 0) throw failed(said(stderr));
  }

  /** The first controller of the domain that answers. */
  private async bound(): Promise<Bound> {
    const account = await this.ticket.principal();
    const realm = account?.split('@')[1];
    if (realm === undefined) throw failed('there is no Kerberos ticket and no keytab of this host that gives one');
    const found = await controllersOf(realm.toLowerCase());
    let reason = `no controller of the domain ${realm} is known to DNS`;
    for (const name of found.slice(0, SERVERS_TRIED)) {
      const url = `ldaps://${name}`;
      const { exitCode, stdout, stderr } = await this.run('ldapsearch', url, [
        '-LLL',
        '-s',
        'base',
        '-b',
        '',
        'defaultNamingContext',
      ]);
      const base = /^defaultNamingContext: (.*)$/m.exec(stdout)?.[1];
      if (exitCode === 0 && base !== undefined) return { url, base };
      reason = `${name}: ${said(stderr)}`;
    }
    throw failed(reason);
  }

  private async search(url: string, args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run('ldapsearch', url, ['-LLL', '-o', 'ldif-wrap=no', ...args]);
    if (exitCode !== 0) throw failed(said(stderr));
    return stdout;
  }

  private run(tool: string, url: string, args: readonly string[], input?: string) {
    // TLS protects the connection; a second protection inside it is refused by Active Directory.
    const how = ['-Q', '-N', '-Y', 'GSSAPI', '-O', 'maxssf=0', '-o', 'nettimeout=5', '-H', url];
    const authority = existsSync(this.authority) ? { LDAPTLS_CACERT: this.authority } : {};
    const env = { ...this.ticket.environment(), ...authority, LDAPTLS_REQCERT: 'demand' };
    return runTool(tool, [...how, ...args], TIMEOUT_MS, { env, ...(input === undefined ? {} : { input }) });
  }
}

/** Names of the controllers of a domain, those first that are to be asked first. By `dig`: Node does not read what Samba answers. */
async function controllersOf(domain: string): Promise<string[]> {
  const { stdout } = await runTool(
    'dig',
    ['+short', '+time=2', '+tries=2', 'SRV', `_ldap._tcp.dc._msdcs.${domain}`],
    TIMEOUT_MS,
  );
  const records = [...stdout.matchAll(/^(\d+) \d+ \d+ (\S+?)\.?$/gm)].map(([, priority, name]) => ({
    priority,
    name: name!,
  }));
  return records.sort((a, b) => Number(a.priority) - Number(b.priority)).map(({ name }) => name);
}

function said(stderr: string): string {
  return stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || 'no answer';
}

function failed(reason: string): Fault {
  return new Fault('REDIRECT-FAILED', { method: 'The directory', reason });
}
