/** What is there now of what a change touches. */
import { NO_ATTRIBUTES, sameAttributes, selectKinds } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, parentPath, type RelativePath } from '../../shared/path.ts';
import type { AttributesToSet, RootTree } from '../ports.ts';
import type { GroupPaths } from './conflicts.ts';
import { appliedMetadata } from './open-puts.ts';
import type { ParkedItems } from './parked.ts';
import type { Found, TreeChange } from './plan.ts';
import { changesCase, forgetNames, namesItself } from './targets.ts';
import type { TreeWriter } from './tree-writer.ts';

const NOTHING: Found = { before: undefined, source: undefined };

/**
 * `paths`: what the changes before it in its group touch; `parked`: what does not hold what it should. Throws
 * `PATH-SYMLINK` when a link hides what is to be removed.
 */
export function lookFor(
  writer: TreeWriter,
  paths: GroupPaths,
  change: TreeChange,
  parked: Pick<ParkedItems, 'has'>,
): Found {
  const tree = writer.tree(change.root);
  const found = lookInto(tree, paths, change);
  if (change.op === 'metadata') return asPlanned(writer, paths, change, found);
  // Absent, or only out of reach behind a planted link? Then it may come back, so it is not "removed already".
  if (change.op === 'remove' && found.before === undefined) {
    const blocker = writer.blocker(change.root, change.path);
    const type = blocker === change.path ? undefined : tree.stat(blocker)?.type;
    if (type === 'symlink') throw new Fault('PATH-SYMLINK', { path: change.path });
  }
  return change.op === 'link' && parked.has(change.root, change.existing) ? { ...found, sourceIsParked: true } : found;
}

/** The group may change the metadata of the same object twice: what was before is then what it is given first. */
function asPlanned(
  writer: TreeWriter,
  paths: GroupPaths,
  { root, path }: Extract<TreeChange, { readonly op: 'metadata' }>,
  found: Found,
): Found {
  const { before } = found;
  const planned = before === undefined ? undefined : paths.plannedMetadata(root, before.id);
  if (before === undefined || planned === undefined) return found;
  const { attributes, ...applied } = appliedMetadata(planned, writer.profile);
  // Which attributes that will leave only the object itself says, so this change has to wait for the next group.
  if (attributes !== undefined && !holds(writer.tree(root), path, attributes)) throw new Fault('FS-CHANGED', { path });
  return { ...found, before: { ...before, ...applied } };
}

function holds(tree: RootTree, path: RelativePath, { kinds, bytes }: Omit<AttributesToSet, 'onRefused'>): boolean {
  const name = baseName(path);
  const now = tree.attributesOf(parentPath(path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES;
  return sameAttributes(selectKinds(now, kinds), bytes);
}

function lookInto(tree: RootTree, paths: GroupPaths, change: TreeChange): Found {
  if (change.op === 'metadata' && paths.wasTouched(change.root, change.path)) return NOTHING;
  if (change.op === 'rename' || change.op === 'remove') forgetNames(tree);
  const isNew = paths.isInNewDirectory(change.root, change.path);
  if (!isNew && !namesItself(tree, changesCase(change) ? (parentPath(change.path) ?? '') : change.path)) {
    // What is to go is not there: it was never made beside the other one.
    if (change.op === 'remove') return NOTHING;
    throw new Fault('PATH-NAME', { path: change.path });
  }
  return { before: isNew ? undefined : tree.stat(change.path), source: sourceOf(tree, change) };
}

function sourceOf(tree: RootTree, change: TreeChange): Found['source'] {
  const other = change.op === 'rename' ? change.from : change.op === 'link' ? change.existing : undefined;
  return other === undefined || !namesItself(tree, other) ? undefined : tree.stat(other);
}
