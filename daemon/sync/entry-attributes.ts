/** Attributes of the entries of one directory in a synchronization: what the Master says, and what it means here. */
import {
  type AttributeBytes,
  type AttributeKinds,
  NO_ATTRIBUTES,
  sameAttributes,
  selectKinds,
} from '../../shared/attributes.ts';
import type { MetadataProfile } from '../../shared/change.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import { accessListsHere } from '../../shared/posix-acl.ts';
import type { ListedAttributes, ListedEntry } from '../../shared/protocol/sync-codec.ts';
import type { RootTree, ScannedEntry } from '../ports.ts';
import type { DirectoryComparison, EntryComparison, OwnEntry } from './replica-compare.ts';

/** By name; see ListedAttributes. */
export interface EntryAttributes {
  readonly complete: boolean;
  readonly said: ReadonlyMap<string, AttributeBytes>;
  /** Of the directory itself. */
  readonly own: AttributeBytes | undefined;
}

export const NOTHING_SAID: EntryAttributes = { complete: false, said: new Map(), own: undefined };

export function saidOf({ complete, said }: EntryAttributes, name: string): AttributeBytes | undefined {
  return said.get(name) ?? (complete ? NO_ATTRIBUTES : undefined);
}

/** Reads them; nothing is said of files for which `unchanged` is true. */
export function lookAtAttributes(
  tree: RootTree,
  path: RelativePath,
  entries: readonly ScannedEntry[],
  kinds: AttributeKinds,
  unchanged: ((name: string) => boolean) | undefined,
): EntryAttributes {
  if (kinds === 0) return NOTHING_SAID;
  const { names, complete } = namesToAsk(entries, unchanged);
  const found = tree.attributesOf(path, ['', ...names]);
  const said = new Map<string, AttributeBytes>();
  for (const [name, bytes] of found) said.set(name, selectKinds(bytes, kinds));
  const own = said.get('') ?? NO_ATTRIBUTES;
  said.delete('');
  if (!complete) for (const name of names) if (!said.has(name)) said.set(name, NO_ATTRIBUTES);
  return { complete, said, own };
}

function namesToAsk(
  entries: readonly ScannedEntry[],
  unchanged: ((name: string) => boolean) | undefined,
): { readonly names: readonly string[]; readonly complete: boolean } {
  const names: string[] = [];
  let complete = true;
  for (const { name, type } of entries) {
    if (type === 'directory' || type === 'other') continue;
    if (type === 'file' && unchanged?.(name) === true) complete = false;
    else names.push(name);
  }
  return { names, complete };
}

/** As one part of the listing says it; `before`: entries of the parts before. */
export function listedAttributes(
  entries: readonly ListedEntry[],
  before: number,
  attributes: EntryAttributes,
): ListedAttributes {
  const said = new Map<number, AttributeBytes>();
  if (attributes.said.size > 0) {
    for (const [index, { name }] of entries.entries()) {
      const bytes = attributes.said.get(name);
      if (bytes !== undefined) said.set(before + index, bytes);
    }
  }
  return { complete: attributes.complete, said };
}

// ---------------------------------------------------------------- the Replica

function listedOf({ complete, said }: ListedAttributes, index: number): AttributeBytes | undefined {
  return said.get(index) ?? (complete ? NO_ATTRIBUTES : undefined);
}

type AttributeProfile = Pick<MetadataProfile, 'attributeKinds' | 'owners'>;

/** Attributes of entries of a directory here; '' is the directory itself. */
class OwnAttributes {
  private readonly found: ReadonlyMap<string, AttributeBytes>;
  private readonly profile: AttributeProfile;

  constructor(tree: RootTree, path: RelativePath, names: readonly string[], profile: AttributeProfile) {
    this.profile = profile;
    this.found = profile.attributeKinds === 0 || names.length === 0 ? new Map() : tree.attributesOf(path, names);
  }

  agrees(name: string, said: AttributeBytes): boolean {
    const { attributeKinds, owners } = this.profile;
    const own = this.found.get(name);
    const here = own === undefined ? NO_ATTRIBUTES : selectKinds(own, attributeKinds);
    return sameAttributes(here, accessListsHere(said, owners));
  }
}

/** Whether an entry here has what is said of it; nothing said is always so. */
export function agreesHere(
  tree: RootTree,
  path: RelativePath,
  said: AttributeBytes | undefined,
  profile: AttributeProfile,
): boolean {
  if (said === undefined || profile.attributeKinds === 0) return true;
  const name = baseName(path);
  return new OwnAttributes(tree, parentPath(path) ?? '', [name], profile).agrees(name, said);
}

/** The same for all entries of a directory whose listing is equal otherwise. */
export function allAgree(
  tree: RootTree,
  path: RelativePath,
  own: readonly OwnEntry[],
  listed: ListedAttributes,
  profile: AttributeProfile,
): boolean {
  if (profile.attributeKinds === 0) return true;
  const told: { readonly name: string; readonly said: AttributeBytes }[] = [];
  for (const [index, { name, type }] of own.entries()) {
    const said = type === 'directory' ? undefined : listedOf(listed, index);
    if (said !== undefined) told.push({ name, said });
  }
  const names = told.map(({ name }) => name);
  const here = new OwnAttributes(tree, path, names, profile);
  return told.every(({ name, said }) => here.agrees(name, said));
}

/** Adds what is said to the entries of a comparison; where that is all that differs, metadata is to be set. */
export function withAttributes(
  comparison: DirectoryComparison,
  listed: ListedAttributes,
  tree: RootTree,
  path: RelativePath,
  profile: AttributeProfile,
): DirectoryComparison {
  if (profile.attributeKinds === 0) return comparison;
  const names = comparison.entries.flatMap(({ entry, index, verdict }) =>
    verdict.kind === 'identical' && entry.type !== 'directory' && listedOf(listed, index) !== undefined
      ? [entry.name]
      : [],
  );
  const here = new OwnAttributes(tree, path, names, profile);
  const entries = comparison.entries.map((found): EntryComparison => {
    const said = found.entry.type === 'directory' ? undefined : listedOf(listed, found.index);
    if (said === undefined) return found;
    const entry = { ...found.entry, metadata: { ...found.entry.metadata, attributes: said } };
    const same = found.verdict.kind !== 'identical' || here.agrees(entry.name, said);
    return { ...found, entry, verdict: same ? found.verdict : { kind: 'metadata' } };
  });
  return { ...comparison, entries };
}
