/** What going back would do, as a tree of directories: rows, moves, and the comparison of one file. Pure. */
import type { PreviewEntry, PreviewKind } from '../../shared/preview.ts';
import { PREVIEW_KINDS } from '../../shared/preview.ts';
import { type ConsoleState, type Outcome, openDialog, replaceDialog, type Step, stay, withToast } from '../state.ts';
import type { CompareDialog, PreviewPane, PreviewTree, RecoveryPurpose, RestoreDialog } from '../state-recovery.ts';
import { type Move, moved } from './navigate.ts';
import { heard, previewFileOf } from './recovery-answers.ts';
import { askRecovery } from './recovery-request.ts';

export interface PreviewRow {
  /** `root/path`, unique. */
  readonly key: string;
  readonly depth: number;
  readonly root: number;
  readonly path: string;
  readonly name: string;
  /** Absent: a directory that is only on the way. */
  readonly entry?: PreviewEntry;
  /** Entries of the answer below it. */
  readonly below: number;
  readonly closed: boolean;
}

interface Node {
  readonly key: string;
  readonly root: number;
  readonly path: string;
  readonly name: string;
  entry?: PreviewEntry;
  below: number;
  readonly children: Map<string, Node>;
}

function newNode(root: number, path: string, name: string): Node {
  return { key: `${root}/${path}`, root, path, name, below: 0, children: new Map() };
}

function build(entries: readonly PreviewEntry[], kind: PreviewTree['kind']): readonly Node[] {
  const roots = new Map<number, Node>();
  for (const entry of entries) {
    if (kind !== 'all' && entry.kind !== kind) continue;
    const { root } = entry;
    let node = roots.get(root) ?? newNode(root, '', '');
    roots.set(root, node);
    for (const name of entry.path.split('/').filter((part) => part !== '')) {
      node.below += 1;
      const path = node.path === '' ? name : `${node.path}/${name}`;
      const child = node.children.get(name) ?? newNode(root, path, name);
      node.children.set(name, child);
      node = child;
    }
    node.entry = entry;
  }
  return [...roots.values()];
}

function flatten(node: Node, depth: number, closed: PreviewTree['closed'], rows: PreviewRow[]): void {
  const { key, root, path, name, entry, below, children } = node;
  const shut = closed[key] === true;
  rows.push({ key, depth, root, path, name, below, closed: shut, ...(entry === undefined ? {} : { entry }) });
  if (shut) return;
  for (const child of children.values()) flatten(child, depth + 1, closed, rows);
}

let cache:
  | { readonly preview: PreviewPane | undefined; readonly tree: PreviewTree; readonly rows: readonly PreviewRow[] }
  | undefined;

/** The rows of the tree as it is open now. A root is a row where there are several. */
export function previewRows({ preview, tree }: Pick<RestoreDialog, 'preview' | 'tree'>): readonly PreviewRow[] {
  if (cache?.preview === preview && cache?.tree.closed === tree.closed && cache?.tree.kind === tree.kind)
    return cache.rows;
  const rows: PreviewRow[] = [];
  const roots = build(preview?.result?.entries ?? [], tree.kind);
  for (const root of roots) {
    if (roots.length > 1) flatten(root, 0, tree.closed, rows);
    else for (const child of root.children.values()) flatten(child, 0, tree.closed, rows);
  }
  cache = { preview, tree, rows };
  return rows;
}

export function rowAt(dialog: RestoreDialog): PreviewRow | undefined {
  return previewRows(dialog)[dialog.tree.cursor];
}

export function moveTree(state: ConsoleState, dialog: RestoreDialog, move: Move, page: number): Step {
  const total = previewRows(dialog).length;
  const cursor = Math.max(0, moved(move, dialog.tree.cursor, total, page));
  return stay(replaceDialog(state, { ...dialog, tree: { ...dialog.tree, cursor } }));
}

export function setOpen(state: ConsoleState, dialog: RestoreDialog, open: boolean): Step {
  const row = rowAt(dialog);
  if (row === undefined) return stay(state);
  if (row.below === 0 || (!open && row.closed)) return open ? stay(state) : toParent(state, dialog, row);
  const { [row.key]: _shut, ...others } = dialog.tree.closed;
  const closed = open ? others : { ...others, [row.key]: true as const };
  return stay(replaceDialog(state, { ...dialog, tree: { ...dialog.tree, closed } }));
}

function toParent(state: ConsoleState, dialog: RestoreDialog, row: PreviewRow): Step {
  const rows = previewRows(dialog);
  const at = rows.findLastIndex((other, index) => index < dialog.tree.cursor && other.depth < row.depth);
  if (at < 0) return stay(state);
  return stay(replaceDialog(state, { ...dialog, tree: { ...dialog.tree, cursor: at } }));
}

const KINDS: readonly (PreviewKind | 'all')[] = ['all', ...PREVIEW_KINDS];

export function nextKind(state: ConsoleState, dialog: RestoreDialog): Step {
  const kind = KINDS[(KINDS.indexOf(dialog.tree.kind) + 1) % KINDS.length] ?? 'all';
  return stay(replaceDialog(state, { ...dialog, tree: { ...dialog.tree, kind, cursor: 0 } }));
}

/** Enter: a directory opens and closes, a file is compared with what it is now. */
export function enterTree(state: ConsoleState, dialog: RestoreDialog, at: number): Step {
  const row = rowAt(dialog);
  const point = dialog.preview?.result?.point;
  if (row === undefined || point === undefined) return stay(state);
  const { entry } = row;
  if (row.below > 0 || entry === undefined) return setOpen(state, dialog, row.closed);
  if (entry.type === 'directory') return stay(withToast(state, 'a directory: nothing in it differs'));
  const compare: CompareDialog = {
    kind: 'compare',
    openedAt: at,
    scenarioId: dialog.scenarioId,
    point,
    entry,
    scroll: 0,
  };
  const purpose: RecoveryPurpose = {
    kind: 'preview-file',
    scenarioId: dialog.scenarioId,
    point: point.id,
    path: entry.path,
  };
  const args = { point: point.id, root: entry.root, path: entry.path };
  return askRecovery(openDialog(state, compare), dialog, 'scenario.previewFile', args, purpose);
}

export function hearFile(
  state: ConsoleState,
  purpose: Extract<RecoveryPurpose, { kind: 'preview-file' }>,
  outcome: Outcome,
): Step {
  const at = state.dialogs.findLastIndex(({ kind }) => kind === 'compare');
  const dialog = state.dialogs[at];
  if (dialog?.kind !== 'compare' || dialog.entry.path !== purpose.path || dialog.point.id !== purpose.point)
    return stay(state);
  const answer = heard(outcome, previewFileOf);
  const next = 'fault' in answer ? { ...dialog, fault: answer.fault } : { ...dialog, result: answer.value };
  return stay({ ...state, dialogs: state.dialogs.with(at, next) });
}
