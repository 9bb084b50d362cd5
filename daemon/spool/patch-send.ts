/** Sends what differs between a large file and what was sent of it last, block by block. */
import { Fault } from '../../shared/faults.ts';
import { writeChange } from '../../shared/protocol/batch-codec.ts';
import type { ByteWriter } from '../../shared/protocol/bytes.ts';
import { type BlockHashes, HASH_BYTES, hashOfZeros } from '../link/block-hash.ts';
import { type ContentHasher, hashWhole, sameHash } from '../link/content-hash.ts';
import { isZeros, type LargeRead } from './file-content.ts';

const READ_BYTES = 1024 * 1024;
const NOTHING = new Uint8Array(0);
const scratch = new Uint8Array(READ_BYTES);
const ZEROS = new Uint8Array(READ_BYTES);

export class PatchSend {
  private readonly read: LargeRead;
  private readonly base: BlockHashes;
  private readonly token: number;
  private readonly hasher: ContentHasher;
  private hashes = new Uint8Array(16 * HASH_BYTES);
  private pieces = 0;

  /** `base`: in blocks of the same size as `read`. */
  constructor(read: LargeRead, base: BlockHashes, token: number, hasher: ContentHasher) {
    this.read = read;
    this.base = base;
    this.token = token;
    this.hasher = hasher;
  }

  /** Reads about a mebibyte; the number of changes written. Throws `FS-CHANGED` when the file got shorter. */
  step(writer: ByteWriter, path: string): number {
    const { position, begin } = this.read;
    const { blockBytes } = this.base;
    const before = this.pieces;
    const hole = this.read.skipHole(blockBytes);
    for (let at = 0; at < hole; at += blockBytes) {
      this.take(position + at, ZEROS.subarray(0, Math.min(blockBytes, hole - at)), writer);
    }
    if (hole > 0) return this.pieces - before;
    const bytes = scratch.subarray(0, Math.min(READ_BYTES, begin.sizeBytes - position));
    if (!this.read.readInto(bytes)) throw new Fault('FS-CHANGED', { path });
    for (let at = 0; at < bytes.length; at += blockBytes) {
      this.take(position + at, bytes.subarray(at, at + blockBytes), writer);
    }
    return this.pieces - before;
  }

  private take(position: number, content: Uint8Array, writer: ByteWriter): void {
    const { base, hasher } = this;
    const block = position / base.blockBytes;
    const oldLength = Math.max(0, base.lengthOf(block));
    const hash = this.read.blocks.at(block);
    const before = base.at(block);
    if (oldLength === content.length && sameHash(hash, before)) return;
    if (oldLength > 0 && oldLength < content.length) {
      const head = content.subarray(0, oldLength);
      if (sameHash(hashWhole(hasher, head), before)) {
        const tail = content.subarray(oldLength);
        if (!isZeros(tail)) this.write(position + oldLength, 0, NOTHING, tail, writer);
        return;
      }
    }
    const zeros = sameHash(hash, hashOfZeros(hasher, content.length));
    // A file that grows is zeros there anyway.
    if (zeros && oldLength === 0) return;
    this.write(position, oldLength, oldLength === 0 ? NOTHING : before, content, writer, zeros);
  }

  private write(
    position: number,
    oldLength: number,
    before: Uint8Array,
    content: Uint8Array,
    writer: ByteWriter,
    zeros = false,
  ): void {
    const sent = zeros ? NOTHING : content;
    const { token } = this;
    writeChange(writer, {
      op: 'patch-data',
      token,
      position,
      length: content.length,
      oldLength,
      before,
      content: sent,
    });
    if ((this.pieces + 1) * HASH_BYTES > this.hashes.length) {
      const grown = new Uint8Array(2 * this.hashes.length);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes.set(hashWhole(this.hasher, sent), this.pieces * HASH_BYTES);
    this.pieces += 1;
  }

  /** For `put-end`. */
  digest(): Uint8Array {
    return hashWhole(this.hasher, this.hashes.subarray(0, this.pieces * HASH_BYTES)).slice();
  }
}
