/** Reports (FEATURES.md H3): what they hold. Pure; the daemon makes and stores them; report-{text,html,csv}.ts show them. */
import type { RehearsalResult } from './rehearsal.ts';
import type { Remark } from './remarks.ts';
import type { SyncMethod } from './scenario.ts';

export const REPORT_KINDS = {
  synchronization: 'Synchronization Report',
  replication: 'Replication Report',
  difference: 'Difference Report',
  'assured-recovery': 'Assured Recovery Report',
  switchover: 'Switchover Report',
  assessment: 'Assessment Report',
} as const;
export type ReportKind = keyof typeof REPORT_KINDS;

/** What `ok` and not `ok` mean. */
const RESULTS: Readonly<Record<ReportKind, readonly [string, string]>> = {
  synchronization: ['completed', 'not completed'],
  replication: ['in order', 'attention'],
  difference: ['identical', 'different'],
  'assured-recovery': ['passed', 'failed'],
  switchover: ['completed', 'not completed'],
  assessment: ['complete', 'too low'],
};

/** In one word or two. */
export function resultOf({ kind, ok }: Pick<ReportSummary, 'kind' | 'ok'>): string {
  return RESULTS[kind]?.[ok ? 0 : 1] ?? (ok ? 'ok' : 'not ok');
}

/** A line of the Report Center. */
export interface ReportSummary {
  readonly id: string;
  readonly kind: ReportKind;
  readonly scenario: string;
  /** Wall clock when it was finished. */
  readonly at: number;
  /** Replica it is about; of an assessment the Master. */
  readonly host: string;
  readonly ok: boolean;
}

/** Of one Replica, after each synchronization. */
export interface SynchronizationReport extends ReportSummary {
  readonly kind: 'synchronization';
  readonly master: string;
  readonly method: SyncMethod;
  readonly ignoreSame: boolean;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly roots: readonly { readonly master: string; readonly replica: string }[];
  readonly comparedEntries: number;
  readonly identical: number;
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  readonly metadataOnly: number;
  readonly parked: number;
  readonly sentFiles: number;
  readonly sentBytes: number;
  /** Files whose content was sent, for the detailed report. */
  readonly files: readonly { readonly root: number; readonly path: string; readonly bytes: number }[];
  /** True when there were more files than are listed. */
  readonly filesTruncated: boolean;
  /** Only so many directories were compared, those where changes had been dropped; absent: everything. */
  readonly places?: number;
}

/** Of one Replica, of each comparison without transferring. */
export interface DifferenceReport extends ReportSummary {
  readonly kind: 'difference';
  /** The host it was compared with. */
  readonly master: string;
  readonly ignoreSame: boolean;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly roots: SynchronizationReport['roots'];
  readonly differences: readonly { readonly root: number; readonly path: string; readonly kind: string }[];
  /** True when there were more differences than are listed. */
  readonly truncated: boolean;
  /** What is so on purpose: not a difference. Absent: nothing. */
  readonly remarks?: readonly Remark[];
}

