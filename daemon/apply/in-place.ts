/**
 * Changes a large file where it is, instead of writing it anew: what is overwritten is copied into the journal and durable
 * before the first byte is written, so that a crash at any moment is taken back at the next start (D5, D6).
 */
import type { ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { JournalPort } from '../journal/journal.ts';
import { type FileRange, objectBefore, sameId, type UndoRecord } from '../journal/record.ts';
import { largeFiles } from '../link/large-files.ts';
import type { EntryStat, RootTree, WritableFile } from '../ports.ts';
import { isZeros } from '../spool/file-content.ts';
import { withOldAttributes } from './old-attributes.ts';
import type { ChangeOrigin } from './plan.ts';
import type { TreeWriter } from './tree-writer.ts';

export interface InPlaceChange {
  readonly root: number;
  readonly path: RelativePath;
  /** What is there now. */
  readonly before: EntryStat;
  readonly metadata: ChangeMetadata;
  /** New size in bytes. */
  readonly sizeBytes: number;
  /** Where something is written, ascending. */
  readonly ranges: readonly FileRange[];
  /** Writes one range, in pieces of at most `sliceBytes`. */
  readonly pieces: (range: FileRange) => Iterable<{ readonly position: number; readonly bytes: Uint8Array }>;
}

export interface InPlacePorts {
  readonly writer: Pick<TreeWriter, 'tree' | 'setMetadata'>;
  readonly journal: Pick<JournalPort, 'intend' | 'flush' | 'keepRanges' | 'takeBack'>;
}

/** What a change overwrites or cuts off of the old content. */
function overwrittenRanges(ranges: readonly FileRange[], oldBytes: number, newBytes: number): readonly FileRange[] {
  const kept: FileRange[] = [];
  for (const { position, length } of ranges) {
    const end = Math.min(position + length, oldBytes, newBytes);
    if (end > position) kept.push({ position, length: end - position });
  }
  if (newBytes < oldBytes) kept.push({ position: newBytes, length: oldBytes - newBytes });
  return kept;
}

function totalLength(ranges: readonly FileRange[]): number {
  let total = 0;
  for (const { length } of ranges) total += length;
  return total;
}

/** In place when that means less copying than taking the unchanged rest into a new file. */
export function worthInPlace(ranges: readonly FileRange[], oldBytes: number, newBytes: number): boolean {
  if (Math.max(oldBytes, newBytes) < largeFiles().inPlaceBytes) return false;
  const kept = totalLength(overwrittenRanges(ranges, oldBytes, newBytes));
  return kept < newBytes - totalLength(ranges);
}

/** Ranges cut into pieces of at most `sliceBytes` (link/large-files.ts). */
export function* slicesOf(ranges: readonly FileRange[]): Generator<FileRange> {
  const { sliceBytes } = largeFiles();
  for (const { position, length } of ranges) {
    for (let done = 0; done < length; done += sliceBytes) {
      yield { position: position + done, length: Math.min(sliceBytes, length - done) };
    }
  }
}

/**
 * Yields between slices. A fault, or giving the generator up (`return`), leaves the file as it was. Its content is durable
 * only after a flush of the volume; until then the journal takes it back.
 */
export function* changeInPlace(
  ports: InPlacePorts,
  change: InPlaceChange,
  origin: ChangeOrigin,
): Generator<undefined, void> {
  const { root, path, before } = change;
  const tree = ports.writer.tree(root);
  const ranges = overwrittenRanges(change.ranges, before.sizeBytes, change.sizeBytes);
  const intent = { ...origin, op: 'patch', root, path, before: objectBefore(before), ranges } as const;
  const record = ports.journal.intend(withOldAttributes(tree, change, intent), change.metadata.mtimeNs);
  // Before something is kept under its name: after a crash nobody would know of that, and its number would be given again.
  let done = false;
  try {
    ports.journal.flush();
    yield* keepRanges(tree, ports.journal, record, ranges);
    yield* writeRanges(tree, change);
    ports.writer.setMetadata(root, path, change.metadata);
    done = true;
  } finally {
    if (!done) takeBack(ports.journal, record);
  }
}

/** What cannot be taken back now is at the next start; until then its time and its blocks are not what the Master knows. */
function takeBack(journal: InPlacePorts['journal'], record: UndoRecord): void {
  try {
    journal.takeBack(record);
  } catch (error) {
    if (Fault.from(error).kind === 'fatal') throw error;
  }
}

function* keepRanges(
  tree: RootTree,
  journal: InPlacePorts['journal'],
  record: UndoRecord,
  ranges: readonly FileRange[],
): Generator<undefined, void> {
  const old = tree.stage();
  try {
    for (const { position, length } of slicesOf(ranges)) {
      old.copyFrom(record.path, position, length);
      yield undefined;
    }
    const last = ranges.at(-1);
    // Somebody has cut the file meanwhile: what is not kept could not be taken back.
    if (last !== undefined && old.sizeBytes() < last.position + last.length) {
      throw new Fault('FS-CHANGED', { path: record.path });
    }
    journal.keepRanges(record, old);
  } finally {
    old.discard();
  }
}

/** Zeros become a hole: one for a run of them. */
function* writeRange(file: WritableFile, pieces: ReturnType<InPlaceChange['pieces']>): Generator<undefined, void> {
  let zeros: FileRange | undefined;
  for (const { position, bytes } of pieces) {
    if (isZeros(bytes)) zeros = { position: zeros?.position ?? position, length: (zeros?.length ?? 0) + bytes.length };
    else {
      if (zeros !== undefined) file.clear(zeros.position, zeros.length);
      zeros = undefined;
      file.write(bytes, position);
    }
    yield undefined;
  }
  if (zeros !== undefined) file.clear(zeros.position, zeros.length);
}

function* writeRanges(tree: RootTree, change: InPlaceChange): Generator<undefined, void> {
  const { path, before, sizeBytes } = change;
  const file = tree.openWrite(path);
  try {
    const now = file.stat();
    // What was kept is what it held when it was looked at.
    if (!sameId(now.id, before.id) || now.sizeBytes !== before.sizeBytes) throw new Fault('FS-CHANGED', { path });
    for (const range of change.ranges) yield* writeRange(file, change.pieces(range));
    if (file.stat().sizeBytes !== sizeBytes) file.truncate(sizeBytes);
  } finally {
    file.close();
  }
}
