/** What a console shows: one snapshot, then deltas by scenario. All counts since the scenario was last run unless said. */
import type { HealthVerdict } from './health.ts';
import type { Position } from './position.ts';
import type { RecoveryStatus } from './rewind.ts';
import type { RoleStatus } from './role.ts';
import type { ScenarioState, ServerType, StopReason } from './scenario.ts';

export type HostRole = 'active' | 'standby' | 'fenced';
export type LinkState = 'down' | 'connecting' | 'handshaking' | 'catching-up' | 'live';

/** What a Replica has applied since `since` (its wall clock); each change counts once, whatever was interrupted. */
export interface AppliedTally {
  readonly since: number;
  /** By kind: put, make-directory, rename, remove, link, symlink, metadata. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Content that came with them. */
  readonly bytes: number;
}

export interface ReplicaStatus {
  /** Master's ladder for this Replica: captured ≥ sent ≥ received ≥ applied. */
  readonly sentSeq: number;
  readonly receivedSeq: number;
  readonly appliedSeq: number;
  /** Age in ms of the oldest change not applied / not received, on the Master's clock; 0 when none. */
  readonly lagMs: number;
  readonly exposureMs: number;
  /** Bytes of changes captured and not received (estimate from file sizes). */
  readonly exposureBytes: number;
  readonly pendingChanges: number;
  readonly link: LinkState;
  readonly roundTripMs?: number;
  /** Its wall clock against the one of what feeds it, ms, positive: it is ahead; absent: they agree within 5 s. */
  readonly clockAheadMs?: number;
  /** Replica's spool: received and not applied. */
  readonly spoolBytes: number;
  readonly parked: number;
  /** Told once a second while it changes. */
  readonly tally?: AppliedTally;
  /** Parked items the operator dropped since the last synchronization: not proven identical; absent when none. */
  readonly dropped?: number;
  /** Files for which the volume cannot hold metadata, by root and kind: it is kept beside them. Absent: none. */
  readonly keptAside?: readonly { readonly root: number; readonly what: string; readonly count: number }[];
  /** What metadata kept aside takes of its limit, in per cent, from the warning (80) on. */
  readonly asidePercent?: number;
  readonly held?: string;
  /** Apply stands because the copy is being tested (Assured Recovery). */
  readonly rehearsing?: true;
  /** Wall clock of the last acknowledgement. */
  readonly lastAckAt?: number;
}

export interface HostStatus {
  readonly name: string;
  readonly role: HostRole;
  readonly health: 'alive' | 'suspect' | 'down' | 'unknown';
  /** Is Alive: told by the host that watches this one, for the active host. */
  readonly isAlive?: HealthVerdict;
  readonly gate: 'open' | 'closed' | 'none';
  readonly position: Position;
  readonly lagMs: number;
  readonly exposureMs: number;
  readonly exposureBytes: number;
  readonly spoolBytes: number;
  /** The spool of this host is full in so many ms when it goes on growing like in the last minute; absent: it does not. */
  readonly spoolFullInMs?: number;
  readonly verifiedAt?: number;
  /** Replicas: false: what it has is unknown or outdated, so its lag and exposure say nothing. */
  readonly synchronized?: boolean;
  /**
   * false: told by a Replica that hears nothing of its Master, or of one behind a host that is not heard: what was changed
   * there since is unknown, so are lag and exposure.
   */
  readonly lagKnown?: false;
  /** Only on Replicas. */
  readonly replica?: ReplicaStatus;
}

/** What put the brake on: entries that were removed, files that were overwritten, both. */
export type BrakeKind = 'deletions' | 'changes';

/** The mass-change brake is on: nothing behind `seq` is applied on the Replicas until the operator releases it. */
export interface BrakeStatus {
  readonly kinds: readonly BrakeKind[];
  /** Entries that went since the minute in which it was put on, and how many there were before. */
  readonly removed: number;
  readonly total: number;
  /** Files that were overwritten since then, and how many there were. */
  readonly changed: number;
  readonly files: number;
  /** What a Replica had applied beyond this when it was put on stays. */
  readonly seq: number;
  /** Master's wall clock when it was put on. */
  readonly at: number;
}

