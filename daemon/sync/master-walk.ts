/**
 * The walk of a synchronization: depth first, sorted, one scan a directory. It encodes listings for the Replica and brings
 * the index to what it saw ('record'), or only reports where the index differs ('report', when other Replicas rely on it),
 * or leaves it alone ('ignore', for a comparison).
 */
import type { AttributeKinds } from '../../shared/attributes.ts';
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import { type ListedEntry, writeListedEntry, writeListingHeader } from '../../shared/protocol/sync-codec.ts';
import { type DigestOf, type NamedStat, toNamed } from '../capture/digest.ts';
import { isChangedAfter, sameObject, sameState, toIndexed, unsettledAfter } from '../capture/entry.ts';
import type { RootFilters } from '../capture/filter.ts';
import { isGone } from '../capture/observation.ts';
import type { Unsettled } from '../capture/reconcile-state.ts';
import type { SpecialFiles } from '../capture/special-files.ts';
import type { FrameWriter } from '../link/session.ts';
import type { EntryStat, FileId, RootTree, ScannedEntry } from '../ports.ts';
import type { IndexedEntry, IndexedStat } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { type EntryAttributes, listedAttributes, lookAtAttributes, NOTHING_SAID } from './entry-attributes.ts';

export type WalkRecording = 'record' | 'report' | 'ignore';

export interface WalkPorts {
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly filters: RootFilters;
  readonly digestOf: DigestOf;
  readonly wallMs: () => number;
  readonly recording: WalkRecording;
  readonly attributes: {
    readonly kinds: AttributeKinds;
    /** The Replica has what the record says. */
    readonly trusted: boolean;
  };
  /** Gets what of a directory is not replicated. */
  readonly special: Pick<SpecialFiles, 'listed'>;
  /** Only these directories; absent: everything. */
  readonly places?: readonly WalkPlace[] | undefined;
  /** The record of this file is not to be believed yet (see entry.ts). */
  readonly onUnsettled: (root: number, one: Unsettled) => void;
  /** 'report': the entries of this directory differ from the index. */
  readonly onDifferent: (root: number, path: RelativePath) => void;
  /** 'report': entries of it that are other objects than the index has under their names. */
  readonly onAhead?: (root: number, path: RelativePath, entries: readonly NamedStat[]) => void;
  readonly onUnreadable: (root: number, path: RelativePath, fault: Fault) => void;
  /** A directory that was announced could not be listed: it has gone, or the fault says why. */
  readonly onNotListed: (root: number, path: RelativePath, id: FileId, fault: Fault | undefined) => void;
}

/** A directory to be walked, as the index has it; `deep`: with everything below. */
export interface WalkPlace {
  readonly root: number;
  readonly path: RelativePath;
  readonly deep: boolean;
  readonly id: FileId;
}

/** A directory that was scanned; `entries` are those listed, in order. */
export interface WalkedDirectory {
  readonly root: number;
  readonly path: RelativePath;
  readonly stat: EntryStat;
  readonly entries: readonly ScannedEntry[];
  readonly attributes: EntryAttributes;
}

interface Waiting {
  readonly root: number;
  readonly path: RelativePath;
  readonly stat: EntryStat;
  /** Row of the directory; 0 when the index is not recorded. */
  readonly id: number;
  /** Made in this walk: nothing is recorded below it. */
  readonly isNew: boolean;
  /** What is below it is walked too. */
  readonly deep: boolean;
}

export class MasterWalk {
  private readonly ports: WalkPorts;
  private readonly stack: Waiting[] = [];
  /** Roots, or places when there are some. */
  private started = 0;

  constructor(ports: WalkPorts) {
    this.ports = ports;
  }

  get done(): boolean {
    return this.stack.length === 0 && this.started >= (this.ports.places ?? this.ports.trees).length;
  }

  /** Scans the next directory; undefined when it cannot be listed (it is left as it is on the Replica) or all is done. */
  next(): WalkedDirectory | undefined {
    if (this.stack.length === 0) this.startNext();
    const waiting = this.stack.pop();
    if (waiting === undefined) return undefined;
    const { root, path, stat, id, isNew, deep } = waiting;
    const scanned = this.scan({ root, path, stat, id });
    if (scanned === undefined) return undefined;
    const entries: ScannedEntry[] = [];
    const stats: NamedStat[] = [];
    const excluded = this.ports.filters(root);
    for (const entry of scanned) {
      const named = toNamed(entry);
      if (excluded(joinPath(path, entry.name), entry.type)) continue;
      // What is not replicated is listed too: the Replica leaves alone a socket or pipe that it has under such a name.
      entries.push(entry);
      if (named !== undefined) stats.push(named);
    }
    this.ports.special.listed(root, path, scanned);
    const changed = new Set<string>();
    const ids = this.record(root, path, id, isNew, stats, changed);
    const below = deep ? entries.filter(({ type }) => type === 'directory') : [];
    for (const entry of below.reverse()) {
      const known = ids?.get(entry.name);
      this.stack.push({
        root,
        path: joinPath(path, entry.name),
        stat: entry,
        id: known?.id ?? 0,
        isNew: known?.isNew === true,
        deep,
      });
    }
    const unchanged =
      this.ports.attributes.trusted && ids !== undefined ? (name: string) => !changed.has(name) : undefined;
    return { root, path, stat, entries, attributes: this.attributesOf({ root, path, id }, entries, unchanged) };
  }

