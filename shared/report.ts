/** Reports (FEATURES.md H3): what they hold and how they read as text. Pure; the daemon makes and stores them. */
import type { SyncMethod } from './scenario.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from './units.ts';

export const REPORT_KINDS = {
  synchronization: 'Synchronization Report',
  replication: 'Replication Report',
  difference: 'Difference Report',
  'assured-recovery': 'Assured Recovery Report',
  switchover: 'Switchover Report',
} as const;
export type ReportKind = keyof typeof REPORT_KINDS;

/** A line of the Report Center. */
export interface ReportSummary {
  readonly id: string;
  readonly kind: ReportKind;
  readonly scenario: string;
  /** Wall clock when it was finished. */
  readonly at: number;
  /** Replica it is about. */
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

const METHODS: Readonly<Record<SyncMethod, string>> = {
  file: 'File Synchronization',
  block: 'Block Synchronization',
  skip: 'Skip Synchronization',
};

/** The report as plain text; `detailed` also lists the files that participated in the process. */
export function renderSynchronizationReport(report: SynchronizationReport, detail: 'summary' | 'detailed'): string {
  const took = Math.max(0, report.finishedAt - report.startedAt);
  const lines = [
    `${REPORT_KINDS.synchronization} (${detail === 'summary' ? 'Summary' : 'Detailed'})`,
    '',
    row('Scenario', report.scenario),
    row('Master', report.master),
    row('Replica', report.host),
    row('Method', METHODS[report.method]),
    row('Ignore files of same size/time', report.ignoreSame ? 'on' : 'off'),
    row('Started', formatMoment(report.startedAt)),
    row('Finished', formatMoment(report.finishedAt)),
    row('Duration', formatDuration(took)),
    row('Result', report.ok ? 'completed' : 'not completed'),
    '',
    'Root directories',
    ...report.roots.map((root) => `  ${root.master} -> ${root.replica}`),
    '',
    row('Compared entries', formatCount(report.comparedEntries)),
    row('Identical', formatCount(report.identical)),
    row('Created', formatCount(report.created)),
    row('Updated', formatCount(report.updated)),
    row('Removed', formatCount(report.removed)),
    row('Attributes only', formatCount(report.metadataOnly)),
    row('Parked', formatCount(report.parked)),
    row('Synchronized files', formatCount(report.sentFiles)),
    row('Synchronized bytes', `${formatCount(report.sentBytes)} (${formatBytes(report.sentBytes)})`),
    row('Average rate', took === 0 ? '—' : formatRate((report.sentBytes / took) * 1000)),
  ];
  if (detail === 'detailed') lines.push('', ...fileLines(report));
  return `${lines.join('\n')}\n`;
}

/** `2026-11-22 14:03:07 UTC`: the same on every host, whoever reads it. */
export function formatMoment(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function fileLines(report: SynchronizationReport): string[] {
  if (report.files.length === 0) return ['No file had to be sent.'];
  const lines = report.files.map((file) => {
    const root = report.roots[file.root]?.master ?? `root ${file.root}`;
    return `  ${formatCount(file.bytes).padStart(15)}  ${root}/${file.path}`;
  });
  const more = report.sentFiles - report.files.length;
  return ['Files (bytes, path)', ...lines, ...(report.filesTruncated ? [`  and ${formatCount(more)} more`] : [])];
}

function row(label: string, value: string): string {
  return `${`${label}:`.padEnd(32)}${value}`;
}
