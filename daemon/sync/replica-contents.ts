/** Takes the contents of a synchronization as they arrive: whole files, and files in pieces that are staged until their end. */
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { joinPath } from '../../shared/path.ts';
import type { SyncItem } from '../../shared/protocol/sync-codec.ts';
import { StagedContent } from '../apply/open-puts.ts';
import type { ParkedItems } from '../apply/parked.ts';
import type { TreeWriter } from '../apply/tree-writer.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { Clock, StagedFile } from '../ports.ts';
import type { DirectoryState } from './replica.ts';
import type { EntryComparison } from './replica-compare.ts';

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
    staged: StagedFile,
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
}

interface OpenContent {
  readonly directory: DirectoryState;
  readonly comparison: EntryComparison;
  readonly metadata: ChangeMetadata;
  readonly sizeBytes: number;
  readonly content: StagedContent;
}

const COPY_BYTES = 1024 * 1024;

export class ContentReceiver {
  private readonly ports: ContentPorts;
  private readonly sink: ContentSink;
  private readonly open = new Map<number, OpenContent>();

  constructor(ports: ContentPorts, sink: ContentSink) {
    this.ports = ports;
    this.sink = sink;
  }

  /** Files begun and not ended. */
  get openCount(): number {
    return this.open.size;
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
        this.takeCopy(item.token, item.position, item.length);
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
        this.sink.giveUp(...this.sink.answered(item));
    }
  }

  private takeFile(item: Extract<SyncItem, { readonly kind: 'file' }>): void {
    const [state, comparison] = this.sink.needed(item);
    const staged = this.ports.writer.tree(state.root).stage();
    try {
      if (item.content.length > 0) staged.write(item.content, 0);
    } catch (error) {
      staged.discard();
      throw error;
    }
    this.sink.answered(item);
    this.sink.addPut(state, comparison, item.metadata, staged, item.content.length);
  }

  private takeBegin(item: Extract<SyncItem, { readonly kind: 'begin' }>): void {
    const [directory, comparison] = this.sink.needed(item);
    const { writer, hasher } = this.ports;
    const content = new StagedContent(writer.tree(directory.root), hasher, item.sizeBytes);
    this.sink.answered(item);
    const { metadata, sizeBytes } = item;
    this.open.set(item.token, { directory, comparison, metadata, sizeBytes, content });
  }

  private takeCopy(token: number, position: number, length: number): void {
    const open = this.open.get(token);
    if (open === undefined) return;
    const tree = this.ports.writer.tree(open.directory.root);
    const path = joinPath(open.directory.path, open.comparison.entry.name);
    const file = tree.openRead(path);
    const buffer = new Uint8Array(Math.min(length, COPY_BYTES));
    try {
      open.content.copy(path, position, length, (from, count) => {
        const read = file.read(buffer, 0, count, from);
        return buffer.subarray(0, read);
      });
    } finally {
      file.close();
    }
  }

  private takeEnd(token: number, hash: Uint8Array): void {
    const open = this.open.get(token);
    if (open === undefined) return;
    if (!open.content.finish(hash)) {
      const { root, path } = open.directory;
      const file = joinPath(path, open.comparison.entry.name);
      this.ports.parked.park({ root, path: file, code: 'repair', reason: 'hash mismatch' }, this.ports.clock.bootMs());
      this.takeAbort(token);
      return;
    }
    this.open.delete(token);
    this.sink.addPut(open.directory, open.comparison, open.metadata, open.content.staged, open.sizeBytes);
  }

  private takeAbort(token: number): void {
    const open = this.open.get(token);
    if (open === undefined) return;
    this.open.delete(token);
    open.content.staged.discard();
    this.sink.giveUp(open.directory, open.comparison);
  }

  cancel(): void {
    for (const open of this.open.values()) open.content.staged.discard();
    this.open.clear();
  }
}
