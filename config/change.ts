/** Changes to an existing scenario: `scenario set`, and what applying a document would do. Pure. */
import { Fault } from '../shared/faults.ts';
import type { DocumentChange } from '../shared/results.ts';
import type { HostReference, ScenarioDocument, ScenarioState, SettingValues } from '../shared/scenario.ts';
import { didYouMean } from '../shared/suggest.ts';
import {
  definitionOf,
  isSettingKey,
  keysOf,
  type SettingKey,
  validate,
  validateOne,
  whyNotEditable,
  whyNotNow,
} from './catalogue.ts';
import { parseScenarioInput, type ScenarioInput } from './document.ts';
import { FIELDS, type FieldKey } from './fields.ts';
import type { SettingValue } from './value.ts';

/** The scenario with `values` (keys as in `DocumentChange`; the text `default` resets) and what changed; `revision` is raised. */
export function applyValues(
  document: ScenarioDocument,
  values: Readonly<Record<string, unknown>>,
  state: ScenarioState,
): { readonly document: ScenarioDocument; readonly changed: readonly string[] } {
  let input = toInput(document);
  for (const [key, value] of Object.entries(values)) input = applyOne(input, key, value);
  const complete = parseScenarioInput(input);
  return applyDocument(document, complete, state);
}

/** The scenario made equal to `input` (pinned device ids stay) and what changed; throws `SCENARIO-STATE` for what cannot be now. */
export function applyDocument(
  document: ScenarioDocument,
  input: ScenarioInput,
  state: ScenarioState,
): { readonly document: ScenarioDocument; readonly changed: readonly string[] } {
  const changes = planChanges(document, input, state);
  refuseBlocked(document.name, state, changes);
  if (changes.length === 0) return { document, changed: [] };
  const known = new Map([document.master, ...document.replicas].map((host) => [host.name, host.deviceId]));
  const pinned = (host: HostReference): HostReference => {
    const deviceId = host.deviceId ?? known.get(host.name);
    return deviceId === undefined ? host : { ...host, deviceId };
  };
  return {
    document: {
      ...input,
      master: pinned(input.master),
      replicas: input.replicas.map(pinned),
      id: document.id,
      revision: document.revision + 1,
    },
    changed: changes.map((change) => change.key),
  };
}

/** Throws `SCENARIO-STATE` naming the first change that is not possible now. */
function refuseBlocked(name: string, state: ScenarioState, changes: readonly DocumentChange[]): void {
  const blocked = changes.find((change) => change.blocked !== undefined);
  if (blocked === undefined) return;
  throw new Fault('SCENARIO-STATE', { name, state, reason: `${blocked.key}: ${blocked.blocked}` });
}

/** What would change from `current` to `next`; none: they are equal. Undefined `current`: everything is new. */
export function planChanges(
  current: ScenarioDocument | undefined,
  next: ScenarioInput,
  state: ScenarioState | 'new',
): DocumentChange[] {
  const before = current === undefined ? new Map<string, unknown>() : flatten(current);
  const after = flatten(next);
  keepDeviceIds(before, after);
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  // What is said of a Replica that comes or goes is part of that.
  const comesOrGoes = (host: string | undefined) => before.has(`replica@${host}`) !== after.has(`replica@${host}`);
  return keys
    .filter((key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key)))
    .map((key) => {
      const blocked = state === 'new' || comesOrGoes(splitKey(key)[1]) ? undefined : whyNot(key, state);
      return {
        key,
        ...(before.has(key) ? { from: before.get(key) } : {}),
        ...(after.has(key) ? { to: after.get(key) } : {}),
        ...(blocked === undefined ? {} : { blocked }),
      };
    });
}

/** A device id comes from the pairing: leaving it out of a document does not take it away. */
function keepDeviceIds(before: ReadonlyMap<string, unknown>, after: Map<string, unknown>): void {
  for (const [key, value] of before) {
    const [field, host] = splitKey(key);
    if (field === 'deviceId' && !after.has(key) && after.has(`address@${host}`)) after.set(key, value);
  }
}

/** The document as an administrator gives it, without what the product adds. */
export function toInput(document: ScenarioDocument): ScenarioInput {
  const { id: _id, revision: _revision, ...input } = document;
  return input;
}

function whyNot(key: string, state: ScenarioState): string | undefined {
  const [name, host] = splitKey(key);
  if (isSettingKey(name)) return whyNotEditable(name, state);
  if (host !== undefined && (name === 'master' || name === 'replica')) return whyNotNow('stopped', state);
  return Object.hasOwn(FIELDS, name) ? whyNotNow(FIELDS[name as FieldKey].edit, state) : undefined;
}

function flatten(document: ScenarioInput): Map<string, unknown> {
  const flat = new Map<string, unknown>([
    ['name', document.name],
    ['serverType', document.serverType],
    ['solution', document.solution],
    ['roots', document.roots],
  ]);
  if (document.group !== undefined) flat.set('group', document.group);
  if (document.exclude.length > 0) flat.set('exclude', document.exclude);
  addSettings(flat, document.settings, '');
  addHost(flat, 'master', document.master);
  for (const replica of document.replicas) addHost(flat, 'replica', replica);
  return flat;
}

