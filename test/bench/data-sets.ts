/** The data sets of the benchmarks (docs: the benchmark page), the same bytes on every run. */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const SMALL_SET = { files: 50_000, directories: 500, minBytes: 512, spreadBytes: 8_192 } as const;
const BIG_FILE = { bytes: 2 ** 31, blockBytes: 64 * 1024, changeBytes: 4 * 1024 } as const;
export const BURST = { files: 10_000, directories: 100, fileBytes: 2_048 } as const;

const POOL_BYTES = 4 * 1024 * 1024;

/** xorshift32: the same sequence for the same seed; returns integers in [0, 2^32). */
export function seededIntegers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Incompressible bytes from which file contents are cut. */
function randomPool(next: () => number): Buffer {
  const words = new Uint32Array(POOL_BYTES / 4);
  for (let i = 0; i < words.length; i += 1) words[i] = next();
  return Buffer.from(words.buffer);
}

/** Cuts contents of a wanted size out of one pool, at ever different places. */
export class Contents {
  private readonly next: () => number;
  private readonly pool: Buffer;

  constructor(seed: number) {
    this.next = seededIntegers(seed);
    this.pool = randomPool(this.next);
  }

  integer(below: number): number {
    return this.next() % below;
  }

  take(sizeBytes: number): Buffer {
    const start = this.integer(this.pool.length - sizeBytes);
    return this.pool.subarray(start, start + sizeBytes);
  }
}

export interface BuiltSet {
  readonly files: number;
  readonly bytes: number;
}

/** 50,000 files of 0.5 to 8.5 KB in 500 directories. */
export function buildSmallSet(root: string, files: number = SMALL_SET.files): BuiltSet {
  const contents = new Contents(20_261_122);
  const perDirectory = SMALL_SET.files / SMALL_SET.directories;
  let bytes = 0;
  for (let n = 0; n < files; n += 1) {
    const directory = join(root, `d${String(Math.floor(n / perDirectory)).padStart(3, '0')}`);
    if (n % perDirectory === 0) mkdirSync(directory, { recursive: true });
    const data = contents.take(SMALL_SET.minBytes + contents.integer(SMALL_SET.spreadBytes));
    writeFileSync(join(directory, `f${String(n).padStart(6, '0')}.bin`), data);
    bytes += data.length;
  }
  return { files, bytes };
}

/** One file of 2 GiB of random bytes; its size. */
export function buildBigFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  const handle = openSync(path, 'w');
  for (let position = 0; position < BIG_FILE.bytes; position += POOL_BYTES) {
    writeSync(handle, randomBytes(POOL_BYTES), 0, POOL_BYTES, position);
  }
  closeSync(handle);
  return BIG_FILE.bytes;
}

/** Rewrites 4 KiB at a random place in 1 % of its blocks of 64 KiB. */
export function changeBigFile(path: string, sizeBytes: number, round: number): void {
  const next = seededIntegers(99_001 + round);
  const blocks = sizeBytes / BIG_FILE.blockBytes;
  const chosen = new Set<number>();
  while (chosen.size < blocks / 100) chosen.add(next() % blocks);
  const handle = openSync(path, 'r+');
  for (const block of chosen) {
    const within = (next() % (BIG_FILE.blockBytes / BIG_FILE.changeBytes)) * BIG_FILE.changeBytes;
    const data = randomBytes(BIG_FILE.changeBytes);
    writeSync(handle, data, 0, data.length, block * BIG_FILE.blockBytes + within);
  }
  closeSync(handle);
}

/** Relative paths and contents of one burst: `files` files over `directories` new directories. */
export function burstFiles(round: number): { directories: string[]; files: { path: string; data: Buffer }[] } {
  const contents = new Contents(7_001 + round);
  const directories = Array.from({ length: BURST.directories }, (_, n) => `burst-${round}-${n}`);
  const files = Array.from({ length: BURST.files }, (_, n) => ({
    path: `${directories[n % BURST.directories]}/file-${n}.dat`,
    data: contents.take(BURST.fileBytes),
  }));
  return { directories, files };
}
