/** Carries out planned changes on one root; every replaced object goes through the journal first (D5). */
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { parentPath, type RelativePath } from '../../shared/path.ts';
import type { JournalPort } from '../journal/journal.ts';
import type { UndoRecord } from '../journal/record.ts';
import type { RootTree, StagedFile } from '../ports.ts';
import { appliedMetadata } from './open-puts.ts';
import type { ChangeOrigin, Plan, TreeChange } from './plan.ts';

/** What of a staged file makes it a file of the root. */
export type StagedPut = Pick<StagedFile, 'setMetadata' | 'commit' | 'release' | 'discard'>;

export type ActPlan = Extract<Plan, { readonly kind: 'act' }>;

/** Mode of a parent that was missing, until the Master sends the directory itself. */
const PROVISIONAL_MODE = 0o755;

export class TreeWriter {
  private readonly trees: readonly RootTree[];
  private readonly journal: JournalPort;
  profile: MetadataProfile;

  constructor(trees: readonly RootTree[], journal: JournalPort, profile: MetadataProfile) {
    this.trees = trees;
    this.journal = journal;
    this.profile = profile;
  }

  get allTrees(): readonly RootTree[] {
    return this.trees;
  }

  tree(root: number): RootTree {
    const tree = this.trees[root];
    if (tree === undefined) throw new Fault('LINK-FRAME', { reason: `root ${root}` });
    return tree;
  }

  setMetadata(root: number, path: RelativePath, metadata: ChangeMetadata): void {
    this.tree(root).setMetadata(path, appliedMetadata(metadata, this.profile));
  }

  /** The record must be durable. `staged`: the content of a put that came in pieces. */
  act(change: TreeChange, plan: ActPlan, record: UndoRecord, staged?: StagedPut): void {
    const tree = this.tree(record.root);
    if (plan.keep !== 'none') this.journal.keep(record, plan.keep);
    switch (plan.action) {
      case 'put':
        this.put(tree, change, staged);
        return;
      case 'metadata':
        if ('metadata' in change) tree.setMetadata(record.path, appliedMetadata(change.metadata, this.profile));
        return;
      case 'make-directory':
        if ('metadata' in change) tree.makeDirectory(record.path, appliedMetadata(change.metadata, this.profile));
        return;
      case 'symlink':
        if (change.op === 'symlink')
          tree.makeSymlink(record.path, change.target, appliedMetadata(change.metadata, this.profile));
        return;
      case 'link':
        if (change.op === 'link') tree.makeLink(change.existing, record.path);
        return;
      case 'rename':
        if (change.op === 'rename') tree.rename(change.from, change.path);
        return;
      case 'remove':
      // Keeping it was removing it.
    }
  }

  private put(tree: RootTree, change: TreeChange, arrived: StagedPut | undefined): void {
    if (change.op !== 'put') throw new Fault('INTERNAL', { reason: `put planned for ${change.op}` });
    const own = arrived === undefined ? tree.stage() : undefined;
    const staged: StagedPut = arrived ?? own!;
    try {
      if (change.content.length > 0) own?.write(change.content, 0);
      staged.setMetadata(appliedMetadata(change.metadata, this.profile));
      staged.commit(change.path);
    } catch (error) {
      if (arrived === undefined) staged.discard();
      throw error;
    }
  }

  /**
   * Makes the directories above `path` that are missing; returns the topmost one made. Throws `PATH-SYMLINK` when one of
   * them is something else.
   */
  ensureParents(root: number, path: RelativePath, origin: ChangeOrigin): RelativePath | undefined {
    const tree = this.tree(root);
    const missing: RelativePath[] = [];
    for (let parent = parentPath(path); parent !== undefined && parent !== ''; parent = parentPath(parent)) {
      const found = tree.stat(parent);
      if (found?.type === 'directory') break;
      if (found !== undefined) throw new Fault('PATH-SYMLINK', { path });
      missing.unshift(parent);
    }
    for (const directory of missing) {
      const record = this.journal.intend({ ...origin, op: 'make-directory', root, path: directory });
      try {
        this.journal.flush();
        tree.makeDirectory(directory, this.profile.posixModes ? { mode: PROVISIONAL_MODE } : {});
      } catch (error) {
        this.journal.withdraw(record);
        throw error;
      }
    }
    return missing[0];
  }

  /** The topmost thing above `path` (or `path` itself) that keeps it from being reached. */
  blocker(root: number, path: RelativePath): RelativePath {
    const tree = this.tree(root);
    const names = path.split('/');
    for (let count = 1; count < names.length; count += 1) {
      const ancestor = names.slice(0, count).join('/');
      if (tree.stat(ancestor)?.type !== 'directory') return ancestor;
    }
    return path;
  }
}
