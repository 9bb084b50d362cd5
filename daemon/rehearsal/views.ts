/**
 * A writable view of directories that leaves them as they are: programs find it under the same paths, and everything written
 * goes to a scratch directory that is thrown away (platform/linux/overlay-views.ts).
 */
export interface RehearsalViews {
  /** Why this host has none; undefined: it has. */
  unavailable(): string | undefined;
  /**
   * Puts a view over each root and over each volume mounted below one. `label` finds them again after a crash; `scratch` is an
   * empty directory of ours. Throws what refused it; then no view is left.
   */
  open(label: string, roots: readonly string[], scratch: string): void;
  /** What was written through the views so far. */
  written(scratch: string): WrittenInView;
  /** Takes every view of that label away and removes what was written. Also when none is there. */
  close(label: string, scratch: string): ClosedViews;
}

export interface WrittenInView {
  readonly entries: number;
  readonly bytes: number;
}

export interface ClosedViews {
  /** Views that programs still had open: these see the old view until they close it, nobody else does. */
  readonly inUse: readonly string[];
}
