/**
 * Where a Replica may differ from the index after intents were dropped: directories, in today's names. Too many directories
 * become the subtrees above them, in the end the whole root. Pure.
 */
import { isWithin, parentPath, type RelativePath } from '../../shared/path.ts';

/** `deep`: everything below as well, else only the entries of the directory itself. */
export interface DirtyPlace {
  readonly root: number;
  readonly path: RelativePath;
  readonly deep: boolean;
}

/** More directories than this are not worth remembering one by one. */
const MOST_PLACES = 4_096;

export class DirtyPlaces {
  private readonly limit: number;
  /** By root: path → deep. */
  private readonly roots = new Map<number, Map<RelativePath, boolean>>();

  constructor(places: readonly DirtyPlace[] = [], limit: number = MOST_PLACES) {
    this.limit = limit;
    for (const { root, path, deep } of places) this.add(root, path, deep);
  }

  /** Parents before what is below them. */
  list(): DirtyPlace[] {
    const places: DirtyPlace[] = [];
    for (const [root, paths] of [...this.roots].sort(([a], [b]) => a - b)) {
      for (const path of [...paths.keys()].sort()) places.push({ root, path, deep: paths.get(path)! });
    }
    return places;
  }

  get count(): number {
    let count = 0;
    for (const paths of this.roots.values()) count += paths.size;
    return count;
  }

  add(root: number, path: RelativePath, deep: boolean): void {
    const paths = this.pathsOf(root);
    if (isCovered(paths, path) || (paths.has(path) && !deep)) return;
    if (deep) for (const known of paths.keys()) if (isWithin(known, path)) paths.delete(known);
    paths.set(path, deep);
    if (this.count > this.limit) this.collapse();
  }

  /** The entry at `path` (and the directory it is in) changed. */
  entryChanged(root: number, path: RelativePath): void {
    this.add(root, parentPath(path) ?? '', false);
  }

  /** What was at `from` is at `to` now. */
  renamed(root: number, from: RelativePath, to: RelativePath, isDirectory: boolean): void {
    const paths = this.pathsOf(root);
    for (const [path, deep] of [...paths]) {
      if (!isWithin(path, from)) continue;
      paths.delete(path);
      paths.set(to + path.slice(from.length), deep);
    }
    this.entryChanged(root, from);
    this.entryChanged(root, to);
    // The Replica has it under its old name, if at all.
    if (isDirectory) this.add(root, to, true);
  }

  removed(root: number, path: RelativePath): void {
    const paths = this.pathsOf(root);
    for (const known of [...paths.keys()]) if (isWithin(known, path)) paths.delete(known);
    this.entryChanged(root, path);
  }

  private pathsOf(root: number): Map<RelativePath, boolean> {
    let paths = this.roots.get(root);
    if (paths === undefined) {
      paths = new Map();
      this.roots.set(root, paths);
    }
    return paths;
  }

  /** Cuts off the deepest levels until half of the room is free. */
  private collapse(): void {
    let depth = 0;
    for (const paths of this.roots.values()) for (const path of paths.keys()) depth = Math.max(depth, depthOf(path));
    while (this.count > this.limit / 2 && depth > 0) {
      depth -= 1;
      for (const paths of this.roots.values()) cutAt(paths, depth);
    }
  }
}

/** Everything deeper than `depth` becomes the subtree of its ancestor there. */
function cutAt(paths: Map<RelativePath, boolean>, depth: number): void {
  for (const path of [...paths.keys()]) {
    if (depthOf(path) <= depth) continue;
    paths.delete(path);
    paths.set(path.split('/').slice(0, depth).join('/'), true);
  }
  for (const path of [...paths.keys()]) if (isCovered(paths, path)) paths.delete(path);
}

function depthOf(path: RelativePath): number {
  return path === '' ? 0 : path.split('/').length;
}

/** Inside a subtree that is compared anyway. */
function isCovered(paths: ReadonlyMap<RelativePath, boolean>, path: RelativePath): boolean {
  for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
    if (paths.get(above) === true) return true;
  }
  return false;
}
