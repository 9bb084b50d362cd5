/** Content of a file as it was: what it holds now, or what was kept of it, with old ranges over it. */
import { Fault } from '../../shared/faults.ts';
import type { ReadableFile } from '../ports.ts';
import type { KeptRanges, PastName } from './past-object.ts';
import { pastStat } from './past-object.ts';
import type { PastTree } from './past-tree.ts';
import type { FileRange } from './record.ts';

/** A part of the content and the kept object it lies in, at the same position; none: what the file itself holds. */
interface Part extends FileRange {
  readonly kept: string | undefined;
}

export interface PastContent {
  readonly sizeBytes: number;
  /** Up to `length` bytes at `position`; fewer only at the end. Throws `FS-IO` when what is kept is damaged. */
  read(target: Uint8Array, position: number, length: number): number;
  /** Where content begins at or behind `position`, the size when there is none: what lies before it is a hole. */
  dataFrom(position: number): number;
  close(): void;
}

/** Throws `POINT-LOST` when it cannot be had any more. */
export function openPast(tree: PastTree, name: PastName): PastContent {
  const { object, place } = name;
  if (object.lost !== undefined) throw new Fault('POINT-LOST', { path: place.path, reason: object.lost });
  return new OpenContent(tree, name);
}

class OpenContent implements PastContent {
  readonly sizeBytes: number;
  private readonly tree: PastTree;
  private readonly path: string;
  private readonly base: ReadableFile;
  private readonly baseBytes: number;
  private readonly parts: readonly Part[];
  private readonly opened = new Map<string, ReadableFile>();

  constructor(tree: PastTree, name: PastName) {
    this.tree = tree;
    this.path = name.place.path;
    this.sizeBytes = pastStat(name.object).sizeBytes;
    this.base = tree.reader(name).openRead(name.place.path);
    this.baseBytes = this.base.stat().sizeBytes;
    this.parts = partsOf(name.object.patches ?? [], this.sizeBytes);
  }

  read(target: Uint8Array, position: number, length: number): number {
    const end = Math.min(position + length, this.sizeBytes);
    for (let at = position; at < end; ) {
      const part = this.partAt(at);
      const count = Math.min(end, part.position + part.length) - at;
      this.readPart(part.kept, target, at - position, count, at);
      at += count;
    }
    return Math.max(0, end - position);
  }

  private readPart(kept: string | undefined, target: Uint8Array, offset: number, length: number, at: number): void {
    const file = kept === undefined ? this.base : this.keptFile(kept);
    let done = 0;
    // Behind the end of what it is now there are zeros, unless something was kept of that.
    const there = kept === undefined ? Math.max(0, Math.min(length, this.baseBytes - at)) : length;
    while (done < there) {
      const count = file.read(target, offset + done, there - done, at + done);
      if (count === 0) throw new Fault('FS-IO', { path: kept ?? this.path, reason: 'it is too short' });
      done += count;
    }
    target.fill(0, offset + done, offset + length);
  }

  dataFrom(position: number): number {
    for (let at = position; at < this.sizeBytes; ) {
      const part = this.partAt(at);
      const end = Math.min(this.sizeBytes, part.position + part.length);
      const file = part.kept === undefined ? this.base : this.keptFile(part.kept);
      const bytes = part.kept === undefined ? this.baseBytes : Number.POSITIVE_INFINITY;
      const data = at >= bytes ? end : (file.dataFrom?.(at) ?? at);
      if (data < Math.min(end, bytes)) return data;
      at = end;
    }
    return this.sizeBytes;
  }

  private partAt(position: number): Part {
    const { parts } = this;
    let low = 0;
    let high = parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (parts[middle]!.position <= position) low = middle;
      else high = middle - 1;
    }
    return parts[low]!;
  }

  private keptFile(kept: string): ReadableFile {
    let file = this.opened.get(kept);
    if (file === undefined) {
      file = this.tree.openKept(kept);
      // Each change in place kept an object of its own.
      if (this.opened.size >= OPEN_FILES) this.closeKept();
      this.opened.set(kept, file);
    }
    return file;
  }

  private closeKept(): void {
    for (const file of this.opened.values()) file.close();
    this.opened.clear();
  }

  close(): void {
    this.base.close();
    this.closeKept();
  }
}

const OPEN_FILES = 32;

/** The whole content in parts, ascending and without gaps. Of several patches of one place the oldest decides. */
function partsOf(patches: readonly KeptRanges[], sizeBytes: number): Part[] {
  const covered: FileRange[] = [];
  const parts: Part[] = [];
  for (const { kept, ranges } of patches.toReversed())
    for (const range of ranges)
      for (const { position, length } of cover(covered, range)) parts.push({ position, length, kept });
  parts.sort((a, b) => a.position - b.position);
  const whole: Part[] = [];
  let end = 0;
  for (const part of parts) {
    if (part.position > end) whole.push({ position: end, length: part.position - end, kept: undefined });
    whole.push(part);
    end = part.position + part.length;
  }
  if (end < sizeBytes || whole.length === 0) {
    whole.push({ position: end, length: Math.max(0, sizeBytes - end), kept: undefined });
  }
  return whole;
}

/** Adds a range to what is covered (ascending, apart from each other); returns what of it was not yet. */
function cover(covered: FileRange[], { position, length }: FileRange): FileRange[] {
  const end = position + length;
  let from = 0;
  for (let high = covered.length; from < high; ) {
    const middle = (from + high) >> 1;
    const one = covered[middle]!;
    if (one.position + one.length < position) from = middle + 1;
    else high = middle;
  }
  const fresh: FileRange[] = [];
  let at = position;
  let to = from;
  let start = position;
  let stop = end;
  for (; to < covered.length && covered[to]!.position <= end; to += 1) {
    const one = covered[to]!;
    if (one.position > at) fresh.push({ position: at, length: one.position - at });
    at = Math.max(at, one.position + one.length);
    start = Math.min(start, one.position);
    stop = Math.max(stop, one.position + one.length);
  }
  if (at < end) fresh.push({ position: at, length: end - at });
  covered.splice(from, to - from, { position: start, length: stop - start });
  return fresh;
}
