/** Files that arrive in pieces: staged, hashed as they come, complete only when the whole content's hash agrees. */
import { selectKinds } from '../../shared/attributes.ts';
import type { Change, ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { accessListsHere } from '../../shared/posix-acl.ts';
import { BlockHashStream } from '../link/block-hash.ts';
import { type ContentHasher, sameHash } from '../link/content-hash.ts';
import type { Metadata, RootTree, StagedFile } from '../ports.ts';
import type { CursorPosition } from './cursor.ts';
import { type PatchBegin, PatchContent, type PatchData } from './patch-content.ts';

export type PutBegin = Extract<Change, { readonly op: 'put-begin' }>;

/** The owner's numbers on this host. */
export function ownerHere({ uid, gid }: ChangeMetadata, { owners }: MetadataProfile): { uid: number; gid: number } {
  return { uid: owners?.users.get(uid) ?? uid, gid: owners?.groups.get(gid) ?? gid };
}

/** Metadata both hosts can hold. */
export function appliedMetadata(metadata: ChangeMetadata, profile: MetadataProfile): Metadata {
  const { mode, mtimeNs } = metadata;
  const { uid, gid } = ownerHere(metadata, profile);
  const kinds = profile.attributeKinds;
  const said = kinds === 0 ? undefined : metadata.attributes;
  const told = said === undefined ? undefined : accessListsHere(selectKinds(said, kinds), profile.owners);
  const attributes = told === undefined ? {} : { attributes: { kinds, bytes: told } };
  return profile.posixModes ? { mode, uid, gid, mtimeNs, ...attributes } : { mtimeNs, ...attributes };
}

/** One staged file with its running hash. Pieces come in ascending order; what lies between them is a hole. */
export class StagedContent {
  private readonly sizeBytes: number;
  readonly staged: StagedFile;
  private readonly hashing: BlockHashStream;

  /** `keepName`: what arrives outlives an interruption under this name. */
  constructor(tree: RootTree, hasher: ContentHasher, sizeBytes: number, keepName?: string) {
    this.sizeBytes = sizeBytes;
    this.staged = tree.stage(keepName);
    if (keepName !== undefined && this.staged.sizeBytes() > 0) this.staged.truncate(0);
    this.hashing = new BlockHashStream(hasher, sizeBytes);
  }

  /** Throws `LINK-FRAME` when the piece overlaps an earlier one or lies outside the announced size. */
  write(content: Uint8Array, position: number): void {
    this.checkPlace(position, content.length);
    this.staged.write(content, position);
    this.hashing.zeros(position - this.hashing.position);
    this.hashing.update(content);
  }

  /** True when the content is what was announced; the file then has its final size. */
  finish(hash: Uint8Array): boolean {
    this.hashing.zeros(this.sizeBytes - this.hashing.position);
    if (!sameHash(this.hashing.digest(), hash)) return false;
    this.staged.truncate(this.sizeBytes);
    return true;
  }

  private checkPlace(position: number, length: number): void {
    if (position < this.hashing.position || position + length > this.sizeBytes) {
      throw new Fault('LINK-FRAME', { reason: `piece at ${position} of ${this.sizeBytes}` });
    }
  }
}

type OpenPut =
  | { readonly begin: PutBegin; readonly content: StagedContent; readonly patch?: never }
  | { readonly begin: PatchBegin; readonly content?: never; readonly patch: PatchContent };

/** By token, of one link session. */
export class OpenPuts {
  private readonly trees: readonly RootTree[];
  private readonly hasher: ContentHasher;
  private readonly puts = new Map<number, OpenPut>();
  private readonly received = new Map<number, number>();

  constructor(trees: readonly RootTree[], hasher: ContentHasher) {
    this.trees = trees;
    this.hasher = hasher;
  }

  get count(): number {
    return this.puts.size;
  }

  begin(change: PutBegin | PatchBegin): void {
    this.abort(change.token);
    if (change.op === 'patch-begin') {
      this.puts.set(change.token, { begin: change, patch: new PatchContent(change) });
      return;
    }
    const content = new StagedContent(this.trees[change.root]!, this.hasher, change.sizeBytes);
    this.puts.set(change.token, { begin: change, content });
  }

  /** A token nobody began belongs to a put that was given up; its pieces are ignored. */
  data(token: number, position: number, bytes: Uint8Array): void {
    this.puts.get(token)?.content?.write(bytes, position);
    this.note(token, bytes.length);
  }

  /** `at`: where in the spool it is. */
  piece(change: PatchData, at: CursorPosition): void {
    this.puts.get(change.token)?.patch?.add(change, at);
    this.note(change.token, change.content.length);
  }

  private note(token: number, bytes: number): void {
    if (this.puts.has(token)) this.received.set(token, this.receivedBytes(token) + bytes);
  }

  /** Content of its pieces so far. */
  receivedBytes(token: number): number {
    return this.received.get(token) ?? 0;
  }

  get(token: number): OpenPut | undefined {
    return this.puts.get(token);
  }

  /** After the file was committed. */
  close(token: number): void {
    this.puts.delete(token);
    this.received.delete(token);
  }

  abort(token: number): void {
    this.puts.get(token)?.content?.staged.discard();
    this.puts.delete(token);
    this.received.delete(token);
  }

  abortAll(): void {
    for (const token of [...this.puts.keys()]) this.abort(token);
  }
}
