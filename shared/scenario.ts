/** What a scenario is: the document an administrator creates, and the states it goes through. */

export const SERVER_TYPES = ['iis', 'nginx', 'apache', 'file-server', 'custom'] as const;
export type ServerType = (typeof SERVER_TYPES)[number];

export const SCENARIO_STATES = [
  'stopped',
  'verifying',
  'synchronizing',
  'protected',
  'suspended',
  'out-of-sync',
  'rehearsing',
  'switching',
  'recovering',
  'failed',
] as const;
export type ScenarioState = (typeof SCENARIO_STATES)[number];
/** Why it is stopped: never run, by the user, after a switchover, by an error. */
export type StopReason = 'never-run' | 'by-user' | 'after-switchover' | 'by-error';

export type SyncMethod = 'file' | 'block' | 'skip';

/** Property values by key of the settings catalogue (config/catalogue.ts); absent = default. */
export type SettingValues = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Which places of one root are replicated; patterns are relative to it. */
export interface RootRules {
  /** Only these places, with everything in them (`site`, `data/public`, with `*` and `?` in names); absent: everything. */
  readonly include?: readonly string[];
  /** Not these, beside those the scenario excludes in every root. */
  readonly exclude?: readonly string[];
  /** Patterns of names of regular files, in the place of the scenario's file filter. */
  readonly fileFilter?: readonly string[];
}

export interface RootPair extends RootRules {
  /** Absolute path on the Master. */
  readonly master: string;
  /** Absolute path on each Replica; default: the same path. */
  readonly replica?: string;
}

export interface HostReference {
  /** Name shown and used in commands. */
  readonly name: string;
  /** `host:port` where its engine listens. */
  readonly address: string;
  /** Pinned identity; filled in from the pairing when it is left out. */
  readonly deviceId?: string;
  /** Master or Replica properties of this host. */
  readonly settings?: SettingValues;
  /** Replica: its own directories, one for each of the scenario's roots, where they are not the ones of `roots`. */
  readonly roots?: readonly string[];
  /** Replica: name of the Replica that feeds it (cascade); default: the Master does. */
  readonly source?: string;
}

/** The scenario that a relay goes on from (docs/decisions/0030). */
export interface ScenarioOrigin {
  readonly scenarioId: string;
  readonly revision: number;
  /** The hosts its data comes through before the one that feeds the relay, first the Master. */
  readonly hosts: readonly { readonly name: string; readonly deviceId: string }[];
}

/** The document of `mainstay scenario create FILE.json`, complete after defaults were filled in. */
export interface ScenarioDocument {
  /** Random, 32 hex digits; given by the product. */
  readonly id: string;
  /** Of a temporary Recovery scenario: id of the scenario whose data it restores. */
  readonly recoveryOf?: string;
  /** After a switchover: the host that was its Master is its Replica now. */
  readonly backward?: true;
  /** Of what a Replica runs for the Replicas behind it. */
  readonly origin?: ScenarioOrigin;
  readonly name: string;
  readonly group?: string;
  readonly serverType: ServerType;
  readonly solution: 'ha' | 'dr';
  readonly master: HostReference;
  readonly replicas: readonly HostReference[];
  readonly roots: readonly RootPair[];
  /** Glob patterns relative to each root that are not replicated (`cache/**`, `*.tmp`). */
  readonly exclude: readonly string[];
  readonly settings: SettingValues;
  /** Raised by every edit; the daemon refuses an edit of an outdated revision. */
  readonly revision: number;
}
