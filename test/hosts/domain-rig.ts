/**
 * A real Active Directory (Samba) with its own DNS, on a machine of a network rig: a zone that takes secure updates only, an account
 * of a computer that may make them, and LDAPS. Nothing of it is seen outside its namespace.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lan } from './namespace-rig.ts';
import { eventually } from './rig.ts';

export const REALM = 'CORP.TEST';
export const ZONE = 'corp.test';
const BASE = 'DC=corp,DC=test';
const PASSWORD = 'Passw0rd-of-the-rig';
const START_TIMEOUT_MS = 20_000;

/** Computer accounts are made in the directory itself, before the controller runs: each run of samba-tool costs a second. */
const SET_UP = `
import sys, ldb
import samba.dckeytab
from samba.auth import system_session
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB
conf, keytab, *accounts = sys.argv[1:]
lp = LoadParm(); lp.load(conf)
directory = SamDB(session_info=system_session(), lp=lp)
for account in accounts:
    name, _, right = account.partition(':')
    directory.newcomputer(name)
    directory.setpassword('(sAMAccountName=%s$)' % name, '${PASSWORD}-' + name)
    if right: directory.add_remove_group_members(right, [name + '$'], add_members_operation=True)
    Net(None, lp).export_keytab(keytab=keytab, principal=name + '$')
# A service of samba that does not run here enters it: what tickets for the directory itself are asked for.
controller = directory.search('${BASE}', expression='(sAMAccountName=DC1$)', attrs=['dn'])[0]
change = ldb.Message(controller.dn)
change['a'] = ldb.MessageElement('ldap/dc1.${ZONE}', ldb.FLAG_MOD_ADD, 'servicePrincipalName')
directory.modify(change)
`;

/** Computers of the directory as it is, straight from its files on the controller. */
const LIST = `
import sys, json
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm(); lp.load(sys.argv[1])
found = SamDB(session_info=system_session(), lp=lp).search('CN=Computers,${BASE}', expression='(objectClass=computer)')
text = lambda one, key: str(one[key][0]) if key in one else ''
print(json.dumps([{'dn': str(one.dn), 'account': text(one, 'sAMAccountName'), 'dnsName': text(one, 'dNSHostName'), 'principals': [str(value) for value in one.get('servicePrincipalName', [])]} for one in found]))
`;

export interface DomainComputer {
  readonly dn: string;
  readonly account: string;
  readonly dnsName: string;
  readonly principals: readonly string[];
}

export class Domain {
  readonly address: string;
  /** For programs of other machines, in KRB5_CONFIG. */
  readonly kerberosConfiguration: string;
  /** Of all computers given to `start`. */
  readonly keytab: string;
  /** PEM file that the certificate of LDAPS is checked with. */
  readonly certificate: string;
  readonly administrator = { name: `administrator@${ZONE}`, password: PASSWORD } as const;
  private readonly lan: Lan;
  private readonly machine: string;
  private readonly folder: string;
  private child: ChildProcess | undefined;

  private constructor(lan: Lan, machine: string, address: string, folder: string) {
    this.lan = lan;
    this.machine = machine;
    this.address = address;
    this.folder = folder;
    this.kerberosConfiguration = join(folder, 'krb5.conf');
    this.keytab = join(folder, 'computers.keytab');
    this.certificate = join(folder, 'tls', 'certificate.pem');
  }

  /** `computers`: names, those that may change any record with `:DnsAdmins` behind it. */
  static async start(lan: Lan, machine: string, address: string, folder: string, computers: readonly string[]) {
    const domain = new Domain(lan, machine, address, folder);
    domain.provision();
    writeFileSync(domain.kerberosConfiguration, kerberosText(address));
    domain.python(SET_UP, domain.configuration, domain.keytab, ...computers);
    await domain.run();
    return domain;
  }

  private get configuration(): string {
    return join(this.folder, 'etc', 'smb.conf');
  }

