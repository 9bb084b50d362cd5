/** The fields of a scenario document that are not settings: same kind of description, same consumers (tabs, set, reference). */
import type { SettingDefinition } from './settings/definition.ts';

export interface FieldDefinition {
  readonly label: string;
  readonly help: string;
  readonly edit: SettingDefinition['edit'];
  readonly tab: SettingDefinition['tab'];
  readonly group: string;
  /** What is accepted, in words. */
  readonly accepts: string;
  readonly required: boolean;
  /** Of one host: addressed as `field@HOST`. */
  readonly perHost: boolean;
}

function define<const T extends Record<string, FieldDefinition>>(fields: T): T {
  return fields;
}

const general = { tab: 'properties', group: 'General', required: true, perHost: false } as const;
const connection = { tab: 'properties', group: 'Host connection', perHost: true } as const;
const roots = { tab: 'roots', group: 'Root Directories', perHost: false, edit: 'stopped' } as const;

export const FIELDS = define({
  name: {
    ...general,
    label: 'Scenario name',
    help: 'Names the scenario in console and commands; cannot be changed once created.',
    edit: 'creation',
    accepts: '1 to 100 characters, not beginning with "-"',
  },
  group: {
    ...general,
    label: 'Group',
    help: 'Scenarios of a group are shown together.',
    edit: 'always',
    accepts: 'up to 100 characters',
    required: false,
  },
  serverType: {
    ...general,
    label: 'Server type',
    help: 'Application that is protected: it decides which services, sites and checks are known.',
    edit: 'creation',
    accepts: 'iis, nginx, apache, file-server, custom',
  },
  solution: {
    ...general,
    label: 'Solution',
    help: 'High availability (ha), or disaster recovery (dr): replication and recovery without Is Alive and switchover.',
    edit: 'creation',
    accepts: 'ha (default), dr',
    required: false,
  },
  hostName: {
    ...connection,
    label: 'Host',
    help: 'Name of the Master or Replica, shown and used in commands.',
    edit: 'creation',
    accepts: 'letters, digits, "-", "_" and "."',
    required: true,
  },
  address: {
    ...connection,
    label: 'IP address and port',
    help: 'Where the engine of this host listens, as host:port; the port may be left out (25000). IPv6 addresses in brackets.',
    edit: 'stopped',
    accepts: 'host:port',
    required: true,
  },
  deviceId: {
    ...connection,
    label: 'Device id',
    help: 'Pinned identity of the host; filled in from the pairing when it is left out.',
    edit: 'stopped',
    accepts: '64 hexadecimal digits',
    required: false,
  },
  source: {
    ...connection,
    label: 'Fed by',
    help: 'Replica that feeds this Replica (cascade); the Master feeds it unless given.',
    edit: 'stopped',
    accepts: 'the name of another Replica of the scenario',
    required: false,
  },
  roots: {
    ...roots,
    label: 'Root directories',
    help: 'For each Master root directory, the Replica root directory that holds it; the same path unless given. A root may have its own `include` (only these places), `exclude` and `fileFilter`.',
    accepts: 'absolute directories, at most 255, none inside another',
    required: true,
  },
  exclude: {
    ...roots,
    label: 'Exclude',
    help: 'Glob patterns relative to each root that are not replicated, such as `cache/**` or `*.tmp`.',
    accepts: 'patterns; a leading `/` is not allowed',
    required: false,
  },
});

export type FieldKey = keyof typeof FIELDS;
