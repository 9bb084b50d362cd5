/**
 * Compression of frames. A compressed frame has a mark in its type; its payload is the size it expands to (4 bytes, little
 * endian) and a Zstandard stream. Nothing expands to more than a frame may hold.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Fault } from '../../shared/faults.ts';
import { MAX_FRAME_BYTES } from '../../shared/protocol/frame.ts';

/** In the type of a frame: its payload is compressed. */
export const COMPRESSED_MARK = 0x80;
const SIZE_BYTES = 4;
/** Smaller frames gain nothing. */
const SMALLEST_BYTES = 1024;
/** Less gain than a tenth is not worth the work on the other side. */
const WORTHWHILE = 0.9;
/** Before a large frame is compressed, so much of it is tried at each of so many places. */
const SAMPLE_BYTES = 8 * 1024;
const SAMPLES = 3;
/** About 500 MB/s on one core: a frame of 1 MiB takes 2 to 3 ms. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** The compressed payload; undefined when it would not get smaller enough. */
export function compressPayload(payload: Uint8Array): Uint8Array | undefined {
  if (payload.length < SMALLEST_BYTES || !looksCompressible(payload)) return undefined;
  const compressed = zstdCompressSync(payload, OPTIONS);
  if (compressed.length + SIZE_BYTES > payload.length * WORTHWHILE) return undefined;
  const marked = new Uint8Array(SIZE_BYTES + compressed.length);
  new DataView(marked.buffer).setUint32(0, payload.length, true);
  marked.set(compressed, SIZE_BYTES);
  return marked;
}

/** Pictures, archives and the like are compressed already: a few samples tell, at a fraction of the cost. */
function looksCompressible(payload: Uint8Array): boolean {
  if (payload.length <= SAMPLES * SAMPLE_BYTES) return true;
  let best = 1;
  for (let n = 0; n < SAMPLES; n += 1) {
    const at = Math.floor(((payload.length - SAMPLE_BYTES) * n) / (SAMPLES - 1));
    const sample = payload.subarray(at, at + SAMPLE_BYTES);
    best = Math.min(best, zstdCompressSync(sample, OPTIONS).length / sample.length);
  }
  return best <= WORTHWHILE;
}

/** Throws `LINK-FRAME` when it is damaged or does not expand to exactly what it says. */
export function expandPayload(payload: Uint8Array): Uint8Array {
  const size = payload.length < SIZE_BYTES ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  if (size === 0 || size > MAX_FRAME_BYTES)
    throw new Fault('LINK-FRAME', { reason: `compressed frame of ${size} bytes` });
  let expanded: Uint8Array;
  try {
    expanded = zstdDecompressSync(payload.subarray(SIZE_BYTES), { maxOutputLength: size });
  } catch (error) {
    throw new Fault('LINK-FRAME', { reason: 'compressed frame' }, error);
  }
  if (expanded.length !== size) throw new Fault('LINK-FRAME', { reason: 'size of a compressed frame' });
  return expanded;
}
