/**
 * Volumes mounted below the roots of a Master. Like a root, each is known by the identity of its top directory: while that is
 * not there, the volume is not mounted, its content has not been deleted, and everything below the place stays as it is on
 * the Replicas. Which places are mount points is remembered beyond a restart.
 */

import { Fault, type FaultDetails } from '../../shared/faults.ts';
import { joinPath, type RelativePath } from '../../shared/path.ts';
import type { RootFilters } from '../capture/filter.ts';
import { HeldPaths } from '../capture/held-places.ts';
import type { RootTree } from '../ports.ts';
import type { MasterState } from '../store/master-state.ts';

/** More mount points than this below one root are not guarded. */
const MOUNTS_LIMIT = 1_000;

export interface MountGuardPorts {
  readonly trees: readonly RootTree[];
  readonly state: MasterState;
  readonly filters: RootFilters;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** Compare everything below it: it appeared, or it is back. */
  readonly rescan: (root: number, path: RelativePath) => void;
}

interface RootMounts {
  /** Identity of the top directory, by mount point. */
  readonly known: Map<RelativePath, string>;
  /** As capture says; undefined until it has. */
  present: ReadonlySet<RelativePath> | undefined;
  readonly held: HeldPaths;
}

export class MountGuard {
  private readonly ports: MountGuardPorts;
  private readonly roots: readonly RootMounts[];

  constructor(ports: MountGuardPorts) {
    this.ports = ports;
    this.roots = ports.trees.map((_, root) => ({
      known: new Map(JSON.parse(ports.state.meta(`mounts:${root}`) ?? '[]') as [RelativePath, string][]),
      present: undefined,
      held: new HeldPaths(),
    }));
  }

  heldPlaces(root: number): HeldPaths {
    return this.roots[root]!.held;
  }

  get heldCount(): number {
    return this.roots.reduce((sum, { held }) => sum + held.paths.size, 0);
  }

  get heldPaths(): RelativePath[] {
    return this.roots.flatMap(({ held }) => [...held.paths]);
  }

  /** Capture says which places are mount points now. */
  take(root: number, paths: readonly RelativePath[]): void {
    const mounts = this.roots[root];
    if (mounts === undefined) return;
    mounts.present = new Set(paths.slice(0, MOUNTS_LIMIT));
    for (const path of mounts.present) {
      if (mounts.known.has(path) || this.ports.filters(root)(path)) continue;
      const identity = this.identityAt(root, path);
      if (identity === undefined) continue;
      mounts.known.set(path, identity);
      this.ports.onEvent('MNT-003', { path: this.shown(root, path) });
      this.ports.rescan(root, path);
    }
    this.check();
    for (const [path] of mounts.known) {
      // It was gone before its identity was taken: what was noted is the directory below.
      if (!mounts.present.has(path) && !mounts.held.paths.has(path)) mounts.known.delete(path);
    }
    this.save(root);
  }

  /** Looks at every known mount point; call before any absence is believed. */
  check(): void {
    for (const [root, { known, held }] of this.roots.entries()) {
      for (const [path, identity] of known) {
        const isThere = this.identityAt(root, path) === identity;
        if (isThere === !held.paths.has(path)) continue;
        if (isThere) {
          held.paths.delete(path);
          this.ports.onEvent('MNT-002', { path: this.shown(root, path) });
          this.ports.rescan(root, path);
        } else {
          held.paths.add(path);
          this.ports.onEvent('MNT-001', { path: this.shown(root, path) });
        }
      }
    }
  }

  /** The operator runs the scenario: what is there now is what he wants. */
  adopt(): void {
    for (const [root, mounts] of this.roots.entries()) {
      mounts.held.paths.clear();
      mounts.known.clear();
      for (const path of mounts.present ?? []) {
        const identity = this.ports.filters(root)(path) ? undefined : this.identityAt(root, path);
        if (identity !== undefined) mounts.known.set(path, identity);
      }
      this.save(root);
    }
  }

  /** Throws `ROOT-MISSING` while a volume is away: a comparison would take its absence for a removal. */
  require(): void {
    for (const [root, { known }] of this.roots.entries()) {
      for (const [path, identity] of known) {
        if (this.identityAt(root, path) !== identity) throw new Fault('ROOT-MISSING', { path: this.shown(root, path) });
      }
    }
  }

  private identityAt(root: number, path: RelativePath): string | undefined {
    try {
      const stat = this.ports.trees[root]!.stat(path);
      return stat?.type === 'directory' ? `${stat.id.inode}.${stat.id.birthNs}` : undefined;
    } catch {
      return undefined;
    }
  }

  private shown(root: number, path: RelativePath): string {
    return joinPath(this.ports.trees[root]!.path, path);
  }

  private save(root: number): void {
    const text = JSON.stringify([...this.roots[root]!.known]);
    const { state } = this.ports;
    if (text !== (state.meta(`mounts:${root}`) ?? '[]')) state.setMeta(`mounts:${root}`, text);
  }
}
