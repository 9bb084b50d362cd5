/** A listing that arrived compared with the directory here, attributes included. */
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { EntryStat, RootTree } from '../ports.ts';
import { agreesHere, allAgree, withAttributes } from './entry-attributes.ts';
import type { SyncStart } from './replica.ts';
import { compareDirectory, type DirectoryComparison, type OwnEntry, sameMetadata } from './replica-compare.ts';
import { type ArrivedListing, decodeEntries, encodesEqually } from './replica-listing.ts';

/** Byte for byte the same, and every attribute that is said. */
export function isIdentical(
  tree: RootTree,
  { header, entries }: ArrivedListing,
  own: readonly OwnEntry[],
  profile: MetadataProfile,
): boolean {
  const compared = own.some(({ leftAlone }) => leftAlone) ? own.filter(({ leftAlone }) => leftAlone !== true) : own;
  // With other numbers here equal entries are different bytes.
  if (profile.owners !== undefined) return false;
  if (!encodesEqually(compared, entries, profile)) return false;
  return allAgree(tree, header.path, compared, header.attributes, profile);
}

/** As many entries as the Master listed, and what is here beside them. */
export function compareListing(
  tree: RootTree,
  { header, entries }: ArrivedListing,
  own: readonly OwnEntry[],
  { method, ignoreSame }: SyncStart,
  profile: MetadataProfile,
): DirectoryComparison {
  const { caseSensitive } = tree.capabilities;
  const rules = { profile, method, ignoreSame, caseSensitive };
  const comparison = compareDirectory(decodeEntries(entries, profile), own, rules);
  return withAttributes(comparison, header.attributes, tree, header.path, profile);
}

/** Whether what is here has the Master's metadata. */
export function isAsSaid(
  tree: RootTree,
  path: RelativePath,
  metadata: ChangeMetadata,
  own: EntryStat,
  profile: MetadataProfile,
): boolean {
  return sameMetadata(metadata, own, profile) && agreesHere(tree, path, metadata.attributes, profile);
}
