/** A directory of the Master as it arrives (in one part or several) and the same directory here in the same bytes. */
import type { AttributeBytes } from '../../shared/attributes.ts';
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { CONTROL_NAME, joinPath, parseRelativePath, type RelativePath } from '../../shared/path.ts';
import { ByteReader, ByteWriter } from '../../shared/protocol/bytes.ts';
import {
  type ListedEntry,
  type ListingHeader,
  readListedEntry,
  readListingHeader,
  writeListedEntry,
} from '../../shared/protocol/sync-codec.ts';
import type { PathFilter } from '../capture/filter.ts';
import type { RootTree } from '../ports.ts';
import type { OwnEntry } from './replica-compare.ts';

export interface ArrivedListing {
  readonly header: ListingHeader;
  /** Canonical bytes of all entries. */
  readonly entries: Uint8Array;
}

/** Parts of one directory come one after another. */
export class ListingAssembler {
  private readonly profile: MetadataProfile;
  private parts: Uint8Array[] = [];
  private directory: number | undefined;
  private said = new Map<number, AttributeBytes>();

  constructor(profile: MetadataProfile) {
    this.profile = profile;
  }

  /** The whole listing when the last part has come. Throws `LINK-FRAME` and `PATH-ESCAPE`. */
  add(payload: Uint8Array): ArrivedListing | undefined {
    const reader = new ByteReader(payload);
    const header = readListingHeader(reader, this.profile);
    checkedPath(header.path);
    if (this.directory !== undefined && this.directory !== header.directory) {
      throw new Fault('LINK-FRAME', { reason: 'parts of two directories' });
    }
    const entries = payload.subarray(reader.at);
    for (const [index, bytes] of header.attributes.said) this.said.set(index, bytes);
    if (header.more) {
      this.directory = header.directory;
      this.parts.push(entries.slice());
      return undefined;
    }
    this.directory = undefined;
    if (this.parts.length === 0 && this.said.size === 0) return { header, entries };
    const attributes = { complete: header.attributes.complete, said: this.said };
    this.said = new Map();
    const whole = this.parts.length === 0 ? entries : Buffer.concat([...this.parts, entries]);
    this.parts = [];
    return { header: { ...header, attributes }, entries: whole };
  }
}

/** Decodes entries; every name was checked. */
export function decodeEntries(bytes: Uint8Array, profile: MetadataProfile): ListedEntry[] {
  const reader = new ByteReader(bytes);
  const entries: ListedEntry[] = [];
  while (!reader.done) {
    const entry = readListedEntry(reader, profile);
    if (entry.name === '' || entry.name.includes('/')) throw new Fault('PATH-ESCAPE', { path: entry.name });
    checkedPath(entry.name);
    entries.push(entry);
  }
  return entries;
}

function checkedPath(path: string): void {
  parseRelativePath(path);
  if (path.split('/').includes(CONTROL_NAME)) throw new Fault('PATH-ESCAPE', { path });
}

/** Entries of the directory here; empty when it is not there (it could not be made). */
export function scanOwn(tree: RootTree, path: RelativePath, excluded: PathFilter): OwnEntry[] | undefined {
  try {
    const found: OwnEntry[] = [];
    for (const entry of tree.scan(path)) {
      const child = joinPath(path, entry.name);
      if (excluded(child)) continue;
      if (excluded(child, entry.type)) found.push({ ...entry, leftAlone: true });
      else found.push(entry.type === 'symlink' ? { ...entry, target: tree.readLink(child) } : entry);
    }
    return found;
  } catch (error) {
    const { code } = Fault.from(error);
    if (code === 'FS-NOT-FOUND' || code === 'PATH-SYMLINK') return undefined;
    throw error;
  }
}

const scratch = new ByteWriter(256 * 1024);

/**
 * Whether the directory here encodes to the same bytes. Never true when a file has several names: which file the others
 * belong to is not in the bytes.
 */
export function encodesEqually(own: readonly OwnEntry[], bytes: Uint8Array, profile: MetadataProfile): boolean {
  scratch.rewindTo(0);
  for (const entry of own) {
    if (entry.type !== 'directory' && entry.links > 1) return false;
    const { name, type, sizeBytes } = entry;
    const target = entry.target === undefined ? {} : { target: entry.target };
    writeListedEntry(scratch, { name, type, metadata: entry, sizeBytes, ...target }, profile);
    if (scratch.length > bytes.length) return false;
  }
  if (scratch.length !== bytes.length) return false;
  const length = scratch.length;
  scratch.rewindTo(0);
  return Buffer.compare(scratch.space(length), bytes) === 0;
}
