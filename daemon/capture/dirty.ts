/**
 * Where to look next: the bounded set of dirty places of one root, with debounce, and the recent renames that tell where
 * the object behind an outdated path is now. Pure but for the time it is given.
 */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { Look } from './reconcile-state.ts';

/** A file somebody is writing is looked at after this much quiet … */
const QUIET_MS = 1_000;
/** … but at the latest after this. */
const LATEST_MS = 10_000;
const RENAMES_KEPT = 10_000;
const RENAMES_KEPT_MS = 60_000;

interface DirtyPlace {
  closed: boolean;
  written: boolean;
  now: boolean;
  scan: Look['scan'];
  /** Number of the hint that came last; renames have numbers of the same count. */
  order: number;
  /** Number of the hint that came first. */
  readonly firstOrder: number;
  /** Boot time of the first hint. */
  readonly sinceMs: number;
  /** Not hinted at: derived from an outdated path. */
  readonly derived: boolean;
}

interface DelayedPlace extends DirtyPlace {
  dueMs: number;
}

interface Rename {
  readonly to: RelativePath;
  readonly order: number;
  readonly atMs: number;
}

export interface DirtyLook extends Look {
  readonly derived: boolean;
  readonly order: number;
  readonly sinceMs: number;
}

export interface AddOptions {
  readonly closed?: boolean;
  readonly written?: boolean;
  readonly now?: boolean;
  readonly scan?: Look['scan'];
  /** Boot time and number of the hint this comes from, when it is an older one. */
  readonly sinceMs?: number;
  readonly firstOrder?: number;
  readonly derived?: boolean;
}

/** An outdated path leads to at most so many places; more renames of one name than that are compared by later hints. */
const TRANSLATIONS = 64;

const SCAN_RANK = { no: 0, children: 1, tree: 2 } as const;

