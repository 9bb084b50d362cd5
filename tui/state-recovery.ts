/** State of the screens of recovery: the restore wizard with its point picker and preview, the comparison of a file, bookmarks. */
import type { FaultDocument } from '../shared/faults.ts';
import type { PreviewEntry, PreviewFileResult, PreviewKind, PreviewResult } from '../shared/preview.ts';
import type {
  JournalFigures,
  RecoveryStatus,
  RestoreMethod,
  RestoreResult,
  RewindPoint,
  UndoResult,
} from '../shared/rewind.ts';
import type { Field } from './input/field.ts';

export const RESTORE_STEPS = ['method', 'points', 'preview', 'sync', 'confirm', 'progress', 'result'] as const;
export type RestoreStep = (typeof RESTORE_STEPS)[number];

/** Types of points as the filter offers them; several kinds of the daemon can be one of them. */
export const POINT_TYPES = ['all', 'bookmarks', 'events', 'synchronizations', 'rewinds'] as const;
export type PointType = (typeof POINT_TYPES)[number];

/** As it was typed; `update/point-picker.ts` makes of it what the daemon understands. */
export interface PointFilter {
  readonly type: PointType;
  readonly since: string;
  readonly until: string;
  readonly path: string;
  readonly text: string;
}

export const FILTER_FIELDS = ['since', 'until', 'path', 'text'] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

export const NO_FILTER: PointFilter = { type: 'all', since: '', until: '', path: '', text: '' };

export interface PointList {
  readonly filter: PointFilter;
  /** Those that were fetched so far, newest first. */
  readonly points: readonly RewindPoint[];
  /** How many there are for the filter, also those not fetched. */
  readonly total: number;
  readonly cursor: number;
  /** Console clock when the newest ones were fetched. */
  readonly fetchedAt?: number;
  /** Number of the request under way; an answer to an older one is dropped. */
  readonly asked?: number;
  readonly fault?: FaultDocument;
  /** Of points a preview was made of: places that cannot be given back, by id. */
  readonly lost: Readonly<Record<string, number>>;
  /** Goes on fetching until the oldest point is there. */
  readonly toEnd: boolean;
  /** Nothing is older, or as many were fetched as are kept. */
  readonly complete: boolean;
  /** Asked with instead when nothing matches: what the console looked for by itself is not there. */
  readonly otherwise?: PointFilter;
}

export interface FilterEdit {
  readonly filter: PointFilter;
  /** 0 is the type, then the fields. */
  readonly row: number;
  readonly field: Field;
}

/** What the daemon answered for the point under the cursor. */
export interface PreviewPane {
  readonly pointId: string;
  /** Absent: the answer has not come yet. */
  readonly result?: PreviewResult;
  readonly fault?: FaultDocument;
}

export interface PreviewTree {
  readonly cursor: number;
  /** Directories that are shown closed, as `root/path`. */
  readonly closed: Readonly<Record<string, true>>;
  readonly kind: PreviewKind | 'all';
}

interface Base {
  /** Console clock when it opened or changed its question. */
  readonly openedAt: number;
}

/** What an extraction has written. */
export interface Extraction {
  readonly files: number;
  readonly bytes: number;
  readonly present: number;
  readonly lost: number;
  readonly directory: string;
}

/** What a restore or its undo has answered. */
export type RestoreOutcome =
  | { readonly kind: 'restored'; readonly result: RestoreResult }
  | { readonly kind: 'undone'; readonly result: UndoResult }
  /** It was watched from here, but not asked for here, or the connection was lost before the answer. */
  | { readonly kind: 'over' };

export interface RestoreDialog extends Base {
  readonly kind: 'restore';
  readonly job: 'restore' | 'undo';
  readonly scenarioId: string;
  readonly scenario: string;
  /** Whose data; one of `replicas`. */
  readonly replica: string;
  readonly replicas: readonly string[];
  readonly step: RestoreStep;
  /** Opened to look at the history: Esc at the points closes it. */
  readonly looking: boolean;
  /** Rows of the method page: the Replica (when there is a choice), then the methods. */
  readonly row: number;
  readonly method: RestoreMethod;
  readonly sync: 'block' | 'file';
  readonly list: PointList;
  readonly editing?: FilterEdit;
  readonly preview?: PreviewPane;
  readonly tree: PreviewTree;
  /** Requests for points so far. */
  readonly requests: number;
  /** Counts movements of the cursor: the preview is asked for when it rests. */
  readonly moves: number;
  readonly point?: RewindPoint;
  /** The name typed to confirm. */
  readonly typed: Field;
  /** What was true when the question was shown; nothing is asked when it changed meanwhile. */
  readonly basis: string;
  /** Set when it was asked for here; console clock. */
  readonly askedAt?: number;
  /** Last known progress and what was known before, for the rate. */
  readonly seen?: { readonly status: RecoveryStatus; readonly at: number };
  readonly pace?: { readonly stepsPerSecond: number; readonly bytesPerSecond: number };
  readonly outcome?: RestoreOutcome;
  /** Places of `point` that cannot be given back are accepted: they stay as they are. */
  readonly acceptLost?: true;
  readonly fault?: FaultDocument;
  readonly scroll: number;
}

/** One file, then and now. */
export interface CompareDialog extends Base {
  readonly kind: 'compare';
  readonly scenarioId: string;
  readonly point: RewindPoint;
  readonly entry: PreviewEntry;
  readonly result?: PreviewFileResult;
  readonly fault?: FaultDocument;
  readonly scroll: number;
}

/** One line to type before something is done: the name of a bookmark, the directory to extract into. */
export interface PromptDialog extends Base {
  readonly kind: 'prompt';
  readonly what: 'bookmark' | 'extract';
  readonly scenarioId: string;
  readonly scenario: string;
  readonly host: string;
  readonly title: string;
  readonly question: string;
  readonly notes: readonly string[];
  readonly verb: string;
  readonly field: Field;
  readonly step: 'question' | 'asked' | 'failed';
  /** Bookmark: only on this Replica. */
  readonly replica?: string;
  /** Extract: from where. */
  readonly source?: { readonly point: string; readonly root: number; readonly path: string; readonly replica: string };
  readonly done?: { readonly files: number; readonly bytes: number };
  readonly fault?: FaultDocument;
}

export type RecoveryDialog = RestoreDialog | CompareDialog | PromptDialog;

/** What a Replica answered about its history, and when it was asked. */
export interface JournalView {
  readonly askedAt: number;
  readonly figures?: JournalFigures;
  readonly fault?: FaultDocument;
}

/** Why a request of these screens was made; comes back with its answer. */
export type RecoveryPurpose =
  | { readonly kind: 'points'; readonly scenarioId: string; readonly asked: number; readonly older: boolean }
  | { readonly kind: 'preview'; readonly scenarioId: string; readonly point: string }
  | { readonly kind: 'preview-file'; readonly scenarioId: string; readonly point: string; readonly path: string }
  | { readonly kind: 'journal'; readonly scenarioId: string; readonly replica: string }
  | { readonly kind: 'bookmark'; readonly scenarioId: string }
  | { readonly kind: 'extract'; readonly scenarioId: string }
  | { readonly kind: 'restore'; readonly scenarioId: string };
