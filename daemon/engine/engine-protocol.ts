/**
 * Messages between the daemon's main thread (sockets, decisions) and an engine (data path) in its worker thread.
 * The engines themselves are plain classes over ports; the simulator runs them without threads.
 */
import type { AttributeKinds } from '../../shared/attributes.ts';
import type { FaultDetails, FaultDocument } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { Remark } from '../../shared/remarks.ts';
import type { RootRules } from '../../shared/scenario.ts';
import type { BrakeStatus, ReplicaStatus, ScenarioStatistics, SyncProgress } from '../../shared/status.ts';
import type { PreviewRequest } from '../journal/past-view.ts';
import type { PointFilter } from '../journal/points.ts';
import type { BandwidthPolicy } from '../link/bandwidth.ts';
import type { CaptureHint } from '../ports.ts';
import type { SpoolPlace } from '../store/spool-place.ts';
import type { TailRequest } from './master-tail.ts';
import type { SendPolicy } from './send-gate.ts';

export interface EngineRoot extends RootRules {
  /** Absolute path on this host. */
  readonly path: string;
}

export interface EngineConfig {
  readonly scenarioId: string;
  readonly scenarioName: string;
  readonly role: 'master' | 'replica';
  readonly roots: readonly EngineRoot[];
  /** Directory of this scenario below the daemon's data directory: state files. Exists. */
  readonly directory: string;
  /** Where its spool lies; absent: it has none that outlives it. */
  readonly spool?: SpoolPlace;
  readonly exclude: readonly string[];
  readonly fileFilter: readonly string[];
  /** Kinds of attributes the scenario replicates. */
  readonly attributeKinds: AttributeKinds;
  readonly agreedFingerprint: string;
  readonly epoch: number;
  readonly limits: EngineLimits;
  /** Master: where what its roots hold aside is remembered, when that is not `directory`. */
  readonly asideDirectory?: string;
  /** Master: another engine of this host, a Replica's, keeps it there now. */
  readonly asideShared?: true;
  /** Replica: it feeds others, who have to notice what is kept aside. */
  readonly feeds?: true;
  /** Master: only to count what changes (assess-engine.ts). */
  readonly assess?: boolean;
  /** Master: only to compare: without capture and without a record. */
  readonly compareOnly?: boolean;
  /** Master: device ids of the configured Replicas; absent: those that are heard of. */
  readonly replicas?: readonly string[];
  /** Master: how fast each Replica is sent data; absent: unlimited. */
  readonly bandwidth?: BandwidthPolicy;
  /** Master: when changes are sent; absent: as they happen. */
  readonly schedule?: SendPolicy;
  /** Replica: the operator runs the scenario now, so roots that were replaced are taken for what he wants. */
  readonly adoptRoots?: boolean;
  /** Replica: what the Master does not have (any more) and is left in the roots. */
  readonly keepDeleted?: KeepDeleted;
  /** Replica: Data Rewind is on. */
  readonly history?: HistoryLimits;
  /** Replica: no replication, only questions about the history and rewinds. */
  readonly historyOnly?: boolean;
}

export interface HistoryLimits {
  /** Older segments go. */
  readonly retentionMs: number;
  /** Of everything that is kept. */
  readonly maxBytes: number;
  /** Of the volumes of the roots: below it the oldest history goes. */
  readonly minFreeBytes: number;
  /** `gap`: the oldest history goes, replication goes on; `hold`: apply waits until its age lets some go. */
  readonly whenFull: 'gap' | 'hold';
  /** Between two self-checks; 0 or absent: none. */
  readonly selfCheckMs?: number;
}

export interface KeepDeleted {
  /** What only the Replica has when a synchronization compares. */
  readonly synchronization: boolean;
  /** What is removed on the Master. */
  readonly replication: boolean;
}

/** Values of catalogue settings the engines need; see config/catalogue.ts for meaning and defaults. */
export interface EngineLimits {
  readonly spoolMaxBytes: number;
  readonly spoolMinFreeBytes: number;
  readonly syncWindowBytes: number;
  /** Master: time between two audit walks; 0 or absent: none. */
  readonly auditPeriodMs?: number;
  /** Replica: age in ms, on the Master's clock, at which a change may be applied. */
  readonly applyDelayMs?: number;
  /** Replica: what metadata kept aside may take in all its roots; absent: unlimited. */
  readonly asideMaxBytes?: number;
  /** Master: the brake is put on when more than this share of the entries goes within a minute; 0: never. */
  readonly massDeletePercent?: number;
  /** Master: the brake is put on when the content of more than this share of the files is replaced within a minute; 0: never. */
  readonly massChangePercent?: number;
  /** Master: fewer are no mass change; absent: 20. */
  readonly massMinimum?: number;
  /** Master: compares in the background. */
  readonly continuousVerification?: boolean;
  /** Master: device ids of Replicas that apply changes only when they have a certain age. */
  readonly delayedReplicas?: readonly string[];
}

