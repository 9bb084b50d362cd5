/**
 * The Replica's side of one synchronization. Listings come in, needs go out, contents come in, groups are committed.
 * A directory that encodes to the same bytes as the Master's costs one scan and one empty answer.
 *
 * Everything is a generator so that the engine can cut the work into slices: `yield undefined` is a good moment to look
 * at other work, `yield fault` asks to be resumed later because something concerns everything (disk full, root missing).
 */
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import { type Need, readContent, readSyncItem, type SyncItem } from '../../shared/protocol/sync-codec.ts';
import type { ControlMessage } from '../../shared/protocol/wire.ts';
import type { ParkedItems } from '../apply/parked.ts';
import { askFor } from '../apply/setting-aside.ts';
import type { StagedPut, TreeWriter } from '../apply/tree-writer.ts';
import type { RootFilters } from '../capture/filter.ts';
import { sameId } from '../journal/record.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock } from '../ports.ts';
import { type BlockFilePorts, BlockFiles, completeBlocks } from './block-files.ts';
import { DirectoryBuild, mayBuild } from './directory-build.ts';
import { compareListing, isAsSaid, isIdentical } from './listing-comparison.ts';
import { type EntryComparison, type OwnEntry, verdictOfSingleName, verdictToMakeAnew } from './replica-compare.ts';
import { type CompleteBlocks, ContentReceiver, type ContentSink } from './replica-contents.ts';
import type { DirectoryState, SyncCounts } from './replica-directory.ts';
import { type GroupPorts, type SyncChange, SyncGroup } from './replica-group.ts';
import { describeNeed } from './replica-hash.ts';
import { LinkGroups } from './replica-links.ts';
import { type ArrivedListing, ListingAssembler, scanOwn } from './replica-listing.ts';
import { retry, type Work } from './work.ts';

export type SyncStart = Extract<ControlMessage, { readonly kind: 'sync-start' }>;

export interface ReplicaSyncPorts extends GroupPorts {
  readonly writer: TreeWriter;
  readonly hasher: ContentHasher;
  readonly parked: ParkedItems;
  readonly clock: Clock;
  readonly profile: MetadataProfile;
  /** What the Master does not have stays. */
  readonly keepExtra: boolean;
  readonly filters: RootFilters;
  readonly sendNeeds: (directory: number, needs: readonly Need[]) => void;
  readonly sendBlockHashes: BlockFilePorts['sendBlockHashes'];
  readonly onEvent: (code: string, details: FaultDetails) => void;
}

const NO_CONTENT = new Uint8Array(0);
/** Only this engine, until the directory's own listing sets its mode. */
const PROVISIONAL: ChangeMetadata = { mode: 0o700, uid: 0, gid: 0, mtimeNs: 0n };

export class ReplicaSync implements ContentSink {
  private readonly ports: ReplicaSyncPorts;
  readonly start: SyncStart;
  readonly counts: SyncCounts = { removed: 0, created: 0, updated: 0, metadataOnly: 0, identical: 0, parked: 0 };
  /** Entries looked at so far. */
  comparedEntries = 0;
  private readonly assembler: ListingAssembler;
  private readonly directories = new Map<number, DirectoryState>();
  private readonly group: SyncGroup;
  private readonly links = new LinkGroups();
  private readonly contents: ContentReceiver;
  readonly blocks: BlockFiles;
  /** Links and directory metadata that became possible by what was committed. */
  private followUps: SyncChange[] = [];

  constructor(ports: ReplicaSyncPorts, start: SyncStart) {
    this.ports = ports;
    this.start = start;
    this.assembler = new ListingAssembler(ports.profile);
    this.group = new SyncGroup(ports);
    this.blocks = new BlockFiles(ports);
    this.contents = new ContentReceiver({ ...ports, blocks: this.blocks }, this);
  }

  // ---------------------------------------------------------------- listings

  /** A `syncDirectory` frame. */
  *listing(payload: Uint8Array): Work {
    const arrived = this.assembler.add(payload);
    if (arrived === undefined) return;
    const { header } = arrived;
    if (header.syncId !== this.start.syncId) return;
    const tree = this.ports.writer.tree(header.root);
    const own = yield* retry(() => scanOwn(tree, header.path, this.ports.filters(header.root)));
    const fast = this.start.ignoreSame || own?.every((entry) => entry.type !== 'file') === true;
    if (own !== undefined && fast && isIdentical(tree, arrived, own, this.ports.profile)) {
      this.comparedEntries += own.length;
      this.counts.identical += own.length;
      yield* this.finishListing(this.openDirectory(arrived), []);
      return;
    }
    if (own === undefined) this.ports.sendNeeds(header.directory, []);
    else yield* this.process(arrived, own);
  }

