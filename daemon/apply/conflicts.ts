/**
 * Which changes can share a group. Pure.
 *
 * The undo records of a group are written before its first change is made, so what a record says about "before" must still
 * be true when its change is made: no change may touch what an earlier one of the group touches. Creating below a directory
 * made in the same group is the exception (there was nothing before, surely), and so is metadata of what the group touched:
 * of an object whose metadata an earlier change of the group sets, that is what was before.
 *
 * `vacated` lasts longer, until the volume was flushed: where a name was given up and is taken again, the giving up must be
 * durable first. Otherwise a power cut could leave the old object under the name and roll-back would take it for the new one.
 */
import type { Change, ChangeMetadata } from '../../shared/change.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryType, FileId } from '../ports.ts';

type PathChange = Exclude<Change, { readonly op: 'put-data' | 'put-end' | 'put-abort' | 'patch-data' }>;

export class GroupPaths {
  private readonly touched = new Set<string>();
  /** Every ancestor of a touched path. */
  private readonly above = new Set<string>();
  /** Moved or removed: nothing below may be touched again in the group. */
  private readonly structural = new Set<string>();
  private readonly made = new Set<string>();
  /** By path: the unit that made what is there. */
  private readonly fresh = new Map<string, number>();
  /** By object: the metadata that the last change of it in the group gives it. */
  private readonly planned = new Map<string, ChangeMetadata>();

  conflicts(change: PathChange): boolean {
    const paths = pathsOf(change);
    const moves = change.op === 'rename' || change.op === 'remove';
    if (change.op === 'metadata') return this.structural.size > 0 && this.belowStructural(change.root, change.path);
    return paths.some(
      (path) =>
        this.touched.has(key(change.root, path)) ||
        (moves && this.above.has(key(change.root, path))) ||
        (this.structural.size > 0 && this.belowStructural(change.root, path)),
    );
  }

  /** The path's directory was made in this group: nothing is there, without looking. */
  isInNewDirectory(root: number, path: RelativePath): boolean {
    const parent = parentPath(path);
    return parent !== undefined && this.made.has(key(root, parent));
  }

  wasTouched(root: number, path: RelativePath): boolean {
    return this.touched.has(key(root, path));
  }

  /** Made in this group by this unit of the Master; what was only moved, or got a further name, is older. */
  isNewIn(unit: number, root: number, path: RelativePath): boolean {
    return this.fresh.get(key(root, path)) === unit;
  }

  /** What an object will have when the group is carried out up to here; undefined: what it has now. */
  plannedMetadata(root: number, id: FileId): ChangeMetadata | undefined {
    return this.planned.size === 0 ? undefined : this.planned.get(objectKey(root, id));
  }

  /** `before`: what is at its path now. */
  add(
    change: PathChange,
    makesDirectory: boolean,
    before?: { readonly type: EntryType; readonly id: FileId },
    unit = 0,
  ): void {
    if (change.op === 'metadata') {
      if (before !== undefined) this.planned.set(objectKey(change.root, before.id), change.metadata);
      return;
    }
    for (const path of pathsOf(change)) {
      this.touched.add(key(change.root, path));
      for (let parent = parentPath(path); parent !== undefined; parent = parentPath(parent)) {
        const parentKey = key(change.root, parent);
        if (this.above.has(parentKey)) break;
        this.above.add(parentKey);
      }
      if (change.op === 'rename' || change.op === 'remove' || before?.type === 'directory') {
        this.structural.add(key(change.root, path));
      }
    }
    if (makesDirectory) this.made.add(key(change.root, change.path));
    if (change.op !== 'rename' && change.op !== 'link') this.fresh.set(key(change.root, change.path), unit);
  }

  clear(): void {
    this.touched.clear();
    this.above.clear();
    this.structural.clear();
    this.made.clear();
    this.fresh.clear();
    this.planned.clear();
  }

  private belowStructural(root: number, path: RelativePath): boolean {
    return isAtOrBelow(this.structural, root, path);
  }
}

/** Names given up since the last flush of the volume. */
export class VacatedPaths {
  private readonly paths = new Set<string>();

  give(root: number, path: RelativePath): void {
    this.paths.add(key(root, path));
  }

  /** The change would take a name that was given up. */
  takes(change: PathChange): boolean {
    if (this.paths.size === 0 || change.op === 'remove' || change.op === 'metadata') return false;
    return isAtOrBelow(this.paths, change.root, change.path);
  }

  clear(): void {
    this.paths.clear();
  }
}

function pathsOf(change: PathChange): readonly RelativePath[] {
  if (change.op === 'rename') return [change.from, change.path];
  if (change.op === 'link') return [change.existing, change.path];
  return [change.path];
}

function objectKey(root: number, { inode, birthNs }: FileId): string {
  return `${root}:${inode}:${birthNs}`;
}

function key(root: number, path: RelativePath): string {
  return root === 0 ? path : `${root}:${path}`;
}

function isAtOrBelow(set: ReadonlySet<string>, root: number, path: RelativePath): boolean {
  for (let at: string | undefined = path; at !== undefined; at = parentPath(at)) {
    if (set.has(key(root, at))) return true;
  }
  return false;
}
