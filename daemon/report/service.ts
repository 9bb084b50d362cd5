/** Makes reports of what engines did, keeps them and hands them out (Report Center). */
import { Fault } from '../../shared/faults.ts';
import {
  REPORT_KINDS,
  type ReportSummary,
  renderSynchronizationReport,
  type SynchronizationReport,
} from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Random } from '../ports.ts';
import type { SyncResult } from '../scenario/engine-protocol.ts';
import type { CommandHandlers, EventLog } from '../services.ts';
import { reportId, synchronizationReport } from './model.ts';

/** Keeps reports as files (store/report-files.ts). */
export interface ReportStore {
  /** Durable when it returns. */
  save(report: SynchronizationReport): void;
  /** Newest first. */
  list(): ReportSummary[];
  load(id: string): SynchronizationReport | undefined;
}

export interface ReportDesk {
  /** Stores the report of a finished synchronization and says so in the event log. */
  addSynchronization(document: ScenarioDocument, ignoreSame: boolean, result: SyncResult): ReportSummary;
  readonly handlers: Pick<CommandHandlers, 'reports.list' | 'reports.show'>;
}

export function createReportDesk(store: ReportStore, events: EventLog, random: Random): ReportDesk {
  return {
    addSynchronization: (document, ignoreSame, result) => {
      const id = reportId('synchronization', result.finishedAt, random.bytes(4));
      const report = synchronizationReport(id, document, ignoreSame, result);
      store.save(report);
      events.record('RPT-001', { kind: REPORT_KINDS.synchronization, id }, document.name);
      return report;
    },
    handlers: {
      'reports.list': ({ scenario }) => ({
        reports: store.list().filter((report) => scenario === undefined || report.scenario === scenario),
      }),
      'reports.show': ({ id, format, detail }) => {
        const report = store.load(id);
        if (report === undefined) throw new Fault('REPORT-NOT-FOUND', { id });
        return format === 'json' ? { id, report } : { id, text: renderSynchronizationReport(report, detail) };
      },
    },
  };
}
