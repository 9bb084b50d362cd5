/** What is kept aside for the roots of one engine: figures for the operator, and who is told of a new kind. */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { FileId, RootTree } from '../ports.ts';
import { ASIDE_KINDS, type AsideRecord, asideKindsOf, decodeAside, encodeAside, NOTHING_ASIDE } from './record.ts';

/** Durable values of the objects of one root, by identity: they follow renames and links without being touched. */
export interface AsideStore {
  readonly count: number;
  /** What all of it takes, about. */
  readonly bytes: number;
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

/** A row with its key and its place in the index. */
const ROW_BYTES = 64;
const WARN_PERCENT = 80;
const CALM_PERCENT = 70;

/** What one value takes. */
export function asideBytes(value: Uint8Array): number {
  return value.length + ROW_BYTES;
}

/** Of one root. */
export class RootAside {
  private readonly tree: RootTree;
  readonly store: AsideStore;
  onKept: (details: FaultDetails) => void = () => {};
  /** Bytes that may be added; throws nothing. */
  room: () => number = () => Number.POSITIVE_INFINITY;

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
    const bytes = encodeAside(record);
    const before = this.store.get(id);
    const more = asideBytes(bytes) - (before === undefined ? 0 : asideBytes(before));
    // What takes less than before is always kept.
    if (more > 0 && more > this.room()) throw new Fault('ASIDE-FULL', { path, limit: 'aside.maxBytes' });
    this.store.set(id, kinds, bytes);
    const news = kinds & ~this.store.told;
    if (news === 0) return;
    this.store.setTold(this.store.told | kinds);
    const what = ASIDE_KINDS.filter((_, index) => (news >> index) & 1).join(', ');
    this.onKept({ root: this.tree.path, what, path });
  }
}

export class KeptAside {
  private readonly roots: readonly RootAside[];
  private readonly maxBytes: number;
  private toldPercent = 0;

  /** `maxBytes`: of all roots together. */
  constructor(roots: readonly RootAside[], maxBytes = Number.POSITIVE_INFINITY) {
    this.roots = roots;
    this.maxBytes = maxBytes;
    for (const root of roots) root.room = () => maxBytes - this.bytes;
  }

  private get bytes(): number {
    return this.roots.reduce((sum, { store }) => sum + store.bytes, 0);
  }

  /** Of the limit, from the warning on; undefined below it. `tell`: once when it is nearly full, and once when it has room again. */
  fill(tell: (code: string, details: FaultDetails) => void): number | undefined {
    const percent = Math.min(100, Math.floor((this.bytes * 100) / this.maxBytes));
    if (percent >= WARN_PERCENT && this.toldPercent === 0) {
      this.toldPercent = percent;
      tell('APL-010', { percent });
    } else if (percent < CALM_PERCENT) this.toldPercent = 0;
    return percent >= WARN_PERCENT ? percent : undefined;
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
