/**
 * A Replica that feeds others (docs/decisions/0030): its volume shows nothing of what is kept aside, so the engine that reads the
 * roots for the ones behind it would not look. Once the values are durable, and before a checkpoint claims them, each object is
 * given the time it has once more, which the kernel reports like any change of metadata.
 */
import { Fault } from '../../shared/faults.ts';
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { FileId, RootTree } from '../ports.ts';

export class AsideNotices {
  private readonly tree: RootTree;
  private readonly pending = new Map<RelativePath, FileId>();

  constructor(tree: RootTree) {
    this.tree = tree;
  }

  get isEmpty(): boolean {
    return this.pending.size === 0;
  }

  changed(path: RelativePath, id: FileId): void {
    this.pending.set(path, id);
  }

  renamed(from: RelativePath, to: RelativePath): void {
    for (const [path, id] of [...this.pending]) {
      if (!isWithin(path, from)) continue;
      this.pending.delete(path);
      this.pending.set(`${to}${path.slice(from.length)}` as RelativePath, id);
    }
  }

  tell(): void {
    for (const [path, id] of this.pending) {
      const stat = this.tree.stat(path);
      // It has gone or was replaced, which is reported itself.
      if (stat === undefined || stat.id.inode !== id.inode || stat.id.birthNs !== id.birthNs) continue;
      try {
        this.tree.setMetadata(path, { mtimeNs: stat.mtimeNs });
      } catch (error) {
        // The values are safe; what feeds others compares everything from time to time.
        if (Fault.from(error).kind === 'fatal') throw error;
      }
    }
    this.pending.clear();
  }
}
