/**
 * xxh128 of file contents (hash-wasm: 4.5 GB/s, ENGINE.md). WebAssembly is compiled asynchronously once, before an engine
 * starts; after that everything is synchronous. One instance serves many files: their states are saved and loaded.
 */
import { createXXHash128 } from 'hash-wasm';
import { copyBytes } from './copy-bytes.ts';

/** What the library takes at a time. */
const STEP_BYTES = 16 * 1024;

export interface ContentHasher {
  start(): void;
  update(bytes: Uint8Array): void;
  /** 16 bytes; `start` or `load` before the next use. */
  digest(): Uint8Array;
  /** State of an unfinished content, to go on with after others were hashed. */
  save(): Uint8Array;
  load(state: Uint8Array): void;
}

export async function createContentHasher(): Promise<ContentHasher> {
  const xxh128 = await createXXHash128();
  const step = new Uint8Array(STEP_BYTES);
  const updateShared = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at += STEP_BYTES) {
      const part = bytes.subarray(at, at + STEP_BYTES);
      copyBytes(part, step);
      xxh128.update(part.length === STEP_BYTES ? step : step.subarray(0, part.length));
    }
  };
  return {
    start: () => void xxh128.init(),
    update: (bytes) => {
      // The library copies by `set`, which is slow from memory shared by threads.
      if (bytes.buffer instanceof SharedArrayBuffer) updateShared(bytes);
      else xxh128.update(bytes);
    },
    digest: () => xxh128.digest('binary'),
    save: () => xxh128.save(),
    load: (state) => void xxh128.load(state),
  };
}

export function hashWhole(hasher: ContentHasher, content: Uint8Array): Uint8Array {
  hasher.start();
  hasher.update(content);
  return hasher.digest();
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
