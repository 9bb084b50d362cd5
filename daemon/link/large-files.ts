/** From which size on a file is handled how. Both hosts must agree on the block size: the hash of a content is made of it. */

interface LargeFileLimits {
  /** Files up to this size travel whole in one record, bytes. */
  readonly inlineBytes: number;
  /** Of smaller files no block hashes are remembered: they are always sent whole. */
  readonly patchedBytes: number;
  /** Below this a file is written anew and renamed into its place: that costs little and is never seen half done. */
  readonly inPlaceBytes: number;
  /** Size of the smallest blocks, a power of two. */
  readonly blockBytes: number;
  /** Copied or written between two looks at other work. */
  readonly sliceBytes: number;
}

const PRODUCT: LargeFileLimits = {
  inlineBytes: 256 * 1024,
  patchedBytes: 1024 * 1024,
  inPlaceBytes: 64 * 1024 * 1024,
  blockBytes: 32 * 1024,
  sliceBytes: 2 * 1024 * 1024,
};

let limits = PRODUCT;

export function largeFiles(): LargeFileLimits {
  return limits;
}

/** For tests: makes everything large by another measure, for all engines of this thread. Nothing: back to the product's. */
export function forceLargeFiles(other?: LargeFileLimits): void {
  limits = other ?? PRODUCT;
}
