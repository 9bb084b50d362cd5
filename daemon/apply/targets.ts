/** What a change may name. Checked again right before it is planned, whoever checked it before. */
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { baseName, CONTROL_NAME, parentPath } from '../../shared/path.ts';
import type { RootTree } from '../ports.ts';
import type { TreeChange } from './plan.ts';

/** Only metadata may name the root itself, and nothing may name our own directory. */
export function checkTarget(change: TreeChange | Extract<Change, { readonly op: 'put-begin' | 'patch-begin' }>): void {
  const names = change.op === 'rename' ? [change.path, change.from] : [change.path];
  for (const path of names) {
    const isRoot = path === '' && change.op !== 'metadata' && change.op !== 'make-directory';
    if (isRoot || path.split('/').includes(CONTROL_NAME)) throw new Fault('PATH-ESCAPE', { path });
  }
}

/** Where case does not count, another name may be what was found. */
export function checkCase(tree: RootTree, change: TreeChange): void {
  const name = baseName(change.path);
  if (change.op === 'rename' && change.from.toLowerCase() === change.path.toLowerCase()) return;
  const parent = parentPath(change.path);
  if (parent === undefined || change.op === 'remove') return;
  if (!tree.scan(parent).some((entry) => entry.name === name)) throw new Fault('PATH-NAME', { path: change.path });
}
