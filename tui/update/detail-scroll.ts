/** A tab that is longer than its pane is read with the keys that move the cursor elsewhere. Pure. */
import { paneRows } from '../layout.ts';
import { detailRows } from '../present/detail.ts';
import type { ConsoleState } from '../state.ts';
import { type Move, moved, moveIn } from './navigate.ts';

export function moveOrScroll(state: ConsoleState, move: Move): ConsoleState {
  if (state.pane !== 'detail' || state.tab !== 'ha') return moveIn(state, move);
  const page = paneRows(state, 'detail');
  const last = Math.max(0, detailRows(state).length - page);
  return { ...state, detailScroll: moved(move, Math.min(state.detailScroll, last), last + 1, page - 1) };
}