  private openDirectory({ header }: ArrivedListing): DirectoryState {
    const { directory: number, root, path, metadata } = header;
    const state: DirectoryState = { number, root, path, metadata, pending: 0, open: true, needs: new Map() };
    this.directories.set(number, state);
    return state;
  }

  /** Answers the listing; a directory without needs is complete now. */
  private *finishListing(state: DirectoryState, needs: readonly Need[]): Work {
    this.ports.sendNeeds(state.number, needs);
    this.blocks.asked(state, needs);
    state.open = false;
    if (state.pending === 0) this.completeDirectory(state);
    yield* this.drainFollowUps();
  }

  private *process(arrived: ArrivedListing, own: readonly OwnEntry[]): Work {
    const state = this.openDirectory(arrived);
    const tree = this.ports.writer.tree(state.root);
    const comparison = compareListing(tree, arrived, own, this.start, this.ports.profile);
    this.comparedEntries += comparison.entries.length;
    const changes: SyncChange[] = [];
    const extras = this.ports.keepExtra ? [] : comparison.extra;
    for (const extra of extras) changes.push(this.removal(state, extra));
    const wanted: EntryComparison[] = [];
    for (const found of comparison.entries) this.decide(state, found, changes, wanted);
    yield* this.carryOut(changes);
    const needs: Need[] = [];
    const { hasher } = this.ports;
    // One that was there before is known to the history, with its rights and by its identity.
    if (own.length === 0 && mayBuild(comparison.entries, wanted) && this.isNew(state))
      state.build = new DirectoryBuild(tree, state.path, this.ports.profile);
    for (const found of wanted) {
      needs.push(this.blocks.need(state, found) ?? (yield* describeNeed(tree, state.path, found, hasher)));
    }
    yield* this.finishListing(state, needs);
  }

  /** A synchronization has made it, and nobody has seen it since: another one in its place is the same. */
  private isNew({ root, path }: DirectoryState): boolean {
    return path !== '' && this.ports.writer.tree(root).stat(path)?.mtimeNs === PROVISIONAL.mtimeNs;
  }

  private removal(state: DirectoryState, extra: OwnEntry): SyncChange {
    const path = joinPath(state.path, extra.name);
    return {
      change: { op: 'remove', root: state.root, path },
      before: extra,
      settled: (fault) => this.settle(state.root, path, 'removed', fault),
    };
  }

  /** Adds what can be made at once to `changes` and files whose content is needed to `wanted`. */
  private decide(
    state: DirectoryState,
    found: EntryComparison,
    changes: SyncChange[],
    wanted: EntryComparison[],
  ): void {
    const { entry, own } = found;
    const { root } = state;
    const path = joinPath(state.path, entry.name);
    const count = own === undefined ? 'created' : 'updated';
    const settled = (fault: Fault | undefined) => this.settle(root, path, count, fault);
    const verdict = this.linkedVerdict(state, found, changes);
    switch (verdict.kind) {
      case 'identical':
        this.counts.identical += 1;
        return;
      case 'metadata':
        changes.push(this.metadataChange(root, path, entry.metadata, own));
        return;
      case 'make-directory':
        changes.push({
          change: { op: 'make-directory', root, path, metadata: PROVISIONAL },
          before: own,
          settled,
        });
        return;
      case 'symlink':
        changes.push({
          change: { op: 'symlink', root, path, target: entry.target ?? '', metadata: entry.metadata },
          before: own,
          settled: (fault) => this.ownerSettled(state, found, settled(fault)),
        });
        return;
      case 'content':
        state.needs.set(found.index, found);
        state.pending += 1;
        wanted.push({ ...found, verdict });
        return;
      case 'not-replicated':
        return;
      case 'collision':
        this.park(root, path, new Fault('PATH-NAME', { path }));
        return;
      case 'linked':
    }
  }

