/** Rows of a Master's index that are written in groups, and how they are found until then. */
import type { SQLInputValue } from 'node:sqlite';
import { COLUMN_COUNT, type IndexedEntry, type IndexedStat, TYPES, toKey } from './master-schema.ts';

export class WaitingRows {
  private values: SQLInputValue[] = [];
  private stats: IndexedStat[] = [];
  private readonly inodes = new Set<bigint>();

  get count(): number {
    return this.stats.length;
  }

  add(id: number, parent: number, name: string, stat: IndexedStat): void {
    this.stats.push(stat);
    this.inodes.add(stat.inode);
    this.values.push(
      id,
      parent,
      toKey(name),
      TYPES.indexOf(stat.type),
      stat.inode,
      stat.birthNs,
      stat.sizeBytes,
      stat.mtimeNs,
      stat.ctimeNs,
      stat.mode,
      stat.uid,
      stat.gid,
      stat.links,
    );
  }

  hasInode(inode: bigint): boolean {
    return this.inodes.has(inode);
  }

  /** They are few: a look at each costs less than a key for each. */
  child(parent: number, name: string): IndexedEntry | undefined {
    const key = toKey(name);
    for (const [index, stat] of this.stats.entries()) {
      const at = index * COLUMN_COUNT;
      if (this.values[at + 1] === parent && isSameKey(this.values[at + 2], key)) {
        return { ...stat, id: this.values[at] as number, parent, name };
      }
    }
    return undefined;
  }

  /** Values of all rows, one row after the other; none wait any more. */
  take(): SQLInputValue[] {
    const { values } = this;
    this.values = [];
    this.stats = [];
    this.inodes.clear();
    return values;
  }
}

/** A name that is not well-formed is its bytes. */
function isSameKey(a: SQLInputValue | undefined, b: string | Uint8Array): boolean {
  if (typeof b === 'string') return a === b;
  return a instanceof Uint8Array && Buffer.compare(a, b) === 0;
}
