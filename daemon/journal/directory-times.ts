/**
 * Modification times of the directories that a change disturbs, as they were before it. Going back in history, the oldest
 * record of a directory decides, so its time ends as it was at that moment.
 */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { RootTree } from '../ports.ts';
import { LastDirectory } from './last-directory.ts';
import type { UndoIntent, UndoRecord } from './record.ts';

export class DirectoryTimes {
  private readonly trees: readonly RootTree[];
  /**
   * What they are or will be when the changes intended since the last `clear` were made, by root; undefined: no such
   * directory.
   */
  private readonly known: readonly Map<RelativePath, bigint | undefined>[];
  private readonly directory = new LastDirectory();

  constructor(trees: readonly RootTree[]) {
    this.trees = trees;
    this.known = trees.map(() => new Map());
  }

  /** The changes intended so far were made. */
  clear(): void {
    for (const known of this.known) known.clear();
  }

  /** For the record of the change. `mtimeNs`: of the object at the path after it. */
  of({ op, root, path, from }: UndoIntent, mtimeNs: bigint | undefined): UndoRecord['directoryTimes'] {
    const disturbs = op !== 'metadata' && op !== 'patch';
    const time = disturbs ? this.timeOf(root, path) : undefined;
    const fromTime = disturbs && from !== undefined ? this.timeOf(root, from) : undefined;
    if (mtimeNs !== undefined) this.known[root]!.set(path, mtimeNs);
    // One that is made in the same group has none: it goes with everything in it.
    if (time === undefined && fromTime === undefined) return undefined;
    return from === undefined ? [time] : [time, fromTime];
  }

  expect({ root, path, from, directoryTimes }: UndoRecord): void {
    if (directoryTimes === undefined) return;
    const [time, fromTime] = directoryTimes;
    if (time !== undefined) this.known[root]!.set(this.directory.of(path) ?? '', time);
    if (fromTime !== undefined && from !== undefined) this.known[root]!.set(parentPath(from) ?? '', fromTime);
  }

  /** Of the directory of a path. */
  private timeOf(root: number, path: RelativePath): bigint | undefined {
    const directory = this.directory.of(path);
    if (directory === undefined) return undefined;
    const known = this.known[root]!;
    const before = known.get(directory);
    if (before !== undefined || known.has(directory)) return before;
    const stat = this.trees[root]?.stat(directory);
    const time = stat?.type === 'directory' ? stat.mtimeNs : undefined;
    known.set(directory, time);
    return time;
  }
}
