/**
 * Compares one directory of the Master with the same directory here. Pure: it gets both lists and says what has to be
 * done, in the order it has to be done in.
 */
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { type ListedEntry, roundTime } from '../../shared/protocol/sync-codec.ts';
import { ownerHere } from '../apply/open-puts.ts';
import type { ScannedEntry } from '../ports.ts';

/** An entry here, with the target of a link. */
export interface OwnEntry extends ScannedEntry {
  readonly target?: string;
  /** Does not pass the file filter: not extra, whatever the Master has. */
  readonly leftAlone?: true;
}

export interface CompareRules {
  readonly profile: MetadataProfile;
  readonly method: 'file' | 'block';
  /** Same size and time count as identical. */
  readonly ignoreSame: boolean;
  readonly caseSensitive: boolean;
}

/** How the content of a file is to be made equal. */
export type ContentNeed = 'none' | 'whole' | 'compare' | 'blocks';

export type EntryVerdict =
  | { readonly kind: 'identical' }
  /** Only metadata differs. */
  | { readonly kind: 'metadata' }
  | { readonly kind: 'make-directory' }
  | { readonly kind: 'symlink'; readonly difference: Difference }
  | { readonly kind: 'content'; readonly need: Exclude<ContentNeed, 'none'>; readonly difference: Difference }
  /** A socket, pipe or device of the Master: whatever has its name here stays. */
  | { readonly kind: 'not-replicated' }
  | { readonly kind: 'collision'; readonly with: string };

export type Difference = 'missing' | 'extra' | 'type' | 'content' | 'metadata' | 'target';

export interface EntryComparison {
  /** Index in the listing. */
  readonly index: number;
  readonly entry: ListedEntry;
  readonly own: OwnEntry | undefined;
  readonly verdict: EntryVerdict;
}

export interface DirectoryComparison {
  readonly entries: readonly EntryComparison[];
  readonly extra: readonly OwnEntry[];
}

/** Below this size content is sent at once instead of comparing hashes first. */
const HASH_ROUND_TRIP_BYTES = 1024 * 1024;

export function compareDirectory(
  listed: readonly ListedEntry[],
  own: readonly OwnEntry[],
  rules: CompareRules,
): DirectoryComparison {
  const ownByName = new Map(own.map((entry) => [entry.name, entry]));
  const folded = new Map<string, string>();
  const entries: EntryComparison[] = [];
  for (const [index, entry] of listed.entries()) {
    const collision = rules.caseSensitive ? undefined : foldedTwin(folded, entry.name);
    const mine = ownByName.get(entry.name);
    // Under the name of a socket or pipe only such a one of this host is left alone: anything else is what the Master had there
    // before, and goes as it would have gone had the change been replicated.
    if (entry.type !== 'other' || mine?.type === 'other') ownByName.delete(entry.name);
    const verdict: EntryVerdict =
      collision === undefined ? compareEntry(entry, mine, rules) : { kind: 'collision', with: collision };
    entries.push({ index, entry, own: mine, verdict });
  }
  return { entries, extra: [...ownByName.values()].filter(({ leftAlone }) => leftAlone !== true) };
}

function mayHaveSeveralNames(type: ListedEntry['type']): boolean {
  return type === 'file' || type === 'symlink';
}

/** For what is right here but must be an object of its own. */
export function verdictToMakeAnew(type: ListedEntry['type']): Extract<EntryVerdict, { kind: 'content' | 'symlink' }> {
  return type === 'symlink'
    ? { kind: 'symlink', difference: 'target' }
    : { kind: 'content', need: 'whole', difference: 'content' };
}

/** Of what has one name on the Master, whatever it has here. */
export function verdictOfSingleName({ entry, own, verdict }: EntryComparison): EntryVerdict {
  const isLinked = mayHaveSeveralNames(entry.type) && own?.type === entry.type && own.links > 1;
  return isLinked ? verdictToMakeAnew(entry.type) : verdict;
}

/** The name already listed that is the same where case does not count. */
function foldedTwin(folded: Map<string, string>, name: string): string | undefined {
  const lower = name.toLowerCase();
  const twin = folded.get(lower);
  if (twin === undefined) folded.set(lower, name);
  return twin;
}

function compareEntry(entry: ListedEntry, own: OwnEntry | undefined, rules: CompareRules): EntryVerdict {
  switch (entry.type) {
    case 'directory':
      return own?.type === 'directory' ? { kind: 'identical' } : { kind: 'make-directory' };
    case 'symlink':
      return compareSymlink(entry, own, rules.profile);
    case 'file':
      return compareFile(entry, own, rules);
    case 'other':
      return { kind: 'not-replicated' };
  }
}

function compareSymlink(entry: ListedEntry, own: OwnEntry | undefined, profile: MetadataProfile): EntryVerdict {
  if (own === undefined) return { kind: 'symlink', difference: 'missing' };
  if (own.type !== 'symlink') return { kind: 'symlink', difference: 'type' };
  if (own.target !== entry.target) return { kind: 'symlink', difference: 'target' };
  return sameMetadata(entry.metadata, own, profile, false) ? { kind: 'identical' } : { kind: 'metadata' };
}

function compareFile(entry: ListedEntry, own: OwnEntry | undefined, rules: CompareRules): EntryVerdict {
  if (own === undefined) return { kind: 'content', need: 'whole', difference: 'missing' };
  if (own.type !== 'file') return { kind: 'content', need: 'whole', difference: 'type' };
  const need = contentNeed(entry, own, rules);
  if (need !== 'none') return { kind: 'content', need, difference: 'content' };
  return sameMetadata(entry.metadata, own, rules.profile) ? { kind: 'identical' } : { kind: 'metadata' };
}

function contentNeed(entry: ListedEntry, own: OwnEntry, rules: CompareRules): ContentNeed {
  const sameSize = entry.sizeBytes === own.sizeBytes;
  if (sameSize && sameTime(entry.metadata, own, rules.profile)) return rules.ignoreSame ? 'none' : 'compare';
  if (Math.min(entry.sizeBytes, own.sizeBytes) < HASH_ROUND_TRIP_BYTES) return 'whole';
  if (rules.method === 'block') return 'blocks';
  return sameSize ? 'compare' : 'whole';
}

function sameTime(metadata: ChangeMetadata, own: { readonly mtimeNs: bigint }, profile: MetadataProfile): boolean {
  const granularity = profile.timeGranularityNs;
  return roundTime(metadata.mtimeNs, granularity) === roundTime(own.mtimeNs, granularity);
}

/** `withMode`: links have no permissions of their own. */
export function sameMetadata(
  metadata: ChangeMetadata,
  own: ChangeMetadata,
  profile: MetadataProfile,
  withMode = true,
): boolean {
  if (!sameTime(metadata, own, profile)) return false;
  if (!profile.posixModes) return true;
  const { uid, gid } = ownerHere(metadata, profile);
  return uid === own.uid && gid === own.gid && (!withMode || metadata.mode === own.mode);
}
