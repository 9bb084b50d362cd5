/**
 * Records in an append-only segment (spool, journal):
 *
 *   offset size
 *   0      4    payload length, little endian, never 0
 *   4      4    CRC-32 of the payload
 *   8      n    payload
 *
 * Everything behind the first record that is short, empty or fails its checksum is a torn tail: it was never flushed, so
 * nothing was acknowledged on the strength of it.
 */
import { crc32 } from 'node:zlib';

export const RECORD_HEADER_BYTES = 8;

export interface SegmentRecord {
  /** Where its header begins. */
  readonly offset: number;
  /** Shares memory with the segment's bytes. */
  readonly payload: Uint8Array;
}

export interface ScannedSegment {
  readonly records: readonly SegmentRecord[];
  /** Length of the intact beginning; the rest must be cut. */
  readonly validBytes: number;
}

/** Header and payload as one piece. */
export function encodeRecord(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, crc32(payload), true);
  bytes.set(payload, RECORD_HEADER_BYTES);
  return bytes;
}

/** `from`: offset of a record's header. */
export function scanSegment(bytes: Uint8Array, from = 0): ScannedSegment {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: SegmentRecord[] = [];
  let offset = from;
  while (offset + RECORD_HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(offset, true);
    const end = offset + RECORD_HEADER_BYTES + length;
    if (length === 0 || end > bytes.length) break;
    const payload = bytes.subarray(offset + RECORD_HEADER_BYTES, end);
    if (crc32(payload) !== view.getUint32(offset + 4, true)) break;
    records.push({ offset, payload });
    offset = end;
  }
  return { records, validBytes: Math.min(offset, bytes.length) };
}
