/** The order in which things seen at paths are put into the record: parents first, renames before what takes their place. */
import { isWithin, parentPath, type RelativePath, TEMPORARY_PREFIX } from '../../shared/path.ts';
import type { IndexedEntry } from '../store/master-schema.ts';
import { fileKey, isFresh, sameObject } from './entry.ts';
import { NOTHING } from './filter.ts';
import type { Seen } from './observation.ts';
import { type ReconcileState, updateEntry, updateSiblings } from './reconcile-state.ts';

/** Names used for an instant on the Replica while objects change places. */

/** `dropped`: looked at again later. */
type Step = 'done' | 'waits' | 'blocked' | 'dropped';

export class Placement {
  private readonly state: ReconcileState;
  /** Objects seen at a path that are not placed yet, by identity. */
  private readonly wanted = new Map<string, RelativePath>();
  /** Nothing else can be placed: a file with several names is not waited for any longer. */
  private decideUnclear = false;
  private readonly temporaries: { readonly id: number; readonly name: string; readonly origin: RelativePath }[] = [];

  constructor(state: ReconcileState) {
    this.state = state;
  }

  run(): void {
    for (const path of [...this.state.pending.keys()]) this.addParents(path);
    for (const seen of this.state.pending.values()) this.wanted.set(identity(seen), seen.path);
    let rounds = 2 * this.state.pending.size + 8;
    while (this.state.pending.size > 0 && rounds > 0) {
      rounds -= 1;
      if (this.pass() || this.evictOne()) continue;
      if (this.decideUnclear) break;
      this.decideUnclear = true;
    }
    for (const path of this.state.pending.keys()) this.state.outcome.again.push(path);
    this.state.pending.clear();
    this.dropTemporaries();
  }

  /** One attempt at everything that is left, parents before children. True when something was placed. */
  private pass(): boolean {
    let progress = false;
    for (const path of [...this.state.pending.keys()].sort()) {
      const seen = this.state.pending.get(path);
      if (seen === undefined) continue;
      let step: Step;
      try {
        step = this.place(seen);
      } catch (error) {
        this.state.outcome.failed.push({ path, error });
        step = 'done';
      }
      if (step === 'waits' || step === 'blocked') continue;
      this.state.pending.delete(path);
      if (this.wanted.get(identity(seen)) === path) this.wanted.delete(identity(seen));
      progress = true;
    }
    return progress;
  }

  /** Parents that are not recorded, or recorded as another directory, are looked at too. */
  private addParents(path: RelativePath): void {
    const { context, observation, pending } = this.state;
    const parent = parentPath(path);
    if (parent === undefined || pending.has(parent)) return;
    const entry = context.index.lookup(context.root, parent);
    const stat = observation.stat(parent);
    if (stat === undefined || (entry !== undefined && sameObject(entry, stat))) return;
    this.addSeen({ path: parent, stat, closed: true, written: false, now: true, scanned: false });
    this.addParents(parent);
  }

  private addSeen(seen: Seen): void {
    this.state.pending.set(seen.path, seen);
    this.wanted.set(identity(seen), seen.path);
  }

  private place(seen: Seen): Step {
    const { index, root } = this.state.context;
    const entry = index.lookup(root, seen.path);
    if (entry !== undefined && sameObject(entry, seen.stat)) {
      updateEntry(this.state, entry, seen, false);
      return 'done';
    }
    if (seen.path === '') return this.adoptRoot(seen, entry);
    const parentStep = this.parentReady(seen.path);
    if (parentStep !== 'done') return parentStep;
    const mover = this.findMover(seen);
    if (mover === 'unclear') {
      if (!this.decideUnclear) return 'waits';
      return this.create(seen, entry);
    }
    if (entry !== undefined && !this.mayReplace(entry, seen, mover)) return 'blocked';
    if (mover === undefined) return this.create(seen, entry);
    const moverPath = index.placeOf(mover)!.path;
    if (isWithin(seen.path, moverPath)) {
      this.lookAtAncestors(seen.path, moverPath);
      return 'blocked';
    }
    this.move(mover, moverPath, seen, entry);
    return 'done';
  }

  private adoptRoot(seen: Seen, entry: IndexedEntry | undefined): Step {
    if (entry === undefined) this.state.context.index.setRoot(this.state.context.root, seen.stat);
    return 'done';
  }

  private parentReady(path: RelativePath): Step {
    const { context, observation, pending, outcome } = this.state;
    const parent = parentPath(path)!;
    if (pending.has(parent)) return 'waits';
    if (context.index.lookup(context.root, parent)?.type === 'directory') return 'done';
    const stat = observation.stat(parent);
    if (stat?.type !== 'directory') {
      // Its directory vanished between the looks, or is no directory: the hint for that is on the way.
      outcome.again.push(path);
      return 'dropped';
    }
    this.addSeen({ path: parent, stat, closed: true, written: false, now: true, scanned: false });
    this.addParents(parent);
    return 'waits';
  }

