/**
 * A large file that arrives as the pieces that changed. They stay in the spool until the last has come; then what they
 * replace is checked piece by piece, and the file is changed in place, or written anew and renamed, whichever is less work.
 */
import type { Change, MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { roundTime } from '../../shared/protocol/sync-codec.ts';
import type { FileRange } from '../journal/record.ts';
import { type ContentHasher, hashWhole, sameHash } from '../link/content-hash.ts';
import type { EntryStat, RootTree, StagedFile } from '../ports.ts';
import type { CursorPosition } from './cursor.ts';
import { changeInPlace, type InPlacePorts, slicesOf, worthInPlace } from './in-place.ts';
import type { ChangeOrigin } from './plan.ts';
import type { TreeWriter } from './tree-writer.ts';

export type PatchBegin = Extract<Change, { readonly op: 'patch-begin' }>;
export type PatchData = Extract<Change, { readonly op: 'patch-data' }>;

interface PatchPiece extends FileRange {
  readonly at: CursorPosition;
  readonly oldLength: number;
  readonly before: Uint8Array;
}

/** No piece is longer: it is one block. */
const PIECE_BYTES = 1024 * 1024;

/** `mismatch`: the file here is not what the pieces are for. `StagedFile`: the new file, to be put into its place. */
type PatchOutcome = 'mismatch' | 'changed' | StagedFile;

export class PatchContent {
  readonly begin: PatchBegin;
  readonly pieces: PatchPiece[] = [];
  private end = 0;

  constructor(begin: PatchBegin) {
    this.begin = begin;
  }

  /** `at`: where its content is found again. Throws `LINK-FRAME` when it overlaps an earlier one or lies outside. */
  add({ position, length, oldLength, before, content }: PatchData, at: CursorPosition): void {
    const { sizeBytes, baseBytes } = this.begin;
    const fits = position >= this.end && position + length <= sizeBytes && length > 0 && length <= PIECE_BYTES;
    const old = oldLength === 0 || (oldLength <= PIECE_BYTES && position + oldLength <= baseBytes);
    if (!fits || !old || (content.length !== 0 && content.length !== length)) {
      throw new Fault('LINK-FRAME', { reason: `patch at ${position} of ${sizeBytes}` });
    }
    this.end = position + length;
    this.pieces.push({ at, position, length, oldLength, before: before.slice() });
  }
}

interface PatchPorts extends InPlacePorts {
  readonly writer: TreeWriter;
  readonly hasher: ContentHasher;
  /** The content of a piece that was added from this place. */
  readonly contentAt: (at: CursorPosition) => Uint8Array;
}

/** One at a time, in slices. */
export class PatchApply {
  private readonly ports: PatchPorts;
  private work: Generator<undefined, PatchOutcome> | undefined;

  constructor(ports: PatchPorts) {
    this.ports = ports;
  }

  /** Something is half done. */
  get isActive(): boolean {
    return this.work !== undefined;
  }

  /** Begins or goes on; the outcome when it is done. After a fault everything is as it was. */
  step(patch: PatchContent, hash: Uint8Array, origin: ChangeOrigin): PatchOutcome | undefined {
    const work = this.work ?? applyPatch(this.ports, patch, hash, origin);
    this.work = undefined;
    const { value, done } = work.next();
    if (done) return value;
    this.work = work;
    return undefined;
  }

  /** What was begun is taken back. */
  abandon(): void {
    const { work } = this;
    this.work = undefined;
    work?.return('mismatch');
  }
}

/** Yields between slices; given up, it leaves everything as it was. */
function* applyPatch(
  ports: PatchPorts,
  { begin, pieces }: PatchContent,
  hash: Uint8Array,
  origin: ChangeOrigin,
): Generator<undefined, PatchOutcome> {
  const { root, path, metadata, sizeBytes } = begin;
  const tree = ports.writer.tree(root);
  const before = tree.stat(path);
  if (before === undefined || !hasBaseState(before, begin, ports.writer.profile)) return 'mismatch';
  if (!(yield* isBase(ports, tree, begin, pieces, hash))) return 'mismatch';
  const ranges = joined(pieces);
  if (!worthInPlace(ranges, before.sizeBytes, sizeBytes)) return yield* rewrite(ports, tree, before, begin, pieces);
  const piecesOf = function* ({ position, length }: FileRange) {
    const from = firstAt(pieces, position);
    for (let n = from; n < pieces.length && pieces[n]!.position < position + length; n += 1) {
      yield { position: pieces[n]!.position, bytes: contentOf(ports, pieces[n]!) };
    }
  };
  yield* changeInPlace(ports, { root, path, before, metadata, sizeBytes, ranges, pieces: piecesOf }, origin);
  return 'changed';
}

/** Somebody else who wrote into the file has most likely moved its time, wherever they wrote. */
function hasBaseState(
  now: EntryStat,
  { baseBytes, baseMtimeNs }: PatchBegin,
  { timeGranularityNs }: MetadataProfile,
): boolean {
  const [here, there] = [now.mtimeNs, baseMtimeNs].map((time) => roundTime(time, timeGranularityNs));
  return now.type === 'file' && now.sizeBytes === baseBytes && here === there;
}

function contentOf(ports: PatchPorts, { at, length }: PatchPiece): Uint8Array {
  const content = ports.contentAt(at);
  return content.length === 0 ? new Uint8Array(length) : content;
}

/** What the pieces replace is what the Master believes, and all of them have come. */
function* isBase(
  ports: PatchPorts,
  tree: RootTree,
  { path }: PatchBegin,
  pieces: readonly PatchPiece[],
  hash: Uint8Array,
): Generator<undefined, boolean> {
  const { hasher } = ports;
  const hashes: Uint8Array[] = [];
  const buffer = new Uint8Array(PIECE_BYTES);
  const file = tree.openRead(path);
  try {
    for (const piece of pieces) {
      hashes.push(hashWhole(hasher, ports.contentAt(piece.at)).slice());
      if (piece.oldLength === 0) continue;
      const old = buffer.subarray(0, piece.oldLength);
      let count = 0;
      while (count < old.length) {
        const read = file.read(old, count, old.length - count, piece.position + count);
        if (read === 0) return false;
        count += read;
      }
      if (!sameHash(hashWhole(hasher, old), piece.before)) return false;
      yield undefined;
    }
  } finally {
    file.close();
  }
  return sameHash(hashWhole(hasher, Buffer.concat(hashes)), hash);
}

/** A new file of the unchanged ranges and the pieces. */
function* rewrite(
  ports: PatchPorts,
  tree: RootTree,
  before: EntryStat,
  { path, sizeBytes }: PatchBegin,
  pieces: readonly PatchPiece[],
): Generator<undefined, StagedFile> {
  const staged = tree.stage();
  let done = false;
  try {
    for (const { position, length } of slicesOf(unchanged(pieces, Math.min(before.sizeBytes, sizeBytes)))) {
      staged.copyFrom(path, position, length);
      yield undefined;
    }
    for (const piece of pieces) {
      const content = ports.contentAt(piece.at);
      // Zeros are a hole.
      if (content.length > 0) staged.write(content, piece.position);
      yield undefined;
    }
    staged.truncate(sizeBytes);
    done = true;
    return staged;
  } finally {
    if (!done) staged.discard();
  }
}

function joined(pieces: readonly PatchPiece[]): FileRange[] {
  const ranges: FileRange[] = [];
  for (const { position, length } of pieces) {
    const last = ranges.at(-1);
    if (last !== undefined && last.position + last.length === position) {
      ranges[ranges.length - 1] = { position: last.position, length: last.length + length };
    } else ranges.push({ position, length });
  }
  return ranges;
}

function unchanged(pieces: readonly PatchPiece[], sizeBytes: number): FileRange[] {
  const ranges: FileRange[] = [];
  let end = 0;
  for (const { position, length } of joined(pieces)) {
    if (position > end) ranges.push({ position: end, length: Math.min(position, sizeBytes) - end });
    end = position + length;
  }
  if (end < sizeBytes) ranges.push({ position: end, length: sizeBytes - end });
  return ranges.filter(({ length }) => length > 0);
}

/** Number of the first piece at or behind the position. */
function firstAt(pieces: readonly PatchPiece[], position: number): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pieces[middle]!.position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
