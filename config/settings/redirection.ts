/** HA Properties tab: Network Traffic Redirection. Any combination of the methods; without one, clients are not moved. */
import { define, HOST_NAME, SCRIPT_NAME } from './definition.ts';

const redirection = {
  tab: 'ha',
  group: 'Network Traffic Redirection',
  scopes: ['scenario'],
  edit: 'stopped',
  agreement: 'agreed',
  awaits: 'redirection',
} as const;
const perHost = { ...redirection, scopes: ['master', 'replica'] } as const;
const ADDRESS_AND_MASK = {
  source: '^[0-9A-Fa-f.:]+/[0-9.]+$',
  says: 'an address with its mask, such as 192.168.220.111/255.255.255.0 or 192.168.220.111/24',
} as const;

export const REDIRECTION_SETTINGS = define({
  'redirect.moveIp': {
    ...redirection,
    type: 'boolean',
    label: 'Move IP',
    help: 'The Replica takes over IP addresses of the Master. Use this method only when both servers are on the same IP subnet. Preferred for virtual machines.',
    default: false,
  },
  'redirect.moveIpAddresses': {
    ...redirection,
    type: 'list',
    label: 'IP/Mask',
    help: 'Production addresses that switch over, each with its mask. The engines talk over another address of the Master.',
    default: [],
    pattern: ADDRESS_AND_MASK,
  },
  'redirect.dns': {
    ...redirection,
    type: 'boolean',
    label: 'Redirect DNS',
    help: "Changes the DNS A record of the Master to the Replica's address. Works in LAN and WAN; a CNAME that points at the record follows.",
    default: false,
  },
  'redirect.dnsName': {
    ...redirection,
    type: 'text',
    label: "Master's name in DNS",
    help: "The A record that is changed; empty: the record that has the Master server's name.",
    default: '',
    pattern: { source: `^$|${HOST_NAME.source}`, says: HOST_NAME.says },
  },
  'redirect.dnsTtlSeconds': {
    ...redirection,
    type: 'integer',
    unit: 'seconds',
    label: 'DNS TTL',
    help: 'Time to live of the record: how long clients may keep the old address.',
    default: 60,
    min: 0,
    max: 86_400,
  },
  'redirect.dnsServers': {
    ...redirection,
    type: 'list',
    label: 'DNS servers',
    help: 'Servers that are updated; empty: those of the host.',
    default: [],
  },
  'redirect.dnsUpdate': {
    ...redirection,
    type: 'choice',
    label: 'Update method',
    help: 'Servers in a workgroup can use Redirect DNS only with DNS servers that allow non-secure updates.',
    default: 'secure',
    choices: [
      { value: 'secure', label: 'Secure (Active Directory)' },
      { value: 'tsig', label: 'TSIG key' },
      { value: 'non-secure', label: 'Non-secure' },
    ],
  },
  'redirect.dnsTsigKey': {
    ...redirection,
    type: 'text',
    label: 'TSIG key',
    help: 'Name of the key; the secret itself lies in a protected file of each host and is never part of a scenario.',
    default: '',
  },
  'redirect.computerName': {
    ...redirection,
    type: 'boolean',
    label: 'Switch Computer Name',
    help: 'Renames the Master to <name>-XO and gives its name to the Replica. For file shares; the most common choice is together with Redirect DNS.',
    default: false,
  },
  'redirect.reboot': {
    ...redirection,
    type: 'boolean',
    label: 'Reboot after switchover and switchback',
    help: 'Recommended with Switch Computer Name on Windows Server 2008 and later, which need a restart after a rename.',
    default: false,
  },
  'redirect.identifyScript': {
    ...perHost,
    type: 'text',
    label: 'Identify Network Traffic Direction script',
    help: 'Says whether this host is the active one; both active is reported as a conflict.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'redirect.activateScript': {
    ...perHost,
    type: 'text',
    label: 'Script upon activation',
    help: 'Runs on this host when it becomes active; exit code 0 means success.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'redirect.deactivateScript': {
    ...perHost,
    type: 'text',
    label: 'Script upon deactivation',
    help: 'Runs on this host when it stops being active; exit code 0 means success.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'redirect.scriptArguments': {
    ...perHost,
    type: 'list',
    label: 'Script arguments',
    help: 'Arguments of the redirection scripts of this host.',
    default: [],
  },
  'redirect.scriptTimeoutMs': {
    ...perHost,
    type: 'duration',
    label: 'Script time limit',
    help: 'A redirection script that runs longer is ended and counts as failed.',
    default: 60_000,
    min: 1000,
    max: 3_600_000,
  },
});