export class DirtySet {
  private readonly limit: number;
  private readonly ready = new Map<RelativePath, DirtyPlace>();
  private readonly delayed = new Map<RelativePath, DelayedPlace>();
  private readonly renames = new Map<RelativePath, Rename[]>();
  private renameOrder: { readonly from: RelativePath; readonly rename: Rename }[] = [];
  private order = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.ready.size + this.delayed.size;
  }

  get hasReady(): boolean {
    return this.ready.size > 0;
  }

  /** Boot time of the oldest hint not looked at, undefined when there is none. */
  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const place of this.ready.values()) {
      oldest = place.sinceMs;
      break;
    }
    for (const place of this.delayed.values()) oldest = Math.min(oldest ?? place.sinceMs, place.sinceMs);
    return oldest;
  }

  /** Look at it as soon as possible. */
  add(path: RelativePath, nowMs: number, how: AddOptions = {}): void {
    this.order += 1;
    const waiting = this.delayed.get(path);
    if (waiting !== undefined) this.delayed.delete(path);
    const known = this.ready.get(path);
    const scan = how.scan ?? 'no';
    if (known !== undefined) {
      known.order = this.order;
      known.closed ||= how.closed === true;
      known.written ||= how.written === true;
      known.now ||= how.now === true;
      if (SCAN_RANK[scan] > SCAN_RANK[known.scan]) known.scan = scan;
      return;
    }
    this.ready.set(path, {
      closed: how.closed === true || waiting?.closed === true,
      written: how.written === true || waiting?.written === true,
      now: how.now === true || waiting?.now === true,
      scan: waiting !== undefined && SCAN_RANK[waiting.scan] > SCAN_RANK[scan] ? waiting.scan : scan,
      order: this.order,
      firstOrder: Math.min(waiting?.firstOrder ?? this.order, how.firstOrder ?? this.order),
      sinceMs: waiting?.sinceMs ?? how.sinceMs ?? nowMs,
      derived: how.derived === true,
    });
    if (this.size > this.limit) this.collapse(nowMs);
  }

  /** Somebody is writing it: look after a moment of quiet. */
  addLater(path: RelativePath, nowMs: number, sinceMs: number = nowMs): void {
    if (this.ready.has(path)) return;
    this.order += 1;
    const known = this.delayed.get(path);
    const first = Math.min(known?.sinceMs ?? sinceMs, sinceMs);
    const dueMs = Math.max(nowMs, Math.min(nowMs + QUIET_MS, first + LATEST_MS));
    const firstOrder = known?.firstOrder ?? this.order;
    this.delayed.set(path, {
      closed: known?.closed === true,
      written: known?.written === true,
      now: false,
      scan: 'no',
      order: this.order,
      firstOrder,
      sinceMs: first,
      dueMs,
      derived: false,
    });
    if (this.size > this.limit) this.collapse(nowMs);
  }

  /** Postpones a look without changing how it is done. */
  addAt(
    path: RelativePath,
    dueMs: number,
    sinceMs: number,
    how: { closed: boolean; written?: boolean; scan: Look['scan'] },
  ): void {
    if (this.ready.has(path)) return;
    this.order += 1;
    const { order } = this;
    this.delayed.set(path, {
      written: false,
      ...how,
      now: true,
      order,
      firstOrder: order,
      sinceMs,
      dueMs,
      derived: false,
    });
  }

  /** Number of the newest hint; see `hasUpTo`. */
  get newestOrder(): number {
    return this.order;
  }

  /** Is anything of the hints up to this number still to be looked at without delay? */
  hasUpTo(order: number): boolean {
    for (const place of this.ready.values()) if (place.firstOrder <= order) return true;
    return false;
  }

  /** Scans are not needed any more; what was hinted at stays. */
  forgetScans(): void {
    for (const places of [this.ready, this.delayed]) for (const place of places.values()) place.scan = 'no';
  }

  /** Is a rescan of everything below it due or about to be? */
  isScanWaiting(path: RelativePath): boolean {
    return this.ready.get(path)?.scan === 'tree' || this.delayed.get(path)?.scan === 'tree';
  }

  addRename(from: RelativePath, to: RelativePath, nowMs: number): void {
    const closed = this.ready.get(from)?.closed === true || this.delayed.get(from)?.closed === true;
    const written = this.ready.get(from)?.written === true || this.delayed.get(from)?.written === true;
    this.noteRename(from, to, nowMs);
    this.add(from, nowMs, { now: true });
    this.add(to, nowMs, { closed, written, now: true });
  }

  /** Remembers that what was below `from` is below `to` now. */
  noteRename(from: RelativePath, to: RelativePath, nowMs: number): void {
    this.order += 1;
    const rename: Rename = { to, order: this.order, atMs: nowMs };
    const same = this.renames.get(from);
    if (same === undefined) this.renames.set(from, [rename]);
    else same.push(rename);
    this.renameOrder.push({ from, rename });
    this.forgetRenames(nowMs);
  }

  private forgetRenames(nowMs: number): void {
    let gone = 0;
    for (const { from, rename } of this.renameOrder) {
      const crowded = this.renameOrder.length - gone > RENAMES_KEPT;
      const old = nowMs - rename.atMs > RENAMES_KEPT_MS;
      if (!crowded && !old) break;
      gone += 1;
      const rest = this.renames.get(from)?.filter((one) => one !== rename) ?? [];
      if (rest.length === 0) this.renames.delete(from);
      else this.renames.set(from, rest);
      // Its outdated paths cannot be translated any more: compare the place instead.
      if (!old) this.add(rename.to, nowMs, { scan: 'tree' });
    }
    if (gone > 0) this.renameOrder = this.renameOrder.slice(gone);
  }

  /** Where what was meant by `path` may be now: directories above it were renamed after `order`, or it was (`itself`). */
  translations(path: RelativePath, order: number, itself = false): RelativePath[] {
    if (this.renames.size === 0) return [];
    const found = new Set<RelativePath>([path]);
    for (const one of found) {
      const lowest = itself ? one : parentPath(one);
      for (let above = lowest; above !== undefined && above !== ''; above = parentPath(above)) {
        const targets = this.targetsAfter(above, order).slice(0, Math.max(0, TRANSLATIONS + 1 - found.size));
        for (const to of targets) found.add(to + one.slice(above.length));
      }
    }
    found.delete(path);
    return [...found];
  }

  private targetsAfter(from: RelativePath, order: number): RelativePath[] {
    const renames = this.renames.get(from)?.filter((rename) => rename.order > order) ?? [];
    return renames.map(({ to }) => to);
  }

  /** Boot time when the next delayed look is due. */
  nextDueMs(): number | undefined {
    let due: number | undefined;
    for (const place of this.delayed.values()) due = Math.min(due ?? place.dueMs, place.dueMs);
    return due;
  }

  /** Takes out up to `limit` looks that are due. */
  take(nowMs: number, limit: number): DirtyLook[] {
    if (this.ready.size < limit) this.promote(nowMs);
    const taken: DirtyLook[] = [];
    for (const [path, place] of this.ready) {
      if (taken.length >= limit) break;
      const { closed, written, now, scan, order, sinceMs, derived } = place;
      taken.push({ path, closed, written, now, scan, order, sinceMs, derived });
      this.ready.delete(path);
    }
    return taken;
  }

  private promote(nowMs: number): void {
    for (const [path, place] of this.delayed) {
      if (place.dueMs > nowMs) continue;
      this.delayed.delete(path);
      this.ready.set(path, { ...place, now: true });
    }
  }

  /** Everything delayed is due now. */
  hurry(): void {
    for (const [path, place] of this.delayed) {
      this.delayed.delete(path);
      this.ready.set(path, { ...place, now: true });
    }
  }

  /** Too many places: look at their directories instead, and if these are too many as well, at everything. */
  private collapse(nowMs: number): void {
    const oldest = this.oldestMs() ?? nowMs;
    const deep = [...this.ready].filter(([, place]) => place.scan === 'tree').map(([path]) => path);
    const directories = new Set<RelativePath>();
    for (const places of [this.ready, this.delayed]) {
      for (const path of places.keys()) directories.add(parentPath(path) ?? '');
    }
    this.ready.clear();
    this.delayed.clear();
    if (directories.size > this.limit / 4) {
      this.add('', nowMs, { scan: 'tree', sinceMs: oldest });
      return;
    }
    for (const path of directories) this.add(path, nowMs, { scan: 'children', sinceMs: oldest });
    for (const path of deep) this.add(path, nowMs, { scan: 'tree', sinceMs: oldest });
  }
}
