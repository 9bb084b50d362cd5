/** What is said about one property, once: wizard, tabs, help, command line, JSON Schema, checks and reference follow from it. */

/** Where a value lives: with the scenario, with the Master or a Replica of it, or with the daemon of a host. */
export type SettingScope = 'scenario' | 'master' | 'replica' | 'host';

/** Tab of the console that shows it; `host` is the page of a host, outside scenarios. */
export type SettingTab = 'roots' | 'properties' | 'ha' | 'host';

export type SettingType = 'boolean' | 'integer' | 'bytes' | 'duration' | 'text' | 'path' | 'choice' | 'list';

export interface SettingChoice {
  readonly value: string;
  readonly label: string;
  /** Set when choosing it is refused until that feature is there. */
  readonly awaits?: string;
}

export interface SettingDefinition {
  /** `duration` is stored in milliseconds, `bytes` in bytes; both are also accepted as text with a unit (`30 s`, `10 GiB`). */
  readonly type: SettingType;
  readonly tab: SettingTab;
  readonly group: string;
  readonly label: string;
  readonly help: string;
  readonly default: boolean | number | string | readonly string[];
  readonly scopes: readonly SettingScope[];
  /** `always`: also while the scenario runs; `stopped`: only while it is stopped; `creation`: never again. */
  readonly edit: 'always' | 'stopped' | 'creation';
  /** `agreed` values are compared between the hosts at the handshake; `local` ones may differ. */
  readonly agreement: 'agreed' | 'local';
  /** For `integer`: what is counted. */
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly SettingChoice[];
  /** For `text`, `path` and the items of a `list`. */
  readonly pattern?: { readonly source: string; readonly says: string };
  /**
   * The feature that makes it effective, when this version does not have it yet. Until then any value but the default is
   * refused: a protection that is configured and does nothing would be a lie (docs/decisions/0020).
   */
  readonly awaits?: string;
}

type ValueByType = {
  readonly boolean: boolean;
  readonly integer: number;
  readonly bytes: number;
  readonly duration: number;
  readonly text: string;
  readonly path: string;
  readonly choice: string;
  readonly list: readonly string[];
};
export type ValueOf<Definition extends SettingDefinition> = ValueByType[Definition['type']];

export function define<const T extends Readonly<Record<string, SettingDefinition>>>(settings: T): T {
  return settings;
}

export const HOST_NAME = {
  source: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$',
  says: 'a host name of letters, digits, "-" and "."',
} as const;
export const EMAIL_ADDRESS = { source: '^[^@\\s]+@[^@\\s]+$', says: 'an address such as admin@example.org' } as const;
export const SCRIPT_NAME = {
  source: '^([A-Za-z0-9._-]{1,100})?$',
  says: 'the name of a script registered on that host with `mainstay script register`',
} as const;
