/** Turns intents that no Replica will be sent any more into the places that have to be compared instead. */
import type { RelativePath } from '../../shared/path.ts';
import type { Intent } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';
import type { DirtyPlaces } from './dirty-places.ts';

/** Intents read at once. */
const PAGE = 1_000;

/** Folds the intents after `afterSeq` in their order, so that the places have today's names. */
export function foldIntents(places: DirtyPlaces, state: MasterState, afterSeq: number): void {
  for (let seq = afterSeq; seq < state.seq; ) {
    const page = state.intentsAfter(seq, PAGE);
    if (page.length === 0) return;
    for (const intent of page) fold(places, state, intent);
    seq = page.at(-1)!.seq;
  }
}

function fold(places: DirtyPlaces, state: MasterState, intent: Intent): void {
  const { root, path, other, kind } = intent;
  const row = intent.entry === 0 ? undefined : state.byId(intent.entry);
  switch (kind) {
    case 'remove':
      places.removed(root, path);
      return;
    case 'rename':
      places.renamed(root, other, path, row === undefined || row.type === 'directory');
      return;
    case 'link':
      places.entryChanged(root, other);
      places.entryChanged(root, path);
      break;
    case 'make-directory':
    case 'metadata':
      places.entryChanged(root, path);
      if (row?.type === 'directory') places.add(root, path, false);
      return;
    default:
      places.entryChanged(root, path);
  }
  // The names of one file are compared together: replacing one of them would cut it off from the others.
  if (row === undefined || row.links < 2) return;
  for (const name of state.byFileId(row.inode, row.birthNs)) {
    const place = state.placeOf(name);
    if (place?.root === root) places.entryChanged(root, place.path as RelativePath);
  }
}
