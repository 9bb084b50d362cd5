/** Reading a file of the Master for sending: small ones straight into the frame, large ones in pieces. */

import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { ByteWriter } from '../../shared/protocol/bytes.ts';
import { type BlockHashes, BlockHashStream } from '../link/block-hash.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import { largeFiles } from '../link/large-files.ts';
import type { EntryStat, ReadableFile, RootTree } from '../ports.ts';

/** A read that does not end as it began is repeated this often, then the content is sent as it is and looked at again. */
const TORN_TRIES = 10;
/** A file that gets shorter during every read cannot be sent even as it is. */
const HOPELESS_TRIES = 50;
/** Runs of zeros of this size (and position) are not sent. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(HOLE_BYTES);
/** Blocks of a hole that are passed in one step: a few milliseconds. */
const HOLE_BLOCKS = 16 * 1024;

export type ReadOutcome =
  /** `content`: part of the writer, valid until more is written. */
  | { readonly kind: 'read'; readonly stat: EntryStat; readonly torn: boolean; readonly content: Uint8Array }
  /** Left open: read it in pieces, or close it. */
  | { readonly kind: 'large'; readonly stat: EntryStat; readonly file: ReadableFile };

/** The content may have changed between the two, or they are two files. */
function isTorn(before: EntryStat, after: EntryStat): boolean {
  if (before.id.inode !== after.id.inode || before.id.birthNs !== after.id.birthNs) return true;
  return before.sizeBytes !== after.sizeBytes || before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs;
}

/**
 * Reads a file of at most `inlineBytes` (link/large-files.ts) behind what `writeHead` wrote. `before`: its stat when it was last seen, which saves
 * asking again. Throws what opening throws (`FS-NOT-FOUND`, `FS-DENIED` …); the writer is then as it was.
 */
export function readIntoFrame(
  tree: RootTree,
  path: RelativePath,
  writer: ByteWriter,
  writeHead: (stat: EntryStat, file: ReadableFile) => void,
  accept: (stat: EntryStat) => boolean,
  before?: EntryStat,
): ReadOutcome {
  const file = tree.openRead(path);
  const start = writer.length;
  let outcome: ReadOutcome | undefined;
  try {
    let stat = before ?? file.stat();
    for (let attempt = 1; outcome === undefined; attempt += 1) {
      if (stat.type !== 'file' || !accept(stat)) throw new Fault('FS-NOT-FOUND', { path });
      writer.rewindTo(start);
      if (stat.sizeBytes > largeFiles().inlineBytes) {
        outcome = { kind: 'large', stat, file };
        break;
      }
      const read = readOnce(file, stat, writer, writeHead, attempt);
      if (read.usable) outcome = { kind: 'read', stat, torn: read.torn, content: read.content };
      stat = read.after;
    }
    return outcome;
  } finally {
    if (outcome === undefined) writer.rewindTo(start);
    if (outcome?.kind !== 'large') file.close();
  }
}

/** Closes a file that was opened for reading when what is done with it first goes wrong: nobody else has it then. */
export function orClose<T>(file: ReadableFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    file.close();
    throw error;
  }
}

function readOnce(
  file: ReadableFile,
  stat: EntryStat,
  writer: ByteWriter,
  writeHead: (stat: EntryStat, file: ReadableFile) => void,
  attempt: number,
): { readonly usable: boolean; readonly torn: boolean; readonly after: EntryStat; readonly content: Uint8Array } {
  if (attempt > HOPELESS_TRIES) throw new Fault('FS-CHANGED', { path: '' });
  writeHead(stat, file);
  const content = writer.space(stat.sizeBytes);
  const count = fill(file, content, 0);
  const after = file.stat();
  const torn = isTorn(stat, after);
  return { usable: count === stat.sizeBytes && (!torn || attempt >= TORN_TRIES), torn, after, content };
}

/** Reads until `room` is full or the file ends; the count. */
function fill(file: ReadableFile, room: Uint8Array, position: number): number {
  let done = 0;
  while (done < room.length) {
    const count = file.read(room, done, room.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

export function isZeros(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
    const part = bytes.subarray(at, at + HOLE_BYTES);
    if (Buffer.compare(part, part.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

export interface Piece {
  readonly position: number;
  readonly length: number;
}

/**
 * A large file being sent: pieces in order, zero runs left out, the hash of the whole at the end. Several may be under way.
 */
export class LargeRead {
  readonly begin: EntryStat;
  readonly file: ReadableFile;
  private readonly hashing: BlockHashStream;

  constructor(file: ReadableFile, begin: EntryStat, hasher: ContentHasher, blockBytes?: number) {
    this.file = file;
    this.begin = begin;
    this.hashing = new BlockHashStream(hasher, begin.sizeBytes, blockBytes);
  }

  get position(): number {
    return this.hashing.position;
  }

  /** Hashes of the blocks read so far. */
  get blocks(): BlockHashes {
    return this.hashing.blocks;
  }

  get complete(): boolean {
    return this.position >= this.begin.sizeBytes;
  }

  /**
   * Reads the next piece of at most `limit` bytes into `writer` behind what `writeHead` writes. Returns the content bytes
   * written (0 for a run of zeros), undefined when the file has become shorter.
   */
  next(limit: number, writer: ByteWriter, writeHead: (piece: Piece) => void): number | undefined {
    if (this.skipHole(1) > 0) return 0;
    const length = Math.min(limit, this.begin.sizeBytes - this.position, alignedLength(this.position, limit));
    const start = writer.length;
    writeHead({ position: this.position, length });
    const room = writer.space(length);
    let whole = false;
    try {
      whole = fill(this.file, room, this.position) === length;
    } finally {
      // Half a piece would spoil everything behind it.
      if (!whole) writer.rewindTo(start);
    }
    if (!whole) return undefined;
    const zeros = isZeros(room);
    if (zeros) this.hashing.zeros(length);
    else this.hashing.update(room);
    if (!zeros) return length;
    writer.rewindTo(start);
    return 0;
  }

  /**
   * Passes over what takes no space on the volume and so is zeros, without reading it: whole multiples of `unit` bytes, or
   * all up to the end. Returns the bytes passed, bounded for one step.
   */
  skipHole(unit: number): number {
    const { position, file, begin } = this;
    const data = Math.min(file.dataFrom?.(position) ?? position, begin.sizeBytes);
    const most = HOLE_BLOCKS * this.blocks.blockBytes;
    const hole = Math.min(data - position, most);
    const length = data === begin.sizeBytes && hole < most ? hole : hole - (hole % unit);
    if (length > 0) this.hashing.zeros(length);
    return length;
  }

  /** Reads the next piece elsewhere; false when the file has become shorter. */
  readInto(room: Uint8Array): boolean {
    if (fill(this.file, room, this.position) < room.length) return false;
    this.hashing.update(room);
    return true;
  }

  /** Hash of everything read; 16 bytes. */
  hash(): Uint8Array {
    return this.hashing.digest();
  }

  /** Did it change while it was read? */
  changed(): boolean {
    return isTorn(this.begin, this.file.stat());
  }

  close(): void {
    this.file.close();
  }
}

/** Pieces end on multiples of HOLE_BYTES so that zero runs are found. */
function alignedLength(position: number, limit: number): number {
  const end = position + limit;
  const aligned = end - (end % HOLE_BYTES);
  return aligned > position ? aligned - position : limit;
}
