/**
 * A walk of roots whose index others rely on may list what the index does not have yet. When that has gone again before it was
 * looked at, no change is ever recorded, and the Replica keeps what the walk gave it: such places are remembered until
 * everything was looked at, and sent again when the index then has something else there, or nothing.
 */
import { joinPath, type RelativePath } from '../../shared/path.ts';
import { sameObject } from '../capture/entry.ts';
import type { IndexedStat } from '../store/master-schema.ts';
import type { MasterState } from '../store/master-state.ts';

/** With more of them the directories they are in are sent again as a whole. */
const PLACES = 20_000;

export class SeenAhead {
  private readonly seen = new Map<number, Map<RelativePath, IndexedStat | undefined>>();
  private count = 0;

  /** `entries`: listed, where the index has something else under the name, or nothing. */
  note(root: number, directory: RelativePath, entries: readonly (IndexedStat & { readonly name: string })[]): void {
    if (entries.length === 0) return;
    const places = this.seen.get(root) ?? new Map<RelativePath, IndexedStat | undefined>();
    this.seen.set(root, places);
    this.count += entries.length;
    if (this.count > PLACES) places.set(directory, undefined);
    else for (const entry of entries) places.set(joinPath(directory, entry.name), entry);
  }

  /** Paths to be sent again, by root, once everything was looked at. */
  mistaken(index: Pick<MasterState, 'lookup'>): { readonly root: number; readonly paths: readonly RelativePath[] }[] {
    const found = [...this.seen].map(([root, places]) => {
      const wrong = [...places].filter(([path, listed]) => {
        const row = index.lookup(root, path);
        return listed === undefined || row === undefined || !sameObject(row, listed);
      });
      return { root, paths: wrong.map(([path]) => path) };
    });
    return found.filter(({ paths }) => paths.length > 0);
  }
}