  /** What cannot be read is told, and nothing is said about it. */
  private attributesOf(
    { root, path, id }: { readonly root: number; readonly path: RelativePath; readonly id: number },
    entries: readonly ScannedEntry[],
    unchanged: ((name: string) => boolean) | undefined,
  ): EntryAttributes {
    const { kinds } = this.ports.attributes;
    try {
      const attributes = lookAtAttributes(this.ports.trees[root]!, path, entries, kinds, unchanged);
      if (this.ports.recording === 'record') this.recordAttributes(id, attributes);
      return attributes;
    } catch (error) {
      if (!isGone(error)) this.ports.onUnreadable(root, path, Fault.from(error));
      return NOTHING_SAID;
    }
  }

  private recordAttributes(id: number, { own, said }: EntryAttributes): void {
    const { state } = this.ports;
    if (own !== undefined) state.attributes.note(id, own);
    for (const [name, bytes] of said) {
      const row = state.child(id, name);
      if (row !== undefined) state.attributes.note(row.id, bytes);
    }
  }

  private startNext(): void {
    const { places } = this.ports;
    if (this.done) return;
    if (places === undefined) this.startRoot(this.started);
    else this.startPlace(places[this.started]!);
    this.started += 1;
  }

  private startRoot(root: number): void {
    const tree = this.ports.trees[root]!;
    const stat = tree.stat('');
    const indexed = stat && toIndexed(stat);
    if (stat === undefined || indexed?.type !== 'directory') throw new Fault('ROOT-MISSING', { path: tree.path });
    if (this.ports.recording === 'record') this.ports.state.setRoot(root, indexed);
    this.stack.push({ root, path: '', stat, id: root + 1, isNew: false, deep: true });
  }

  /** Another object there, or none: what the Replica has of it is unknown, so it is sent whole, wherever it is now. */
  private startPlace({ root, path, deep, id }: WalkPlace): void {
    const stat = this.ports.trees[root]!.stat(path);
    const same = stat?.type === 'directory' && BigInt.asIntN(64, stat.id.inode) === BigInt.asIntN(64, id.inode);
    if (same && stat.id.birthNs === id.birthNs) this.stack.push({ root, path, stat, id: 0, isNew: false, deep });
    else if (this.ports.recording !== 'ignore') this.ports.onNotListed(root, path, id, undefined);
  }

  private scan({ root, path, stat, id }: Omit<Waiting, 'isNew' | 'deep'>): ScannedEntry[] | undefined {
    const tree = this.ports.trees[root]!;
    try {
      return tree.scan(path);
    } catch (error) {
      if (path === '') throw isGone(error) ? new Fault('ROOT-MISSING', { path: tree.path }) : error;
      const fault = isGone(error) ? undefined : Fault.from(error);
      if (this.ports.recording === 'record') this.forget(id, fault === undefined);
      if (this.ports.recording !== 'ignore') this.ports.onNotListed(root, path, stat.id, fault);
      else if (fault !== undefined) this.ports.onUnreadable(root, path, fault);
      return undefined;
    }
  }

  /** Nothing may be recorded below a directory that was not seen, nor the directory itself when it has gone. */
  private forget(id: number, gone: boolean): void {
    const { state } = this.ports;
    const row = state.byId(id);
    if (row === undefined) return;
    if (gone) state.removeTree(row);
    else for (const child of state.children(id)) state.removeTree(child);
  }

  // ------------------------------------------------------------- the index

  /** Returns the rows of the subdirectories when the index is recorded; `changed` gets names that are not as recorded. */
  private record(
    root: number,
    path: RelativePath,
    id: number,
    isNew: boolean,
    stats: readonly NamedStat[],
    changed: Set<string>,
  ): Map<string, { id: number; isNew: boolean }> | undefined {
    const { recording, state, digestOf } = this.ports;
    if (recording === 'ignore') return undefined;
    const digest = digestOf(stats);
    if (recording === 'report') {
      const row = state.lookup(root, path);
      const known = row && state.digest(row.id);
      if (known !== undefined && Buffer.compare(known, digest) === 0) return undefined;
      this.ports.onAhead?.(root, path, this.notRecorded(row?.id, stats));
      this.ports.onDifferent(root, path);
      return undefined;
    }
    const known = isNew ? undefined : state.digest(id);
    if (known !== undefined && Buffer.compare(known, digest) === 0) return this.knownDirectories(id, stats);
    const ids = this.recordEntries(root, id, isNew, stats, changed);
    const youngNs = unsettledAfter(this.ports.wallMs());
    if (!stats.some((stat) => isChangedAfter(stat, youngNs))) state.setDigest(id, digest);
    return ids;
  }

