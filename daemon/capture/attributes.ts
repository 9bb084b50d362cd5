/** What a new change time means when nothing else of an entry is new: its attributes say whether they were changed. */
import { type AttributeBytes, NO_ATTRIBUTES, sameAttributes } from '../../shared/attributes.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import { isDoubted } from '../store/attribute-record.ts';
import type { IndexedEntry } from '../store/master-schema.ts';
import { CHEAP_BYTES, type Difference } from './entry.ts';
import { isGone, type Seen, type TreeView } from './observation.ts';
import type { ReconcileContext } from './reconcile-state.ts';

/**
 * The difference with attributes taken into account. A file whose attributes were changed is not sent again, unless it was
 * closed by a writer, or is small and found by comparing, when its content may have been changed as well.
 */
export function refineDifference(
  { index, tree }: ReconcileContext,
  entry: IndexedEntry,
  seen: Seen,
  difference: Difference,
): Difference {
  const { stat, closed, scanned, path } = seen;
  const onlyChangeTime = stat.ctimeNs !== entry.ctimeNs && stat.mtimeNs === entry.mtimeNs;
  if (!onlyChangeTime || difference === 'none' || difference === 'metadata' || entry.ctimeNs === 0n) return difference;
  const uncertain = closed || (scanned && stat.sizeBytes <= CHEAP_BYTES) || stat.sizeBytes !== entry.sizeBytes;
  if (difference === 'content' && uncertain) return difference;
  const now = attributesAt(tree, path);
  const known = index.attributes.of(entry.id);
  if (now === undefined || sameAttributes(now, known)) return difference;
  index.attributes.note(entry.id, now);
  // Attributes that are not known do not explain a new change time.
  return difference === 'content' && isDoubted(known) ? 'content' : 'metadata';
}

/** undefined when it has gone, or cannot be read: then sending it tells. */
function attributesAt(tree: TreeView, path: RelativePath): AttributeBytes | undefined {
  const name = baseName(path);
  try {
    return tree.attributesOf(parentPath(path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
