/**
 * The Replica's spool: batch frames exactly as they came, durable before they are acknowledged, kept until a checkpoint
 * covers what they changed. It is the write-ahead log of apply (docs/decisions/0005).
 */
import { Fault } from '../../shared/faults.ts';
import { type BatchHeader, readBatchHeader } from '../../shared/protocol/batch-codec.ts';
import { ByteReader } from '../../shared/protocol/bytes.ts';
import type { SegmentLog } from '../ports.ts';
import { encodeRecord, RECORD_HEADER_BYTES, scanSegment } from './segment-records.ts';

/** A segment is closed when it has reached this size. */
const SPOOL_SEGMENT_BYTES = 16 * 1024 * 1024;
/** Payloads kept in memory for apply; beyond that they are read from the segments again. */
const MEMORY_BYTES = 32 * 1024 * 1024;

/** Where a record begins. */
export interface SpoolLocation {
  readonly segment: number;
  readonly offset: number;
}

export interface SpooledBatch extends SpoolLocation {
  readonly header: BatchHeader;
  readonly payloadBytes: number;
}

interface Entry extends SpooledBatch {
  payload: Uint8Array | undefined;
}

export class ReceivedSpool {
  private readonly log: SegmentLog;
  private readonly segmentBytes: number;
  /** Not yet dropped, oldest first; `first` counts what was dropped from the front. */
  private entries: Entry[] = [];
  private first = 0;
  private end: SpoolLocation = { segment: 1, offset: 0 };
  private readonly unflushed = new Set<number>();
  private memoryBytes = 0;
  private cached: { segment: number; bytes: Uint8Array } | undefined;
  /** Bytes of all segments. */
  private readonly sizes = new Map<number, number>();

  constructor(log: SegmentLog, segmentBytes: number = SPOOL_SEGMENT_BYTES) {
    this.log = log;
    this.segmentBytes = segmentBytes;
  }

  /** Reads back everything behind the checkpoint's location and cuts a torn tail. */
  recover(from: SpoolLocation): void {
    const present = this.log.list().includes(from.segment);
    this.end = present || from.offset === 0 ? from : { segment: from.segment + 1, offset: 0 };
    let torn = false;
    for (const segment of this.log.list()) {
      if (segment < from.segment || torn) {
        this.log.remove(segment);
        continue;
      }
      torn = this.recoverSegment(segment, segment === from.segment ? from.offset : 0);
    }
  }

  /** True when the segment had a torn tail: nothing behind it was flushed. */
  private recoverSegment(segment: number, from: number): boolean {
    const bytes = this.log.read(segment);
    const { records, validBytes } = scanSegment(bytes, from);
    const torn = validBytes < bytes.length;
    if (torn) this.log.truncate(segment, validBytes);
    for (const { offset, payload } of records) this.remember({ segment, offset }, payload);
    this.sizes.set(segment, validBytes);
    this.end = { segment, offset: Math.max(validBytes, from) };
    // The checkpoint may point behind what a power cut left of an unflushed, fully applied segment.
    if (validBytes < from) this.end = { segment: segment + 1, offset: 0 };
    return torn;
  }

  /** Index of the oldest batch still here; indices never change. */
  get firstIndex(): number {
    return this.first;
  }

  /** One behind the newest batch. */
  get endIndex(): number {
    return this.first + this.entries.length;
  }

  get endLocation(): SpoolLocation {
    return this.end;
  }

  /** Bytes on disk. */
  get sizeBytes(): number {
    let total = 0;
    for (const size of this.sizes.values()) total += size;
    return total;
  }

  batch(index: number): SpooledBatch | undefined {
    return this.entries[index - this.first];
  }

  payload(index: number): Uint8Array {
    const entry = this.entries[index - this.first];
    if (entry === undefined) throw new Fault('INTERNAL', { reason: `spool index ${index}` });
    if (entry.payload !== undefined) return entry.payload;
    if (this.cached?.segment !== entry.segment) {
      this.cached = { segment: entry.segment, bytes: this.log.read(entry.segment) };
    }
    const start = entry.offset + RECORD_HEADER_BYTES;
    return this.cached.bytes.subarray(start, start + entry.payloadBytes);
  }