  /** The record of the same object at a path that does not hold it any more. */
  private findMover(seen: Seen): IndexedEntry | 'unclear' | undefined {
    const { index, root } = this.state.context;
    if (seen.stat.birthNs === 0n) return undefined;
    let unclear = false;
    let linked = false;
    for (const candidate of index.byFileId(seen.stat.inode, seen.stat.birthNs)) {
      if (candidate.type !== seen.stat.type || candidate.parent === 0) continue;
      const place = index.placeOf(candidate);
      if (place?.root !== root || place.path === seen.path) continue;
      if (this.stillAt(place.path, candidate)) {
        linked = true;
        continue;
      }
      if (seen.stat.type === 'directory' || seen.stat.links === 1 || this.hasParentInPlace(candidate, place.path)) {
        return candidate;
      }
      unclear = true;
    }
    return unclear && !linked ? 'unclear' : undefined;
  }

  /**
   * A name of a file with several is gone only when it is missing in its own directory: with a directory that was moved it
   * went elsewhere, and this is another name.
   */
  private hasParentInPlace(entry: IndexedEntry, path: RelativePath): boolean {
    const { index } = this.state.context;
    if (entry.name.startsWith(TEMPORARY_PREFIX)) return true;
    const parent = index.byId(entry.parent);
    const stat = this.state.observation.stat(parentPath(path) ?? '');
    return parent !== undefined && stat !== undefined && sameObject(parent, stat);
  }

  private stillAt(path: RelativePath, entry: IndexedEntry): boolean {
    if (entry.name.startsWith(TEMPORARY_PREFIX)) return false;
    const stat = this.state.observation.stat(path);
    return stat !== undefined && sameObject(stat, entry);
  }

  /** May what is recorded at the path be overwritten right away? */
  private mayReplace(entry: IndexedEntry, seen: Seen, mover: IndexedEntry | undefined): boolean {
    if (this.wanted.has(`${entry.inode}:${entry.birthNs}`)) return false;
    if (entry.type !== 'directory') return true;
    return seen.stat.type === 'directory' && mover === undefined;
  }

  /** A directory above the target is recorded as another one: look at all of them. */
  private lookAtAncestors(path: RelativePath, through: RelativePath): void {
    const { context, observation, pending } = this.state;
    for (let at = parentPath(path); at !== undefined && isWithin(at, through); at = parentPath(at)) {
      if (pending.has(at)) continue;
      const stat = observation.stat(at);
      const entry = context.index.lookup(context.root, at);
      if (stat !== undefined && (entry === undefined || !sameObject(entry, stat))) {
        this.addSeen({ path: at, stat, closed: true, written: false, now: true, scanned: false });
      }
    }
  }

  // ------------------------------------------------------------- what is emitted

  private move(mover: IndexedEntry, from: RelativePath, seen: Seen, occupant: IndexedEntry | undefined): void {
    const { index, root } = this.state.context;
    const parent = this.parentOf(seen.path);
    if (occupant !== undefined) this.replace(occupant, seen.path);
    const temporary = this.temporaries.findIndex(({ id }) => id === mover.id);
    const origin = temporary < 0 ? from : this.temporaries.splice(temporary, 1)[0]!.origin;
    index.move(mover, parent.id, baseOf(seen.path));
    this.state.openTemporaries = this.temporaries.length;
    this.state.emit({ kind: 'rename', entry: mover.id, path: seen.path, other: from, sizeBytes: 0 });
    this.state.touchParent(from);
    this.state.touchParent(seen.path);
    this.state.outcome.moved.push({ from: origin, to: seen.path });
    if (seen.stat.type === 'directory') this.state.context.special?.moved(origin, seen.path);
    const moved = index.lookup(root, seen.path);
    if (moved !== undefined) updateEntry(this.state, moved, seen, true);
    if (seen.stat.type === 'directory') {
      // While directories change places an entry may have been taken for that of another one; and what was excluded below
      // the old name may not be below the new one.
      const deep = seen.scanned || this.state.context.excluded !== NOTHING;
      this.state.outcome.scans.push({ path: seen.path, deep });
    }
  }

  /** Nothing recorded is this object: it is new, a further name of a file, or takes the place of what was there. */
  private create(seen: Seen, occupant: IndexedEntry | undefined): Step {
    const { stat, path } = seen;
    if (stat.links === 1 && !seen.now && isFresh(stat, this.state.context.wallMs)) {
      this.state.outcome.later.push(path);
      return 'done';
    }
    if (stat.type === 'directory') this.createDirectory(seen, occupant);
    else this.createLeaf(seen, occupant);
    this.state.touchParent(path);
    return 'done';
  }

  private createLeaf(seen: Seen, occupant: IndexedEntry | undefined): void {
    const { stat, path } = seen;
    const existing = stat.links > 1 ? this.otherName(seen) : undefined;
    const id = this.record(seen, occupant);
    if (existing !== undefined) {
      this.state.emit({ kind: 'link', entry: id, path, other: existing, sizeBytes: 0 });
      this.updateLinked(id, seen);
    } else {
      const kind = stat.type === 'file' ? 'put' : 'symlink';
      const other = kind === 'put' ? fileKey(stat) : '';
      this.state.emit({ kind, entry: id, path, other, sizeBytes: stat.sizeBytes });
      if (stat.links > 1) updateSiblings(this.state, id, seen, true);
    }
  }