/** What changed in one span of time. */
export interface ChangeCounts {
  /** Files whose content was changed (each counts once for every time it would be sent). */
  readonly files: number;
  readonly bytes: number;
  /** Changes by kind: put, make-directory, rename, remove, link, symlink, metadata. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Of a Master alone: how much changes there, to choose link, limits and spools by. */
export interface AssessmentReport extends ReportSummary {
  readonly kind: 'assessment';
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly roots: readonly string[];
  /** What the roots held at the beginning. */
  readonly entries: number;
  readonly dataBytes: number;
  readonly total: ChangeCounts;
  /** Spans in which something changed, oldest first. */
  readonly minutes: readonly (ChangeCounts & { readonly at: number })[];
  readonly hours: readonly (ChangeCounts & { readonly at: number })[];
  readonly peakMinuteBytes: number;
  readonly peakHourBytes: number;
  readonly suggestion: AssessmentSuggestion;
  /** Places whose notifications were lost for a while: the figures are too low then. */
  readonly overflows: number;
}

export interface AssessmentSuggestion {
  /** Carries all but the busiest twentieth of the minutes without delay. */
  readonly bandwidthBytesPerSecond: number;
  /** Holds what changes in four hours like the busiest one. */
  readonly spoolBytes: number;
}

/** Of one Replica: whether it could serve when it was tested. */
export interface AssuredRecoveryReport extends ReportSummary, Omit<RehearsalResult, 'replica' | 'passed' | 'report'> {
  readonly kind: 'assured-recovery';
  readonly master: string;
  /** On the Replica. */
  readonly roots: readonly string[];
}

/** Why a Replication Report was made: at its time, later because the engine did not run then, or because someone asked. */
export type ReplicationTrigger = 'schedule' | 'made-up' | 'demand';

/** How long a figure was how large; `p95`: it was at most that for 95 % of the measured time. Milliseconds. */
export interface DelayFigures {
  readonly maxMs: number;
  readonly p95Ms: number;
}

/** One Replica in the period of a Replication Report. */
export interface ReplicaReplication {
  readonly replica: string;
  /** Applied there, by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly files: number;
  readonly bytes: number;
  /** Absent: nothing was measured. */
  readonly lag?: DelayFigures;
  readonly exposure?: DelayFigures;
  readonly exposurePeakBytes: number;
  readonly spoolPeakBytes: number;
  readonly parkedPeak: number;
  /** At the end of the period. */
  readonly atEnd: {
    readonly connected: boolean;
    readonly synchronized: boolean;
    readonly parked: number;
    readonly verifiedAt?: number;
  };
}

export interface LinkOutage {
  readonly replica: string;
  readonly from: number;
  /** Absent: it lasted at the end of the period. */
  readonly until?: number;
  readonly reason: string;
}

/** Of one scenario, of everything since its last Replication Report. */
export interface ReplicationReport extends ReportSummary {
  readonly kind: 'replication';
  readonly trigger: ReplicationTrigger;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly roots: SynchronizationReport['roots'];
  /** Time in each state of the scenario; together the measured time. */
  readonly states: Readonly<Record<string, number>>;
  readonly stateAtEnd: string;
  readonly masterSpoolPeakBytes: number;
  readonly unreadableAtEnd: number;
  readonly unreadablePeak: number;
  readonly replicas: readonly ReplicaReplication[];
  /** Equal parts of the period, oldest first. */
  readonly spans: readonly {
    readonly at: number;
    readonly until: number;
    readonly changes: number;
    readonly bytes: number;
    readonly lagMaxMs: number;
  }[];
  readonly outages: readonly LinkOutage[];
  readonly synchronizations: readonly {
    readonly replica: string;
    readonly at: number;
    readonly tookMs: number;
    readonly method: SyncMethod;
    readonly files: number;
    readonly bytes: number;
    readonly parked: number;
  }[];
  /** Nothing was measured then: the engine of the Master did not run, or its host slept. */
  readonly unmeasured: readonly { readonly from: number; readonly until: number }[];
  /** Brakes, verification, warnings and errors from the event log, oldest first. */
  readonly incidents: readonly {
    readonly at: number;
    readonly severity: string;
    readonly code: string;
    readonly text: string;
  }[];
  /** By code, all of the period. */
  readonly eventCounts: Readonly<Record<string, number>>;
  /** False: the event log no longer held all of the period. */
  readonly eventsComplete: boolean;
  /** Absent: the detailed report is off. */
  readonly files?: readonly ReplicatedFile[];
  /** Changes whose files are not in the list. */
  readonly unnamedChanges: number;
  /** Most files that are listed. */
  readonly fileLimit: number;
}

export interface ReplicatedFile {
  readonly replica: string;
  readonly root: number;
  readonly path: string;
  /** Of its last change. */
  readonly kind: string;
  readonly changes: number;
  readonly bytes: number;
}

export type Report =
  | SynchronizationReport
  | DifferenceReport
  | AssessmentReport
  | ReplicationReport
  | AssuredRecoveryReport;
export type ReportDetail = 'summary' | 'detailed';

export const REPORT_FORMATS = ['text', 'html', 'csv', 'json'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];
/** Ending of a file of that format, with its dot. */
export const REPORT_ENDINGS: Readonly<Record<ReportFormat, string>> = {
  text: '.txt',
  html: '.html',
  csv: '.csv',
  json: '.json',
};

/** `2026-11-22 14:03:07 UTC`: the same on every host, whoever reads it. */
export function formatMoment(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
