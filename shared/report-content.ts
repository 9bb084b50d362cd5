/** What the pages of each kind of report say. Pure. */
import { remarkText } from './remarks.ts';
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
import { assuredRecovery } from './report-assured-recovery.ts';
import { countOf, type Fact, fact, type ReportPage, type Section, spanOf, type TableSection } from './report-page.ts';
import { replication } from './report-replication.ts';
import type { SyncMethod } from './scenario.ts';
import { formatBytes, formatCount, formatRate } from './units.ts';

const METHODS: Readonly<Record<SyncMethod, string>> = {
  file: 'File Synchronization',
  block: 'Block Synchronization',
  skip: 'Skip Synchronization',
};

/** `detailed` also lists single files or minutes. */
export function pageOf(report: Report, detail: ReportDetail): ReportPage {
  const { id, kind, scenario } = report;
  return { id, title: REPORT_KINDS[kind], scenario, detail, ...contentOf(report, detail) };
}

type Content = Pick<ReportPage, 'subtitle' | 'verdict' | 'key' | 'sections'>;

function contentOf(report: Report, detail: ReportDetail): Content {
  switch (report.kind) {
    case 'synchronization':
      return synchronization(report, detail);
    case 'difference':
      return difference(report, detail);
    case 'assured-recovery':
      return assuredRecovery(report, detail);
    case 'assessment':
      return assessment(report, detail);
    case 'replication':
      return replication(report, detail);
  }
}

// ---------------------------------------------------------------- synchronization

function synchronization(report: SynchronizationReport, detail: ReportDetail): Content {
  const { parked } = report;
  const tookMs = Math.max(0, report.finishedAt - report.startedAt);
  const rate = tookMs === 0 ? '—' : formatRate((report.sentBytes / tookMs) * 1000);
  const sections: Section[] = [
    {
      kind: 'facts',
      facts: [
        fact('Scenario', report.scenario),
        fact('Master', report.master),
        fact('Replica', report.host),
        fact('Method', METHODS[report.method]),
        fact('Scope', scopeOf(report)),
        fact('Ignore files of same size/time', report.ignoreSame ? 'on' : 'off'),
        fact('Started', formatMoment(report.startedAt)),
        fact('Finished', formatMoment(report.finishedAt)),
        fact('Duration', spanOf(report.startedAt, report.finishedAt)),
        fact('Result', report.ok ? 'completed' : 'not completed'),
      ],
    },
    rootSection(report.roots),
    {
      kind: 'facts',
      title: 'Figures',
      facts: [
        fact('Compared entries', formatCount(report.comparedEntries)),
        fact('Identical', formatCount(report.identical)),
        fact('Created', formatCount(report.created)),
        fact('Updated', formatCount(report.updated)),
        fact('Removed', formatCount(report.removed)),
        fact('Attributes only', formatCount(report.metadataOnly)),
        fact('Parked', formatCount(parked)),
        fact('Synchronized files', formatCount(report.sentFiles)),
        fact('Synchronized bytes', bytesBothWays(report.sentBytes)),
        fact('Average rate', rate),
      ],
    },
    ...(detail === 'detailed' ? [sentFiles(report)] : []),
  ];
  const left = countOf(parked, 'item was', 'items were');
  return {
    subtitle: `${report.master} to ${report.host}`,
    verdict: report.ok
      ? { good: true, text: agreementOf(report) }
      : { good: false, text: `Not completed: ${left} set aside on ${report.host}` },
    key: [
      fact('Files sent', formatCount(report.sentFiles)),
      fact('Data sent', formatBytes(report.sentBytes)),
      fact('Duration', spanOf(report.startedAt, report.finishedAt)),
      fact('Compared', formatCount(report.comparedEntries)),
    ],
    sections,
  };
}

function scopeOf({ places }: SynchronizationReport): string {
  if (places === undefined) return 'everything below the roots';
  return `partial: ${countOf(places, 'directory', 'directories')} in which changes had been dropped`;
}

function agreementOf({ host, master, method, ignoreSame, places }: SynchronizationReport): string {
  if (method === 'skip') return `${host} was taken for identical to ${master} without comparing`;
  if (places !== undefined) {
    const where = countOf(places, 'directory', 'directories');
    return `${host} holds what ${master} holds in the ${where} in which changes had been dropped; everything else was not compared again`;
  }
  return `${host} holds what ${master} holds${ignoreSame ? '; files of same size and time were taken for identical' : ''}`;
}

function sentFiles(report: SynchronizationReport): TableSection {
  const more = report.sentFiles - report.files.length;
  return {
    kind: 'table',
    title: 'Files',
    columns: [
      { title: 'Bytes', right: true },
      { title: 'Path', path: true },
    ],
    rows: report.files.map(({ root, path, bytes }) => [formatCount(bytes), placeOf(report.roots, root, path)]),
    empty:
      report.sentFiles === 0 ? 'No file had to be sent.' : 'The list of files was not kept (property report.detailed).',
    ...(report.filesTruncated && report.files.length > 0 ? { note: `and ${formatCount(more)} more` } : {}),
  };
}

// ---------------------------------------------------------------- difference

