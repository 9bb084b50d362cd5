/** A synchronization that only looks (`diff`): compares everything, changes nothing, reports differences. */

import { Fault } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import { type Need, readSyncItem, type SyncItem } from '../../shared/protocol/sync-codec.ts';
import type { RootTree } from '../ports.ts';
import { compareListing, isAsSaid, isIdentical } from './listing-comparison.ts';
import type { ReplicaSyncPorts, SyncStart } from './replica.ts';
import type { Difference, EntryComparison, OwnEntry } from './replica-compare.ts';
import type { SyncCounts } from './replica-directory.ts';
import { describeNeed } from './replica-hash.ts';
import { LinkGroups } from './replica-links.ts';
import { type ArrivedListing, ListingAssembler, scanOwn } from './replica-listing.ts';
import type { Work } from './work.ts';

export interface FoundDifference {
  readonly root: number;
  readonly path: RelativePath;
  readonly difference: Difference;
}

export interface ReplicaDiffPorts
  extends Omit<ReplicaSyncPorts, 'journal' | 'flushSynchronized' | 'parked' | 'clock' | 'sendBlockHashes'> {
  readonly sendDifferences: (differences: readonly FoundDifference[]) => void;
}

interface AskedFile {
  readonly tree: RootTree;
  readonly root: number;
  readonly path: RelativePath;
  readonly own: OwnEntry | undefined;
  /** Its names here are not those it has on the Master, whatever is in it. */
  readonly linkedWrongly: boolean;
}

const PAGE = 500;

export class ReplicaDiff {
  private readonly ports: ReplicaDiffPorts;
  readonly start: SyncStart;
  readonly counts: SyncCounts = { removed: 0, created: 0, updated: 0, metadataOnly: 0, identical: 0, parked: 0 };
  comparedEntries = 0;
  private readonly assembler: ListingAssembler;
  private readonly links = new LinkGroups();
  private readonly asked = new Map<string, AskedFile>();
  private found: FoundDifference[] = [];

  constructor(ports: ReplicaDiffPorts, start: SyncStart) {
    this.ports = ports;
    this.start = start;
    this.assembler = new ListingAssembler(ports.profile);
  }

  *listing(payload: Uint8Array): Work {
    const arrived = this.assembler.add(payload);
    if (arrived === undefined || arrived.header.syncId !== this.start.syncId) return;
    const { header } = arrived;
    const tree = this.ports.writer.tree(header.root);
    const own = scanOwn(tree, header.path, this.ports.filters(header.root)) ?? [];
    this.compareOwnMetadata(tree, arrived);
    const fast = this.start.ignoreSame || own.every((entry) => entry.type !== 'file');
    if (fast && isIdentical(tree, arrived, own, this.ports.profile)) {
      this.comparedEntries += own.length;
      this.counts.identical += own.length;
      this.ports.sendNeeds(header.directory, []);
      return;
    }
    const needs: Need[] = [];
    for (const wanted of this.compare(tree, arrived, own)) {
      const path = joinPath(header.path, wanted.entry.name);
      needs.push(yield* describeNeed(tree, header.path, wanted, this.ports.hasher));
      const linkedWrongly = this.linkedWrongly(header.root, path, wanted.entry.linkGroup, wanted.own);
      const asked = { tree, root: header.root, path, own: wanted.own, linkedWrongly };
      this.asked.set(keyOf(header.directory, wanted.index), asked);
    }
    this.ports.sendNeeds(header.directory, needs);
  }

  *data(payload: Uint8Array): Work {
    const reader = new ByteReader(payload);
    while (!reader.done) this.take(readSyncItem(reader, this.ports.profile));
    yield undefined;
  }

  *finish(): Work {
    this.sendPage();
    yield undefined;
  }

  cancel(): void {
    this.found = [];
  }

  private compareOwnMetadata(tree: RootTree, { header }: ArrivedListing): void {
    const own = tree.stat(header.path);
    if (own?.type === 'directory' && !isAsSaid(tree, header.path, header.metadata, own, this.ports.profile)) {
      this.note(header.root, header.path, 'metadata');
    }
  }

  /** Notes what is certain; returns the files whose content has to be compared. */
  private compare(tree: RootTree, arrived: ArrivedListing, own: readonly OwnEntry[]): EntryComparison[] {
    const { header } = arrived;
    const comparison = compareListing(tree, arrived, own, this.start, this.ports.profile);
    this.comparedEntries += comparison.entries.length;
    const extras = this.ports.keepExtra ? [] : comparison.extra;
    for (const extra of extras) this.note(header.root, joinPath(header.path, extra.name), 'extra');
    const wanted: EntryComparison[] = [];
    for (const found of comparison.entries) {
      const difference = this.differenceOf(header.root, header.path, found);
      if (difference === 'compare') wanted.push(found);
      else if (difference === undefined) this.counts.identical += 1;
      else this.note(header.root, joinPath(header.path, found.entry.name), difference);
    }
    return wanted.map((found) => ({ ...found, verdict: { kind: 'content', need: 'compare', difference: 'content' } }));
  }

  private differenceOf(
    root: number,
    directory: RelativePath,
    { entry, own, verdict }: EntryComparison,
  ): Difference | 'compare' | undefined {
    switch (verdict.kind) {
      case 'identical':
        return this.linkedWrongly(root, joinPath(directory, entry.name), entry.linkGroup, own) ? 'metadata' : undefined;
      case 'make-directory':
        return own === undefined ? 'missing' : 'type';
      case 'symlink':
        return verdict.difference;
      case 'content':
        return verdict.difference === 'content' && own?.sizeBytes === entry.sizeBytes ? 'compare' : verdict.difference;
      case 'not-replicated':
        return undefined;
      case 'collision':
        return 'missing';
      case 'metadata':
        return 'metadata';
    }
  }

  /** The names a file has here are not those it has on the Master. */
  private linkedWrongly(
    root: number,
    path: RelativePath,
    group: bigint | undefined,
    own: OwnEntry | undefined,
  ): boolean {
    if (own === undefined || own.type === 'directory' || own.type === 'other') return false;
    if (group === undefined) return own.links > 1 && !this.links.claimAlone(root, path, own.id);
    const role = this.links.role(root, group, path, own.id);
    if (role.kind === 'member') return !role.linked;
    this.links.ready(root, group, own.id);
    return !this.links.claim(root, group, own.id);
  }

  private take(item: SyncItem): void {
    if (item.kind !== 'same' && item.kind !== 'file' && item.kind !== 'begin' && item.kind !== 'gone') return;
    const key = keyOf(item.directory, item.index);
    const asked = this.asked.get(key);
    if (asked === undefined) throw new Fault('LINK-FRAME', { reason: `not asked for: ${key}` });
    this.asked.delete(key);
    if (item.kind === 'gone') return;
    if (item.kind !== 'same') this.note(asked.root, asked.path, 'content');
    else if (
      asked.own === undefined ||
      asked.linkedWrongly ||
      !isAsSaid(asked.tree, asked.path, item.metadata, asked.own, this.ports.profile)
    ) {
      this.note(asked.root, asked.path, 'metadata');
    } else this.counts.identical += 1;
  }

  private note(root: number, path: RelativePath, difference: Difference): void {
    this.found.push({ root, path, difference });
    if (this.found.length >= PAGE) this.sendPage();
  }

  private sendPage(): void {
    if (this.found.length > 0) this.ports.sendDifferences(this.found);
    this.found = [];
  }
}

function keyOf(directory: number, index: number): string {
  return `${directory}/${index}`;
}