  /** The verdict of a file or link, seen with the other names it has here and on the Master. */
  private linkedVerdict(
    state: DirectoryState,
    found: EntryComparison,
    changes: SyncChange[],
  ): EntryComparison['verdict'] | { readonly kind: 'linked' } {
    const { entry, own, verdict } = found;
    const { root } = state;
    const group = this.ports.writer.tree(root).capabilities.hardLinks ? entry.linkGroup : undefined;
    if (verdict.kind === 'collision') return verdict;
    if (group === undefined) return verdictOfSingleName(found);
    const path = joinPath(state.path, entry.name);
    const role = this.links.role(root, group, path, own?.id);
    if (role.kind === 'owner') {
      if (own?.type === entry.type && !this.links.claim(root, group, own.id)) return verdictToMakeAnew(entry.type);
      if (verdict.kind !== 'content' && verdict.kind !== 'symlink') this.links.ready(root, group, own?.id);
      return verdict;
    }
    const orphaned = () => {
      if (verdict.kind !== 'identical') askFor(this.ports, root, [path], 'another name of it was refused');
    };
    if (role.kind === 'orphan') orphaned();
    if (role.kind === 'orphan') return { kind: 'linked' };
    if (role.kind === 'member' && role.linked) return { kind: 'identical' };
    if (role.kind === 'member') {
      changes.push(this.linkChange(root, path, role.ownerPath, own, () => {}));
      return { kind: 'linked' };
    }
    state.pending += 1;
    this.links.wait(root, group, (ownerId) => {
      const linked = ownerId !== undefined && own !== undefined && sameId(own.id, ownerId);
      if (linked) this.counts.identical += 1;
      if (ownerId === undefined) orphaned();
      if (linked || ownerId === undefined) this.complete(state);
      else this.followUps.push(this.linkChange(root, path, role.ownerPath, own, () => this.complete(state)));
    });
    return { kind: 'linked' };
  }

  private linkChange(
    root: number,
    path: RelativePath,
    existing: RelativePath,
    own: OwnEntry | undefined,
    then: () => void,
  ): SyncChange {
    return {
      change: { op: 'link', root, path, existing },
      before: own,
      source: this.ports.writer.tree(root).stat(existing),
      settled: (fault) => {
        this.settle(root, path, own === undefined ? 'created' : 'updated', fault);
        then();
      },
    };
  }

  private metadataChange(
    root: number,
    path: RelativePath,
    metadata: ChangeMetadata,
    before: SyncChange['before'],
  ): SyncChange {
    return {
      change: { op: 'metadata', root, path, metadata },
      before,
      settled: (fault) => this.settle(root, path, 'metadataOnly', fault),
    };
  }

  // ---------------------------------------------------------------- contents

  /** A `syncData` frame. */
  *data(payload: Uint8Array): Work {
    const reader = new ByteReader(payload);
    while (!reader.done) {
      yield* this.takeItem(readSyncItem(reader, this.ports.profile));
      const complete = this.contents.takeComplete();
      if (complete !== undefined) yield* this.putTogether(complete);
      if (this.group.full) yield* this.commitGroup();
    }
    if (this.followUps.length > 0) yield* this.drainFollowUps();
  }

  /** A `syncContent` frame. */
  *content(payload: Uint8Array): Work {
    yield* this.takeItem(readContent(payload));
  }

  private *takeItem(item: SyncItem): Work {
    for (let done = false; !done; ) {
      const fault = this.contents.attempt(item);
      done = fault === undefined;
      if (fault === undefined) continue;
      // Committing what is staged frees what the journal keeps of the group before.
      yield* this.commitGroup();
      yield fault;
    }
  }

  private *putTogether(file: CompleteBlocks): Work {
    const { directory, comparison, content } = file;
    // In place: what was replaced before need not be kept any longer. In the group: its flush makes the content durable.
    if (content.inPlace() !== undefined) yield* this.commitGroup();
    const outcome = yield* completeBlocks(this.ports, file);
    if (outcome === 'staged') {
      this.addPut(directory, comparison, file.metadata, content.staged, file.sizeBytes);
      return;
    }
    const path = joinPath(directory.path, comparison.entry.name);
    const fault = outcome === 'changed' ? undefined : outcome;
    if (fault === undefined) yield* retry(() => this.ports.flushSynchronized());
    this.settle(directory.root, path, 'updated', fault);
    this.ownerSettled(directory, comparison, fault === undefined);
    this.complete(directory);
  }

  /** The need an item answers; each is answered once. */
  needed(item: { readonly directory: number; readonly index: number }): [DirectoryState, EntryComparison] {
    const state = this.directories.get(item.directory);
    const comparison = state?.needs.get(item.index);
    if (state === undefined || comparison === undefined) {
      throw new Fault('LINK-FRAME', { reason: `not asked for: ${item.directory}/${item.index}` });
    }
    return [state, comparison];
  }

  answered(item: { readonly directory: number; readonly index: number }): [DirectoryState, EntryComparison] {
    const [state, comparison] = this.needed(item);
    state.needs.delete(item.index);
    return [state, comparison];
  }

