/** Makes reports of what engines did, keeps them and hands them out (Report Center). */
import { Fault } from '../../shared/faults.ts';
import { REPORT_KINDS, type Report, type ReportKind, type ReportSummary } from '../../shared/report.ts';
import { reportCsv } from '../../shared/report-csv.ts';
import { reportHtml } from '../../shared/report-html.ts';
import { renderReport } from '../../shared/report-text.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { Random } from '../ports.ts';
import type { DiffResult, SyncResult } from '../scenario/engine-protocol.ts';
import type { CommandHandlers, EventLog } from '../services.ts';
import { type ComparisonSpan, differenceReport, reportId, synchronizationReport } from './model.ts';

/** Keeps reports as files (store/report-files.ts). */
export interface ReportStore {
  /** Durable when it returns. */
  save(report: Report): void;
  /** Newest first. */
  list(): ReportSummary[];
  load(id: string): Report | undefined;
}

export interface ReportDesk {
  /** Stores the report of a finished synchronization and says so in the event log. */
  addSynchronization(document: ScenarioDocument, ignoreSame: boolean, result: SyncResult): ReportSummary;
  /** Of a comparison with one Replica. */
  addDifference(
    document: ScenarioDocument,
    replica: HostReference,
    span: ComparisonSpan,
    result: DiffResult,
  ): ReportSummary;
  /** Stores a report that `make` makes for a new id. */
  add<Made extends Report>(kind: ReportKind, at: number, make: (id: string) => Made): Made;
  readonly handlers: Pick<CommandHandlers, 'reports.list' | 'reports.show'>;
}

const RENDERERS = { text: renderReport, html: reportHtml, csv: reportCsv } as const;

export function createReportDesk(store: ReportStore, events: EventLog, random: Random): ReportDesk {
  const add: ReportDesk['add'] = (kind, at, make) => {
    const id = reportId(kind, at, random.bytes(4));
    const report = make(id);
    store.save(report);
    events.record('RPT-001', { kind: REPORT_KINDS[kind], id }, report.scenario);
    return report;
  };
  return {
    add,
    addSynchronization: (document, ignoreSame, result) =>
      add('synchronization', result.finishedAt, (id) => synchronizationReport(id, document, ignoreSame, result)),
    addDifference: (document, replica, span, result) =>
      add('difference', span.finishedAt, (id) => differenceReport(id, document, replica, span, result)),
    handlers: {
      'reports.list': ({ scenario }) => ({
        reports: store.list().filter((report) => scenario === undefined || report.scenario === scenario),
      }),
      'reports.show': ({ id, format, detail }) => {
        const report = store.load(id);
        if (report === undefined) throw new Fault('REPORT-NOT-FOUND', { id });
        if (format === 'json') return { id, report };
        return { id, text: RENDERERS[format](report, detail) };
      },
    },
  };
}