/** Limits of a Master that may be edited while it runs. */
export type LiveLimits = Pick<EngineLimits, 'massMinimum'> &
  Required<
    Pick<EngineLimits, 'massDeletePercent' | 'massChangePercent' | 'continuousVerification' | 'delayedReplicas'>
  >;

/** Main thread → engine. `peer` names the other host's device id: a Master may have several Replicas. */
export type EngineRequest =
  | { readonly type: 'start'; readonly config: EngineConfig }
  /** A MessagePort on which the capture thread sends `CaptureHint[]` (worker.ts passes them to the engine). */
  | { readonly type: 'capture'; readonly port: unknown }
  | { readonly type: 'hints'; readonly hints: readonly CaptureHint[] }
  | { readonly type: 'link-open'; readonly peer: string }
  /** The bytes stay as they are until `link-release`. */
  | { readonly type: 'link-bytes'; readonly peer: string; readonly bytes: Uint8Array }
  | { readonly type: 'link-closed'; readonly peer: string; readonly reason: string }
  | { readonly type: 'call'; readonly id: number; readonly call: EngineCall }
  /** Drain what is in hand, make it durable, answer `stopped`. */
  | { readonly type: 'stop' };

export type EngineCall =
  /** Master: synchronize one Replica (`peer`) and then replicate live. Resolves when the synchronization is complete. */
  | {
      readonly name: 'synchronize';
      readonly peer: string;
      readonly method: 'file' | 'block' | 'skip';
      readonly ignoreSame: boolean;
      /** The operator asked for it: roots that were replaced are taken for what he wants. Else they are `ROOT-MISSING`. */
      readonly adoptRoots?: boolean;
      /** What he asked for is that the scenario goes on: where the roots are what they were, only what the spool dropped is compared. */
      readonly droppedOnly?: boolean;
    }
  /** Master: compare without transferring. Resolves with `DiffResult`. */
  | { readonly name: 'diff'; readonly peer: string; readonly ignoreSame: boolean }
  /** Master: resolves when every change made before now is applied on every Replica (or on these), with the position. */
  | { readonly name: 'barrier'; readonly replicas?: readonly string[] | undefined }
  /** Master: holds apply on a Replica, or lets it go on. Remembered by the Replica, not by the Master's engine. */
  | { readonly name: 'suspend'; readonly peer: string; readonly suspended: boolean }
  /** Master: limits that take effect at once were edited. */
  | { readonly name: 'limits'; readonly limits: LiveLimits }
  /** Master: takes the mass-change brake off; answers whether it was on. */
  | { readonly name: 'brake-release' }
  /** Replica: answers `ParkedAnswer` with the items as they were before. */
  | { readonly name: 'parked'; readonly action: 'list' | 'retry' | 'drop' }
  /** Replica: answers `RewindPointList`. */
  | { readonly name: 'points'; readonly filter: PointFilter }
  /** Replica: looks at the roots as they were at a point; answers the results of shared/preview.ts. */
  | { readonly name: 'past'; readonly request: PastRequest }
  /** Replica: answers `JournalFigures`. */
  | { readonly name: 'journal' }
  /** Replica: everything up to `seq` of the Master is applied; answers `RewindPoint`. */
  | { readonly name: 'bookmark'; readonly seq: number; readonly text: string }
  /**
   * Replica: holds apply while the copy is tested. Asked again until `RehearsalHold.still`: then everything before it is in
   * the roots and flushed.
   */
  | { readonly name: 'rehearse'; readonly on: boolean }
  /**
   * Replica: it is to take over. Its link is closed and none is taken any more; everything received is applied, whatever its age and
   * whoever held it back, flushed and recorded. Answers `FinishAnswer`. Can be asked again, also of an engine that has just started.
   */
  | { readonly name: 'finish' }
  /**
   * Replica, `historyOnly`: sets the roots back to the point of that id (`start`: the oldest); answers `RewindResult`. `looked`:
   * as `rewind-plan` just answered for this point.
   */
  | { readonly name: 'rewind'; readonly point: string; readonly looked?: KeptLook | undefined }
  /**
   * Replica, `historyOnly`: answers `RewindPlan`; throws what `rewind` to that point would. `whole`: also refuses a point with
   * places that cannot be given back.
   */
  | { readonly name: 'rewind-plan'; readonly point: string; readonly whole?: boolean }
  /** Replica, `historyOnly`: answers `CopyState`; it has not started when a root is not the directory it was. */
  | { readonly name: 'copy-state' }
  /** Replica, `historyOnly`: removes the history and everything kept for it. */
  | { readonly name: 'history-forget' }
  /** Replica, `historyOnly`: its copy is of no history any more, for that reason; answers `OutdateAnswer`. */
  | { readonly name: 'outdate'; readonly reason: string }
  /** Master: the limits of sending were edited. */
  | { readonly name: 'bandwidth'; readonly policy: BandwidthPolicy }
  /** Master: changes are sent as they happen until this is ended, whatever the schedule says. */
  | { readonly name: 'release'; readonly on: boolean }
  /** Master: compare everything with the record now; resolves with `AuditResult`. */
  | { readonly name: 'audit' }
  /** Master: what it has behind a position of a Replica; answers `TailPage`. */
  | ({ readonly name: 'tail' } & TailRequest)
  /** Assessment: capture is watching, begin; resolves when the roots were walked through. */
  | { readonly name: 'assess-begin' }
  /** Assessment: resolves with `AssessFigures`. */
  | { readonly name: 'assess-figures' }
  /** Master: rescan a place as if its events had been lost. */
  | { readonly name: 'rescan'; readonly root: number; readonly path: string };

