/** Reports (FEATURES.md H3): what they hold. Pure; the daemon makes and stores them; report-{text,html,csv}.ts show them. */
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

export type Report = SynchronizationReport | DifferenceReport | AssessmentReport;
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
