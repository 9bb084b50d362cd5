/** Which metadata two hosts replicate: what both hold and the scenario asks for. Pure. */
import type { AttributeKinds } from '../../shared/attributes.ts';
import type { MetadataProfile } from '../../shared/change.ts';
import type { OwnerNames } from '../../shared/owners.ts';
import type { RootTree } from '../ports.ts';

/** What the roots of this host hold, of the kinds of attributes the scenario replicates. */
export function profileOf(trees: readonly RootTree[], kinds: AttributeKinds): MetadataProfile {
  return {
    posixModes: trees.every((tree) => tree.capabilities.posixModes),
    timeGranularityNs: Math.max(1, ...trees.map((tree) => tree.capabilities.timeGranularityNs)),
    attributeKinds: trees.reduce((common, tree) => common & tree.capabilities.attributeKinds, kinds),
  };
}

export function commonProfile(own: MetadataProfile, peers: MetadataProfile): MetadataProfile {
  return {
    posixModes: own.posixModes && peers.posixModes,
    timeGranularityNs: Math.max(own.timeGranularityNs, peers.timeGranularityNs),
    attributeKinds: own.attributeKinds & peers.attributeKinds,
  };
}

/** Accounts of this host for the hello; mutable copies, as its schema has them. */
export function ownersOf(trees: readonly RootTree[]): {
  owners?: { users: [number, string][]; groups: [number, string][] };
} {
  const names: OwnerNames | undefined = trees[0]?.owners?.();
  if (names === undefined) return {};
  return { owners: { users: names.users.map(([n, s]) => [n, s]), groups: names.groups.map(([n, s]) => [n, s]) } };
}
