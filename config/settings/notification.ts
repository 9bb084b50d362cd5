/** Properties tab: Event notification and Report handling, for the scenario and for each of its hosts. */
import { CRON_PATTERN } from '../../shared/cron.ts';
import { define, EMAIL_ADDRESS, SCRIPT_NAME } from './definition.ts';

const events = {
  tab: 'properties',
  group: 'Event notification',
  scopes: ['scenario', 'master', 'replica'],
  edit: 'always',
  agreement: 'local',
  awaits: 'notifications',
} as const;
const made = {
  tab: 'properties',
  group: 'Report handling',
  scopes: ['scenario', 'replica'],
  edit: 'always',
  agreement: 'local',
} as const;
const sent = { ...made, scopes: ['scenario', 'master', 'replica'], awaits: 'report distribution' } as const;

export const NOTIFICATION_SETTINGS = define({
  'notify.minimumSeverity': {
    ...events,
    type: 'choice',
    label: 'Notify from',
    help: 'Least severity of an event that is notified.',
    default: 'warning',
    choices: [
      { value: 'info', label: 'Information' },
      { value: 'warning', label: 'Warning' },
      { value: 'error', label: 'Error' },
      { value: 'critical', label: 'Critical' },
    ],
  },
  'notify.email': {
    ...events,
    type: 'list',
    label: 'Email notification',
    help: 'Addresses that get the events; the mail server is a setting of the host.',
    default: [],
    pattern: EMAIL_ADDRESS,
  },
  'notify.script': {
    ...events,
    type: 'text',
    label: 'Execute script',
    help: 'Runs for each event, with the event as JSON on its standard input.',
    default: '',
    pattern: SCRIPT_NAME,
  },
  'notify.webhook': {
    ...events,
    type: 'text',
    label: 'Webhook',
    help: 'Each event is posted there as JSON.',
    default: '',
    pattern: { source: '^(https?://\\S+)?$', says: 'an http or https address' },
  },
  'notify.systemLog': {
    ...events,
    type: 'boolean',
    label: "Write to the system's log",
    help: 'Windows Event Log, journald or syslog.',
    default: false,
  },

  'report.synchronization': {
    ...made,
    type: 'boolean',
    label: 'Synchronization report',
    help: 'By default a Synchronization Report is generated when synchronization finishes. A value of a Replica goes before the one of the scenario.',
    default: true,
  },
  'report.detailed': {
    ...made,
    type: 'boolean',
    label: 'Detailed report',
    help: 'The detailed report also lists the files that participated in the process. Off: the lists are not kept.',
    default: true,
  },
  'report.replicationSchedule': {
    ...made,
    scopes: ['scenario'],
    type: 'text',
    label: 'Replication report',
    help: 'When Replication Reports are generated, as a cron expression on the clock of the Master (`0 6 * * mon-fri`, `@daily`); empty: on demand only (`mainstay reports create`). Each covers the time since the one before; a time that was missed is made up for once.',
    default: '',
    pattern: { source: `^(${CRON_PATTERN})?$`, says: 'a cron expression such as `0 6 * * mon-fri` or `@daily`' },
  },
  'report.email': {
    ...sent,
    type: 'list',
    label: 'Email the reports to',
    help: 'Addresses that get each report.',
    default: [],
    pattern: EMAIL_ADDRESS,
  },
  'report.script': {
    ...sent,
    type: 'text',
    label: 'Hand the reports to a script',
    help: 'Runs for each report, with the path of the report as its argument.',
    default: '',
    pattern: SCRIPT_NAME,
  },
});