  /** The other names show the content and times of now as well; a change of it may not have been noticed through them. */
  private updateLinked(id: number, seen: Seen): void {
    const { index, root } = this.state.context;
    const sibling = index
      .byFileId(seen.stat.inode, seen.stat.birthNs)
      .find((row) => row.id !== id && index.placeOf(row)?.root === root);
    if (sibling === undefined) return;
    const place = index.placeOf(sibling)!;
    // At once: postponed, the difference would be gone with the next line, which records what is there.
    updateEntry(this.state, sibling, { ...seen, path: place.path, closed: false, now: true }, false);
    updateSiblings(this.state, id, seen, false);
  }

  private createDirectory(seen: Seen, occupant: IndexedEntry | undefined): void {
    const { index } = this.state.context;
    if (occupant?.type === 'directory') {
      // Removed and made again: what is recorded below it is compared with what is there now.
      index.updateEntry(occupant, seen.stat);
      this.state.emit({ kind: 'metadata', entry: occupant.id, path: seen.path, other: '', sizeBytes: 0 });
      this.state.touch(seen.path);
      this.state.outcome.scans.push({ path: seen.path, deep: true });
      return;
    }
    if (occupant !== undefined) this.remove(occupant, seen.path);
    const id = index.insert(this.parentOf(seen.path).id, baseOf(seen.path), seen.stat);
    this.state.emit({ kind: 'make-directory', entry: id, path: seen.path, other: '', sizeBytes: 0 });
    this.state.touch(seen.path);
    this.state.outcome.scans.push({ path: seen.path, deep: true });
  }

  private record(seen: Seen, occupant: IndexedEntry | undefined): number {
    const { index } = this.state.context;
    if (occupant !== undefined) this.replace(occupant, seen.path);
    const parent = this.parentOf(seen.path).id;
    return index.insert(parent, baseOf(seen.path), this.state.recorded(index.nextEntryId, seen.stat));
  }

  private replace(occupant: IndexedEntry, path: RelativePath): void {
    this.state.forget(occupant, path);
    // What was below a directory has gone with it: those are deletions.
    if (occupant.type !== 'directory') this.state.context.onReplaced?.(occupant.id, true);
  }

  /** Another recorded name of the same file that is still there. */
  private otherName(seen: Seen): RelativePath | undefined {
    const { index, root } = this.state.context;
    if (seen.stat.birthNs === 0n) return undefined;
    for (const candidate of index.byFileId(seen.stat.inode, seen.stat.birthNs)) {
      const place = candidate.type === seen.stat.type ? index.placeOf(candidate) : undefined;
      if (place?.root === root && place.path !== seen.path && this.stillAt(place.path, candidate)) return place.path;
    }
    return undefined;
  }

  private remove(entry: IndexedEntry, path: RelativePath): void {
    this.state.forget(entry, path);
    this.state.emit({ kind: 'remove', entry: 0, path, other: '', sizeBytes: 0 });
    this.state.touchParent(path);
  }

  private parentOf(path: RelativePath): IndexedEntry {
    return this.state.context.index.lookup(this.state.context.root, parentPath(path)!)!;
  }

  // ------------------------------------------------------------- temporary names

  /** Nothing can be placed: the first thing that blocks another steps aside under a temporary name. */
  private evictOne(): boolean {
    const { index, root } = this.state.context;
    for (const path of [...this.state.pending.keys()].sort()) {
      if (path === '' || this.state.pending.has(parentPath(path)!)) continue;
      const entry = index.lookup(root, path);
      if (entry === undefined || entry.name.startsWith(TEMPORARY_PREFIX)) continue;
      this.evict(entry, path);
      return true;
    }
    return false;
  }

  private evict(entry: IndexedEntry, path: RelativePath): void {
    const { index, root } = this.state.context;
    const name = this.freeName();
    this.temporaries.push({ id: entry.id, name, origin: path });
    this.state.openTemporaries = this.temporaries.length;
    index.move(entry, root + 1, name);
    this.state.observation.remember(name, undefined);
    this.state.emit({ kind: 'rename', entry: entry.id, path: name, other: path, sizeBytes: 0 });
    this.state.touchParent(path);
    this.state.touch('');
  }

  private freeName(): string {
    const { index, root } = this.state.context;
    for (let number = index.seq; ; number += 1) {
      const name = `${TEMPORARY_PREFIX}${number}`;
      if (index.child(root + 1, name) === undefined && this.state.observation.stat(name) === undefined) return name;
    }
  }

  /** What stepped aside and is not seen anywhere is gone. */
  private dropTemporaries(): void {
    const { index } = this.state.context;
    while (this.temporaries.length > 0) {
      const { id, name } = this.temporaries.pop()!;
      this.state.openTemporaries = this.temporaries.length;
      const entry = index.byId(id);
      if (entry !== undefined) this.remove(entry, name);
    }
  }
}

function identity(seen: Seen): string {
  return `${seen.stat.inode}:${seen.stat.birthNs}`;
}

function baseOf(path: RelativePath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
