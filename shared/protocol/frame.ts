/**
 * Framing of the host-to-host stream. A frame is a 16-byte header and a payload:
 *
 *   offset size
 *   0      2    magic 'MS' (0x4d 0x53)
 *   2      1    framing version (1)
 *   3      1    frame type
 *   4      4    payload length, little endian, at most MAX_FRAME_BYTES
 *   8      4    CRC-32 of the payload (of `syncContent` frames: of its first CONTENT_HEAD_BYTES bytes)
 *   12     4    CRC-32 of header bytes 0..11
 *
 * TLS protects against an adversary; the checksums catch our own mistakes and failing memory before anything is written.
 */
import { Fault } from '../faults.ts';

export const FRAME_HEADER_BYTES = 16;
const FRAMING_VERSION = 1;
/** Largest payload; a longer announced length closes the link before anything is buffered. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Target size of a data frame. */
export const DATA_FRAME_BYTES = 1024 * 1024;

/** Frame types; see wire.ts for the payloads. */
export const FrameType = {
  /** JSON control message (`ControlMessage`). */
  control: 1,
  /** Live changes: `BatchHeader` and records. */
  batch: 2,
  /** Synchronization, Master → Replica: a directory listing. */
  syncDirectory: 3,
  /** Synchronization, Replica → Master: what is needed of a directory. */
  syncNeed: 4,
  /** Synchronization, Master → Replica: file contents. */
  syncData: 5,
  /** Synchronization, Replica → Master: block hashes of an existing file. */
  syncBlocks: 6,
  /** Synchronization, Master → Replica: a piece of a large file. Its bytes are proven by the hash of the whole file. */
  syncContent: 7,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Of a `syncContent` frame: which file and where in it. */
export const CONTENT_HEAD_BYTES = 12;

/**
 * What the checksum in the header covers: everything, but not the bytes of a large file. They are hashed on both hosts anyway,
 * from the reading on the one to the writing on the other, and nothing of the file is used before the hashes agree.
 */
function checked(type: number, payload: Uint8Array): Uint8Array {
  return type === FrameType.syncContent ? payload.subarray(0, CONTENT_HEAD_BYTES) : payload;
}

export type Crc32 = (bytes: Uint8Array) => number;

/** Writes the header for `payload` into the first 16 bytes of `target`. */
export function writeFrameHeader(target: Uint8Array, type: number, payload: Uint8Array, crc32: Crc32): void {
  const view = new DataView(target.buffer, target.byteOffset, FRAME_HEADER_BYTES);
  view.setUint8(0, 0x4d);
  view.setUint8(1, 0x53);
  view.setUint8(2, FRAMING_VERSION);
  view.setUint8(3, type);
  view.setUint32(4, payload.length, true);
  view.setUint32(8, crc32(checked(type, payload)), true);
  view.setUint32(12, crc32(target.subarray(0, 12)), true);
}

export function encodeFrame(type: FrameType, payload: Uint8Array, crc32: Crc32): Uint8Array {
  if (payload.length > MAX_FRAME_BYTES) throw new Fault('INTERNAL', { reason: `frame of ${payload.length} bytes` });
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, type, payload, crc32);
  return bytes;
}

/** Cuts a byte stream into frames. Throws `LINK-FRAME` on the first bad byte; the stream is then unusable. */
export class FrameDecoder {
  private readonly crc32: Crc32;
  private chunks: Uint8Array[] = [];
  private bufferedBytes = 0;

  constructor(crc32: Crc32) {
    this.crc32 = crc32;
  }

  /** Payloads are valid until the caller drops them: they may share memory with the chunks pushed. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.append(chunk);
    this.bufferedBytes += chunk.length;
    while (this.bufferedBytes >= FRAME_HEADER_BYTES) {
      const header = this.peek(FRAME_HEADER_BYTES);
      const { type, length, checksum } = this.readHeader(header);
      if (this.bufferedBytes < FRAME_HEADER_BYTES + length) return;
      this.take(FRAME_HEADER_BYTES);
      const payload = this.take(length);
      if (this.crc32(checked(type, payload)) !== checksum)
        throw new Fault('LINK-FRAME', { reason: 'payload checksum' });
      yield { type, payload };
    }
  }

  /** Pieces of one buffer that lie side by side stay one piece: nothing has to be joined. */
  private append(chunk: Uint8Array): void {
    const last = this.chunks.at(-1);
    if (last !== undefined && last.buffer === chunk.buffer && last.byteOffset + last.length === chunk.byteOffset) {
      this.chunks[this.chunks.length - 1] = new Uint8Array(chunk.buffer, last.byteOffset, last.length + chunk.length);
    } else this.chunks.push(chunk);
  }

  private readHeader(header: Uint8Array): { type: number; length: number; checksum: number } {
    const view = new DataView(header.buffer, header.byteOffset, FRAME_HEADER_BYTES);
    if (view.getUint8(0) !== 0x4d || view.getUint8(1) !== 0x53) throw new Fault('LINK-FRAME', { reason: 'magic' });
    if (view.getUint8(2) !== FRAMING_VERSION) throw new Fault('LINK-FRAME', { reason: 'framing version' });
    if (view.getUint32(12, true) !== this.crc32(header.subarray(0, 12)))
      throw new Fault('LINK-FRAME', { reason: 'header checksum' });
    const length = view.getUint32(4, true);
    if (length > MAX_FRAME_BYTES) throw new Fault('LINK-FRAME', { reason: `length ${length}` });
    return { type: view.getUint8(3), length, checksum: view.getUint32(8, true) };
  }

  /** The first `count` bytes as one piece, left in place. */
  private peek(count: number): Uint8Array {
    if (this.chunks[0]!.length < count) this.gather(count);
    return this.chunks[0]!.subarray(0, count);
  }

  private take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0);
    if (this.chunks[0]!.length < count) this.gather(count);
    const first = this.chunks[0]!;
    const taken = first.subarray(0, count);
    if (first.length === count) this.chunks.shift();
    else this.chunks[0] = first.subarray(count);
    this.bufferedBytes -= count;
    return taken;
  }

  /**
   * Joins the first `count` bytes, and no more: what is left of the last chunk goes on with the bytes that follow it in memory.
   */
  private gather(count: number): void {
    const joined = new Uint8Array(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.chunks[used]!;
      const part = chunk.subarray(0, count - at);
      joined.set(part, at);
      at += part.length;
      if (part.length === chunk.length) used += 1;
      else this.chunks[used] = chunk.subarray(part.length);
    }
    this.chunks.splice(0, used, joined);
  }
}