  private notRecorded(id: number | undefined, stats: readonly NamedStat[]): NamedStat[] {
    const rows = new Map<string, IndexedEntry>();
    if (id !== undefined) for (const row of this.ports.state.children(id)) rows.set(row.name, row);
    return stats.filter((stat) => {
      const row = rows.get(stat.name);
      return row === undefined || !sameObject(row, stat);
    });
  }

  private knownDirectories(id: number, stats: readonly NamedStat[]): Map<string, { id: number; isNew: boolean }> {
    const ids = new Map<string, { id: number; isNew: boolean }>();
    for (const stat of stats) {
      if (stat.type !== 'directory') continue;
      const row = this.ports.state.child(id, stat.name);
      if (row !== undefined) ids.set(stat.name, { id: row.id, isNew: false });
    }
    return ids;
  }

  private recordEntries(
    root: number,
    id: number,
    isNew: boolean,
    stats: readonly NamedStat[],
    changed: Set<string>,
  ): Map<string, { id: number; isNew: boolean }> {
    const { state } = this.ports;
    const youngNs = unsettledAfter(this.ports.wallMs());
    const rows = new Map<string, IndexedEntry>();
    if (!isNew) for (const row of state.children(id)) rows.set(row.name, row);
    const ids = new Map<string, { id: number; isNew: boolean }>();
    for (const stat of stats) {
      const row = rows.get(stat.name);
      rows.delete(stat.name);
      const unsettled = isChangedAfter(stat, youngNs);
      if (row === undefined || !sameState(row, stat)) changed.add(stat.name);
      const made = this.recordEntry(id, stat.name, row, unsettled ? { ...stat, ctimeNs: 0n } : stat);
      if (unsettled) this.ports.onUnsettled(root, { id: made.id, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs });
      if (stat.type === 'directory') ids.set(stat.name, made);
    }
    for (const gone of rows.values()) state.removeTree(gone);
    return ids;
  }

  private recordEntry(
    parent: number,
    name: string,
    row: IndexedEntry | undefined,
    stat: IndexedStat,
  ): { id: number; isNew: boolean } {
    const { state } = this.ports;
    if (row !== undefined && row.type !== stat.type) state.removeTree(row);
    if (row === undefined || row.type !== stat.type) return { id: state.insert(parent, name, stat), isNew: true };
    if (!sameState(row, stat) || !sameObject(row, stat)) state.updateEntry(row, stat);
    return { id: row.id, isNew: false };
  }
}

/** Room a listing needs beside its entries, and of one entry beside its name and target. */
const LISTING_PART_BYTES = 900 * 1024;

/** Encodes a directory; `send` is called for each part (one frame each). */
export function writeListing(
  directory: WalkedDirectory,
  header: { readonly syncId: number; readonly number: number; readonly profile: MetadataProfile },
  tree: RootTree,
  writer: FrameWriter,
  send: () => void,
): void {
  const { root, path, stat, entries } = directory;
  const { syncId, number, profile } = header;
  const { own } = directory.attributes;
  const metadata = own === undefined ? stat : { ...stat, attributes: own };
  // Whether a part is the last one is known only behind it: parts are encoded first, then sent with their headers.
  const parts: ListedEntry[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    bytes += 3 * entry.name.length + 48 + (directory.attributes.said.get(entry.name)?.length ?? 0);
    if (bytes > LISTING_PART_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(toListed(entry, path, tree));
  }
  let before = 0;
  for (const [at, part] of parts.entries()) {
    const more = at < parts.length - 1;
    const said = listedAttributes(part, before, directory.attributes);
    before += part.length;
    writeListingHeader(writer, { syncId, directory: number, root, path, metadata, more, attributes: said }, profile);
    for (const entry of part) writeListedEntry(writer, entry, profile);
    send();
  }
}

function toListed(entry: ScannedEntry, directory: RelativePath, tree: RootTree): ListedEntry {
  const { name, type, sizeBytes } = entry;
  if (type !== 'file' && type !== 'symlink') return { name, type, metadata: entry, sizeBytes: 0 };
  const group = entry.links < 2 ? {} : { linkGroup: BigInt.asIntN(64, entry.id.inode) };
  if (type === 'file') return { name, type, metadata: entry, sizeBytes, ...group };
  return { name, type, metadata: entry, sizeBytes: 0, target: readTarget(tree, directory, name), ...group };
}

function readTarget(tree: RootTree, directory: RelativePath, name: string): string {
  try {
    return tree.readLink(joinPath(directory, name));
  } catch (error) {
    // Replaced since the scan; the hint for that is on the way.
    if (isGone(error)) return '';
    throw error;
  }
}
