/** Which methods a scenario uses on one of its hosts, and in which order. Pure: settings in, plan out. */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import type { HostReference, SettingValues } from '../../shared/scenario.ts';
import type { DnsUpdateMethod } from './dns.ts';
import { addressBytes } from './dns-message.ts';
import type { RedirectDirection } from './model.ts';

export interface PlannedDns {
  readonly kind: 'dns';
  /** Fully qualified. */
  readonly name: string;
  readonly ttlSeconds: number;
  readonly servers: readonly string[];
  readonly method: DnsUpdateMethod;
  /** Name of the TSIG key; empty: none. */
  readonly keyName: string;
  readonly addresses: readonly string[];
}

export interface MovedAddress {
  readonly address: string;
  /** Bits of the network part. */
  readonly prefix: number;
}

export interface PlannedMoveIp {
  readonly kind: 'move-ip';
  readonly addresses: readonly MovedAddress[];
  /** The engines talk over this one: it must not be among those that move. */
  readonly engineAddress: string;
}

export interface PlannedComputerName {
  readonly kind: 'computer-name';
  /** The name clients use; the active host has it. */
  readonly activeName: string;
  /** What this host is called while it is not active. */
  readonly standbyName: string;
  readonly reboot: boolean;
  /** On the switchover host: what the computer that has the name in a directory is called there meanwhile. */
  readonly freedAs?: string;
}

export interface PlannedScript {
  readonly kind: 'script';
  /** Names of registered scripts; empty: none. */
  readonly identify: string;
  readonly activate: string;
  readonly deactivate: string;
  readonly arguments: readonly string[];
  readonly timeoutMs: number;
}

export type PlannedMethod = PlannedDns | PlannedMoveIp | PlannedComputerName | PlannedScript;

export interface PlanInput {
  /** Of the scenario. */
  readonly settings: SettingValues;
  /** The host that had the name and the addresses before the first switchover, and the one that takes them. */
  readonly master: HostReference;
  readonly replica: HostReference;
  readonly here: 'master' | 'replica';
  /** DNS domain of this host for names without one. */
  readonly domain?: string;
  /** DNS servers of this host. */
  readonly hostServers?: readonly string[];
  /** IPv4 addresses at which clients reach this host; default: the one that the scenario calls it by. */
  readonly addresses?: readonly string[];
}

/** NetBIOS names end here. */
export const COMPUTER_NAME_LENGTH = 15;
const STANDBY_SUFFIX = '-XO';

/** The methods in the order in which a host that becomes active takes them: clients are sent last. */
export function planRedirection(input: PlanInput): PlannedMethod[] {
  const { settings } = input;
  const methods: PlannedMethod[] = [];
  if (settingOf(settings, 'redirect.moveIp')) methods.push(planMoveIp(input));
  if (settingOf(settings, 'redirect.computerName')) methods.push(planComputerName(input));
  if (settingOf(settings, 'redirect.dns')) methods.push(planDns(input));
  const script = planScript(input[input.here].settings);
  if (script !== undefined) methods.push(script);
  return methods;
}

/** A host that stops being active gives up in the opposite order. */
export function inOrder<T>(methods: readonly T[], direction: RedirectDirection): T[] {
  return direction === 'acquire' ? [...methods] : [...methods].reverse();
}

/** `192.0.2.7` of `192.0.2.7:4090` or `[2001:db8::1]:4090`; names stay names. */
function hostOf(address: string): string {
  return /^\[([^\]]+)\]/.exec(address)?.[1] ?? address.replace(/:\d+$/, '');
}

/** `192.0.2.7/255.255.255.0` or `192.0.2.7/24`; throws `CONFIG-INVALID` for anything else. */
export function parseAddressAndMask(text: string): MovedAddress {
  const [address = '', mask = ''] = text.split('/');
  const prefix = /^\d{1,2}$/.test(mask) ? Number(mask) : prefixOfMask(mask);
  if (addressBytes(address) === undefined || prefix === undefined || prefix < 1 || prefix > 32)
    throw new Fault('CONFIG-INVALID', {
      key: 'redirect.moveIpAddresses',
      reason: `"${text}" is not an IPv4 address with its mask`,
    });
  return { address, prefix };
}

/** Bits of a dotted mask; undefined when its ones do not all come first. */
function prefixOfMask(mask: string): number | undefined {
  const bytes = addressBytes(mask);
  if (bytes === undefined) return undefined;
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

function planMoveIp({ settings, here, ...hosts }: PlanInput): PlannedMoveIp {
  const addresses = settingOf(settings, 'redirect.moveIpAddresses').map(parseAddressAndMask);
  return { kind: 'move-ip', addresses, engineAddress: hostOf(hosts[here].address) };
}

/** The name with `-XO` behind it, short enough for a computer name. */
export function standbyNameOf(name: string): string {
  return `${name.slice(0, COMPUTER_NAME_LENGTH - STANDBY_SUFFIX.length)}${STANDBY_SUFFIX}`;
}

function planComputerName({ settings, master, replica, here }: PlanInput): PlannedComputerName {
  const activeName = firstLabel(master.name);
  return {
    kind: 'computer-name',
    activeName,
    standbyName: here === 'master' ? standbyNameOf(activeName) : firstLabel(replica.name),
    reboot: settingOf(settings, 'redirect.reboot'),
    ...(here === 'replica' ? { freedAs: standbyNameOf(activeName) } : {}),
  };
}

export function firstLabel(name: string): string {
  return name.split('.')[0] ?? name;
}

function planDns(input: PlanInput): PlannedDns {
  const { settings, master, here, domain, hostServers = [] } = input;
  const given = settingOf(settings, 'redirect.dnsName');
  const name = given || settingOf(master.settings, 'hosts.fullyQualifiedName') || master.name;
  const servers = settingOf(settings, 'redirect.dnsServers');
  const own = hostOf(input[here].address);
  return {
    kind: 'dns',
    name: name.includes('.') || domain === undefined || domain === '' ? name : `${name}.${domain}`,
    ttlSeconds: settingOf(settings, 'redirect.dnsTtlSeconds'),
    servers: servers.length === 0 ? hostServers : servers,
    method: settingOf(settings, 'redirect.dnsUpdate') as DnsUpdateMethod,
    keyName: settingOf(settings, 'redirect.dnsTsigKey'),
    addresses: input.addresses ?? (addressBytes(own) === undefined ? [] : [own]),
  };
}

function planScript(settings: SettingValues | undefined): PlannedScript | undefined {
  const identify = settingOf(settings, 'redirect.identifyScript');
  const activate = settingOf(settings, 'redirect.activateScript');
  const deactivate = settingOf(settings, 'redirect.deactivateScript');
  if (identify === '' && activate === '' && deactivate === '') return undefined;
  return {
    kind: 'script',
    identify,
    activate,
    deactivate,
    arguments: settingOf(settings, 'redirect.scriptArguments'),
    timeoutMs: settingOf(settings, 'redirect.scriptTimeoutMs'),
  };
}
