/**
 * A directory of the Master that is empty here and holds only small files: it is built whole in staging and takes its place
 * by one rename after the flush of its group. That spares a rename and a walk for every file.
 */
import type { ChangeMetadata, MetadataProfile } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import { appliedMetadata } from '../apply/open-puts.ts';
import type { StagedPut } from '../apply/tree-writer.ts';
import { verdictOf } from '../apply/verdict.ts';
import type { RootTree, StagedDirectory } from '../ports.ts';
import type { EntryComparison } from './replica-compare.ts';

/** Fewer files are not worth a directory of their own. */
const FEWEST_FILES = 3;
/** What an interruption may cost: well below a group (replica-group.ts), so that a group never waits for one directory. */
const MOST_FILES = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;

/** `entries`: everything the Master lists; `wanted`: those of them whose content is asked for. */
export function mayBuild(entries: readonly EntryComparison[], wanted: readonly EntryComparison[]): boolean {
  if (entries.length !== wanted.length || entries.length < FEWEST_FILES || entries.length > MOST_FILES) return false;
  let bytes = 0;
  for (const { entry, own, verdict } of wanted) {
    if (own !== undefined || entry.linkGroup !== undefined) return false;
    if (verdict.kind !== 'content' || verdict.need !== 'whole') return false;
    bytes += entry.sizeBytes;
  }
  return bytes <= MOST_BYTES;
}

export class DirectoryBuild {
  private readonly tree: RootTree;
  private readonly path: RelativePath;
  private readonly profile: MetadataProfile;
  private staged: StagedDirectory | undefined;
  private state: 'open' | 'committed' | 'discarded' = 'open';
  /** Why it could not take its place. */
  private fault: Fault | undefined;
  /** Every file of it, so that the first one's commit is everybody's. */
  private readonly put: StagedPut = {
    setMetadata: () => {},
    commit: () => this.commit(),
    discard: () => this.discard(),
    release: () => this.discard(),
  };

  constructor(tree: RootTree, path: RelativePath, profile: MetadataProfile) {
    this.tree = tree;
    this.path = path;
    this.profile = profile;
  }

  /** Undefined when the file cannot be part of it for a reason of its own: it goes its own way. Throws what holds everything. */
  add(name: string, content: Uint8Array, metadata: ChangeMetadata): StagedPut | undefined {
    if (this.state !== 'open') return undefined;
    try {
      this.staged ??= this.tree.stageDirectory?.();
      this.staged?.add(name, content, appliedMetadata(metadata, this.profile));
      return this.staged && this.put;
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) !== 'park') throw fault;
      return undefined;
    }
  }

  /** Part of this directory, not a file on its own. */
  holds(put: StagedPut): boolean {
    return put === this.put;
  }

  private commit(): void {
    if (this.fault !== undefined) throw this.fault;
    if (this.state !== 'open' || this.staged === undefined) return;
    try {
      this.staged.commit(this.path);
      this.state = 'committed';
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) === 'park') this.fault = fault;
      throw fault;
    }
  }

  private discard(): void {
    if (this.state !== 'open') return;
    this.state = 'discarded';
    this.staged?.discard();
  }
}
