/** One consistent-as-possible look at a root for one reconciliation: stats are taken once, parents are found, absences placed. */

import { Fault } from '../../shared/faults.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { EntryStat, RootTree, ScannedEntry } from '../ports.ts';
import type { IndexedStat } from '../store/master-schema.ts';
import { toIndexed } from './entry.ts';
import { NOTHING, type PathFilter } from './filter.ts';
import type { SpecialFilesOfRoot } from './special-files.ts';

export type TreeView = Pick<RootTree, 'stat' | 'scan' | 'attributesOf'>;

/** A thing seen at a path. */
export interface Seen {
  readonly path: RelativePath;
  readonly stat: IndexedStat;
  readonly closed: boolean;
  readonly written: boolean;
  /** Do not wait for a writer. */
  readonly now: boolean;
  readonly scanned: boolean;
}

const GONE: ReadonlySet<string> = new Set(['FS-NOT-FOUND', 'PATH-SYMLINK']);

export function isGone(error: unknown): boolean {
  return error instanceof Fault && GONE.has(error.code);
}

export class Observation {
  private readonly tree: TreeView;
  private readonly excluded: PathFilter;
  private readonly special: SpecialFilesOfRoot | undefined;
  private readonly stats = new Map<RelativePath, IndexedStat | undefined>();

  constructor(tree: TreeView, excluded: PathFilter, special?: SpecialFilesOfRoot) {
    this.tree = tree;
    this.special = special;
    this.excluded = excluded;
  }

  /** What is there, undefined when nothing is or nothing that is replicated. Throws what is not an absence. */
  stat(path: RelativePath): IndexedStat | undefined {
    if (this.stats.has(path)) return this.stats.get(path);
    const stat = this.fresh(path);
    this.stats.set(path, stat);
    return stat;
  }

  /** The same without the memory of this reconciliation. */
  fresh(path: RelativePath): IndexedStat | undefined {
    let stat: EntryStat | undefined;
    try {
      stat = this.tree.stat(path);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    this.special?.seen(path, stat?.type);
    return stat === undefined || this.excluded(path, stat.type) ? undefined : toIndexed(stat);
  }

  /** What is there and left out by the file filter. */
  leftOut(path: RelativePath): EntryStat | undefined {
    if (this.excluded === NOTHING) return undefined;
    const stat = this.tree.stat(path);
    return stat !== undefined && this.excluded(path, stat.type) ? stat : undefined;
  }

  /** Entries of a directory; undefined when it is no directory any more. */
  scan(path: RelativePath): ScannedEntry[] | undefined {
    try {
      const entries = this.tree.scan(path);
      this.special?.listed(path, entries);
      return entries;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  remember(path: RelativePath, stat: IndexedStat | undefined): void {
    this.stats.set(path, stat);
  }

  /**
   * For an absent path: the topmost absent ancestor, and the present ancestor above it. The latter may be a file or link
   * where a directory was.
   */
  topmostAbsent(path: RelativePath): { readonly top: RelativePath; readonly above: RelativePath } {
    let top = path;
    for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
      if (this.stat(above) !== undefined || above === '') return { top, above };
      top = above;
    }
    return { top, above: '' };
  }
}
