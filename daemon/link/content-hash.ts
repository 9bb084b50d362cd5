/**
 * xxh128 of file contents (hash-wasm: 4.5 GB/s, ENGINE.md). WebAssembly is compiled asynchronously once, before an engine
 * starts; after that everything is synchronous. One instance serves many files: their states are saved and loaded.
 */
import { createXXHash128 } from 'hash-wasm';

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
  return {
    start: () => void xxh128.init(),
    update: (bytes) => void xxh128.update(bytes),
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
