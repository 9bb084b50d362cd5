/** What the Replica knows of a synchronization: its counts, and each directory until everything in it is as it should be. */
import type { ChangeMetadata } from '../../shared/change.ts';
import type { RelativePath } from '../../shared/path.ts';
import type { DirectoryBuild } from './directory-build.ts';
import type { EntryComparison } from './replica-compare.ts';

export interface SyncCounts {
  removed: number;
  created: number;
  updated: number;
  metadataOnly: number;
  identical: number;
  parked: number;
}

export interface DirectoryState {
  readonly number: number;
  readonly root: number;
  readonly path: RelativePath;
  readonly metadata: ChangeMetadata;
  /** Contents and links still to come. */
  pending: number;
  /** Not completely looked at yet. */
  open: boolean;
  readonly needs: Map<number, EntryComparison>;
  /** It is made whole in staging. */
  build?: DirectoryBuild;
}
