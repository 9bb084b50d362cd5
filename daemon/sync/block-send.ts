/**
 * The Master's side of a file that is compared by blocks: reads it once, compares each block's hash with the Replica's as
 * those come, and sends what differs. When most of it differs the rest is sent without comparing.
 */
import type { MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { DATA_FRAME_BYTES } from '../../shared/protocol/frame.ts';
import {
  type BlockHashRun,
  type Need,
  type SyncItem,
  writeDataItemHead,
  writeSyncItem,
} from '../../shared/protocol/sync-codec.ts';
import { blockCount, HASH_BYTES, hashOfZeros, isBlockSize } from '../link/block-hash.ts';
import { type ContentHasher, sameHash } from '../link/content-hash.ts';
import type { FrameWriter } from '../link/session.ts';
import type { LargeRead } from '../spool/file-content.ts';

type BlockNeed = Extract<Need, { readonly kind: 'blocks' }>;

/** With this share of so many blocks different, comparing costs more than it saves. */
const WHOLE_SHARE = 0.7;
const JUDGED_BLOCKS = 64;
/** No file is larger (2^53 bytes would be 9 PB): bounds what a peer can make us allocate. */
const MAX_BASE_BYTES = 2 ** 44;
const READ_BYTES = 1024 * 1024;

/** The Replica's hashes of one file, as they come. Throws `LINK-FRAME` when they are not what was announced. */
export class TheirBlocks {
  readonly blockBytes: number;
  private readonly expected: number;
  private hashes = new Uint8Array(64 * HASH_BYTES);
  /** Blocks whose hash has come. */
  count = 0;
  /** No more will come. */
  ended: boolean;

  constructor({ blockBytes, baseBytes }: BlockNeed) {
    if (!isBlockSize(blockBytes) || baseBytes > MAX_BASE_BYTES) {
      throw new Fault('LINK-FRAME', { reason: `blocks of ${blockBytes} in ${baseBytes} bytes` });
    }
    this.blockBytes = blockBytes;
    this.expected = blockCount(baseBytes, blockBytes);
    this.ended = this.expected === 0;
  }

  add({ first, hashes }: BlockHashRun): void {
    if (hashes.length === 0) {
      this.ended = true;
      return;
    }
    const count = hashes.length / HASH_BYTES;
    if (first !== this.count || !Number.isInteger(count) || first + count > this.expected) {
      throw new Fault('LINK-FRAME', { reason: `hashes of blocks ${first} to ${first + count} of ${this.expected}` });
    }
    if ((first + count) * HASH_BYTES > this.hashes.length) {
      const grown = new Uint8Array(Math.max(2 * this.hashes.length, (first + count) * HASH_BYTES));
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes.set(hashes, first * HASH_BYTES);
    this.count += count;
    this.ended = this.count === this.expected;
  }

  at(block: number): Uint8Array | undefined {
    return block < this.count ? this.hashes.subarray(block * HASH_BYTES, (block + 1) * HASH_BYTES) : undefined;
  }
}

const scratch = new Uint8Array(READ_BYTES);

export class BlockSend {
  readonly read: LargeRead;
  readonly token: number;
  private readonly theirs: TheirBlocks;
  private readonly hasher: ContentHasher;
  private readonly profile: MetadataProfile;
  /** A run of equal blocks or of zeros that is not written yet. */
  private run: { kind: 'copy' | 'hole'; position: number; length: number } | undefined;
  private judged = 0;
  private different = 0;
  private comparing = true;
  /** Content bytes written. */
  sentBytes = 0;
  /** Content bytes that did not have to be. */
  savedBytes = 0;

  constructor(read: LargeRead, token: number, theirs: TheirBlocks, hasher: ContentHasher, profile: MetadataProfile) {
    this.read = read;
    this.token = token;
    this.theirs = theirs;
    this.hasher = hasher;
    this.profile = profile;
  }

  /** The next block cannot be compared yet. */
  get waits(): boolean {
    return !this.read.complete && this.readable() === 0;
  }

  /** Blocks that can be read now. */
  private readable(): number {
    const { blockBytes } = this.theirs;
    const most = READ_BYTES / blockBytes;
    if (!this.comparing || this.theirs.ended) return most;
    return Math.min(most, this.theirs.count - this.read.position / blockBytes);
  }

  /** Reads some blocks and writes what the Replica has to know of them. Throws `FS-CHANGED` when the file got shorter. */
  step(writer: FrameWriter, path: string): void {
    const { blockBytes } = this.theirs;
    const { position, begin } = this.read;
    const room = Math.max(blockBytes, DATA_FRAME_BYTES - writer.payloadBytes);
    const blocks = Math.max(1, Math.min(this.readable(), Math.floor(room / blockBytes)));
    const bytes = scratch.subarray(0, Math.min(blocks * blockBytes, begin.sizeBytes - position));
    if (!this.read.readInto(bytes)) throw new Fault('FS-CHANGED', { path });
    for (let at = 0; at < bytes.length; at += blockBytes) {
      this.take(position + at, bytes.subarray(at, at + blockBytes), writer);
    }
  }

  private take(position: number, bytes: Uint8Array, writer: FrameWriter): void {
    const block = position / this.theirs.blockBytes;
    const hash = this.read.blocks.at(block);
    const theirs = this.comparing ? this.theirs.at(block) : undefined;
    if (theirs !== undefined && sameHash(hash, theirs)) {
      this.judged += 1;
      this.extend('copy', position, bytes.length, writer);
      return;
    }
    if (theirs !== undefined) this.judge(writer);
    if (sameHash(hash, hashOfZeros(this.hasher, bytes.length))) {
      this.extend('hole', position, bytes.length, writer);
      return;
    }
    this.flushRun(writer);
    writeDataItemHead(writer, this.token, position, bytes.length);
    writer.raw(bytes);
    this.sentBytes += bytes.length;
  }

  private judge(writer: FrameWriter): void {
    this.judged += 1;
    this.different += 1;
    if (this.judged < JUDGED_BLOCKS || this.different < this.judged * WHOLE_SHARE) return;
    this.comparing = false;
    this.write({ kind: 'rest', token: this.token }, writer);
  }

  private extend(kind: 'copy' | 'hole', position: number, length: number, writer: FrameWriter): void {
    this.savedBytes += length;
    if (this.run?.kind !== kind) this.flushRun(writer);
    if (this.run === undefined) this.run = { kind, position, length };
    else this.run.length += length;
  }

  /** Call before the end. */
  flushRun(writer: FrameWriter): void {
    if (this.run !== undefined) this.write({ ...this.run, token: this.token }, writer);
    this.run = undefined;
  }

  private write(item: SyncItem, writer: FrameWriter): void {
    writeSyncItem(writer, item, this.profile);
  }
}
