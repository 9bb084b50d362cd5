/**
 * Items that could not be applied: set aside with their reason until the Master has sent them again. Pure.
 *
 * An item is asked for again with back-off and stays in the list until a change that settles it was applied: the Master
 * answers every repair with at least one change of the path, a removal when nothing is there.
 */
import type { Change } from '../../shared/change.ts';
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface ParkedItem {
  readonly root: number;
  readonly path: RelativePath;
  /** Fault code, or `REPAIR` when only the content or source was wrong. */
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  /** `Clock.bootMs` from when on it may be asked for. */
  readonly askAtMs: number;
  /** Asked for in this link session and not answered yet. */
  readonly asked: boolean;
}

/** Code of what only has to be sent again: its content or source was not what was recorded. */
const REPAIR = 'repair';
/** Asked for more often than this, such an item does not settle by itself. */
const REPAIRS_THAT_SETTLE = 3;
/** With more items than this the trees have to be compared instead (`overflowed`). */
const MAX_PARKED = 1_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;
/** An unanswered question is repeated after this long. */
const ANSWER_MS = 60_000;

export class ParkedItems {
  private readonly items = new Map<string, ParkedItem>();
  /**
   * Attempts for what a removal has just settled; they count for a while behind the moment it was due: a directory that is sent
   * again is removed first, and when it is refused once more nothing has begun anew.
   */
  private readonly removed = new Map<string, Pick<ParkedItem, 'attempts' | 'askAtMs'>>();
  /** There were too many to remember: only a synchronization finds them all. */
  overflowed = false;
  /** Forgotten by the operator since the last synchronization: the roots may differ there. */
  dropped = 0;

  has(root: number, path: RelativePath): boolean {
    return this.items.has(keyOf(root, path));
  }

  get count(): number {
    return this.items.size;
  }

  /**
   * Items that were sent again and refused again. What is merely asked for again (`repair`) mostly settles by itself; not when
   * it depends on something that is refused.
   */
  get stuckCount(): number {
    let count = 0;
    for (const { code, attempts, asked } of this.items.values()) {
      if (!asked && attempts > (code === REPAIR ? REPAIRS_THAT_SETTLE : 0)) count += 1;
    }
    return count;
  }

  list(): ParkedItem[] {
    return [...this.items.values()];
  }

  /** What a checkpoint remembers. */
  get forState(): Pick<Checkpoint, 'parked' | 'dropped'> {
    const parked = this.list().map(({ root, path, code, reason }) => ({ root, path, code, reason }));
    return { parked, dropped: this.dropped > 0 ? this.dropped : undefined };
  }

  /** Adds or renews; true when it was not parked for the same reason already (tell it once). */
  park(item: { root: number; path: RelativePath; code: string; reason: string }, nowMs: number): boolean {
    const key = keyOf(item.root, item.path);
    const before = this.items.get(key);
    if (before === undefined && this.items.size >= MAX_PARKED) {
      this.overflowed = true;
      return false;
    }
    if (before !== undefined && !before.asked && before.code === item.code) return false;
    const attempts = before?.attempts ?? this.attemptsBefore(key, nowMs);
    const immediate = item.code === REPAIR && attempts === 0;
    const delayMs = immediate ? 0 : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 10));
    this.items.set(key, { ...item, attempts, askAtMs: nowMs + delayMs, asked: false });
    return before?.code !== item.code;
  }

  private attemptsBefore(key: string, nowMs: number): number {
    const known = this.removed.get(key);
    this.removed.delete(key);
    // It may have been due for a while, waiting for room: what it depends on was only sent again before.
    return known === undefined || known.askAtMs + LONGEST_RETRY_MS < nowMs ? 0 : known.attempts;
  }

  /** A change that settles what was parked at its path was applied. */
  settle(change: Change): void {
    if (this.items.size === 0) return;
    switch (change.op) {
      // Not `make-directory`: it may only be needed by something below. What is missing in it, or too much, is settled by the
      // removal a directory begins with when it is sent whole.
      case 'metadata':
        // A root cannot be removed; all that can be refused of it itself are its attributes.
        if (change.path === '') this.items.delete(keyOf(change.root, ''));
        return;
      case 'put':
      case 'put-begin':
      case 'symlink':
      case 'link':
        this.items.delete(keyOf(change.root, change.path));
        return;
      case 'remove':
        this.removeWithin(change.root, change.path);
        return;
      case 'rename':
        this.removeWithin(change.root, change.path);
        this.move(change.root, change.from, change.path);
    }
  }

  private removeWithin(root: number, path: RelativePath): void {
    for (const [key, item] of this.items) {
      if (item.root !== root || !isWithin(item.path, path)) continue;
      this.items.delete(key);
      if (this.removed.size >= MAX_PARKED) this.removed.clear();
      this.removed.set(key, { attempts: item.attempts, askAtMs: item.askAtMs });
    }
  }

  /** What is parked below a renamed directory is to be asked for under its new name. */
  private move(root: number, from: RelativePath, to: RelativePath): void {
    for (const [key, item] of [...this.items]) {
      if (item.root !== root || !isWithin(item.path, from)) continue;
      this.items.delete(key);
      const path = to + item.path.slice(from.length);
      this.items.set(keyOf(root, path), { ...item, path });
    }
  }

  /** Items to ask the Master for now, at most `limit`; they count as asked from here on. */
  takeDue(nowMs: number, limit: number): ParkedItem[] {
    const due: ParkedItem[] = [];
    for (const [key, item] of this.items) {
      if (due.length >= limit || item.askAtMs > nowMs) continue;
      this.items.set(key, { ...item, asked: true, attempts: item.attempts + 1, askAtMs: nowMs + ANSWER_MS });
      due.push(item);
    }
    return due;
  }

  /** When the next item is due; undefined when there is none. */
  nextAskMs(): number | undefined {
    let next: number | undefined;
    for (const item of this.items.values()) {
      if (next === undefined || item.askAtMs < next) next = item.askAtMs;
    }
    return next;
  }

  /** All items are due now, whatever was tried before. */
  retryNow(nowMs: number): void {
    for (const [key, item] of this.items) this.items.set(key, { ...item, asked: false, askAtMs: nowMs });
  }

  /** Forgets all items without settling them. */
  drop(): void {
    this.dropped += this.items.size;
    this.items.clear();
  }

  /** A few paths, for people. */
  examples(count: number): string[] {
    const paths: string[] = [];
    for (const { path } of this.items.values()) {
      if (paths.length >= count) break;
      paths.push(path);
    }
    return paths;
  }

  /** The link session ended: questions without an answer are asked again in the next one. */
  forgetQuestions(nowMs: number): void {
    for (const [key, item] of this.items) {
      if (item.asked) this.items.set(key, { ...item, asked: false, askAtMs: nowMs });
    }
  }

  clear(): void {
    this.items.clear();
    this.removed.clear();
    this.overflowed = false;
    this.dropped = 0;
  }

  /** What was parked before, to be asked for at once. What was tried in the life of this engine is not begun anew. */
  load(
    items: readonly { root: number; path: string; code: string; reason: string; attempts?: number }[],
    nowMs: number,
  ): void {
    for (const { root, path, code, reason, attempts = 0 } of items) {
      this.items.set(keyOf(root, path), { root, path, code, reason, attempts, askAtMs: nowMs, asked: false });
    }
  }
}

function keyOf(root: number, path: RelativePath): string {
  return `${root}:${path}`;
}
