/** What a change may name. Checked again right before it is planned, whoever checked it before. */
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { CONTROL_NAME, joinPath, type RelativePath } from '../../shared/path.ts';
import type { EntryType, RootTree } from '../ports.ts';
import type { TreeChange } from './plan.ts';

/** Only metadata may name the root itself, and nothing may name our own directory. */
export function checkTarget(change: TreeChange | Extract<Change, { readonly op: 'put-begin' | 'patch-begin' }>): void {
  const names = change.op === 'rename' ? [change.path, change.from] : [change.path];
  for (const path of names) {
    const isRoot = path === '' && change.op !== 'metadata' && change.op !== 'make-directory';
    if (isRoot || path.split('/').includes(CONTROL_NAME)) throw new Fault('PATH-ESCAPE', { path });
  }
}

/** Directories of trees where case does not count that are written as they were asked for; until something is moved or removed. */
const asWritten = new WeakMap<RootTree, Set<RelativePath>>();

/**
 * Where case does not count, what a path leads to may have another name: a file that could not be kept beside it must not be taken for
 * it, nor a directory. False: that is what is there; nothing at all counts as true.
 */
export function namesItself(tree: RootTree, path: RelativePath): boolean {
  if (tree.capabilities.caseSensitive) return true;
  const known = asWritten.get(tree) ?? new Set();
  asWritten.set(tree, known);
  let at = '' as RelativePath;
  for (const name of path === '' ? [] : path.split('/')) {
    const next = joinPath(at, name);
    if (!known.has(next)) {
      const type = typeOf(tree, at, name);
      if (type === undefined) return tree.stat(next) === undefined;
      // What is in the way is told by whoever meets it.
      if (type !== 'directory') return true;
      known.add(next);
    }
    at = next;
  }
  return true;
}

function typeOf(tree: RootTree, directory: RelativePath, name: string): EntryType | undefined {
  return tree.scan(directory).find((entry) => entry.name === name)?.type;
}

/** Something is moved or removed. */
export function forgetNames(tree: RootTree): void {
  asWritten.delete(tree);
}

/** The name only changes its case. */
export function changesCase(change: TreeChange): boolean {
  return change.op === 'rename' && change.from.toLowerCase() === change.path.toLowerCase();
}
