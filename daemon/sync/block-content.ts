/**
 * A file that arrives as its differences from what is here: changed blocks are staged, unchanged ones only named. When all
 * blocks together have the hash of the Master's file, the content is complete: either changed in place (apply/in-place.ts)
 * or the unchanged ranges are taken into the staged file, which is renamed into its place.
 */
import { Fault } from '../../shared/faults.ts';
import { type InPlaceChange, slicesOf, worthInPlace } from '../apply/in-place.ts';
import type { FileRange } from '../journal/record.ts';
import { BlockHashes, HASH_BYTES, hashOfZeros } from '../link/block-hash.ts';
import { type ContentHasher, hashWhole, sameHash } from '../link/content-hash.ts';
import type { StagedFile } from '../ports.ts';
import type { BlockBase } from './block-base.ts';

const ZEROS = new Uint8Array(1024 * 1024);

export class BlockContent {
  private readonly base: BlockBase;
  private readonly hasher: ContentHasher;
  readonly staged: StagedFile;
  private readonly blocks: BlockHashes;
  /** Ranges that are not what the file in the root has; ascending and joined. */
  private readonly changed: FileRange[] = [];
  /** Ranges of the file in the root that stay and hold more than zeros. */
  private readonly unchanged: FileRange[] = [];
  private position = 0;

  constructor(base: BlockBase, sizeBytes: number, hasher: ContentHasher) {
    this.base = base;
    this.hasher = hasher;
    this.staged = base.stage();
    this.blocks = new BlockHashes(sizeBytes, base.hashes.blockBytes);
  }

  get sizeBytes(): number {
    return this.blocks.sizeBytes;
  }

  write(content: Uint8Array, position: number): void {
    this.checkPlace(position, content.length);
    this.staged.write(content, position);
    for (const { block, at, count } of this.blocksOf(position, content.length)) {
      const from = at - position;
      this.blocks.set(block, hashWhole(this.hasher, content.subarray(from, from + count)));
    }
    append(this.changed, position, content.length);
    this.position += content.length;
  }

  hole(position: number, length: number): void {
    this.checkPlace(position, length);
    for (const { block, at, count } of this.blocksOf(position, length)) {
      if (this.base.isFromPartial(block)) this.staged.write(ZEROS.subarray(0, count), at);
      this.blocks.set(block, hashOfZeros(this.hasher, count));
    }
    append(this.changed, position, length);
    this.position += length;
  }

  /** The Master has there what the hashes said that is here. */
  same(position: number, length: number): void {
    this.checkPlace(position, length);
    const { hashes } = this.base;
    for (const { block, at, count } of this.blocksOf(position, length)) {
      if ((block + 1) * HASH_BYTES > hashes.hashes.length) throw new Fault('LINK-FRAME', { reason: 'copy of nothing' });
      const hash = hashes.at(block);
      this.blocks.set(block, hash);
      if (this.base.isFromPartial(block)) append(this.changed, at, count);
      // Zeros are left out: they are a hole in the staged file already.
      else if (!sameHash(hash, hashOfZeros(this.hasher, count))) append(this.unchanged, at, count);
    }
    this.position += length;
  }

  /** Pieces come in order, without gaps, in whole blocks. */
  private checkPlace(position: number, length: number): void {
    const end = position + length;
    const whole = end === this.sizeBytes || end % this.blocks.blockBytes === 0;
    if (position !== this.position || end > this.sizeBytes || !whole) {
      throw new Fault('LINK-FRAME', { reason: `blocks at ${position} of ${this.sizeBytes}` });
    }
  }

  private *blocksOf(position: number, length: number): Generator<{ block: number; at: number; count: number }> {
    const { blockBytes } = this.blocks;
    for (let at = position; at < position + length; at += blockBytes) {
      const block = at / blockBytes;
      yield { block, at, count: this.blocks.lengthOf(block) };
    }
  }

  /** The content is the Master's, and what it builds on is still there. */
  isComplete(hash: Uint8Array): boolean {
    if (this.position !== this.sizeBytes || !sameHash(this.blocks.digest(this.hasher), hash)) return false;
    return this.base.isUnchanged();
  }

  /** How the file in the root is changed where it is; undefined when a new file is to take its place. */
  inPlace(): Omit<InPlaceChange, 'root' | 'metadata'> | undefined {
    const { own, path } = this.base;
    if (own === undefined || !worthInPlace(this.changed, own.sizeBytes, this.sizeBytes)) return undefined;
    const pieces = (range: FileRange) => this.pieces(range);
    return { path, before: own, sizeBytes: this.sizeBytes, ranges: this.changed, pieces };
  }

  private *pieces(range: FileRange): Generator<{ position: number; bytes: Uint8Array }> {
    for (const { position, length } of slicesOf([range])) {
      // What was never written to the staged file (its end, or a hole in it) is zeros.
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = this.staged.read(bytes, done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      yield { position, bytes };
    }
  }

  /** Takes the unchanged ranges into the staged file; yields between slices. */
  *assemble(): Generator<undefined, void> {
    for (const { position, length } of slicesOf(this.unchanged)) {
      this.staged.copyFrom(this.base.path, position, length);
      yield undefined;
    }
    this.staged.truncate(this.sizeBytes);
  }
}

/** Adds a range behind the others, joined with the last where they touch. */
function append(ranges: FileRange[], position: number, length: number): void {
  const last = ranges.at(-1);
  if (length === 0) return;
  if (last !== undefined && last.position + last.length === position) {
    ranges[ranges.length - 1] = { position: last.position, length: last.length + length };
  } else ranges.push({ position, length });
}