/** The brake in words: "90 of 100 entries were deleted". */
export function describeBrake(brake: Pick<BrakeStatus, 'kinds' | 'removed' | 'total' | 'changed' | 'files'>): string {
  const parts = [
    ...(brake.kinds.includes('deletions') ? [`${brake.removed} of ${brake.total} entries were deleted`] : []),
    ...(brake.kinds.includes('changes') ? [`${brake.changed} of ${brake.files} files were overwritten`] : []),
  ];
  return parts.join(', ');
}

export interface SyncProgress {
  readonly phase: 'enumerating' | 'transferring' | 'verifying' | 'done';
  readonly startedAt: number;
  /** Directories and entries compared so far; totals are known when the walk is over. */
  readonly comparedEntries: number;
  readonly totalEntries?: number;
  readonly sentFiles: number;
  readonly sentBytes: number;
  /** Bytes asked for so far. */
  readonly neededBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly currentPath?: string;
}

export interface ScenarioStatistics {
  readonly synchronizedFiles: number;
  readonly synchronizedBytes: number;
  readonly replicatedChanges: number;
  readonly replicatedBytes: number;
  /** Master: data frames as they went out, compressed or not, synchronizations included. */
  readonly wireBytes?: number;
  /** Bytes a second over the last second, sent to all Replicas. */
  readonly bytesPerSecond: number;
  readonly changesPerSecond: number;
}

export interface ScenarioStatus {
  readonly id: string;
  readonly name: string;
  readonly group?: string;
  readonly serverType: ServerType;
  readonly state: ScenarioState;
  readonly stopReason?: StopReason;
  /** Wall clock of the last state change. */
  readonly since: number;
  /** True while it runs (the green mark). */
  readonly running: boolean;
  readonly epoch: number;
  /** Name of the active host. */
  readonly active: string;
  readonly hosts: readonly HostStatus[];
  readonly sync?: SyncProgress;
  readonly statistics: ScenarioStatistics;
  /** Wall clock when collected changes are sent next; absent: they are sent as they happen; null: never, as it is set. */
  readonly nextSendAt?: number | null;
  /** How changes are captured on the Master and what that means; `degraded` when some are found late, by comparing. */
  readonly capture?: {
    readonly method: string;
    readonly degraded: boolean;
    readonly reason?: string;
    readonly roots: readonly CapturedRoot[];
  };
  readonly brake?: BrakeStatus;
  /** Who is active, as the host that reports this knows it; absent: the scenario has no roles (disaster recovery, or never run). */
  readonly roles?: RoleStatus;
  /** Its Replica is the host that was the Master when it was created. */
  readonly backward?: true;
  /** A restore of this scenario, or the one this temporary Recovery scenario is for. */
  readonly recovery?: RecoveryStatus;
  /** Sockets, pipes and devices below the roots of the Master, which are not replicated; absent: none. */
  readonly specialFiles?: number;
  /** Places of the Master that cannot be read now; absent when none. */
  readonly unreadable?: number;
  /** What needs the operator, most important first. */
  readonly problem?: string;
  /** Which of the hosts of the scenario the daemon that reports this is. */
  readonly reportedBy: string;
  readonly revision: number;
}

export interface CapturedRoot {
  readonly path: string;
  readonly method: string;
  readonly degraded: boolean;
  /** Why not a better method. */
  readonly reason?: string;
}

export interface DaemonStatus {
  readonly name: string;
  readonly deviceId: string;
  readonly version: string;
  readonly platform: string;
  readonly startedAt: number;
  readonly address: string;
  /** Wall clock of this report, on the daemon. */
  readonly at: number;
  /** How late the main thread's loop is, 99th percentile since the last report, ms; heartbeats need it below 50. */
  readonly loopDelayMs?: number;
}

export interface Snapshot {
  readonly daemon: DaemonStatus;
  readonly scenarios: readonly ScenarioStatus[];
}
