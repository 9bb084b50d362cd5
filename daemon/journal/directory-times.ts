/**
 * Modification times of the directories that a change disturbs, as they were before it. Going back in history, the oldest
 * record of a directory decides, so its time ends as it was at that moment.
 */
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { RootTree } from '../ports.ts';
import type { UndoIntent, UndoRecord } from './record.ts';

export class DirectoryTimes {
  private readonly trees: readonly RootTree[];
  /** What they are or will be when the changes intended since the last `clear` were made; undefined: no such directory. */
  private readonly known = new Map<string, bigint | undefined>();

  constructor(trees: readonly RootTree[]) {
    this.trees = trees;
  }

  /** The changes intended so far were made. */
  clear(): void {
    this.known.clear();
  }

  /** `mtimeNs`: of the object at the path after the change. */
  of(intent: UndoIntent, mtimeNs: bigint | undefined): Pick<UndoRecord, 'directoryTimes'> {
    const { op, root, path, from } = intent;
    const disturbs = op !== 'metadata' && op !== 'patch';
    const parents = disturbs ? [parentPath(path), ...(from === undefined ? [] : [parentPath(from)])] : [];
    const times = parents.map((parent) => (parent === undefined ? undefined : this.timeOf(root, parent)));
    if (mtimeNs !== undefined) this.known.set(`${root}:${path}`, mtimeNs);
    // One that is made in the same group has none: it goes with everything in it.
    if (times.every((time) => time === undefined)) return {};
    return { directoryTimes: times };
  }

  expect({ root, path, from, directoryTimes }: UndoRecord): void {
    for (const [at, name] of [path, from].entries()) {
      const time = directoryTimes?.[at];
      if (time !== undefined && name !== undefined) this.known.set(`${root}:${parentPath(name) ?? ''}`, time);
    }
  }

  private timeOf(root: number, directory: RelativePath): bigint | undefined {
    const key = `${root}:${directory}`;
    if (this.known.has(key)) return this.known.get(key);
    const stat = this.trees[root]?.stat(directory);
    const time = stat?.type === 'directory' ? stat.mtimeNs : undefined;
    this.known.set(key, time);
    return time;
  }
}
