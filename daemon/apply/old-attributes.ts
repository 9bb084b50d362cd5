/** What an object that stays in place loses when its attributes are replaced: the journal must know it. */
import { NO_ATTRIBUTES } from '../../shared/attributes.ts';
import type { ChangeMetadata } from '../../shared/change.ts';
import { baseName, parentPath } from '../../shared/path.ts';
import type { UndoIntent } from '../journal/record.ts';
import type { RootTree } from '../ports.ts';
import type { TreeChange } from './plan.ts';

/** The intent with the attributes of now, when the change says what they shall be. */
export function withOldAttributes(
  tree: RootTree,
  change: TreeChange | { readonly metadata: ChangeMetadata },
  undo: UndoIntent,
): UndoIntent {
  if ((undo.op !== 'metadata' && undo.op !== 'patch') || undo.before === undefined) return undo;
  if (!('metadata' in change) || change.metadata.attributes === undefined || tree.capabilities.attributeKinds === 0)
    return undo;
  const name = baseName(undo.path);
  const attributes = tree.attributesOf(parentPath(undo.path) ?? '', [name]).get(name) ?? NO_ATTRIBUTES;
  return { ...undo, before: { ...undo.before, attributes } };
}
