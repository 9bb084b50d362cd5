/** Properties tab of the Master and of each Replica: Replication, Spool, Scheduled tasks, Recovery. */
import { define } from './definition.ts';

const GIBIBYTE = 1024 ** 3;
const MEBIBYTE = 1024 ** 2;
const both = { tab: 'properties', scopes: ['master', 'replica'], agreement: 'local' } as const;
const replica = { tab: 'properties', scopes: ['replica'], agreement: 'local' } as const;

export const HOST_SETTINGS = define({
  'synchronization.windowBytes': {
    tab: 'properties',
    group: 'Replication',
    scopes: ['master'],
    agreement: 'local',
    type: 'bytes',
    label: 'Synchronization window',
    help: 'Bytes of synchronization data that may be on the way to a Replica at once; more helps on long-distance links.',
    default: 16 * MEBIBYTE,
    min: MEBIBYTE,
    max: 256 * MEBIBYTE,
    edit: 'stopped',
  },

  'spool.maxBytes': {
    ...both,
    group: 'Spool',
    type: 'bytes',
    label: 'Max spool size',
    help: 'Changes are kept here while the link is down or slow. It should be at least 10% of the total dataset size. The space is not pre-allocated. An event warns at 80%; when it is full the changes are collapsed and compared again later, nothing is lost.',
    default: 10 * GIBIBYTE,
    min: 16 * MEBIBYTE,
    edit: 'stopped',
  },
  'spool.minFreeBytes': {
    ...both,
    group: 'Spool',
    type: 'bytes',
    label: 'Min disk free size',
    help: 'The spool counts as full when its volume has less free space than this.',
    default: 256 * MEBIBYTE,
    min: 0,
    edit: 'stopped',
  },
  'spool.directory': {
    ...both,
    group: 'Spool',
    type: 'path',
    label: 'Spool directory path',
    help: 'Below the data directory of the host unless absolute. Place it on a drive with relatively low use. If you change the spool location, remember to remove the new path from file level antivirus scans, both scheduled and real time.',
    default: 'tmp',
    edit: 'stopped',
    awaits: 'spool directories of your own',
  },

  'tasks.integrityTestingSchedule': {
    ...replica,
    group: 'Scheduled tasks',
    type: 'text',
    label: 'Replica Integrity Testing for Assured Recovery',
    help: 'When the Replica is tested, as a cron expression; empty: on demand only.',
    default: '',
    edit: 'always',
    awaits: 'Assured Recovery',
  },
  'tasks.suspended': {
    ...replica,
    group: 'Scheduled tasks',
    type: 'boolean',
    label: 'Suspend tasks',
    help: 'Scheduled tasks of this Replica do not start until this is off again.',
    default: false,
    edit: 'always',
    awaits: 'Assured Recovery',
  },

  'recovery.delayMs': {
    ...replica,
    group: 'Recovery',
    type: 'duration',
    label: 'Replication delay',
    help: 'Changes are applied when they are this old by the clock of the Master; they are safe in the spool meanwhile and drained before a switchover. It counts in the predicted switchover time.',
    default: 0,
    min: 0,
    max: 604_800_000,
    edit: 'always',
  },
  'recovery.dataRewind': {
    ...replica,
    group: 'Recovery',
    type: 'boolean',
    label: 'Data Rewind',
    help: 'On: rewind points are registered after synchronization, so that data can be set back to a moment before it was damaged. Off: no rewind points are registered.',
    default: false,
    edit: 'stopped',
  },
  'recovery.retentionMs': {
    ...replica,
    group: 'Recovery',
    type: 'duration',
    label: 'Retention period',
    help: 'Data Rewind: rewind points older than this are removed.',
    default: 8 * 3_600_000,
    min: 60_000,
    edit: 'always',
  },
  'recovery.maxDiskBytes': {
    ...replica,
    group: 'Recovery',
    type: 'bytes',
    label: 'Max disk size',
    help: 'Data Rewind: the oldest rewind points are removed when they need more than this.',
    default: 10 * GIBIBYTE,
    min: 16 * MEBIBYTE,
    edit: 'always',
  },
});
