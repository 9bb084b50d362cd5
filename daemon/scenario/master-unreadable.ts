/**
 * Places of the Master that could not be read (denied, in use by another program, a bad sector): what they hold now is not on
 * the Replicas. Each is tried again until it can be read or has gone, and counted in the status as long as it is here.
 */

import type { RelativePath } from '../../shared/path.ts';
import { isGone } from '../capture/observation.ts';
import type { RootTree } from '../ports.ts';

/** More than this are not kept one by one: their root is compared as a whole instead. About 5 MB. */
const PLACES_KEPT = 20_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;
/** Places tried in one turn. */
const TRIES = 50;

export interface UnreadablePlace {
  readonly root: number;
  readonly path: RelativePath;
  /** A directory that a synchronization could not list: nothing is known of what a Replica has of it. */
  readonly whole: boolean;
}

interface Waiting extends UnreadablePlace {
  readonly attempts: number;
  readonly dueMs: number;
}

export class UnreadablePlaces {
  private readonly trees: readonly RootTree[];
  private readonly places = new Map<string, Waiting>();

  constructor(trees: readonly RootTree[]) {
    this.trees = trees;
  }

  get count(): number {
    return this.places.size;
  }

  note(place: UnreadablePlace, nowMs: number): void {
    const known = this.places.get(keyOf(place));
    if (known !== undefined) {
      if (place.whole && !known.whole) this.places.set(keyOf(place), { ...known, whole: true });
      return;
    }
    const full = this.places.size >= PLACES_KEPT;
    const kept = full ? { root: place.root, path: '', whole: false } : place;
    if (full && this.places.has(keyOf(kept))) return;
    this.places.set(keyOf(kept), { ...kept, attempts: 0, dueMs: nowMs + FIRST_RETRY_MS });
  }

  /** Takes out what can be read again, or is not there any more. */
  takeReadable(nowMs: number): UnreadablePlace[] {
    const readable: UnreadablePlace[] = [];
    let tries = 0;
    for (const [key, place] of this.places) {
      if (place.dueMs > nowMs) continue;
      tries += 1;
      if (tries > TRIES) break;
      this.places.delete(key);
      if (this.canRead(place)) readable.push(place);
      else {
        const attempts = place.attempts + 1;
        const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 10));
        this.places.set(key, { ...place, attempts, dueMs: nowMs + delayMs });
      }
    }
    return readable;
  }

  private canRead({ root, path }: UnreadablePlace): boolean {
    const tree = this.trees[root]!;
    try {
      const type = tree.stat(path)?.type;
      if (type === 'directory') tree.scan(path);
      else if (type === 'file') tree.openRead(path).close();
      return true;
    } catch (error) {
      return isGone(error);
    }
  }
}

function keyOf({ root, path }: UnreadablePlace): string {
  return `${root}:${path}`;
}
