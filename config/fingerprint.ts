/** What both hosts of a scenario must agree on, condensed for the handshake (`LINK-SETTINGS`). Pure. */
import type { HostReference, RootRules, ScenarioDocument, SettingValues } from '../shared/scenario.ts';
import { definitionOf, isSettingKey } from './catalogue.ts';

/**
 * Fingerprint of the agreed part of a document. Values equal to their default count as absent, so that a version that adds
 * a property does not part two hosts which never set it. `hash` gets text and returns the fingerprint (SHA-256 hex).
 */
export function agreedFingerprint(document: ScenarioDocument, hash: (text: string) => string): string {
  const agreed = {
    id: document.id,
    serverType: document.serverType,
    solution: document.solution,
    roots: document.roots.map((root) => [root.master, root.replica ?? root.master, ...agreedRules(root)]),
    exclude: document.exclude,
    settings: agreedSettings(document.settings),
    hosts: [document.master, ...document.replicas].map((host: HostReference) => [
      host.name,
      agreedSettings(host.settings ?? {}),
      ...(host.roots === undefined && host.source === undefined ? [] : [host.roots ?? [], host.source ?? '']),
    ]),
  };
  return hash(JSON.stringify(agreed));
}

/** Nothing when all of it is replicated. */
function agreedRules({ include, exclude, fileFilter }: RootRules): readonly unknown[] {
  const rules = [include ?? [], exclude ?? [], fileFilter ?? null];
  return JSON.stringify(rules) === '[[],[],null]' ? [] : [rules];
}

function agreedSettings(values: SettingValues): readonly (readonly [string, unknown])[] {
  return Object.keys(values)
    .sort()
    .filter((key) => isSettingKey(key) && definitionOf(key).agreement === 'agreed' && !isDefault(key, values[key]))
    .map((key) => [key, values[key]]);
}

function isDefault(key: string, value: unknown): boolean {
  return isSettingKey(key) && JSON.stringify(definitionOf(key).default) === JSON.stringify(value);
}
