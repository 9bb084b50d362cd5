/** HA Properties tab: Switchover, Hosts, Is Alive, DB management, Action upon Success. Redirection has its own file. */
import { define, HOST_NAME, SCRIPT_NAME } from './definition.ts';

const ha = { tab: 'ha', scopes: ['scenario'], edit: 'stopped', agreement: 'agreed' } as const;
const switchover = { ...ha, group: 'Switchover' } as const;
const arbitrated = { ...switchover, awaits: 'automatic switchover' } as const;
const alive = { ...ha, group: 'Is Alive', awaits: 'Is Alive checks' } as const;
const management = { ...ha, group: 'DB management' } as const;
const success = { ...ha, group: 'Action upon Success' } as const;

export const AVAILABILITY_SETTINGS = define({
  'switchover.automatic': {
    ...arbitrated,
    type: 'boolean',
    label: 'Perform Switchover Automatically',
    help: 'On: switchover starts by itself when the Master is down; this needs an arbiter or fencing. Off: you are notified that the Master is down and initiate it. You should not set both this and reverse replication to automatic.',
    default: false,
  },
  'switchover.host': {
    ...switchover,
    type: 'text',
    label: 'Switchover hostname',
    help: 'The Replica that takes over; empty: the first one.',
    default: '',
    pattern: { source: `^$|${HOST_NAME.source}`, says: 'the name of a Replica of the scenario' },
  },
  'switchover.reverseAutomatic': {
    ...switchover,
    type: 'boolean',
    label: 'Initiate Reverse Replication automatically',
    help: 'Replication in the reverse direction (from Replica to Master) begins after a switchover has finished successfully. We do not recommend automatic reverse replication with IIS scenarios: nothing can validate that your Replica data is good before it overwrites the data on the Master.',
    default: false,
  },
  'switchover.arbiter': {
    ...arbitrated,
    type: 'choice',
    label: 'Arbiter',
    help: 'Who decides that only one host is active when the hosts cannot see each other; needed for automatic switchover.',
    default: 'none',
    choices: [
      { value: 'none', label: 'None (manual switchover)' },
      { value: 'witness', label: 'Witness' },
      { value: 'etcd', label: 'etcd' },
      { value: 'fencing', label: 'Fencing script' },
    ],
  },
  'switchover.arbiterAddress': {
    ...arbitrated,
    type: 'list',
    label: 'Arbiter address',
    help: 'host:port of the witness, or of each etcd member.',
    default: [],
  },
  'switchover.fencingScript': {
    ...arbitrated,
    type: 'text',
    label: 'Fencing script',
    help: 'Runs on the host that takes over and must confirm, over a path of its own, that the other one is off; exit code 0 means it is.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'switchover.returnPolicy': {
    ...switchover,
    type: 'choice',
    label: 'When the old Master returns',
    help: 'Its own last changes go to quarantine in any case. Ask: it waits for you. Resynchronize: it becomes the standby by itself.',
    default: 'ask',
    choices: [
      { value: 'ask', label: 'Ask' },
      { value: 'resynchronize', label: 'Resynchronize' },
    ],
  },
  'switchover.unsafeAuto': {
    ...arbitrated,
    type: 'boolean',
    label: 'Automatic without arbiter (unsafe)',
    help: 'UNSAFE: both hosts can become active when only the network between them fails. Allows automatic switchover on reference addresses alone.',
    default: false,
  },
  'switchover.maxLagMs': {
    ...arbitrated,
    type: 'duration',
    label: 'Lag limit',
    help: 'An automatic switchover is refused when the Replica is further behind than this.',
    default: 60_000,
    min: 0,
  },
  'switchover.holdDownMs': {
    ...arbitrated,
    type: 'duration',
    label: 'Hold-down',
    help: 'No second automatic switchover within this time unless the first was acknowledged.',
    default: 3_600_000,
    min: 0,
  },

  'hosts.fullyQualifiedName': {
    tab: 'ha',
    group: 'Hosts',
    scopes: ['master', 'replica'],
    edit: 'stopped',
    agreement: 'agreed',
    type: 'text',
    label: 'Fully Qualified Name',
    help: 'The name of this host in DNS with its domain, such as web-01.example.org; empty: asked from the host.',
    default: '',
    pattern: { source: `^$|${HOST_NAME.source}`, says: HOST_NAME.says },
  },

  'isAlive.heartbeatMs': {
    ...alive,
    type: 'duration',
    label: 'Heartbeat frequency',
    help: 'How often the Replica checks the Master once the synchronization process is completed.',
    default: 30_000,
    min: 100,
    max: 3_600_000,
  },
  'isAlive.timeoutMs': {
    ...alive,
    type: 'duration',
    label: 'Timeout',
    help: 'If all checks fail throughout this period, the Master is considered to be down.',
    default: 300_000,
    min: 100,
    max: 86_400_000,
  },
  'isAlive.ping': {
    ...alive,
    type: 'boolean',
    label: 'Send ping request',
    help: 'A request sent to the Master to verify that the Master is up and responding.',
    default: true,
  },
  'isAlive.application': {
    ...alive,
    type: 'boolean',
    label: 'Database check',
    help: 'Verifies that the appropriate services are running and every site answers.',
    default: true,
  },
  'isAlive.httpStatuses': {
    ...alive,
    type: 'text',
    label: 'Accepted HTTP statuses',
    help: 'Answers of a site that count as alive, such as `100-499` or `200,301-308`.',
    default: '100-499',
    pattern: { source: '^\\d{3}(-\\d{3})?(,\\d{3}(-\\d{3})?)*$', says: 'statuses and ranges such as `200,301-308`' },
  },
  'isAlive.httpAddress': {
    ...alive,
    type: 'text',
    label: 'Probe address',
    help: 'Address the sites are probed at; empty: the address of their binding.',
    default: '',
  },
  'isAlive.referenceAddresses': {
    ...alive,
    type: 'list',
    label: 'Reference addresses',
    help: 'Addresses, such as the gateway, that the Replica must reach before it believes that the Master is down and not its own network.',
    default: [],
  },
  'isAlive.script': {
    ...alive,
    type: 'text',
    label: 'User-defined check',
    help: 'A custom request you can tailor to monitor specific applications; exit code 0 means alive.',
    default: '',
    pattern: SCRIPT_NAME,
  },

  'dbManagement.services': {
    ...management,
    type: 'list',
    label: 'Manage services',
    help: 'Services stopped with auto-start off while the host is standby and started when it becomes active; the ones of the server type are known.',
    default: [],
  },
  'dbManagement.shares': {
    ...management,
    awaits: 'share management',
    type: 'boolean',
    label: 'Manage shares',
    help: 'Shares of replicated directories exist only on the active host.',
    default: false,
  },

  'success.script': {
    ...success,
    type: 'text',
    label: 'User-defined script',
    help: 'Runs after a successful switchover or switchback.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'success.arguments': {
    ...success,
    type: 'list',
    label: 'Arguments',
    help: 'Arguments of the script.',
    default: [],
  },
  'success.host': {
    ...success,
    type: 'text',
    label: 'Run on host',
    help: 'The host on which the script runs; empty: the host that became active.',
    default: '',
    pattern: { source: `^$|${HOST_NAME.source}`, says: 'the name of a host of the scenario' },
  },
});