function difference(report: DifferenceReport, detail: ReportDetail): Content {
  const kinds = new Map<string, number>();
  for (const { kind } of report.differences) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const found = `${formatCount(report.differences.length)}${report.truncated ? ' and more' : ''}`;
  const sections: Section[] = [
    {
      kind: 'facts',
      facts: [
        fact('Scenario', report.scenario),
        fact('Compared with', report.master),
        fact('Replica', report.host),
        fact('Ignore files of same size/time', report.ignoreSame ? 'on' : 'off'),
        ...spanFacts(report),
        fact('Result', report.ok ? 'identical' : 'different'),
        fact('Differences', found),
        ...[...kinds].map(([kind, count]) => fact(`  ${kind}`, formatCount(count))),
      ],
    },
    rootSection(report.roots),
    ...remarkSections(report),
    ...(detail === 'detailed' ? [places(report)] : []),
  ];
  return {
    subtitle: `${report.host} compared with ${report.master}`,
    verdict: report.ok
      ? { good: true, text: `${report.host} is identical to ${report.master}` }
      : { good: false, text: `${report.host} differs from ${report.master} in ${found} places` },
    key: [fact('Differences', found), fact('Duration', spanOf(report.startedAt, report.finishedAt))],
    sections,
  };
}

/** What is so on purpose. */
function remarkSections({ remarks = [], roots }: DifferenceReport): Section[] {
  if (remarks.length === 0) return [];
  const lines = remarks.map((one) => `${roots[one.root]?.master ?? `root ${one.root}`}: ${remarkText(one)}`);
  return [{ kind: 'text', title: 'Not a difference', lines }];
}

function places(report: DifferenceReport): TableSection {
  return {
    kind: 'table',
    title: 'Differences',
    columns: [{ title: 'Kind' }, { title: 'Path', path: true }],
    rows: report.differences.map(({ root, path, kind }) => [kind, placeOf(report.roots, root, path)]),
    empty: 'Nothing differs.',
    ...(report.truncated ? { note: 'and more: the list was cut at its limit' } : {}),
  };
}

// ---------------------------------------------------------------- assessment

function assessment(report: AssessmentReport, detail: ReportDetail): Content {
  const seconds = Math.max(1, (report.finishedAt - report.startedAt) / 1000);
  const { total, suggestion, overflows } = report;
  const sections: Section[] = [
    {
      kind: 'facts',
      facts: [
        fact('Scenario', report.scenario),
        fact('Master', report.host),
        ...report.roots.map((root) => fact('Root', root)),
        fact('Data', `${formatCount(report.entries)} entries, ${formatBytes(report.dataBytes)}`),
        ...spanFacts(report),
        fact('Files changed', formatCount(total.files)),
        fact('Bytes changed', bytesBothWays(total.bytes)),
        ...Object.entries(total.kinds).map(([kind, count]) => fact(`  ${kind}`, formatCount(count))),
        fact('Average rate', formatRate(total.bytes / seconds)),
        fact('Busiest minute', formatBytes(report.peakMinuteBytes)),
        fact('Busiest hour', formatBytes(report.peakHourBytes)),
        fact('Suggested bandwidth', formatRate(suggestion.bandwidthBytesPerSecond)),
        fact('Suggested spool', formatBytes(suggestion.spoolBytes)),
        ...(overflows === 0 ? [] : [fact('Too low', `notifications were lost ${overflows} times`)]),
      ],
    },
    chartOf('Bytes changed', report.hours),
    spans(detail === 'summary' ? 'Hours' : 'Minutes', detail === 'summary' ? report.hours : report.minutes),
  ];
  return {
    subtitle: `Changes on ${report.host}`,
    verdict:
      overflows === 0
        ? { good: true, text: 'Every change was counted' }
        : { good: false, text: `The figures are too low: notifications were lost ${overflows} times` },
    key: [
      fact('Changed', formatBytes(total.bytes)),
      fact('Busiest hour', formatBytes(report.peakHourBytes)),
      fact('Suggested bandwidth', formatRate(suggestion.bandwidthBytesPerSecond)),
      fact('Suggested spool', formatBytes(suggestion.spoolBytes)),
    ],
    sections,
  };
}

function spans(title: string, counted: readonly (ChangeCounts & { readonly at: number })[]): TableSection {
  return {
    kind: 'table',
    title,
    columns: [{ title: 'From' }, { title: 'Files', right: true }, { title: 'Bytes', right: true }],
    rows: counted.map(({ at, files, bytes }) => [formatMoment(at), formatCount(files), formatCount(bytes)]),
    empty: 'Nothing changed.',
  };
}

function chartOf(title: string, counted: readonly { readonly at: number; readonly bytes: number }[]): Section {
  const bars = counted.map(({ at, bytes }) => ({ label: formatMoment(at), value: bytes, shown: formatBytes(bytes) }));
  return { kind: 'chart', title, bars };
}

// ---------------------------------------------------------------- common

function rootSection(roots: SynchronizationReport['roots']): Section {
  return {
    kind: 'text',
    title: 'Root directories',
    lines: roots.map(({ master, replica }) => `${master} -> ${replica}`),
  };
}

function placeOf(roots: SynchronizationReport['roots'], root: number, path: string): string {
  return `${roots[root]?.master ?? `root ${root}`}/${path}`;
}

function spanFacts({ startedAt, finishedAt }: { readonly startedAt: number; readonly finishedAt: number }): Fact[] {
  return [
    fact('From', formatMoment(startedAt)),
    fact('Until', formatMoment(finishedAt)),
    fact('Duration', spanOf(startedAt, finishedAt)),
  ];
}

function bytesBothWays(bytes: number): string {
  return `${formatCount(bytes)} (${formatBytes(bytes)})`;
}