  /** Not durable before `flush`. Throws `FS-FULL` and then holds nothing of it. */
  append(payload: Uint8Array): SpooledBatch {
    if (this.end.offset >= this.segmentBytes) {
      // Durable before the next one exists: a power cut then never leaves a gap between two segments.
      this.flush();
      this.end = { segment: this.end.segment + 1, offset: 0 };
    }
    const { segment, offset } = this.end;
    const bytes = encodeRecord(payload);
    try {
      this.log.append(segment, bytes);
    } catch (error) {
      this.cutBack(segment, offset);
      throw error;
    }
    this.unflushed.add(segment);
    if (this.cached?.segment === segment) this.cached = undefined;
    this.sizes.set(segment, offset + bytes.length);
    this.end = { segment, offset: offset + bytes.length };
    return this.remember({ segment, offset }, bytes.subarray(RECORD_HEADER_BYTES));
  }

  flush(): void {
    for (const segment of this.unflushed) this.log.flush(segment);
    this.unflushed.clear();
  }

  /** Drops the batches from `index` on: a unit whose end never came. */
  cutFrom(index: number): void {
    const entry = this.entries[index - this.first];
    if (entry === undefined) return;
    for (const dropped of this.entries.splice(index - this.first)) this.forgetPayload(dropped);
    for (const segment of this.log.list()) {
      if (segment > entry.segment) this.removeSegment(segment);
    }
    this.cutBack(entry.segment, entry.offset);
    this.sizes.set(entry.segment, entry.offset);
    this.end = { segment: entry.segment, offset: entry.offset };
    this.cached = undefined;
  }

  /** Forgets the batches before `index` in memory; `trim` removes them from disk. */
  dropBefore(index: number): void {
    const count = index - this.first;
    if (count <= 0) return;
    for (const dropped of this.entries.splice(0, count)) this.forgetPayload(dropped);
    this.first = index;
  }

  /** Lets go of a payload that is applied but not covered by a checkpoint yet. */
  release(index: number): void {
    const entry = this.entries[index - this.first];
    if (entry !== undefined) this.forgetPayload(entry);
  }

  /** Removes segments before a durable checkpoint's location. */
  trim(before: SpoolLocation): void {
    for (const segment of [...this.sizes.keys()]) {
      if (segment < before.segment) this.removeSegment(segment);
    }
  }

  /** Drops everything; what comes next goes to a segment never used before, which the caller records first. */
  nextFreeSegment(): SpoolLocation {
    const last = Math.max(this.end.segment, ...this.log.list());
    return { segment: last + 1, offset: 0 };
  }

  reset(at: SpoolLocation): void {
    this.dropBefore(this.endIndex);
    for (const segment of this.log.list()) this.removeSegment(segment);
    this.end = at;
  }

  close(): void {
    this.log.close();
  }

  private remember(at: SpoolLocation, payload: Uint8Array): SpooledBatch {
    const header = readBatchHeader(new ByteReader(payload));
    const keep = this.memoryBytes + payload.length <= MEMORY_BYTES;
    const entry: Entry = { ...at, header, payloadBytes: payload.length, payload: keep ? payload : undefined };
    if (keep) this.memoryBytes += payload.length;
    this.entries.push(entry);
    return entry;
  }

  private forgetPayload(entry: Entry): void {
    if (entry.payload === undefined) return;
    this.memoryBytes -= entry.payload.length;
    entry.payload = undefined;
  }

  private removeSegment(segment: number): void {
    this.log.remove(segment);
    this.sizes.delete(segment);
    this.unflushed.delete(segment);
    if (this.cached?.segment === segment) this.cached = undefined;
  }

  private cutBack(segment: number, offset: number): void {
    if (this.log.list().includes(segment)) this.log.truncate(segment, offset);
  }
}