export interface RehearsalHold {
  /** Apply does nothing any more. */
  readonly still: boolean;
  /** What is tested. */
  readonly position: Position;
}

export interface FinishAnswer {
  /** The roots are a state of the Master's history, to be given to users. */
  readonly fit: boolean;
  /** Why they are not. */
  readonly reason?: string;
  /** What they hold; absent: no state of any history. */
  readonly position?: Position;
  readonly received: number;
  readonly applied: number;
  /** Items that could not be applied. */
  readonly parked: number;
  /** Those that the operator dropped since the last synchronization. */
  readonly dropped: number;
  /** Nothing is left to be compared: they are what the Master had at `position`. */
  readonly clean: boolean;
}

export interface CopyState {
  /** Of the Master; absent: a synchronization was not finished, none was begun, or the roots were set back since. */
  readonly position?: Position;
  /** Items of the Master that are not in the copy. */
  readonly parked: number;
}

export interface OutdateAnswer {
  /** There are points that a gap separates from now on. */
  readonly hasHistory: boolean;
}

/** Everything kept on the way to a point was looked at, and nothing was lost. */
export interface KeptLook {
  readonly point: string;
  /** Number of the last record of the history then. */
  readonly last: number;
  /** Milliseconds since boot. */
  readonly atMs: number;
}

export interface RewindPlan {
  /** Changes to take back. */
  readonly steps: number;
  /** Point that leads back to what is there now; it exists as soon as the rewind was begun. */
  readonly back: string;
  /** Where everything was looked at. */
  readonly looked?: KeptLook;
}

export interface RewindProgress {
  readonly doneSteps: number;
  readonly totalSteps: number;
  readonly path?: string;
}

interface PastPath {
  /** Id of the point. */
  readonly point: string;
  readonly root: number;
  readonly path: string;
}

export type PastRequest =
  | ({ readonly kind: 'preview'; readonly point: string } & PreviewRequest)
  | ({ readonly kind: 'file' } & PastPath)
  /** Answers `{ point, entry }`. */
  | ({ readonly kind: 'entry' } & PastPath)
  | ({ readonly kind: 'list' } & PastPath & PastPage)
  | ({ readonly kind: 'read'; readonly position: number; readonly length: number } & PastPath);

export interface PastPage {
  readonly after?: string | undefined;
  readonly limit: number;
  readonly inlineBytes: number;
}

export interface AuditResult {
  readonly entries: number;
  /** Changed without being noticed; they are being sent. */
  readonly differences: number;
  readonly tookMs: number;
}

