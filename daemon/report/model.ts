/** What engines report, as the reports of shared/report.ts. Pure. */
import type { DifferenceReport, ReportKind, SynchronizationReport } from '../../shared/report.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { DiffResult, SyncResult } from '../engine/engine-protocol.ts';
import { replicaRoots } from '../scenario/book.ts';

/** `20261122T140307-synchronization-1f9a02bc`: sorts by time, is a file name everywhere. */
export function reportId(kind: ReportKind, at: number, salt: Uint8Array): string {
  const moment = new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `${moment}-${kind}-${Buffer.from(salt).toString('hex')}`;
}

/** Where each root is on either side. */
export function rootPaths(document: ScenarioDocument, replica: HostReference | undefined) {
  const paths = replicaRoots(document, replica);
  return document.roots.map((root, index) => ({ master: root.master, replica: paths[index] ?? root.master }));
}

export function synchronizationReport(
  id: string,
  document: ScenarioDocument,
  ignoreSame: boolean,
  result: SyncResult,
  detailed = true,
): SynchronizationReport {
  const { peer, ...measured } = result;
  const figures = detailed ? measured : { ...measured, files: [], filesTruncated: measured.sentFiles > 0 };
  const replica = document.replicas.find((host) => host.deviceId === peer);
  return {
    id,
    kind: 'synchronization',
    scenario: document.name,
    at: result.finishedAt,
    host: replica?.name ?? peer,
    ok: result.parked === 0,
    master: document.master.name,
    ignoreSame,
    roots: rootPaths(document, replica),
    ...figures,
  };
}

/** How long a comparison took and what was chosen for it. */
export interface ComparisonSpan {
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly ignoreSame: boolean;
}

export function differenceReport(
  id: string,
  document: ScenarioDocument,
  replica: HostReference,
  span: ComparisonSpan,
  { identical, differences, truncated, remarks }: DiffResult,
): DifferenceReport {
  return {
    id,
    kind: 'difference',
    scenario: document.name,
    at: span.finishedAt,
    host: replica.name,
    ok: identical,
    master: document.master.name,
    ...span,
    roots: rootPaths(document, replica),
    differences,
    truncated,
    ...(remarks === undefined ? {} : { remarks }),
  };
}
