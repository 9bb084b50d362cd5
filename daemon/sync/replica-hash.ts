/** Says what is needed of one file: its content, an answer to its hash, or what differs from its blocks. */
import { Fault } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { Need } from '../../shared/protocol/sync-codec.ts';
import { BlockHashStream } from '../link/block-hash.ts';
import type { ContentHasher } from '../link/content-hash.ts';
import type { RootTree } from '../ports.ts';
import type { EntryComparison } from './replica-compare.ts';

const READ_BYTES = 1024 * 1024;

const buffer = new Uint8Array(READ_BYTES);

/** Hash of the whole content; yields between pieces. */
function* hashFile(
  tree: RootTree,
  path: RelativePath,
  sizeBytes: number,
  hasher: ContentHasher,
): Generator<undefined, Uint8Array> {
  const file = tree.openRead(path);
  try {
    const hashing = new BlockHashStream(hasher, sizeBytes);
    while (hashing.position < sizeBytes) {
      const count = file.read(buffer, 0, Math.min(READ_BYTES, sizeBytes - hashing.position), hashing.position);
      if (count === 0) throw new Fault('FS-CHANGED', { path });
      hashing.update(buffer.subarray(0, count));
      yield undefined;
    }
    return hashing.digest();
  } finally {
    file.close();
  }
}

/** What to ask for one file that is not to be compared by blocks; it is read here when its hash may save sending it. */
export function* describeNeed(
  tree: RootTree,
  directory: RelativePath,
  { index, entry, own, verdict }: EntryComparison,
  hasher: ContentHasher,
): Generator<undefined, Need> {
  const need = verdict.kind === 'content' ? verdict.need : 'whole';
  if (need !== 'compare' || own === undefined) return { index, kind: 'whole' };
  try {
    const path = joinPath(directory, entry.name);
    return { index, kind: 'compare', hash: yield* hashFile(tree, path, own.sizeBytes, hasher) };
  } catch (error) {
    // What cannot be read here is replaced.
    if (Fault.from(error).kind === 'fatal') throw error;
    return { index, kind: 'whole' };
  }
}