  addPut(
    state: DirectoryState,
    comparison: EntryComparison,
    metadata: ChangeMetadata,
    staged: StagedPut,
    bytes: number,
  ): void {
    const { root } = state;
    const { entry, own } = comparison;
    const path = joinPath(state.path, entry.name);
    const member: SyncChange = {
      change: { op: 'put', root, path, metadata, content: NO_CONTENT },
      before: own,
      staged,
      ...(state.build?.holds(staged) ? { directory: state } : {}),
      settled: (fault) => {
        this.settle(root, path, own === undefined ? 'created' : 'updated', fault);
        this.ownerSettled(state, comparison, fault === undefined);
        this.complete(state);
      },
    };
    this.group.add(member, bytes);
  }

  takeSame(item: Extract<SyncItem, { readonly kind: 'same' }>): void {
    const [state, comparison] = this.answered(item);
    const { entry, own } = comparison;
    const path = joinPath(state.path, entry.name);
    const equal =
      own !== undefined && isAsSaid(this.ports.writer.tree(state.root), path, item.metadata, own, this.ports.profile);
    const change = this.metadataChange(state.root, path, item.metadata, own);
    const then = (fault: Fault | undefined) => {
      if (equal) this.counts.identical += 1;
      else change.settled(fault);
      this.ownerSettled(state, comparison, fault === undefined);
      this.complete(state);
    };
    if (equal) then(undefined);
    else this.group.add({ ...change, settled: then }, 0);
  }

  /** The Master cannot send it now; live replication settles it. */
  giveUp(state: DirectoryState, comparison: EntryComparison): void {
    this.ownerSettled(state, comparison, false);
    this.complete(state);
  }

  private ownerSettled(state: DirectoryState, { entry }: EntryComparison, ok: boolean): void {
    if (entry.linkGroup === undefined) return;
    const path = joinPath(state.path, entry.name);
    const id = ok ? this.ports.writer.tree(state.root).stat(path)?.id : undefined;
    this.links.ready(state.root, entry.linkGroup, id);
  }

  // ---------------------------------------------------------------- completion

  /** `sync-finish`: everything asked for was sent. Afterwards the roots equal the Master's at the base. */
  *finish(): Work {
    if (this.contents.openCount > 0) throw new Fault('LINK-FRAME', { reason: 'sync-finish with files half sent' });
    yield* this.commitGroup();
    this.blocks.dropPartials();
    for (const state of this.directories.values()) {
      if (state.needs.size > 0) throw new Fault('LINK-FRAME', { reason: 'sync-finish with needs open' });
    }
  }

  /** The session or the synchronization ended early: what was committed stays. */
  cancel(): void {
    this.group.discard();
    this.contents.cancel();
    this.blocks.hashing.cancel();
  }

  private complete(state: DirectoryState): void {
    state.pending -= 1;
    if (state.pending === 0 && !state.open) this.completeDirectory(state);
  }

  /** Its time is set last: everything inside is in place. */
  private completeDirectory({ number, root, path, metadata }: DirectoryState): void {
    this.directories.delete(number);
    const tree = this.ports.writer.tree(root);
    const own = tree.stat(path);
    if (own === undefined || isAsSaid(tree, path, metadata, own, this.ports.profile)) return;
    this.followUps.push({
      change: { op: 'metadata', root, path, metadata },
      before: own,
      settled: (fault) => {
        if (fault !== undefined) this.park(root, path, fault);
      },
    });
  }

  private *commitGroup(): Work {
    yield* retry(() => this.group.commit());
    yield* this.drainFollowUps();
  }

  private *drainFollowUps(): Work {
    while (this.followUps.length > 0) {
      const changes = this.followUps;
      this.followUps = [];
      yield* this.carryOut(changes);
    }
  }

  private *carryOut(changes: readonly SyncChange[]): Work {
    let rest: readonly SyncChange[] = changes;
    yield* retry(() => {
      const now = rest;
      rest = [];
      if (now.length === 0) return;
      this.group.carryOut(now, (left) => {
        rest = left;
      });
    });
  }

  private settle(
    root: number,
    path: RelativePath,
    count: 'removed' | 'created' | 'updated' | 'metadataOnly',
    fault: Fault | undefined,
  ): boolean {
    if (fault === undefined) this.counts[count] += 1;
    else this.park(root, path, fault);
    return fault === undefined;
  }

  private park(root: number, path: RelativePath, fault: Fault): void {
    const item = { root, path, code: fault.code, reason: fault.message };
    this.ports.parked.park(item, this.ports.clock.bootMs());
    this.counts.parked += 1;
    this.ports.onEvent('SYN-005', { path, reason: fault.message });
  }
}
