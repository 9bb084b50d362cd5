/** Data Rewind as hosts, consoles and the command line speak of it (guide: "Recovering Data Using Rewind Points"). */

/**
 * `event`: right before a change of a file. `gap`: not a point; what is older cannot be reached, `text` says why.
 */
export const REWIND_POINT_KINDS = [
  'event',
  'bookmark',
  'synchronized',
  'before-synchronization',
  'rewind',
  'gap',
] as const;
export type RewindPointKind = (typeof REWIND_POINT_KINDS)[number];

export interface RewindPoint {
  /** For `restore --at`; means the same as long as the point is listed. */
  readonly id: string;
  /** Wall clock in ms: the Master's where it is known, else the Replica's. */
  readonly at: number;
  readonly kind: RewindPointKind;
  readonly text: string;
  /** Of a file event, relative to its root. */
  readonly path?: string;
  /** Index of the root in the document. */
  readonly root?: number;
}

export interface RewindPointList {
  /** Newest first. */
  readonly points: readonly RewindPoint[];
  /** How many there are for the filter, also beyond the limit. */
  readonly total: number;
}

export interface RewindResult {
  /** Changes that were taken back. */
  readonly steps: number;
  /** Places that were not as the journal left them: they stay as they are. At most 1,000. */
  readonly foreign: readonly { readonly root: number; readonly path: string }[];
  readonly foreignCount: number;
  /** The moment before it; `undo` goes back there. */
  readonly undoPoint: string;
  readonly tookMs: number;
}
