/**
 * What the Replica has of a file that is compared by blocks: the file in its root, overlaid with what an interrupted
 * synchronization left of it among the kept objects. Its blocks are hashed once, in slices, while others are compared.
 */
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import { BlockHashes, blockBytesFor } from '../link/block-hash.ts';
import { type ContentHasher, hashWhole } from '../link/content-hash.ts';
import type { EntryStat, ReadableFile, RootTree, StagedFile } from '../ports.ts';
import { isZeros } from '../spool/file-content.ts';

const READ_BYTES = 1024 * 1024;
/** From this size on, what has arrived of a file outlives an interruption. */
export const PARTIAL_BYTES = 1024 * 1024;
const PARTIAL_PREFIX = 'partial-';
/** Everything left by interrupted synchronizations, for `RootTree.dropKept`. */
export const ALL_PARTIALS = `${PARTIAL_PREFIX}*`;

export function isPartialName(name: string): boolean {
  return name.startsWith(PARTIAL_PREFIX);
}

/** Name under which a file that has not arrived whole is kept: the same for the same path. */
export function partialName(hasher: ContentHasher, path: RelativePath): string {
  return PARTIAL_PREFIX + Buffer.from(hashWhole(hasher, Buffer.from(path, 'utf16le'))).toString('hex');
}

const ownBuffer = new Uint8Array(READ_BYTES);
const partialBuffer = new Uint8Array(READ_BYTES);

export class BlockBase {
  readonly path: RelativePath;
  private readonly tree: RootTree;
  private readonly hasher: ContentHasher;
  private readonly keepName: string;
  private readonly partialBytes: number;
  /** The file in the root when it was looked at; undefined when there is none. */
  readonly own: EntryStat | undefined;
  /** Of what is here, as far as the Master's file goes; complete once `hashing` has ended. */
  readonly hashes: BlockHashes;
  /** Blocks whose hash is that of the partial content. */
  private readonly fromPartial = new Set<number>();
  private stopped = false;

  /** `hasPartial`: something is kept under `keepName`. `expectedBytes`: size of the file on the Master. */
  constructor(
    place: { readonly tree: RootTree; readonly path: RelativePath; readonly keepName: string },
    own: EntryStat | undefined,
    hasPartial: boolean,
    expectedBytes: number,
    hasher: ContentHasher,
  ) {
    this.tree = place.tree;
    this.path = place.path;
    this.keepName = place.keepName;
    this.hasher = hasher;
    this.own = own;
    this.partialBytes = hasPartial ? this.readPartial((partial) => partial.sizeBytes()) : 0;
    const sizeBytes = Math.min(expectedBytes, Math.max(own?.sizeBytes ?? 0, this.partialBytes));
    this.hashes = new BlockHashes(sizeBytes, blockBytesFor(expectedBytes));
  }

  private readPartial<T>(read: (partial: StagedFile) => T): T {
    const partial = this.tree.stage(this.keepName);
    try {
      return read(partial);
    } finally {
      partial.release();
    }
  }

  /** The file that takes what arrives. */
  stage(): StagedFile {
    const staged = this.tree.stage(this.keepName);
    if (this.partialBytes === 0 && staged.sizeBytes() > 0) staged.truncate(0);
    return staged;
  }

  isFromPartial(block: number): boolean {
    return this.fromPartial.has(block);
  }

  /** No more hashes are needed. */
  stop(): void {
    this.stopped = true;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** The file in the root is still what was hashed. */
  isUnchanged(): boolean {
    const { own } = this;
    if (own === undefined) return true;
    const now = this.tree.stat(this.path);
    return (
      now?.id.inode === own.id.inode &&
      now.id.birthNs === own.id.birthNs &&
      now.sizeBytes === own.sizeBytes &&
      now.mtimeNs === own.mtimeNs &&
      now.ctimeNs === own.ctimeNs
    );
  }

  /** Hashes a piece at a time and gives the number of blocks done; ends early when stopped. */
  *hashing(): Generator<number, void> {
    const { sizeBytes } = this.hashes;
    const file = this.own === undefined ? undefined : this.tree.openRead(this.path);
    const partial = this.partialBytes === 0 ? undefined : this.tree.stage(this.keepName);
    try {
      for (let position = 0; position < sizeBytes && !this.stopped; position += READ_BYTES) {
        yield this.hashPiece(file, partial, position);
      }
    } finally {
      file?.close();
      partial?.release();
    }
  }

  private hashPiece(file: ReadableFile | undefined, partial: StagedFile | undefined, position: number): number {
    const { sizeBytes, blockBytes } = this.hashes;
    const length = Math.min(READ_BYTES, sizeBytes - position);
    const ownCount = file === undefined ? 0 : fill(file, ownBuffer, length, position);
    if (ownCount < Math.min(length, (this.own?.sizeBytes ?? 0) - position)) {
      throw new Fault('FS-CHANGED', { path: this.path });
    }
    const partialCount = partial === undefined ? 0 : fill(partial, partialBuffer, length, position);
    let block = position / blockBytes;
    for (let at = 0; at < length; at += blockBytes) {
      const end = Math.min(at + blockBytes, length);
      const theirs = partialBuffer.subarray(at, Math.min(end, partialCount));
      const wins = theirs.length > 0 && (ownCount <= at || !isZeros(theirs));
      if (wins) this.fromPartial.add(block);
      const content = wins ? theirs : ownBuffer.subarray(at, Math.min(end, ownCount));
      this.hashes.set(block, hashWhole(this.hasher, content));
      block += 1;
    }
    return block;
  }
}

function fill(file: Pick<ReadableFile, 'read'>, target: Uint8Array, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = file.read(target, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
