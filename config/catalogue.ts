/**
 * The settings catalogue: every property of a scenario, of its hosts and of a daemon, declared once (FEATURES.md D3, D4).
 * Values are stored sparse: absent means the default. Fields of the scenario document itself are in config/fields.ts.
 */
import { Fault } from '../shared/faults.ts';
import type { ScenarioState, SettingValues } from '../shared/scenario.ts';
import { didYouMean } from '../shared/suggest.ts';
import { AVAILABILITY_SETTINGS } from './settings/availability.ts';
import { DAEMON_SETTINGS } from './settings/daemon.ts';
import type { SettingDefinition, SettingScope, ValueOf } from './settings/definition.ts';
import { HOST_SETTINGS } from './settings/hosts.ts';
import { NOTIFICATION_SETTINGS } from './settings/notification.ts';
import { REDIRECTION_SETTINGS } from './settings/redirection.ts';
import { REPLICATION_SETTINGS } from './settings/replication.ts';
import { readValue, type SettingValue } from './value.ts';

export const SETTINGS = {
  ...REPLICATION_SETTINGS,
  ...NOTIFICATION_SETTINGS,
  ...HOST_SETTINGS,
  ...AVAILABILITY_SETTINGS,
  ...REDIRECTION_SETTINGS,
  ...DAEMON_SETTINGS,
};

export type SettingKey = keyof typeof SETTINGS;
export type SettingOf<Key extends SettingKey> = ValueOf<(typeof SETTINGS)[Key]>;

/** Keys in the order of the tabs. */
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function definitionOf(key: SettingKey): SettingDefinition {
  return SETTINGS[key];
}

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

export function keysOf(scope: SettingScope): readonly SettingKey[] {
  return SETTING_KEYS.filter((key) => definitionOf(key).scopes.includes(scope));
}

/** The value that counts: the one given, else the default. `values` must have passed `validate`. */
export function settingOf<Key extends SettingKey>(values: SettingValues | undefined, key: Key): SettingOf<Key> {
  return (values?.[key] ?? SETTINGS[key].default) as SettingOf<Key>;
}

/** All defaults of a scope. */
export function defaultsOf(scope: SettingScope): SettingValues {
  return Object.fromEntries(keysOf(scope).map((key) => [key, definitionOf(key).default]));
}

/**
 * Checks values and brings them to their stored form (`"30 s"` → 30000, `"on"` → true). Nothing is filled in.
 * Throws `CONFIG-INVALID` naming the first key that is wrong and why.
 */
export function validate(values: Readonly<Record<string, unknown>>, scope: SettingScope): SettingValues {
  const result: Record<string, SettingValue> = {};
  for (const [key, given] of Object.entries(values)) {
    if (!isSettingKey(key) || !definitionOf(key).scopes.includes(scope)) throw unknownKey(key, scope);
    result[key] = validateOne(key, given);
  }
  const heartbeat = settingOf(result as SettingValues, 'isAlive.heartbeatMs');
  if (scope === 'scenario' && settingOf(result as SettingValues, 'isAlive.timeoutMs') < heartbeat) {
    throw invalid('isAlive.timeoutMs', 'it is shorter than the heartbeat, so that no check could ever confirm it');
  }
  return result;
}

/** One value in its stored form; throws `CONFIG-INVALID`. */
export function validateOne(key: SettingKey, given: unknown): SettingValue {
  const definition = definitionOf(key);
  const read = readValue(definition, given);
  if ('reason' in read) throw invalid(key, read.reason);
  const awaited = awaitedBy(definition, read.value);
  if (awaited !== undefined) {
    throw invalid(
      key,
      `it has no effect in this version (it comes with ${awaited}), and a protection that does nothing is not accepted; leave it at ${JSON.stringify(definition.default)}`,
    );
  }
  return read.value;
}

/** Why a property cannot be changed while the scenario is in `state`, as shown beside it; undefined when it can. */
export function whyNotEditable(key: SettingKey, state: ScenarioState | 'new'): string | undefined {
  const definition = definitionOf(key);
  if (definition.awaits !== undefined) return `Not yet effective: comes with ${definition.awaits}.`;
  return whyNotNow(definition.edit, state);
}

/** The same for a rule alone; used for document fields too. */
export function whyNotNow(edit: SettingDefinition['edit'], state: ScenarioState | 'new'): string | undefined {
  if (state === 'new' || edit === 'always') return undefined;
  if (edit === 'creation') return 'Cannot be changed once the scenario is created.';
  return state === 'stopped' || state === 'failed' ? undefined : 'Stop the scenario first.';
}

function awaitedBy(definition: SettingDefinition, value: SettingValue): string | undefined {
  const isDefault = JSON.stringify(value) === JSON.stringify(definition.default);
  if (isDefault) return undefined;
  return definition.awaits ?? definition.choices?.find((choice) => choice.value === value)?.awaits;
}

function unknownKey(key: string, scope: SettingScope): Fault {
  if (isSettingKey(key)) {
    const scopes = definitionOf(key).scopes.join(', ');
    return invalid(key, `it is a property of: ${scopes}; not of: ${scope}`);
  }
  return invalid(key, `there is no such property${didYouMean(key, keysOf(scope))}`);
}

function invalid(key: string, reason: string): Fault {
  return new Fault('CONFIG-INVALID', { key, reason });
}