export interface DiffResult {
  readonly identical: boolean;
  readonly differences: readonly { readonly root: number; readonly path: string; readonly kind: string }[];
  /** True when the list was cut at its limit. */
  readonly truncated: boolean;
  /** What is so on purpose; absent: nothing. */
  readonly remarks?: readonly Remark[];
}

export interface SyncResult {
  readonly peer: string;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly method: 'file' | 'block' | 'skip';
  readonly comparedEntries: number;
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  readonly metadataOnly: number;
  readonly identical: number;
  readonly parked: number;
  /** For the detailed report, at most 100,000. */
  readonly files: readonly { readonly root: number; readonly path: string; readonly bytes: number }[];
  readonly filesTruncated: boolean;
  /** Only so many directories were compared, those where changes had been dropped; absent: everything. */
  readonly places?: number;
}

/** Engine → main thread. */
export type EngineNotice =
  | { readonly type: 'started'; readonly position: Position | undefined }
  /** Its start takes long, but goes on. */
  | { readonly type: 'starting' }
  /** The bytes may be used again when the call is over, or when `onSent` was called. */
  | { readonly type: 'link-send'; readonly peer: string; readonly bytes: Uint8Array; readonly onSent?: () => void }
  /** The oldest `count` bytes of `link-bytes` are done with. */
  | { readonly type: 'link-release'; readonly peer: string; readonly count: number }
  | { readonly type: 'link-close'; readonly peer: string; readonly fault?: FaultDocument }
  /** An entry for the event log; `code` is in the event catalogue. */
  | { readonly type: 'event'; readonly code: string; readonly details: FaultDetails }
  | { readonly type: 'status'; readonly status: EngineStatus }
  /** Master: names of what was sent since the last of these, and how many changes are not named. */
  | {
      readonly type: 'sent';
      readonly peer: string;
      readonly files: readonly SentFile[];
      readonly unnamed: number;
    }
  | { readonly type: 'reply'; readonly id: number; readonly result?: unknown; readonly fault?: FaultDocument }
  /** The engine cannot go on (fatal fault); the supervisor restarts or fails the scenario. */
  | { readonly type: 'failed'; readonly fault: FaultDocument }
  | { readonly type: 'stopped' };

export interface SentFile {
  readonly root: number;
  readonly path: string;
  /** Of the last change. */
  readonly kind: string;
  readonly changes: number;
  /** Size when it was last sent; 0 for what has no content. */
  readonly bytes: number;
}

/** At most every 100 ms, and only when something changed. */
export interface EngineStatus {
  /** Master: captured; Replica: applied. */
  readonly position: Position | undefined;
  readonly phase: 'idle' | 'synchronizing' | 'live' | 'held';
  readonly held?: string;
  readonly peers: Readonly<Record<string, EnginePeerStatus>>;
  readonly sync?: SyncProgress;
  readonly statistics: ScenarioStatistics;
  /** Master: wall clock when changes are sent next; absent: as they happen; null: never, as the schedule is set. */
  readonly nextSendAt?: number | null;
  /** Replica: spool and positions. */
  readonly receivedSeq?: number;
  readonly spoolBytes: number;
  /** Master: the spool is full in so many ms when it goes on growing like this; absent while it does not grow. */
  readonly spoolFullInMs?: number;
  readonly parked: number;
  /** Replica: parked items the operator dropped since the last synchronization. */
  readonly dropped?: number;
  /** Replica: see ReplicaStatus. */
  readonly keptAside?: NonNullable<ReplicaStatus['keptAside']>;
  readonly asidePercent?: number;
  /** Replica: apply is held by the operator. */
  readonly suspended?: boolean;
  /** Replica, `historyOnly`: a rewind is under way. */
  readonly rewind?: RewindProgress;
  /** Master: the mass-change brake is on. */
  readonly brake?: BrakeStatus;
  /** Master: places that cannot be read now; what they hold is not on the Replicas. */
  readonly unreadable?: number;
  /** Master: sockets, pipes and devices, which are not replicated; absent: none. */
  readonly specialFiles?: number;
}

export interface EnginePeerStatus extends ReplicaStatus {
  /** The Replica has usable data of this history; false: it must be synchronized. */
  readonly synchronized: boolean;
  /** The spool was full: what was dropped of it for this Replica has to be compared. */
  readonly collapsed?: true;
  /** Wall clock, ms: proven identical since; absent: not proven by continuous verification. */
  readonly verifiedAt?: number;
}
