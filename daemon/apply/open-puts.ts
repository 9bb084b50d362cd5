/** Files that arrive in pieces: staged, hashed as they come, complete only when the whole content's hash agrees. */
import type { Change, ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { type ContentHasher, hashZeros, sameHash } from '../link/content-hash.ts';
import type { Metadata, RootTree, StagedFile } from '../ports.ts';

export type PutBegin = Extract<Change, { readonly op: 'put-begin' }>;

/** Metadata both hosts can hold. */
export function appliedMetadata(metadata: ChangeMetadata, profile: MetadataProfile): Metadata {
  const { mode, uid, gid, mtimeNs } = metadata;
  return profile.posixModes ? { mode, uid, gid, mtimeNs } : { mtimeNs };
}

/** One staged file with its running hash. Pieces come in ascending order; what lies between them is a hole. */
export class StagedContent {
  private readonly hasher: ContentHasher;
  private readonly sizeBytes: number;
  readonly staged: StagedFile;
  private hashState: Uint8Array;
  private position = 0;

  constructor(tree: RootTree, hasher: ContentHasher, sizeBytes: number) {
    this.hasher = hasher;
    this.sizeBytes = sizeBytes;
    this.staged = tree.stage();
    hasher.start();
    this.hashState = hasher.save();
  }

  /** Throws `LINK-FRAME` when the piece overlaps an earlier one or lies outside the announced size. */
  write(content: Uint8Array, position: number): void {
    this.advanceTo(position, content.length);
    this.staged.write(content, position);
    this.hasher.update(content);
    this.hashState = this.hasher.save();
    this.position = position + content.length;
  }

  /** The same for a range taken from a file of the root; `read` fills a piece of it for the hash. */
  copy(path: string, position: number, length: number, read: (position: number, length: number) => Uint8Array): void {
    this.advanceTo(position, length);
    this.staged.copyFrom(path, position, length);
    for (let at = position; at < position + length; at += COPY_BYTES) {
      this.hasher.update(read(at, Math.min(COPY_BYTES, position + length - at)));
    }
    this.hashState = this.hasher.save();
    this.position = position + length;
  }

  /** True when the content is what was announced; the file then has its final size. */
  finish(hash: Uint8Array): boolean {
    this.hasher.load(this.hashState);
    hashZeros(this.hasher, this.sizeBytes - this.position);
    if (!sameHash(this.hasher.digest(), hash)) return false;
    this.staged.truncate(this.sizeBytes);
    return true;
  }

  private advanceTo(position: number, length: number): void {
    if (position < this.position || position + length > this.sizeBytes) {
      throw new Fault('LINK-FRAME', { reason: `piece at ${position} of ${this.sizeBytes}` });
    }
    this.hasher.load(this.hashState);
    hashZeros(this.hasher, position - this.position);
  }
}

const COPY_BYTES = 1024 * 1024;

interface OpenPut {
  readonly begin: PutBegin;
  readonly content: StagedContent;
}

/** By token, of one link session. */
export class OpenPuts {
  private readonly trees: readonly RootTree[];
  private readonly hasher: ContentHasher;
  private readonly puts = new Map<number, OpenPut>();

  constructor(trees: readonly RootTree[], hasher: ContentHasher) {
    this.trees = trees;
    this.hasher = hasher;
  }

  get count(): number {
    return this.puts.size;
  }

  begin(change: PutBegin): void {
    this.abort(change.token);
    const content = new StagedContent(this.trees[change.root]!, this.hasher, change.sizeBytes);
    this.puts.set(change.token, { begin: change, content });
  }

  /** A token nobody began belongs to a put that was given up; its pieces are ignored. */
  data(token: number, position: number, bytes: Uint8Array): void {
    this.puts.get(token)?.content.write(bytes, position);
  }

  get(token: number): OpenPut | undefined {
    return this.puts.get(token);
  }

  /** After the file was committed. */
  close(token: number): void {
    this.puts.delete(token);
  }

  abort(token: number): void {
    this.puts.get(token)?.content.staged.discard();
    this.puts.delete(token);
  }

  abortAll(): void {
    for (const token of [...this.puts.keys()]) this.abort(token);
  }
}
