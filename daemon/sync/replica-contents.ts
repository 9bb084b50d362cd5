/** Takes the contents of a synchronization as they arrive: whole files, and files in pieces that are staged until their end. */
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { joinPath } from '../../shared/path.ts';
import type { SyncItem } from '../../shared/protocol/sync-codec.ts';
import { StagedContent } from '../apply/open-puts.ts';
import type { ParkedItems } from '../apply/parked.ts';
import type { StagedPut, TreeWriter } from '../apply/tree-writer.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, StagedFile } from '../ports.ts';
import { PARTIAL_BYTES, partialName } from './block-base.ts';
import { BlockContent } from './block-content.ts';
import type { BlockFiles } from './block-files.ts';
import type { BlockFile } from './block-hashing.ts';
import type { EntryComparison } from './replica-compare.ts';
import type { DirectoryState } from './replica-directory.ts';

interface ItemPlace {
  readonly directory: number;
  readonly index: number;
}

/** What the synchronization does with contents. */
export interface ContentSink {
  /** The need an item answers; throws `LINK-FRAME` when it was not asked for. */
  needed(item: ItemPlace): [DirectoryState, EntryComparison];
  /** The same, and it is answered now. */
  answered(item: ItemPlace): [DirectoryState, EntryComparison];
  addPut(
    state: DirectoryState,
    comparison: EntryComparison,
    metadata: ChangeMetadata,
    staged: StagedPut,
    bytes: number,
  ): void;
  takeSame(item: Extract<SyncItem, { readonly kind: 'same' }>): void;
  giveUp(state: DirectoryState, comparison: EntryComparison): void;
}

export interface ContentPorts {
  readonly writer: TreeWriter;
  readonly hasher: ContentHasher;
  readonly parked: ParkedItems;
  readonly clock: Clock;
  readonly blocks: BlockFiles;
}

interface OpenFile {
  readonly directory: DirectoryState;
  readonly comparison: EntryComparison;
  readonly metadata: ChangeMetadata;
  readonly sizeBytes: number;
}

type OpenContent = OpenFile &
  (
    | { readonly content: StagedContent; readonly blocks?: never }
    | { readonly content: BlockContent; readonly blocks: BlockFile }
  );

/** A file of which all blocks have arrived: it is still to be put together. */
export interface CompleteBlocks extends OpenFile {
  readonly content: BlockContent;
}

export class ContentReceiver {
  private readonly ports: ContentPorts;
  private readonly sink: ContentSink;
  private readonly open = new Map<number, OpenContent>();
  private complete: CompleteBlocks | undefined;

  constructor(ports: ContentPorts, sink: ContentSink) {
    this.ports = ports;
    this.sink = sink;
  }

  /** Files begun and not ended. */
  get openCount(): number {
    return this.open.size;
  }

  /** The file that the item before completed, if it needs work. */
  takeComplete(): CompleteBlocks | undefined {
    const { complete } = this;
    this.complete = undefined;
    return complete;
  }

  /** The fault when the item has to be tried again later. */
  attempt(item: SyncItem): Fault | undefined {
    try {
      this.take(item);
      return undefined;
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) !== 'hold') throw fault;
      return fault;
    }
  }

  private take(item: SyncItem): void {
    switch (item.kind) {
      case 'file':
        this.takeFile(item);
        return;
      case 'begin':
        this.takeBegin(item);
        return;
      case 'data':
        this.open.get(item.token)?.content.write(item.content, item.position);
        return;
      case 'copy':
        this.blocksOf(item.token)?.content.same(item.position, item.length);
        return;
      case 'hole':
        this.blocksOf(item.token)?.content.hole(item.position, item.length);
        return;
      case 'rest':
        this.blocksOf(item.token)?.blocks.base.stop();
        return;
      case 'end':
        this.takeEnd(item.token, item.hash);
        return;
      case 'abort':
        this.takeAbort(item.token);
        return;
      case 'same':
        this.sink.takeSame(item);
        return;
      case 'gone':
        this.takeGone(item);
    }
  }

  private takeGone(item: Extract<SyncItem, { readonly kind: 'gone' }>): void {
    const [state, comparison] = this.sink.answered(item);
    const blocks = this.ports.blocks.get(state, item.index);
    if (blocks !== undefined) this.ports.blocks.answered(blocks);
    this.sink.giveUp(state, comparison);
  }

  private takeFile(item: Extract<SyncItem, { readonly kind: 'file' }>): void {
    const [state, comparison] = this.sink.needed(item);
    const { content, metadata } = item;
    const staged = state.build?.add(comparison.entry.name, content, metadata) ?? this.stageFile(state.root, content);
    this.sink.answered(item);
    this.sink.addPut(state, comparison, metadata, staged, content.length);
  }

  private stageFile(root: number, content: Uint8Array): StagedFile {
    const staged = this.ports.writer.tree(root).stage();
    try {
      if (content.length > 0) staged.write(content, 0);
      return staged;
    } catch (error) {
      staged.discard();
      throw error;
    }
  }

  private takeBegin(item: Extract<SyncItem, { readonly kind: 'begin' }>): void {
    const [directory, comparison] = this.sink.needed(item);
    const { hasher } = this.ports;
    const { metadata, sizeBytes } = item;
    const file: OpenFile = { directory, comparison, metadata, sizeBytes };
    const blocks = this.ports.blocks.get(directory, comparison.index);
    const open: OpenContent =
      blocks === undefined
        ? { ...file, content: this.stageWhole(file) }
        : { ...file, content: new BlockContent(blocks.base, sizeBytes, hasher), blocks };
    this.sink.answered(item);
    this.open.set(item.token, open);
  }

  private stageWhole({ directory, comparison, sizeBytes }: OpenFile): StagedContent {
    const { writer, hasher } = this.ports;
    const path = joinPath(directory.path, comparison.entry.name);
    const keepName = sizeBytes >= PARTIAL_BYTES ? partialName(hasher, path) : undefined;
    return new StagedContent(writer.tree(directory.root), hasher, sizeBytes, keepName);
  }

  private blocksOf(token: number): Extract<OpenContent, { readonly blocks: BlockFile }> | undefined {
    const open = this.open.get(token);
    if (open !== undefined && open.blocks === undefined)
      throw new Fault('LINK-FRAME', { reason: 'blocks of a whole file' });
    return open;
  }

  /** No more of it comes. */
  private closed(token: number, { blocks }: OpenContent): void {
    this.open.delete(token);
    if (blocks !== undefined) this.ports.blocks.answered(blocks);
  }

  private takeEnd(token: number, hash: Uint8Array): void {
    const open = this.open.get(token);
    if (open === undefined) return;
    const matches = open.blocks === undefined ? open.content.finish(hash) : open.content.isComplete(hash);
    if (!matches) {
      const { root, path } = open.directory;
      const file = joinPath(path, open.comparison.entry.name);
      this.ports.parked.park({ root, path: file, code: 'repair', reason: 'hash mismatch' }, this.ports.clock.bootMs());
      this.takeAbort(token);
      return;
    }
    this.closed(token, open);
    if (open.blocks !== undefined) this.complete = open;
    else this.sink.addPut(open.directory, open.comparison, open.metadata, open.content.staged, open.sizeBytes);
  }

  private takeAbort(token: number): void {
    const open = this.open.get(token);
    if (open === undefined) return;
    this.closed(token, open);
    open.content.staged.discard();
    this.sink.giveUp(open.directory, open.comparison);
  }

  /** What has arrived of large files stays for the next time. */
  cancel(): void {
    for (const open of this.open.values()) open.content.staged.release();
    this.complete?.content.staged.release();
    this.open.clear();
  }
}
