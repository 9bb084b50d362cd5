/** A bookmark in the history of a Replica, at what is applied. */
import type { RewindPoint } from '../../shared/rewind.ts';
import type { Standby } from './standby.ts';

/** What was applied before it is not taken back by recovery any more, where a checkpoint is possible just now. */
export function setBookmark(standby: Standby, seq: number, text: string): RewindPoint {
  if (standby.history.on && standby.checkpointDueMs !== undefined) standby.checkpoint();
  return standby.history.bookmark(seq, text);
}