function addHost(flat: Map<string, unknown>, role: string, host: HostReference): void {
  flat.set(`${role}@${host.name}`, host.name);
  flat.set(`address@${host.name}`, host.address);
  if (host.deviceId !== undefined) flat.set(`deviceId@${host.name}`, host.deviceId);
  if (host.roots !== undefined) flat.set(`roots@${host.name}`, host.roots);
  if (host.source !== undefined) flat.set(`source@${host.name}`, host.source);
  addSettings(flat, host.settings ?? {}, `@${host.name}`);
}

function addSettings(flat: Map<string, unknown>, values: SettingValues, ending: string): void {
  for (const [key, value] of Object.entries(values)) {
    const isDefault = isSettingKey(key) && JSON.stringify(definitionOf(key).default) === JSON.stringify(value);
    if (!isDefault) flat.set(`${key}${ending}`, value);
  }
}

function splitKey(key: string): [string, string | undefined] {
  const at = key.indexOf('@');
  return at < 0 ? [key, undefined] : [key.slice(0, at), key.slice(at + 1)];
}

function applyOne(input: ScenarioInput, key: string, value: unknown): ScenarioInput {
  const [name, host] = splitKey(key);
  if (isSettingKey(name)) {
    return host === undefined ? setScenarioValue(input, name, value) : setHostValue(input, name, host, value);
  }
  if (name === 'group' && host === undefined) return withoutEmptyGroup({ ...input, group: String(value) });
  if (name === 'exclude' && host === undefined) return { ...input, exclude: listOf(value) };
  if ((name === 'address' || name === 'deviceId') && host !== undefined) {
    return changeHost(input, host, key, (reference) => ({ ...reference, [name]: String(value) }));
  }
  if (name === 'source' && host !== undefined) {
    return changeHost(input, host, key, ({ source: _source, ...reference }) =>
      value === 'default' || value === '' ? reference : { ...reference, source: String(value) },
    );
  }
  throw new Fault('CONFIG-INVALID', { key, reason: whyUnknown(name, host) });
}

function setScenarioValue(input: ScenarioInput, key: SettingKey, value: unknown): ScenarioInput {
  if (!definitionOf(key).scopes.includes('scenario')) {
    const hosts = [input.master, ...input.replicas].map((host) => `${key}@${host.name}`).join(', ');
    throw new Fault('CONFIG-INVALID', { key, reason: `it is a property of a host; say which: ${hosts}` });
  }
  const settings = withValue(input.settings, key, value);
  return { ...input, settings: validate(settings, 'scenario') };
}

function setHostValue(input: ScenarioInput, key: SettingKey, host: string, value: unknown): ScenarioInput {
  const role = sameName(input.master.name, host) ? 'master' : 'replica';
  if (!definitionOf(key).scopes.includes(role)) {
    throw new Fault('CONFIG-INVALID', { key, reason: `it is not a property of a ${role}` });
  }
  return changeHost(input, host, key, (reference) => ({
    ...reference,
    settings: withValue(reference.settings ?? {}, key, value),
  }));
}

function withValue(values: SettingValues, key: SettingKey, value: unknown): SettingValues {
  const { [key]: _old, ...others } = values as Record<string, SettingValue>;
  return value === 'default' ? others : { ...others, [key]: validateOne(key, value) };
}

function changeHost(
  input: ScenarioInput,
  host: string,
  key: string,
  change: (reference: HostReference) => HostReference,
): ScenarioInput {
  if (sameName(input.master.name, host)) return { ...input, master: change(input.master) };
  if (!input.replicas.some((replica) => sameName(replica.name, host))) {
    const names = [input.master, ...input.replicas].map((reference) => reference.name);
    throw new Fault('CONFIG-INVALID', { key, reason: `the scenario has no host "${host}"${didYouMean(host, names)}` });
  }
  return {
    ...input,
    replicas: input.replicas.map((replica) => (sameName(replica.name, host) ? change(replica) : replica)),
  };
}

function withoutEmptyGroup(input: ScenarioInput): ScenarioInput {
  if (input.group !== '' && input.group !== 'default') return input;
  const { group: _group, ...others } = input;
  return others;
}

function listOf(value: unknown): readonly string[] {
  if (value === 'default' || value === '') return [];
  if (Array.isArray(value)) return value as readonly string[];
  return String(value)
    .split(',')
    .map((item) => item.trim());
}

function whyUnknown(name: string, host: string | undefined): string {
  if (Object.hasOwn(FIELDS, name)) {
    const { edit, perHost } = FIELDS[name as FieldKey];
    if (edit === 'creation') return 'it cannot be changed once the scenario is created';
    if (perHost && host === undefined) return `say which host: ${name}@HOST`;
    return 'change it in a document and `mainstay scenario apply` it';
  }
  return `there is no such property${didYouMean(name, [...keysOf('scenario'), ...keysOf('master'), ...keysOf('replica')])}`;
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
