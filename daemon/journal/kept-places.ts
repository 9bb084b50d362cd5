/** What was kept, as a rewind finds it: a damaged object is never put back as if it were whole. */
import { isWithin, type RelativePath } from '../../shared/path.ts';
import type { FileId, Looker, RootTree } from '../ports.ts';
import { damageOfKept } from './kept-check.ts';
import type { LastDirectory } from './last-directory.ts';
import { exchanges, type UndoOp, type UndoRecord } from './record.ts';

/** Where the root is not as the journal left it, or (`lost`: why) what was kept is not there: it stays as it is. */
export interface ForeignPlace {
  readonly root: number;
  readonly path: RelativePath;
  readonly lost?: string;
}

/** Taking one of these back, a directory may go. */
const MOVES_DIRECTORIES: ReadonlySet<UndoOp> = new Set(['rename', 'make-directory', 'restore']);

export class KeptPlaces {
  private readonly trees: readonly RootTree[];
  private readonly lookers: readonly Looker[];
  /** What could not be given back: whatever was below it then has no place either. */
  private readonly lost: { readonly root: number; readonly path: RelativePath }[] = [];
  /** Files that were changed in place after: their size may be another. */
  private readonly patched = new Set<string>();
  /** By root: directories that are there. */
  private readonly places: readonly Set<RelativePath>[];
  private readonly directory: LastDirectory;

  private readonly looked: boolean;

  /** `looked`: at everything, just now. */
  constructor(trees: readonly RootTree[], directory: LastDirectory, looked: boolean) {
    this.looked = looked;
    this.trees = trees;
    this.directory = directory;
    this.places = trees.map(() => new Set());
    this.lookers = trees.map((tree) => lookerAt(tree.keptObjects()));
  }

  lossOf(origin: UndoRecord): Pick<ForeignPlace, 'lost'> | undefined {
    const { root, path, kept, before, op } = origin;
    if (op === 'patch' && before !== undefined) this.patched.add(idKey(root, before.id));
    if (MOVES_DIRECTORIES.has(op) && !exchanges(origin)) for (const places of this.places) places.clear();
    const keeps = kept !== undefined && before !== undefined;
    if (!keeps && op !== 'rename') return undefined;
    const reason = keeps && (!this.looked || op === 'patch') ? this.damageOf(origin, kept, before.id) : undefined;
    if (reason === undefined && this.hasPlace(origin)) return undefined;
    this.lost.push({ root, path });
    return { lost: reason ?? 'its directory is not there' };
  }

  private damageOf(origin: UndoRecord, kept: string, id: FileId): string | undefined {
    const { root } = origin;
    const changesInPlace = this.patched.size > 0 && this.patched.has(idKey(root, id));
    return damageOfKept(this.lookers[root]?.shape(kept), origin, changesInPlace);
  }

  /** None: nothing is there, and nothing was there then. */
  foreignAt(origin: UndoRecord): ForeignPlace[] {
    const { root, path } = origin;
    const isLost = this.lost.some((place) => place.root === root && isWithin(path, place.path));
    if (!isLost) return [{ root, path }];
    const wasNothing = origin.before === undefined && this.trees[root]?.stat(path) === undefined;
    return wasNothing ? [] : [{ root, path, lost: 'what it was in is lost' }];
  }

  end(): void {
    for (const looker of this.lookers) looker.close();
  }

  private hasPlace({ root, path, from = path }: UndoRecord): boolean {
    const parent = this.directory.of(from);
    if (parent === undefined || parent === '') return true;
    const places = this.places[root];
    if (places === undefined || places.has(parent)) return true;
    // Only where something was lost or changed by others there may be none.
    if (this.trees[root]?.stat(parent)?.type !== 'directory') return false;
    places.add(parent);
    return true;
  }
}

/** Looks one at a time where that saves nothing. */
export function lookerAt(tree: Pick<RootTree, 'stat' | 'look'>): Looker {
  const stat = (path: RelativePath) => tree.stat(path);
  return tree.look?.() ?? { stat, shape: stat, close: () => {} };
}

function idKey(root: number, { inode, birthNs }: FileId): string {
  return `${root}:${inode}:${birthNs}`;
}
