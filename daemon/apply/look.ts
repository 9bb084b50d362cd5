/** What is there now of what a change touches. */
import { Fault } from '../../shared/faults.ts';
import type { RootTree } from '../ports.ts';
import type { GroupPaths } from './conflicts.ts';
import type { Found, TreeChange } from './plan.ts';
import { checkCase } from './targets.ts';
import type { TreeWriter } from './tree-writer.ts';

const NOTHING: Found = { before: undefined, source: undefined };

/** `paths`: what the changes before it in its group touch. Throws `PATH-SYMLINK` when a link hides what is to be removed. */
export function lookFor(writer: TreeWriter, paths: GroupPaths, change: TreeChange): Found {
  const tree = writer.tree(change.root);
  const found = lookInto(tree, paths, change);
  // Absent, or only out of reach behind a planted link? Then it may come back, so it is not "removed already".
  if (change.op === 'remove' && found.before === undefined) {
    const blocker = writer.blocker(change.root, change.path);
    const type = blocker === change.path ? undefined : tree.stat(blocker)?.type;
    if (type === 'symlink') throw new Fault('PATH-SYMLINK', { path: change.path });
  }
  return found;
}

function lookInto(tree: RootTree, paths: GroupPaths, change: TreeChange): Found {
  if (change.op === 'metadata' && paths.wasTouched(change.root, change.path)) return NOTHING;
  const before = paths.isInNewDirectory(change.root, change.path) ? undefined : tree.stat(change.path);
  if (before !== undefined && !tree.capabilities.caseSensitive) checkCase(tree, change);
  const other = change.op === 'rename' ? change.from : change.op === 'link' ? change.existing : undefined;
  return { before, source: other === undefined ? undefined : tree.stat(other) };
}