  private python(script: string, ...args: string[]): string {
    return execFileSync('ip', [...this.lan.within(this.machine).slice(1), '/usr/bin/python3', '-c', script, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, KRB5_CONFIG: this.kerberosConfiguration },
    });
  }

  private provision(): void {
    const at = (name: string): string => join(this.folder, name);
    this.lan.exec(
      this.machine,
      'samba-tool',
      'domain',
      'provision',
      `--realm=${REALM}`,
      '--domain=CORP',
      '--server-role=dc',
      '--dns-backend=SAMBA_INTERNAL',
      `--adminpass=${PASSWORD}`,
      '--host-name=dc1',
      `--host-ip=${this.address}`,
      `--targetdir=${this.folder}`,
      '--option=interfaces=lo d0',
      '--option=bind interfaces only=yes',
    );
    mkdirSync(at('run'));
    mkdirSync(at('tls'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('tls/key.pem')];
    const names = ['-subj', `/CN=dc1.${ZONE}`, '-addext', `subjectAltName=DNS:dc1.${ZONE},IP:${this.address}`];
    execFileSync('openssl', ['req', '-x509', '-days', '3650', ...key, ...names, '-out', this.certificate], {
      stdio: 'pipe',
    });
    execFileSync('chmod', ['600', at('tls/key.pem')]);
    appendFileSync(
      this.configuration,
      `
[global]
server services = rpc ldap cldap kdc dns
pid directory = ${at('run')}
ncalrpc dir = ${at('run/ncalrpc')}
winbindd socket directory = ${at('run/winbindd')}
ntp signd socket directory = ${at('run/ntp')}
tls keyfile = ${at('tls/key.pem')}
tls certfile = ${this.certificate}
tls cafile = ${this.certificate}
ldap server require strong auth = allow_sasl_over_tls
`,
    );
  }

  private async run(): Promise<void> {
    const log = join(this.folder, 'samba.log');
    const options = ['-F', '--no-process-group', '-s', this.configuration, '-l', this.folder];
    const [program, ...args] = [...this.lan.within(this.machine), 'samba', ...options];
    const child = spawn(program!, args, { stdio: 'ignore' });
    this.child = child;
    const answers = ['dig', `@${this.address}`, '+tries=1', '+time=1', '+short', `dc1.${ZONE}`];
    await eventually('the domain answers', START_TIMEOUT_MS, () => {
      if (child.exitCode !== null) throw new Error(`samba ended: ${readFileSync(log, 'utf8').slice(-2_000)}`);
      const isThere = this.lan.exec(this.machine, ...answers).trim() === this.address;
      return isThere && this.ports().has(636) && this.ports().has(88) ? true : undefined;
    });
  }

  /** TCP ports that something listens on there. */
  private ports(): Set<number> {
    const lines = this.lan.exec(this.machine, 'ss', '-Htln').split('\n');
    return new Set(lines.map((line) => Number(/:(\d+)\s/.exec(line)?.[1])));
  }

  /** Records as the administrator makes them: `web 300 A 10.0.0.1`. */
  addRecords(...records: readonly string[]): void {
    const lines = records.map((record) => record.replace(/^(\S+)/, `update add $1.${ZONE}.`));
    const cache = join(this.folder, 'administrator.cache');
    const script = `echo "$1" | kinit "$2" > /dev/null && printf '%s\\n' "$3" | nsupdate -g`;
    const text = [`server ${this.address}`, `zone ${ZONE}.`, ...lines, 'send'].join('\n');
    // It ends with 2 after updates that were applied.
    const shell = `${script} || test $? -eq 2`;
    execFileSync(
      'ip',
      [...this.lan.within(this.machine).slice(1), 'sh', '-c', shell, 'sh', PASSWORD, `administrator@${REALM}`, text],
      { stdio: 'pipe', env: { ...process.env, KRB5_CONFIG: this.kerberosConfiguration, KRB5CCNAME: cache } },
    );
  }

  /** What a client sees: `300 A 10.0.0.1` for each record, aliases first. */
  seen(name: string): string[] {
    return this.lan
      .exec(this.machine, 'dig', `@${this.address}`, '+noall', '+answer', '+tries=1', '+time=2', `${name}.${ZONE}`, 'A')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).slice(1).join(' ').replace(' IN ', ' '));
  }

  computers(): DomainComputer[] {
    return JSON.parse(this.python(LIST, this.configuration)) as DomainComputer[];
  }

  /** Service principals of an account, one a line. */
  principals(account: string): string {
    return (
      this.computers()
        .find((one) => one.account === account)
        ?.principals.join('\n') ?? ''
    );
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await ended;
    await eventually('all of samba ended', 10_000, () => {
      for (const pid of this.lan.programs(this.machine)) process.kill(pid, 'SIGKILL');
      return this.lan.programs(this.machine).length === 0 ? true : undefined;
    });
  }
}

function kerberosText(address: string): string {
  return `[libdefaults]
default_realm = ${REALM}
dns_lookup_realm = false
dns_lookup_kdc = false
rdns = false
dns_canonicalize_hostname = false
[realms]
${REALM} = {
  kdc = ${address}
}
[domain_realm]
.${ZONE} = ${REALM}
${ZONE} = ${REALM}
`;
}
