/** What a Replica asks for again is sent whole, with the directories above it, from the record alone. */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { IndexedEntry, NewIntent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import { fileKey } from './entry.ts';

/** Emits intents that make `path` and everything below it on the Replica; nothing when it is not recorded. */
export function resend(index: MasterState, root: number, path: RelativePath, emit: (intent: NewIntent) => void): void {
  const entry = index.lookup(root, path);
  if (path !== '' && entry?.type !== 'file') {
    // Nothing is here, or a directory of which the Replica may hold anything: what it has goes first.
    emit({ kind: 'remove', root, entry: 0, path, other: '', sizeBytes: 0, boundary: entry === undefined });
  }
  if (entry === undefined) {
    // What goes there changes the time of the directory it was in.
    resendTimes(index, root, [parentPath(path) ?? ''], emit);
    return;
  }
  const parents: RelativePath[] = [];
  for (let above = parentPath(path); above !== undefined && above !== ''; above = parentPath(above))
    parents.unshift(above);
  for (const parent of parents) {
    const row = index.lookup(root, parent);
    if (row !== undefined) emitOne('make-directory', row, root, parent, emit);
  }
  // Any of them may have been missing: making it changes the time of the one above.
  const touched = new Set<RelativePath>(['', ...parents]);
  resendTree({ index, root, emit, touched }, path, entry);
  resendTimes(index, root, touched, emit);
}

function resendTimes(
  index: MasterState,
  root: number,
  directories: Iterable<RelativePath>,
  emit: (intent: NewIntent) => void,
): void {
  for (const directory of directories) {
    const row = index.lookup(root, directory);
    if (row !== undefined) emitOne('metadata', row, root, directory, emit);
  }
}

interface Resending {
  readonly index: MasterState;
  readonly root: number;
  readonly emit: (intent: NewIntent) => void;
  /** Directories beside those sent whole whose times change on the Replica. */
  readonly touched: Set<RelativePath>;
}

function resendTree(resending: Resending, path: RelativePath, entry: IndexedEntry): void {
  const { index, root, emit } = resending;
  if (entry.type !== 'directory') {
    resendFile(resending, path, entry);
    return;
  }
  if (path !== '') emitOne('make-directory', entry, root, path, emit);
  for (const child of index.children(entry.id)) {
    resendTree(resending, path === '' ? child.name : `${path}/${child.name}`, child);
  }
  emitOne('metadata', entry, root, path, emit);
}

function resendFile({ index, root, emit, touched }: Resending, path: RelativePath, entry: IndexedEntry): void {
  emitOne(entry.type === 'file' ? 'put' : 'symlink', entry, root, path, emit);
  for (const sibling of index.byFileId(entry.inode, entry.birthNs)) {
    const place = sibling.id === entry.id ? undefined : index.placeOf(sibling);
    if (place?.root !== root) continue;
    const intent = { kind: 'link', root, entry: sibling.id, path: place.path, other: path } as const;
    emit({ ...intent, sizeBytes: 0, boundary: true });
    touched.add(parentPath(place.path) ?? '');
  }
}

function emitOne(
  kind: 'put' | 'symlink' | 'make-directory' | 'metadata',
  entry: IndexedEntry,
  root: number,
  path: RelativePath,
  emit: (intent: NewIntent) => void,
): void {
  emit({
    kind,
    root,
    entry: entry.id,
    path,
    other: kind === 'put' ? fileKey(entry) : '',
    sizeBytes: kind === 'put' ? entry.sizeBytes : 0,
    boundary: true,
  });
}
