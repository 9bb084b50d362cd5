/** Segments that survive a kill; at a power cut what was not flushed is lost in part or whole, as on a real disk. */
import type { Random, SegmentLog } from '../../daemon/ports.ts';
import { Fault } from '../../shared/faults.ts';

interface Segment {
  bytes: Uint8Array;
  length: number;
  flushedLength: number;
  /** The name itself is durable. */
  flushed: boolean;
}

export class MemorySegmentLog implements SegmentLog {
  private segments = new Map<number, Segment>();
  /** Removed since the last flush: they may be back after a power cut. */
  private removed = new Map<number, Segment>();
  /** Throw from here to make a flush fail. */
  beforeFlush: (segment: number) => void = () => {};
  /** Throw from here to make an append fail (`FS-FULL`). */
  beforeAppend: (segment: number, bytes: Uint8Array) => void = () => {};
  /** Throw from here to make the removal or the truncation of a segment fail. */
  beforeRemove: (segment: number) => void = () => {};

  list(): number[] {
    return [...this.segments.keys()].sort((a, b) => a - b);
  }

  read(segment: number): Uint8Array {
    const found = this.require(segment);
    return found.bytes.slice(0, found.length);
  }

  append(segment: number, bytes: Uint8Array): void {
    this.beforeAppend(segment, bytes);
    let found = this.segments.get(segment);
    if (found === undefined) {
      found = { bytes: new Uint8Array(256), length: 0, flushedLength: 0, flushed: false };
      this.segments.set(segment, found);
    }
    const end = found.length + bytes.length;
    if (end > found.bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * found.bytes.length));
      grown.set(found.bytes.subarray(0, found.length));
      found.bytes = grown;
    }
    found.bytes.set(bytes, found.length);
    found.length = end;
  }

  truncate(segment: number, sizeBytes: number): void {
    this.beforeRemove(segment);
    const found = this.require(segment);
    if (sizeBytes > found.length) throw new Fault('INTERNAL', { reason: 'a segment is never grown by truncate' });
    found.length = sizeBytes;
    found.flushedLength = Math.min(found.flushedLength, sizeBytes);
  }

  flush(segment: number): void {
    this.beforeFlush(segment);
    const found = this.require(segment);
    found.flushedLength = found.length;
    found.flushed = true;
    this.removed.clear();
  }

  remove(segment: number, durably = false): void {
    this.beforeRemove(segment);
    const found = this.segments.get(segment);
    if (found === undefined) return;
    this.segments.delete(segment);
    if (found.flushed && !durably) this.removed.set(segment, found);
  }

  close(): void {}

  /** Bytes held now, flushed or not. */
  sizeBytes(): number {
    let total = 0;
    for (const segment of this.segments.values()) total += segment.length;
    return total;
  }

  /** Keeps what was flushed and, of the rest, a random part; the last kept bytes may be garbage. */
  powerCut(random: Random): void {
    for (const [number, segment] of this.removed) if (random.fraction() < 0.5) this.segments.set(number, segment);
    this.removed.clear();
    for (const [number, segment] of this.segments) {
      if (!segment.flushed && random.fraction() < 0.5) {
        this.segments.delete(number);
        continue;
      }
      const unflushed = segment.length - segment.flushedLength;
      segment.length = segment.flushedLength + Math.floor(random.fraction() * (unflushed + 1));
      if (segment.length > segment.flushedLength && random.fraction() < 0.5) segment.bytes[segment.length - 1]! ^= 0xff;
      segment.flushed = true;
      segment.flushedLength = segment.length;
    }
  }

  private require(segment: number): Segment {
    const found = this.segments.get(segment);
    if (found === undefined) throw new Fault('FS-NOT-FOUND', { path: `segment ${segment}` });
    return found;
  }
}
