/** Reports as plain text. Pure. */
import {
  type AssessmentReport,
  type ChangeCounts,
  type DifferenceReport,
  formatMoment,
  REPORT_KINDS,
  type Report,
  type ReportDetail,
  type SynchronizationReport,
} from './report.ts';
import type { SyncMethod } from './scenario.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from './units.ts';

const METHODS: Readonly<Record<SyncMethod, string>> = {
  file: 'File Synchronization',
  block: 'Block Synchronization',
  skip: 'Skip Synchronization',
};

/** `detailed` also lists single files or minutes. */
export function renderReport(report: Report, detail: ReportDetail): string {
  const title = `${REPORT_KINDS[report.kind]} (${detail === 'summary' ? 'Summary' : 'Detailed'})`;
  return `${[title, '', ...linesOf(report, detail)].join('\n')}\n`;
}

function linesOf(report: Report, detail: ReportDetail): string[] {
  switch (report.kind) {
    case 'synchronization':
      return synchronizationLines(report, detail);
    case 'difference':
      return differenceLines(report, detail);
    case 'assessment':
      return assessmentLines(report, detail);
  }
}

function differenceLines(report: DifferenceReport, detail: ReportDetail): string[] {
  const kinds = new Map<string, number>();
  for (const { kind } of report.differences) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const lines = [
    row('Scenario', report.scenario),
    row('Compared with', report.master),
    row('Replica', report.host),
    row('Ignore files of same size/time', report.ignoreSame ? 'on' : 'off'),
    ...spanRows(report),
    row('Result', report.ok ? 'identical' : 'different'),
    row('Differences', `${formatCount(report.differences.length)}${report.truncated ? ' and more' : ''}`),
    ...[...kinds].map(([kind, count]) => row(`  ${kind}`, formatCount(count))),
  ];
  if (detail === 'summary') return lines;
  const places = report.differences.map(
    ({ root, path, kind }) => `  ${kind.padEnd(12)}  ${report.roots[root]?.master ?? `root ${root}`}/${path}`,
  );
  return [...lines, '', ...(places.length === 0 ? ['Nothing differs.'] : ['Differences (kind, path)', ...places])];
}

function assessmentLines(report: AssessmentReport, detail: ReportDetail): string[] {
  const seconds = Math.max(1, (report.finishedAt - report.startedAt) / 1000);
  const { total, suggestion } = report;
  const lines = [
    row('Scenario', report.scenario),
    row('Master', report.host),
    ...report.roots.map((root) => row('Root', root)),
    row('Data', `${formatCount(report.entries)} entries, ${formatBytes(report.dataBytes)}`),
    ...spanRows(report),
    row('Files changed', formatCount(total.files)),
    row('Bytes changed', `${formatCount(total.bytes)} (${formatBytes(total.bytes)})`),
    ...kindRows(total),
    row('Average rate', formatRate(total.bytes / seconds)),
    row('Busiest minute', formatBytes(report.peakMinuteBytes)),
    row('Busiest hour', formatBytes(report.peakHourBytes)),
    row('Suggested bandwidth', formatRate(suggestion.bandwidthBytesPerSecond)),
    row('Suggested spool', formatBytes(suggestion.spoolBytes)),
    ...(report.overflows === 0 ? [] : [row('Too low', `notifications were lost ${report.overflows} times`)]),
  ];
  const spans = detail === 'summary' ? report.hours : report.minutes;
  return [...lines, '', ...spanLines(detail === 'summary' ? 'Hours' : 'Minutes', spans)];
}

function spanRows({ startedAt, finishedAt }: { readonly startedAt: number; readonly finishedAt: number }): string[] {
  return [
    row('From', formatMoment(startedAt)),
    row('Until', formatMoment(finishedAt)),
    row('Duration', formatDuration(Math.max(0, finishedAt - startedAt))),
  ];
}

function kindRows({ kinds }: ChangeCounts): string[] {
  return Object.entries(kinds).map(([kind, count]) => row(`  ${kind}`, formatCount(count)));
}

function spanLines(title: string, spans: readonly (ChangeCounts & { readonly at: number })[]): string[] {
  if (spans.length === 0) return ['Nothing changed.'];
  const cells = spans.map(
    ({ at, files, bytes }) =>
      `  ${formatMoment(at)}  ${formatCount(files).padStart(10)}  ${formatCount(bytes).padStart(16)}`,
  );
  return [`${title} (files, bytes)`, ...cells];
}

function synchronizationLines(report: SynchronizationReport, detail: ReportDetail): string[] {
  const took = Math.max(0, report.finishedAt - report.startedAt);
  const lines = [
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
  return lines;
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
