/** Settings of a daemon itself: the file of `mainstay daemon --config FILE`. */
import { define } from './definition.ts';

const host = { tab: 'host', scopes: ['host'], edit: 'stopped', agreement: 'local' } as const;
const engine = { ...host, group: 'Engine' } as const;
const mail = { ...host, group: 'Mail server', awaits: 'notifications' } as const;

/** Port a daemon listens on and a host address means when it names none. */
export const DEFAULT_PORT = 25_000;

export const DAEMON_SETTINGS = define({
  'engine.name': {
    ...engine,
    type: 'text',
    label: 'Host name',
    help: 'Name of this host in scenarios, events and commands; empty: the name of the computer. `--name` wins.',
    default: '',
  },
  'engine.listen': {
    ...engine,
    type: 'text',
    label: 'Listen address',
    help: 'host:port the engine listens on, for hosts and consoles alike. `--listen` wins.',
    default: `0.0.0.0:${DEFAULT_PORT}`,
    pattern: { source: '^(\\[[0-9A-Fa-f:.]+\\]|[^:\\s]+):\\d{1,5}$', says: 'host:port' },
  },
  'engine.logLevel': {
    ...engine,
    type: 'choice',
    label: 'Log level',
    help: 'How much goes to the log file of the host.',
    default: 'info',
    choices: [
      { value: 'debug', label: 'Debug' },
      { value: 'info', label: 'Information' },
      { value: 'warn', label: 'Warnings' },
      { value: 'error', label: 'Errors' },
    ],
  },
  'engine.metricsListen': {
    ...engine,
    type: 'text',
    label: 'Metrics address',
    help: 'Optional loopback host:port for /metrics and /healthz without a client certificate.',
    default: '',
    awaits: 'metrics',
  },
  'report.directory': {
    ...host,
    group: 'Reports',
    type: 'path',
    label: 'Reports directory',
    help: 'Where generated reports are stored; below the data directory unless absolute.',
    default: 'reports',
  },
  'report.keepCount': {
    ...host,
    group: 'Reports',
    type: 'integer',
    label: 'Reports kept',
    help: 'Of each scenario so many reports are kept; the oldest are removed.',
    default: 100,
    unit: 'reports',
    min: 1,
    max: 10_000,
  },
  'report.keepMs': {
    ...host,
    group: 'Reports',
    type: 'duration',
    label: 'Reports kept for',
    help: 'Older reports are removed; 0: only their number counts.',
    default: 31_536_000_000,
    min: 0,
    max: 315_360_000_000,
  },
  'script.directory': {
    ...host,
    group: 'Scripts',
    type: 'path',
    label: 'Scripts directory',
    help: 'Registered scripts lie here; only root may write to it. Scripts never travel between hosts.',
    default: 'scripts',
    awaits: 'scripts',
  },
  'mail.server': {
    ...mail,
    type: 'text',
    label: 'Mail server',
    help: 'host:port of the SMTP server.',
    default: '',
  },
  'mail.from': {
    ...mail,
    type: 'text',
    label: 'From',
    help: 'Sender address of notifications and reports.',
    default: '',
  },
  'licence.authority': {
    ...host,
    group: 'Licence',
    type: 'text',
    label: 'Licence authority',
    help: 'Public key of the licence authority; empty: nothing is restricted.',
    default: '',
    awaits: 'licences',
  },
});
