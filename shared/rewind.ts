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

/** How the text of the bookmark begins that a Replica sets right before what the mass-change brake holds. */
export const BEFORE_WAVE = 'Before the mass change held';

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
  /** Places that cannot be given back there, what was kept of them is missing or damaged; absent: none is known of. */
  readonly lost?: number;
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
  /**
   * Places that were not as the journal left them: they stay as they are. `lost`: why what was kept of them cannot be given
   * back. At most 1,000.
   */
  readonly foreign: readonly { readonly root: number; readonly path: string; readonly lost?: string }[];
  readonly foreignCount: number;
  /** Of these. */
  readonly lostCount?: number;
  /** The moment before it; `undo` goes back there. */
  readonly undoPoint: string;
  readonly tookMs: number;
}

/**
 * `master`: all data on the Master is replaced with the data on the Replica. `rewind`: the Replica is set back to a point and
 * synchronized back to the Master. `rewind-replica`: set back and left on the Replica only (guide: "Recovery Method").
 */
export const RESTORE_METHODS = ['master', 'rewind', 'rewind-replica'] as const;
export type RestoreMethod = (typeof RESTORE_METHODS)[number];

export interface RestoreResult extends Omit<RewindResult, 'undoPoint'> {
  readonly method: RestoreMethod;
  /** Replica whose data was restored. */
  readonly replica: string;
  /** Methods that rewind: the moment before it; absent for `master`. */
  readonly undoPoint?: string;
  /** Absent for `rewind-replica`. */
  readonly synchronization?: ReverseSynchronization;
  /** Wall clock, ms: until then `undo` gives the Master its data back; absent: nothing was done to the Master. */
  readonly undoUntil?: number;
}

/** What synchronizing back to the Master did there. */
export interface ReverseSynchronization {
  readonly comparedEntries: number;
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  readonly metadataOnly: number;
  readonly identical: number;
}

/** What `undo` gave back: on the host that was asked for and, after a restore to the Master, there. */
export interface UndoResult extends RewindResult {
  readonly hosts: readonly { readonly host: string; readonly steps: number; readonly foreignCount: number }[];
}

export type RecoveryPhase = 'rewinding' | 'synchronizing' | 'finishing';

/**
 * A restore under way. The temporary Recovery scenario has the state `recovering`; the scenario itself stays `stopped` and
 * carries this as well.
 */
export interface RecoveryStatus {
  /** The last restore is being undone: there is no Recovery scenario, `scenario` is the one it is about. */
  readonly undo?: true;
  readonly method: RestoreMethod;
  readonly phase: RecoveryPhase;
  /** Of the phase: changes taken back, then entries compared. `totalSteps` 0: not known yet. */
  readonly doneSteps: number;
  readonly totalSteps: number;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly path?: string;
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** Name of the temporary Recovery scenario. */
  readonly scenario: string;
  /** Replica whose data is restored. */
  readonly replica: string;
  /** What it waits for; it goes on by itself. */
  readonly waits?: string;
  /** It does not go on by itself: why. Run the Recovery scenario to go on, or remove it. */
  readonly failed?: string;
}

/** What is older cannot be reached. */
export interface JournalGap {
  /** Wall clock, ms, when it was found out. */
  readonly from: number;
  readonly to?: number;
  readonly reason: string;
}

/** The history a Replica keeps, against what was asked for. */
export interface JournalFigures {
  /** Data Rewind is on; false: everything else is 0. */
  readonly on: boolean;
  /** Of the log and everything it keeps. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Wall clock, ms: data can be set back to any moment since; absent: nothing is kept yet. */
  readonly keptSince?: number;
  /** Retention period. */
  readonly askedMs: number;
  /** Part of it that is kept, 0..1; 1 as long as nothing that was asked for was lost. */
  readonly coverage: number;
  /** Of the last day, or of what is kept; absent in the first minute. */
  readonly bytesPerHour?: number;
  /** Points younger than the retention period go in so many ms for want of room; absent: it suffices. */
  readonly trimsInMs?: number;
  readonly points: number;
  readonly bookmarks: number;
  /** Oldest first. */
  readonly gaps: readonly JournalGap[];
  /** Previews and the like that look into the history now: what they need is not removed. */
  readonly pinned: number;
  /** Of the volume of the roots; the least of them. */
  readonly freeBytes: number;
  readonly lastSelfCheck?: {
    readonly at: number;
    readonly point: string;
    readonly identical: boolean;
    readonly files: number;
  };
}
