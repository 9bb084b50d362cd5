/**
 * Places of the Master that could not be read (denied, in use by another program, a bad sector): what they hold now is not on
 * the Replicas. Each is tried again until it can be read or has gone, and counted in the status as long as it is here.
 */

import { parentPath, type RelativePath } from '../../shared/path.ts';
import { isGone } from '../capture/observation.ts';
import type { RootTree } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';

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
  /** Its row in the index: it may be elsewhere when it is tried again. */
  readonly entry: number | undefined;
  readonly attempts: number;
  readonly dueMs: number;
}

type EntryIndex = Pick<MasterState, 'lookup' | 'byId' | 'placeOf' | 'meta' | 'setMeta'>;
/** Directories that were not listed, as `[root, path]` pairs in JSON: a restart would find nothing wrong with them. */
const REMEMBERED = 'unlisted';
const REMEMBERED_AT_MOST = 1_000;

export class UnreadablePlaces {
  private readonly trees: readonly RootTree[];
  private readonly index: EntryIndex;
  private readonly places = new Map<string, Waiting>();

  constructor(trees: readonly RootTree[], index: EntryIndex) {
    this.trees = trees;
    this.index = index;
    for (const [root, path] of this.remembered()) this.note({ root, path, whole: true }, 0);
  }

  get count(): number {
    return this.places.size;
  }

  /** Up to `limit` of them. */
  examples(limit: number): RelativePath[] {
    return [...this.places.values()].slice(0, limit).map(({ path }) => path);
  }

  /** All of them are tried in the next turns, whenever they would have been. */
  hurry(nowMs: number): void {
    for (const [key, place] of this.places) if (place.dueMs > nowMs) this.places.set(key, { ...place, dueMs: nowMs });
  }

  /** None waits for a try that is due. */
  isTried(nowMs: number): boolean {
    for (const { dueMs } of this.places.values()) if (dueMs <= nowMs) return false;
    return true;
  }

  /** It or a directory above it could not be read. */
  covers(root: number, path: RelativePath): boolean {
    if (this.places.size === 0) return false;
    for (let at: RelativePath | undefined = path; at !== undefined; at = parentPath(at)) {
      if (this.places.has(keyOf({ root, path: at }))) return true;
    }
    return false;
  }

  note(place: UnreadablePlace, nowMs: number): void {
    const known = this.places.get(keyOf(place));
    if (known !== undefined && known.entry === this.index.lookup(place.root, place.path)?.id) {
      if (place.whole && !known.whole) this.places.set(keyOf(place), { ...known, whole: true });
      this.remember(place);
      return;
    }
    const full = this.places.size >= PLACES_KEPT;
    const kept = full ? { root: place.root, path: '', whole: false } : place;
    if (full && this.places.has(keyOf(kept))) return;
    const entry = this.index.lookup(kept.root, kept.path)?.id;
    this.keep({ ...kept, entry, attempts: 0, dueMs: nowMs + FIRST_RETRY_MS });
    this.remember(kept);
  }

  /** Under its name of now; another one that was noted under that name has moved on. */
  private keep(place: Waiting): void {
    const before = this.places.get(keyOf(place));
    this.places.set(keyOf(place), place);
    if (before === undefined || before.entry === place.entry) return;
    const now = this.whereNow(before);
    if (now.path !== place.path || now.root !== place.root) this.keep(now);
  }

  /** Takes out what can be read again, or is not there any more; what was renamed meanwhile under its name of now. */
  takeReadable(nowMs: number): UnreadablePlace[] {
    const readable: UnreadablePlace[] = [];
    let tries = 0;
    for (const [key, noted] of this.places) {
      if (noted.dueMs > nowMs) continue;
      tries += 1;
      if (tries > TRIES) break;
      this.places.delete(key);
      const place = this.whereNow(noted);
      if (this.canRead(place)) readable.push(place);
      else {
        const attempts = place.attempts + 1;
        const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 10));
        this.keep({ ...place, attempts, dueMs: nowMs + delayMs });
      }
    }
    for (const place of readable) this.remember(place);
    return readable;
  }

  private remembered(): [number, RelativePath][] {
    return JSON.parse(this.index.meta(REMEMBERED) ?? '[]') as [number, RelativePath][];
  }

  /** Writes down which directories wait to be sent whole, after `place` came or went. */
  private remember(place: UnreadablePlace): void {
    if (!place.whole || this.places.size > REMEMBERED_AT_MOST) return;
    const wholes = [...this.places.values()].filter(({ whole }) => whole);
    this.index.setMeta(REMEMBERED, JSON.stringify(wholes.map(({ root, path }) => [root, path])));
  }

  private whereNow(place: Waiting): Waiting {
    const row = place.entry === undefined ? undefined : this.index.byId(place.entry);
    const now = row && this.index.placeOf(row);
    return now === undefined ? place : { ...place, ...now };
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

function keyOf({ root, path }: Pick<UnreadablePlace, 'root' | 'path'>): string {
  return `${root}:${path}`;
}
