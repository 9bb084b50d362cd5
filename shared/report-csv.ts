/** Reports as comma-separated values (RFC 4180): a row for each file, difference or span of time. Pure. */

import { remarkText } from './remarks.ts';
import type { ChangeCounts, ReplicationReport, Report } from './report.ts';
import { visible } from './visible.ts';

type Cell = string | number;

const COUNTED = ['put', 'make-directory', 'rename', 'remove', 'link', 'symlink', 'metadata'] as const;

/** `summary`: one row of figures; `detailed`: a row for each file, difference or span. */
export function reportCsv(report: Report, detail: 'summary' | 'detailed'): string {
  const [head, ...rows] = detail === 'summary' ? summaryRows(report) : detailedRows(report);
  return [head!, ...rows].map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('');
}

function summaryRows(report: Report): Cell[][] {
  return report.kind === 'replication' ? replicaRows(report) : figureRow(report);
}

/** A row for each Replica, all with the same columns. */
function replicaRows(report: ReplicationReport): Cell[][] {
  const { id, scenario, host, startedAt, finishedAt, ok, stateAtEnd, masterSpoolPeakBytes, unreadableAtEnd } = report;
  const protectedMs = report.states.protected ?? 0;
  const common = {
    ...{ id, scenario, master: host, startedAt: isoOf(startedAt), finishedAt: isoOf(finishedAt), ok: String(ok) },
    ...{ stateAtEnd, protectedMs, masterSpoolPeakBytes, unreadableAtEnd },
    unmeasuredMs: report.unmeasured.reduce((sum, { from, until }) => sum + until - from, 0),
  };
  const rows = report.replicas.map((one) => ({
    ...common,
    replica: one.replica,
    files: one.files,
    bytes: one.bytes,
    ...Object.fromEntries(COUNTED.map((kind) => [kind, one.kinds[kind] ?? 0])),
    lagMaxMs: one.lag?.maxMs ?? '',
    lagP95Ms: one.lag?.p95Ms ?? '',
    exposureMaxMs: one.exposure?.maxMs ?? '',
    exposureP95Ms: one.exposure?.p95Ms ?? '',
    exposurePeakBytes: one.exposurePeakBytes,
    spoolPeakBytes: one.spoolPeakBytes,
    parked: one.atEnd.parked,
    parkedPeak: one.parkedPeak,
    outages: report.outages.filter(({ replica }) => replica === one.replica).length,
    synchronizations: report.synchronizations.filter(({ replica }) => replica === one.replica).length,
    verifiedAt: one.atEnd.verifiedAt === undefined ? '' : isoOf(one.atEnd.verifiedAt),
  }));
  return [Object.keys(rows[0] ?? common), ...rows.map((row): Cell[] => Object.values(row))];
}

function figureRow(report: Report): Cell[][] {
  const figures: [string, Cell][] = [];
  for (const [key, value] of Object.entries(flat(report))) {
    if (typeof value === 'string' || typeof value === 'number') figures.push([key, value]);
    else if (typeof value === 'boolean') figures.push([key, String(value)]);
    else if (Array.isArray(value)) figures.push([`${key}.count`, value.length]);
  }
  return [figures.map(([key]) => key), figures.map(([, value]) => value)];
}

/** Objects in it become `key.inner`. */
function flat(record: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) result[key] = value;
    else for (const [inner, found] of Object.entries(flat(value as object))) result[`${key}.${inner}`] = found;
  }
  return result;
}

function detailedRows(report: Report): Cell[][] {
  switch (report.kind) {
    case 'synchronization':
      return [
        ['root', 'path', 'bytes'],
        ...report.files.map(({ root, path, bytes }) => [rootOf(report, root), path, bytes]),
      ];
    case 'difference':
      return [
        ['root', 'path', 'kind'],
        ...report.differences.map(({ root, path, kind }) => [rootOf(report, root), path, kind]),
        ...(report.remarks ?? []).map((one) => [rootOf(report, one.root), remarkText(one), 'remark']),
      ];
    case 'replication':
      return [
        ['replica', 'root', 'path', 'kind', 'changes', 'bytes'],
        ...(report.files ?? []).map((file) => [
          file.replica,
          rootOf(report, file.root),
          file.path,
          file.kind,
          file.changes,
          file.bytes,
        ]),
      ];
    case 'assured-recovery':
      return [
        ['check', 'passed', 'found', 'took_ms'],
        ...report.checks.map(({ name, passed, text, tookMs }) => [name, passed ? 'yes' : 'no', text, tookMs]),
      ];
    case 'assessment':
      return [['minute', ...COUNT_HEADS], ...report.minutes.map((span) => [isoOf(span.at), ...countCells(span)])];
  }
}

const COUNT_HEADS = ['files', 'bytes', ...COUNTED];

function countCells({ files, bytes, kinds }: ChangeCounts): Cell[] {
  return [files, bytes, ...COUNTED.map((kind) => kinds[kind] ?? 0)];
}

function rootOf({ roots }: { readonly roots: readonly { readonly master: string }[] }, root: number): string {
  return roots[root]?.master ?? String(root);
}

function isoOf(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/**
 * What a spreadsheet would take for a formula gets a quote before it, also behind blanks and as full-width signs. Control
 * characters are written out: a row stays on its line. The JSON of a report has names exactly.
 */
function quoted(cell: Cell): string {
  if (typeof cell === 'number') return String(cell);
  const shown = visible(cell);
  const safe = /^\s*[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${shown}` : shown;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
