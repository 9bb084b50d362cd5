/**
 * The computer name in Active Directory. A host that takes the name over frees it there, because its owner may be dead: the computer
 * that has it is renamed to its standby name, and the account of this host gets the service principals of the name, so that clients
 * get tickets for it. The account of this host keeps its own name: its keytab is made for that. Given up, all of it goes back. Only
 * the switchover host does this, so that an old Master that comes back needs no right of its own.
 */
import { Fault } from '../../shared/faults.ts';
import { firstLabel } from './plan.ts';

export interface DirectoryComputer {
  readonly dn: string;
  /** Fully qualified; empty: none is entered. */
  readonly dnsName: string;
  readonly principals: readonly string[];
}

/** Port: the computers of the directory that this host is a member of. */
export interface ComputerDirectory {
  /** False: this host belongs to no domain, and nothing is to be done. */
  isMember(): boolean;
  /** Why it cannot be used; undefined when it can. */
  unavailable(): Promise<string | undefined>;
  /** With the dollar sign; throws `REDIRECT-FAILED`. */
  ownAccount(): Promise<string>;
  find(account: string): Promise<DirectoryComputer | undefined>;
  /** LDIF. */
  change(lines: readonly string[]): Promise<void>;
}

const SERVICES = ['HOST', 'cifs'];

/** The directory says that clients of `activeName` are to come to this host. Nothing when that is so already. */
export async function takeName(directory: ComputerDirectory, activeName: string, standbyName: string): Promise<void> {
  const own = await computer(directory, await directory.ownAccount());
  const holder = await directory.find(`${activeName}$`);
  if (holder?.dn === own.dn) return;
  if (holder !== undefined) await rename(directory, holder, activeName, standbyName);
  const domain = (holder?.dnsName || own.dnsName).slice(firstLabel(holder?.dnsName || own.dnsName).length);
  const missing = principalsOf(activeName, domain).filter((principal) => !includes(own.principals, principal));
  if (missing.length > 0) await directory.change(edit(own.dn, 'add', 'servicePrincipalName', missing));
}

/** The opposite: the old owner has its name and its principals again. */
export async function giveNameBack(
  directory: ComputerDirectory,
  activeName: string,
  standbyName: string,
): Promise<void> {
  const own = await computer(directory, await directory.ownAccount());
  const prefix = new RegExp(`^[^/]+/${activeName}(\\.|$)`, 'i');
  const borrowed = own.principals.filter((principal) => prefix.test(principal));
  if (borrowed.length > 0) await directory.change(edit(own.dn, 'delete', 'servicePrincipalName', borrowed));
  const holder = await directory.find(`${standbyName}$`);
  if (holder !== undefined && holder.dn !== own.dn) await rename(directory, holder, standbyName, activeName);
}

async function computer(directory: ComputerDirectory, account: string): Promise<DirectoryComputer> {
  const found = await directory.find(account);
  if (found !== undefined) return found;
  throw new Fault('REDIRECT-FAILED', { method: 'The directory', reason: `${account} is not in it` });
}

async function rename(
  directory: ComputerDirectory,
  { dn, dnsName, principals }: DirectoryComputer,
  from: string,
  to: string,
): Promise<void> {
  const place = dn.slice(dn.indexOf(','));
  const renamed = (text: string): string =>
    text.replace(new RegExp(`(^|/)${from}(?=\\.|$)`, 'i'), (_match, before: string) => `${before}${to}`);
  const changed = principals.map(renamed);
  await directory.change([
    `dn: ${dn}`,
    'changetype: modrdn',
    `newrdn: CN=${to}`,
    'deleteoldrdn: 1',
    '',
    ...edit(`CN=${to}${place}`, 'replace', 'sAMAccountName', [`${to}$`]),
    ...(dnsName === '' ? [] : attribute('replace', 'dNSHostName', [renamed(dnsName).toLowerCase()])),
    ...(changed.length === 0 ? [] : attribute('replace', 'servicePrincipalName', changed)),
  ]);
}

function edit(dn: string, how: 'add' | 'delete' | 'replace', key: string, values: readonly string[]): string[] {
  return [`dn: ${dn}`, 'changetype: modify', ...attribute(how, key, values)];
}

function attribute(how: 'add' | 'delete' | 'replace', key: string, values: readonly string[]): string[] {
  return [`${how}: ${key}`, ...values.map((value) => `${key}: ${value}`), '-'];
}

/** Of the name alone and, in a domain, of the whole name. */
function principalsOf(name: string, domain: string): string[] {
  const whole = domain === '' ? [] : [`${name.toLowerCase()}${domain}`];
  return SERVICES.flatMap((service) => [name, ...whole].map((host) => `${service}/${host}`));
}

function includes(principals: readonly string[], wanted: string): boolean {
  return principals.some((principal) => principal.toLowerCase() === wanted.toLowerCase());
}
