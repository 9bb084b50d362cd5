/**
 * Hashes of a content by blocks: xxh128 of each block, and of all of them one after another as the hash of the whole. Both
 * hosts compute it while contents pass by, so comparing, sending and checking a large file need one pass on each side.
 */
import type { ContentHasher } from './content-hash.ts';
import { largeFiles } from './large-files.ts';

export const HASH_BYTES = 16;
const LARGEST_BLOCK_BYTES = 1024 * 1024;
/** Up to 2 GiB a file has blocks of the smallest size; above, its list of hashes does not grow until they are largest. */
const AIMED_BLOCKS = 64 * 1024;

export function blockBytesFor(sizeBytes: number): number {
  let bytes = largeFiles().blockBytes;
  while (bytes < LARGEST_BLOCK_BYTES && sizeBytes / bytes > AIMED_BLOCKS) bytes *= 2;
  return bytes;
}

export function isBlockSize(bytes: number): boolean {
  return bytes >= largeFiles().blockBytes && bytes <= LARGEST_BLOCK_BYTES && Number.isInteger(Math.log2(bytes));
}

export function blockCount(sizeBytes: number, blockBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes);
}

/** Hashes of all blocks of a content of known size, filled in any order. */
export class BlockHashes {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  readonly hashes: Uint8Array;

  constructor(sizeBytes: number, blockBytes: number = blockBytesFor(sizeBytes)) {
    this.sizeBytes = sizeBytes;
    this.blockBytes = blockBytes;
    this.hashes = new Uint8Array(blockCount(sizeBytes, blockBytes) * HASH_BYTES);
  }

  at(block: number): Uint8Array {
    return this.hashes.subarray(block * HASH_BYTES, (block + 1) * HASH_BYTES);
  }

  set(block: number, hash: Uint8Array): void {
    this.hashes.set(hash, block * HASH_BYTES);
  }

  /** Bytes of one block; the last may be short. */
  lengthOf(block: number): number {
    return Math.min(this.blockBytes, this.sizeBytes - block * this.blockBytes);
  }

  /** Hash of the whole, 16 bytes. */
  digest(hasher: ContentHasher): Uint8Array {
    hasher.start();
    hasher.update(this.hashes);
    return hasher.digest().slice();
  }
}

const ZEROS = new Uint8Array(LARGEST_BLOCK_BYTES);
const zeroHashes = new Map<number, Uint8Array>();

/** Hash of a block of zeros: what a hole reads as. */
export function hashOfZeros(hasher: ContentHasher, length: number): Uint8Array {
  let hash = zeroHashes.get(length);
  if (hash === undefined) {
    hasher.start();
    hasher.update(ZEROS.subarray(0, length));
    hash = hasher.digest().slice();
    // Of short last blocks there are as many as files.
    if (isBlockSize(length)) zeroHashes.set(length, hash);
  }
  return hash;
}

/** Fills the hashes of a content that passes by from its beginning, in pieces of any size. Several may be under way at once. */
export class BlockHashStream {
  private readonly hasher: ContentHasher;
  readonly blocks: BlockHashes;
  /** State of a block that has begun and not ended. */
  private state: Uint8Array | undefined;
  position = 0;

  constructor(hasher: ContentHasher, sizeBytes: number, blockBytes?: number) {
    this.hasher = hasher;
    this.blocks = new BlockHashes(sizeBytes, blockBytes);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.restOfBlock());
      this.add(part);
      at += part.length;
    }
  }

  /** The same for a run of zeros, which need not exist. */
  zeros(count: number): void {
    for (let rest = count; rest > 0; ) {
      const { blockBytes } = this.blocks;
      const whole = this.state === undefined && this.position % blockBytes === 0;
      const length = Math.min(rest, this.restOfBlock());
      if (whole && length === this.blocks.lengthOf(this.position / blockBytes)) {
        this.blocks.set(this.position / blockBytes, hashOfZeros(this.hasher, length));
        this.position += length;
      } else this.add(ZEROS.subarray(0, length));
      rest -= length;
    }
  }

  /** Call when everything has passed by. */
  digest(): Uint8Array {
    return this.blocks.digest(this.hasher);
  }

  private restOfBlock(): number {
    return this.blocks.blockBytes - (this.position % this.blocks.blockBytes);
  }

  private add(part: Uint8Array): void {
    if (this.state === undefined) this.hasher.start();
    else this.hasher.load(this.state);
    this.hasher.update(part);
    const block = Math.floor(this.position / this.blocks.blockBytes);
    this.position += part.length;
    const ended = this.position % this.blocks.blockBytes === 0 || this.position >= this.blocks.sizeBytes;
    if (ended) this.blocks.set(block, this.hasher.digest());
    this.state = ended ? undefined : this.hasher.save().slice();
  }
}
