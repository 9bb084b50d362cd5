/** Decides what one change means for what is there now. Pure: the applier looks, this decides, the applier acts. */
import type { Change } from '../../shared/change.ts';
import { baseName, type RelativePath, TEMPORARY_PREFIX } from '../../shared/path.ts';
import { objectBefore, sameId, type UndoIntent } from '../journal/record.ts';
import type { EntryStat } from '../ports.ts';

/** Changes that touch the root; pieces of files are planned when their last one arrived. */
export type TreeChange = Exclude<Change, FilePiece>;
type FilePiece = Extract<
  Change,
  { readonly op: 'put-begin' | 'put-data' | 'put-end' | 'put-abort' | 'patch-begin' | 'patch-data' }
>;

const NO_CONTENT = new Uint8Array(0);

export function isPiece(change: Change): change is FilePiece {
  return change.op.startsWith('put-') || change.op.startsWith('patch-');
}

/** A file that came in pieces, as what it amounts to. */
export function asPut({
  root,
  path,
  metadata,
}: Extract<Change, { readonly op: 'put-begin' | 'patch-begin' }>): Extract<TreeChange, { readonly op: 'put' }> {
  return { op: 'put', root, path, metadata, content: NO_CONTENT };
}

export interface ChangeOrigin {
  readonly seq: number;
  readonly masterMs: number;
  /** Rewind: number of the record that is taken back. */
  readonly undoes?: number;
}

/** What was found: at the path of the change and, for renames and links, at the other path. */
export interface Found {
  readonly before: EntryStat | undefined;
  readonly source: EntryStat | undefined;
  /** It holds something older, or something else. */
  readonly sourceIsParked?: boolean;
}

export type Action = 'make-directory' | 'put' | 'symlink' | 'link' | 'rename' | 'remove' | 'metadata';

export type Plan =
  | { readonly kind: 'nothing' }
  /** The Replica lacks what the change builds on: these places have to be sent again. */
  | { readonly kind: 'repair'; readonly paths: readonly RelativePath[] }
  | {
      readonly kind: 'act';
      readonly action: Action;
      readonly undo: UndoIntent;
      /** How the object at the path is kept before it is replaced. */
      readonly keep: 'none' | 'link' | 'move';
    };

/** `keepDeleted`: what the Master has removed stays. */
export function planChange(change: TreeChange, found: Found, origin: ChangeOrigin, keepDeleted = false): Plan {
  switch (change.op) {
    case 'make-directory':
      return change.path === '' || found.before?.type === 'directory'
        ? planMetadata(change.root, change.path, found, origin)
        : create(change, 'make-directory', found, origin);
    case 'put':
    case 'symlink':
      return create(change, change.op, found, origin);
    case 'link':
      return planLink(change, found, origin);
    case 'rename':
      return planRename(change, found, origin);
    case 'remove':
      if (keepDeleted && !baseName(change.path).startsWith(TEMPORARY_PREFIX)) return { kind: 'nothing' };
      return found.before === undefined ? { kind: 'nothing' } : create(change, 'remove', found, origin);
    case 'metadata':
      return found.before === undefined
        ? { kind: 'repair', paths: [change.path] }
        : planMetadata(change.root, change.path, found, origin);
  }
}

/** Metadata of something this group makes: there is nothing to take back beside the making. */
export function planMetadata(root: number, path: RelativePath, found: Found, origin: ChangeOrigin): Plan {
  const before = found.before === undefined ? {} : { before: objectBefore(found.before) };
  return { kind: 'act', action: 'metadata', keep: 'none', undo: { ...origin, op: 'metadata', root, path, ...before } };
}

function create(
  change: { readonly root: number; readonly path: RelativePath },
  action: Exclude<Action, 'metadata' | 'rename'>,
  { before }: Found,
  origin: ChangeOrigin,
): Plan {
  const undo: UndoIntent = { ...origin, op: action, root: change.root, path: change.path };
  if (before === undefined) return { kind: 'act', action, keep: 'none', undo };
  // A file stays in place until the new object is renamed over it: the path is never absent.
  const replaced = before.type === 'file' && action !== 'remove' && action !== 'make-directory';
  return { kind: 'act', action, keep: replaced ? 'link' : 'move', undo: { ...undo, before: objectBefore(before) } };
}

function planLink(change: Extract<Change, { readonly op: 'link' }>, found: Found, origin: ChangeOrigin): Plan {
  const { source, before } = found;
  if (source === undefined || source.type === 'directory') {
    return { kind: 'repair', paths: [change.existing, change.path] };
  }
  if (found.sourceIsParked === true) return { kind: 'repair', paths: [change.path] };
  if (before !== undefined && sameId(before.id, source.id)) return { kind: 'nothing' };
  const plan = create(change, 'link', found, origin);
  return plan.kind === 'act' ? { ...plan, undo: { ...plan.undo, source: source.id } } : plan;
}

function planRename(change: Extract<Change, { readonly op: 'rename' }>, found: Found, origin: ChangeOrigin): Plan {
  const { source, before } = found;
  const { root, path, from } = change;
  if (source === undefined) return { kind: 'repair', paths: [from, path] };
  if (path === from) return { kind: 'nothing' };
  const undo: UndoIntent = { ...origin, op: 'rename', root, path, from, source: source.id };
  if (before === undefined) return { kind: 'act', action: 'rename', keep: 'none', undo };
  if (sameId(before.id, source.id)) {
    // Two names of one file (rename(2) would do nothing), or a change of case where case does not count.
    return path.toLowerCase() === from.toLowerCase() && source.links === 1
      ? { kind: 'act', action: 'rename', keep: 'none', undo }
      : create({ root, path: from }, 'remove', { before: source, source: undefined }, origin);
  }
  return { kind: 'act', action: 'rename', keep: 'move', undo: { ...undo, before: objectBefore(before) } };
}
