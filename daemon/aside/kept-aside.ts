/** What is kept aside for the roots of one engine: figures for the operator, and who is told of a new kind. */
import type { FaultDetails } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { FileId, RootTree } from '../ports.ts';
import { ASIDE_KINDS, type AsideRecord, asideKindsOf, decodeAside, encodeAside, NOTHING_ASIDE } from './record.ts';

/** Durable values of the objects of one root, by identity: they follow renames and links without being touched. */
export interface AsideStore {
  readonly count: number;
  /** How many hold each of ASIDE_KINDS. */
  readonly counts: readonly number[];
  /** Kinds the operator was told of. */
  readonly told: number;
  get(id: FileId): Uint8Array | undefined;
  /** Replaces; `kinds` as `asideKindsOf`. Durable after `flush`. */
  set(id: FileId, kinds: number, bytes: Uint8Array): void;
  remove(id: FileId): void;
  setTold(kinds: number): void;
  /** Fatal on failure, but for `FS-FULL`. */
  flush(): void;
  close(): void;
}

export interface AsideCount {
  readonly root: number;
  readonly what: string;
  readonly count: number;
}

/** Of one root. */
export class RootAside {
  private readonly tree: RootTree;
  readonly store: AsideStore;
  onKept: (details: FaultDetails) => void = () => {};

  constructor(tree: RootTree, store: AsideStore) {
    this.tree = tree;
    this.store = store;
  }

  get isEmpty(): boolean {
    return this.store.count === 0;
  }

  of(id: FileId): AsideRecord {
    const bytes = this.store.get(id);
    return bytes === undefined ? NOTHING_ASIDE : decodeAside(bytes);
  }

  keep(id: FileId, record: AsideRecord, path: RelativePath): void {
    const kinds = asideKindsOf(record);
    if (kinds === 0) {
      this.store.remove(id);
      return;
    }
    this.store.set(id, kinds, encodeAside(record));
    const news = kinds & ~this.store.told;
    if (news === 0) return;
    this.store.setTold(this.store.told | kinds);
    const what = ASIDE_KINDS.filter((_, index) => (news >> index) & 1).join(', ');
    this.onKept({ root: this.tree.path, what, path });
  }
}

export class KeptAside {
  private readonly roots: readonly RootAside[];

  constructor(roots: readonly RootAside[]) {
    this.roots = roots;
  }

  /** Once for each root and kind, also over restarts. */
  listen(onKept: (details: FaultDetails) => void): void {
    for (const root of this.roots) root.onKept = onKept;
  }

  counts(): AsideCount[] {
    return this.roots.flatMap(({ store }, root) =>
      ASIDE_KINDS.flatMap((what, index) => {
        const count = store.counts[index] ?? 0;
        return count === 0 ? [] : [{ root, what, count }];
      }),
    );
  }
}
