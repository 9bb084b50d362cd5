/**
 * Which steps of a rewind can share a group. Pure. As in apply (apply/conflicts.ts), what the records of a group say about
 * "before" must still be true when its steps are made: none may touch what an earlier one touches.
 */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { LastDirectory } from './last-directory.ts';
import type { UndoRecord } from './record.ts';

export class RewindPaths {
  private readonly touched = new Set<string>();
  /** Every directory above them. */
  private readonly above = new Set<string>();
  /** A directory may come, go or be another afterwards: nothing below can be looked at before. */
  private readonly moved = new Set<string>();
  private readonly directory: LastDirectory;

  constructor(directory: LastDirectory) {
    this.directory = directory;
  }

  mustWait({ root, path, from, op, before }: UndoRecord): boolean {
    // What is in a directory has nothing to do with its rights; of its time it is known what it will be.
    const alone = op === 'metadata' && before?.type === 'directory';
    return this.isTaken(root, path, alone) || (from !== undefined && this.isTaken(root, from, false));
  }

  /** `stays`: what is in a directory at the path stays there. */
  add({ root, path, from }: UndoRecord, stays: boolean): void {
    this.touch(root, path, stays);
    if (from !== undefined) this.touch(root, from, stays);
  }

  clear(): void {
    this.touched.clear();
    this.above.clear();
    this.moved.clear();
  }

  private isTaken(root: number, path: RelativePath, alone: boolean): boolean {
    const own = keyOf(root, path);
    if (this.touched.has(own) || (!alone && this.above.has(own))) return true;
    if (this.moved.size === 0) return false;
    for (let at: RelativePath | undefined = path; at !== undefined; at = parentPath(at)) {
      if (this.moved.has(keyOf(root, at))) return true;
    }
    return false;
  }

  private touch(root: number, path: RelativePath, stays: boolean): void {
    const own = keyOf(root, path);
    this.touched.add(own);
    if (!stays) this.moved.add(own);
    for (let parent = this.directory.of(path); parent !== undefined; parent = parentPath(parent)) {
      const key = keyOf(root, parent);
      if (this.above.has(key)) break;
      this.above.add(key);
    }
  }
}

function keyOf(root: number, path: RelativePath): string {
  return root === 0 ? path : `${root}:${path}`;
}
