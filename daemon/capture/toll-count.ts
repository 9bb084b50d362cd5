/** What one transaction of the capture does to entries that were there before it. */
import type { MasterState } from '../store/master-state.ts';
import type { CaptureToll } from './mass-changes.ts';

export class TollCount {
  private readonly state: MasterState;
  private readonly removedBefore: number;
  private readonly firstNewId: number;
  private readonly seqBefore: number;
  private readonly changed: number[] = [];
  /** Another file took the name of one: its record has gone, its name has not. */
  private replaced = 0;

  constructor(state: MasterState) {
    this.state = state;
    this.removedBefore = state.removedEntries;
    this.firstNewId = state.nextEntryId;
    this.seqBefore = state.seq;
  }

  readonly onReplaced = (entry: number, byAnother: boolean): void => {
    this.changed.push(entry);
    if (byAnother && entry < this.state.firstYoungId()) this.replaced += 1;
  };

  total(): CaptureToll {
    const { changed, firstNewId, seqBefore } = this;
    const removed = Math.max(0, this.state.removedEntries - this.removedBefore - this.replaced);
    return { removed, changed, firstNewId, seqBefore };
  }
}
