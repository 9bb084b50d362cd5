/** The smallest thing that can carry out changes: what the Master sends is judged by what this makes of it. */

import type { Metadata } from '../../daemon/ports.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change, ChangeMetadata } from '../../shared/change.ts';
import { readBatchHeader, readChange } from '../../shared/protocol/batch-codec.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import type { MemoryTree } from '../memory/tree.ts';

export class ReferenceApplier {
  private readonly trees: readonly MemoryTree[];
  private readonly open = new Map<
    number,
    { root: number; path: string; content: Uint8Array; metadata: ChangeMetadata }
  >();
  commitSeq = 0;
  batches = 0;
  /** Operations carried out, for tests that count them. */
  readonly log: string[] = [];
  contentBytes = 0;
  /** Sources that were not there: a real Replica asks for a repair. */
  readonly repairs: { root: number; path: string }[] = [];

  constructor(trees: readonly MemoryTree[]) {
    this.trees = trees;
  }

  applyFrame(payload: Uint8Array): void {
    const reader = new ByteReader(payload);
    const header = readBatchHeader(reader);
    if (header.batch !== this.batches + 1) throw new Error(`batch ${header.batch} after ${this.batches}`);
    this.batches = header.batch;
    for (let i = 0; i < header.changes; i += 1) this.apply(readChange(reader));
    if (!reader.done) throw new Error('bytes behind the last change');
    if (header.commitSeq > 0) this.commitSeq = header.commitSeq;
  }

  private apply(change: Change): void {
    this.log.push('path' in change ? `${change.op} ${change.path}` : change.op);
    switch (change.op) {
      case 'make-directory':
        this.makeDirectory(this.trees[change.root]!, change.path, change.metadata);
        return;
      case 'put':
        this.contentBytes += change.content.length;
        this.put(change.root, change.path, change.content.slice(), change.metadata);
        return;
      case 'put-begin':
        this.open.set(change.token, { ...change, content: new Uint8Array(change.sizeBytes) });
        return;
      case 'put-data':
        this.open.get(change.token)!.content.set(change.content, change.position);
        this.contentBytes += change.content.length;
        return;
      case 'put-end': {
        const put = this.open.get(change.token)!;
        this.put(put.root, put.path, put.content, put.metadata);
        return;
      }
      case 'put-abort':
        this.open.delete(change.token);
        return;
      case 'patch-begin': {
        const content = new Uint8Array(change.sizeBytes);
        content.set(this.readWhole(change.root, change.path).subarray(0, change.sizeBytes));
        this.open.set(change.token, { ...change, content });
        return;
      }
      case 'patch-data': {
        const { position, length, content } = change;
        this.open.get(change.token)!.content.set(content.length === 0 ? new Uint8Array(length) : content, position);
        this.contentBytes += content.length;
        return;
      }
      default:
        this.applyOther(change);
    }
  }

  private readWhole(root: number, path: string): Uint8Array {
    const file = this.trees[root]!.openRead(path);
    const content = new Uint8Array(file.stat().sizeBytes);
    file.read(content, 0, content.length, 0);
    file.close();
    return content;
  }

  private applyOther(change: Extract<Change, { op: 'symlink' | 'link' | 'rename' | 'remove' | 'metadata' }>): void {
    const tree = this.trees[change.root]!;
    switch (change.op) {
      case 'symlink':
        tree.makeSymlink(change.path, change.target, toSet(change.metadata));
        return;
      case 'link':
        if ((tree.stat(change.existing)?.type ?? 'directory') === 'directory')
          this.repairs.push({ root: change.root, path: change.path });
        else tree.makeLink(change.existing, change.path);
        return;
      case 'rename':
        if (tree.stat(change.from) === undefined) {
          this.repairs.push({ root: change.root, path: change.path });
          return;
        }
        this.drop(tree, change.path);
        tree.rename(change.from, change.path);
        return;
      case 'remove':
        this.drop(tree, change.path);
        return;
      case 'metadata':
        if (tree.stat(change.path) !== undefined) tree.setMetadata(change.path, toSet(change.metadata));
    }
  }

  private makeDirectory(tree: MemoryTree, path: string, metadata: ChangeMetadata): void {
    const there = tree.stat(path);
    if (there !== undefined && there.type !== 'directory') this.drop(tree, path);
    if (there?.type === 'directory') tree.setMetadata(path, toSet(metadata));
    else tree.makeDirectory(path, toSet(metadata));
  }

  private put(root: number, path: string, content: Uint8Array, metadata: ChangeMetadata): void {
    const tree = this.trees[root]!;
    const staged = tree.stage();
    staged.write(content, 0);
    staged.setMetadata(toSet(metadata));
    staged.commit(path);
  }

  private drop(tree: MemoryTree, path: string): void {
    if (tree.stat(path) === undefined) return;
    tree.keep(path, 'dropped');
    tree.dropKept('dropped');
  }
}

function toSet({ attributes: bytes, ...rest }: ChangeMetadata): Metadata {
  return bytes === undefined ? rest : { ...rest, attributes: { kinds: ALL_KINDS, bytes } };
}
