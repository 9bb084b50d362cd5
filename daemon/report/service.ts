/** Makes reports of what engines did, keeps them and hands them out (Report Center). */
import { settingOf } from '../../config/catalogue.ts';
import { Fault } from '../../shared/faults.ts';
import { REPORT_KINDS, type Report, type ReportKind, type ReportSummary } from '../../shared/report.ts';
import { reportCsv } from '../../shared/report-csv.ts';
import { reportHtml } from '../../shared/report-html.ts';
import { renderReport } from '../../shared/report-text.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { DiffResult, SyncResult } from '../engine/engine-protocol.ts';
import type { Random } from '../ports.ts';
import type { SentNotice } from '../scenario/engine-session.ts';
import type { CommandHandlers, EventLog } from '../services.ts';
import type { ReplicationLedger } from './ledger.ts';
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
  /** Stores the report of a finished synchronization and says so in the event log; undefined: reports of them are off. */
  addSynchronization(document: ScenarioDocument, ignoreSame: boolean, result: SyncResult): ReportSummary | undefined;
  /** Of a comparison with one Replica. */
  addDifference(
    document: ScenarioDocument,
    replica: HostReference,
    span: ComparisonSpan,
    result: DiffResult,
  ): ReportSummary;
  /** Stores a report that `make` makes for a new id. */
  add<Made extends Report>(kind: ReportKind, at: number, make: (id: string) => Made): Made;
  /** A new id for a report finished at that time (wall clock). */
  newId(kind: ReportKind, at: number): string;
  /** Stores a report; one that is stored already is only replaced. */
  publish(report: Report): void;
  /** Names of what was sent to a Replica. */
  noteSent(document: ScenarioDocument, replica: string, sent: SentNotice): void;
  /** Where Replication Reports come from. */
  ledger: ReplicationLedger | undefined;
  readonly handlers: Pick<CommandHandlers, 'reports.list' | 'reports.show' | 'reports.create'>;
}

const RENDERERS = { text: renderReport, html: reportHtml, csv: reportCsv } as const;

export function createReportDesk(store: ReportStore, events: EventLog, random: Random): ReportDesk {
  const newId: ReportDesk['newId'] = (kind, at) => reportId(kind, at, random.bytes(4));
  const publish: ReportDesk['publish'] = (report) => {
    const known = store.load(report.id) !== undefined;
    store.save(report);
    if (!known) events.record('RPT-001', { kind: REPORT_KINDS[report.kind], id: report.id }, report.scenario);
  };
  const add: ReportDesk['add'] = (kind, at, make) => {
    const report = make(newId(kind, at));
    publish(report);
    return report;
  };
  const desk: ReportDesk = {
    add,
    newId,
    publish,
    ledger: undefined,
    noteSent: (document, replica, sent) => desk.ledger?.sent(document, replica, sent),
    addSynchronization: (document, ignoreSame, result) => {
      const replica = document.replicas.find(({ deviceId }) => deviceId === result.peer);
      desk.ledger?.synchronized(document, replica?.name ?? result.peer, result);
      // A property of the Replica goes before the one of the scenario.
      const settings = { ...document.settings, ...replica?.settings };
      if (!settingOf(settings, 'report.synchronization')) return undefined;
      const detailed = settingOf(settings, 'report.detailed');
      return add('synchronization', result.finishedAt, (id) =>
        synchronizationReport(id, document, ignoreSame, result, detailed),
      );
    },
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
      'reports.create': ({ name }) => {
        if (desk.ledger === undefined) throw new Fault('INTERNAL', { reason: 'there is no replication ledger' });
        const { id, kind, scenario, at, host, ok } = desk.ledger.report(name);
        return { report: { id, kind, scenario, at, host, ok } };
      },
    },
  };
  return desk;
}
