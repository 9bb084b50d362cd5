/** Hashes of a file the Replica has: of the whole content, or of its blocks. */

import { Fault } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import { HASH_BYTES, type Need } from '../../shared/protocol/sync-codec.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { RootTree } from '../ports.ts';
import type { EntryComparison } from './replica-compare.ts';

const READ_BYTES = 1024 * 1024;
const SMALLEST_BLOCK_BYTES = 64 * 1024;
const LARGEST_BLOCK_BYTES = 1024 * 1024;
/** Keeps the hashes of one file well under a frame. */
const MAX_BLOCKS = 64 * 1024;

const buffer = new Uint8Array(READ_BYTES);

/** xxh128 of the whole content; yields between pieces. */
function* hashFile(tree: RootTree, path: RelativePath, hasher: ContentHasher): Generator<undefined, Uint8Array> {
  const file = tree.openRead(path);
  try {
    hasher.start();
    let position = 0;
    for (;;) {
      const count = file.read(buffer, 0, READ_BYTES, position);
      if (count === 0) return hasher.digest();
      hasher.update(buffer.subarray(0, count));
      position += count;
      const state = hasher.save();
      yield undefined;
      hasher.load(state);
    }
  } finally {
    file.close();
  }
}

/** undefined: too large for block hashes in one frame. */
function blockSizeFor(sizeBytes: number): number | undefined {
  for (let bytes = SMALLEST_BLOCK_BYTES; bytes <= LARGEST_BLOCK_BYTES; bytes *= 2) {
    if (Math.ceil(sizeBytes / bytes) <= MAX_BLOCKS) return bytes;
  }
  return undefined;
}

/** xxh128 of every block, one after another; the last block may be short. Yields between blocks. */
function* hashBlocks(
  tree: RootTree,
  path: RelativePath,
  blockBytes: number,
  hasher: ContentHasher,
): Generator<undefined, Uint8Array> {
  const file = tree.openRead(path);
  try {
    const hashes: Uint8Array[] = [];
    for (let position = 0; ; position += blockBytes) {
      const count = file.read(buffer, 0, blockBytes, position);
      if (count === 0) break;
      hasher.start();
      hasher.update(buffer.subarray(0, count));
      hashes.push(hasher.digest());
      if (hashes.length % 16 === 0) yield undefined;
    }
    const joined = new Uint8Array(hashes.length * HASH_BYTES);
    for (const [index, hash] of hashes.entries()) joined.set(hash, index * HASH_BYTES);
    return joined;
  } finally {
    file.close();
  }
}

/** What to ask for one file; what is here is read for it when hashes save sending. */
export function* describeNeed(
  tree: RootTree,
  directory: RelativePath,
  { index, entry, own, verdict }: EntryComparison,
  hasher: ContentHasher,
): Generator<undefined, Need> {
  const need = verdict.kind === 'content' ? verdict.need : 'whole';
  const path = joinPath(directory, entry.name);
  try {
    if (need === 'compare') return { index, kind: 'compare', hash: yield* hashFile(tree, path, hasher) };
    const blockBytes = need === 'blocks' && own !== undefined ? blockSizeFor(own.sizeBytes) : undefined;
    if (blockBytes === undefined) return { index, kind: 'whole' };
    return { index, kind: 'blocks', blockBytes, hashes: yield* hashBlocks(tree, path, blockBytes, hasher) };
  } catch (error) {
    // What cannot be read here is replaced.
    if (Fault.from(error).kind === 'fatal') throw error;
    return { index, kind: 'whole' };
  }
}
