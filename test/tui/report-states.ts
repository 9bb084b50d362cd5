/** The Report Center as it is after answers of a host. */
import type { ReplicationReport, ReportSummary } from '../../shared/report.ts';
import { renderReport } from '../../shared/report-text.ts';
import type { ConsoleState } from '../../tui/state.ts';
import { NOON } from './sample.ts';
import { after, moodyState, press, type Size } from './states.ts';

const HOUR = 3_600_000;

function summary(number: number, part: Partial<ReportSummary>): ReportSummary {
  return {
    id: `20261122T12000${number}-replication-0000000${number}`,
    kind: 'replication',
    scenario: 'web-shop',
    at: NOON - number * HOUR,
    host: 'web-01',
    ok: true,
    ...part,
  };
}

export const REPORTS: readonly ReportSummary[] = [
  summary(1, { ok: false }),
  summary(2, {}),
  summary(3, { kind: 'synchronization', host: 'web-02' }),
  summary(4, { kind: 'difference', host: 'web-02', ok: false }),
  summary(5, { scenario: 'intranet', kind: 'synchronization', host: 'fs-02' }),
];

const REPORT: ReplicationReport = {
  ...summary(1, { ok: false }),
  kind: 'replication',
  trigger: 'schedule',
  startedAt: NOON - 25 * HOUR,
  finishedAt: NOON - HOUR,
  roots: [{ master: '/srv/www', replica: '/srv/www' }],
  states: { protected: 24 * HOUR - 200_000, 'out-of-sync': 200_000 },
  stateAtEnd: 'protected',
  masterSpoolPeakBytes: 12_000_000,
  unreadableAtEnd: 0,
  unreadablePeak: 1,
  replicas: [
    {
      replica: 'web-02',
      kinds: { put: 12_345, remove: 17, rename: 4, 'make-directory': 31 },
      files: 12_345,
      bytes: 9_876_543_210,
      lag: { maxMs: 200_000, p95Ms: 420 },
      exposure: { maxMs: 199_000, p95Ms: 260 },
      exposurePeakBytes: 44_000_000,
      spoolPeakBytes: 3_000_000,
      parkedPeak: 2,
      atEnd: { connected: true, synchronized: true, parked: 1, verifiedAt: NOON - 2 * HOUR },
    },
  ],
  spans: [],
  outages: [
    { replica: 'web-02', from: NOON - 9 * HOUR, until: NOON - 9 * HOUR + 200_000, reason: 'connection reset by peer' },
  ],
  synchronizations: [],
  unmeasured: [],
  incidents: [
    {
      at: NOON - 9 * HOUR,
      severity: 'warning',
      code: 'LNK-002',
      text: 'Connection to web-02 lost: connection reset by peer',
    },
  ],
  eventCounts: { 'LNK-002': 1 },
  eventsComplete: true,
  files: [{ replica: 'web-02', root: 0, path: 'shop/index.html', kind: 'put', changes: 3, bytes: 1_234 }],
  unnamedChanges: 0,
  fileLimit: 10_000,
};

export function reportCenter(size: Size): ConsoleState {
  const asked = press(moodyState(size), 'R');
  const outcome = { ok: true, result: { reports: REPORTS } } as const;
  const listed = after(asked, { type: 'reply', host: 'web-01', purpose: { kind: 'reports' }, outcome, at: asked.now });
  return press(listed, 'j');
}

export function openedReport(size: Size): ConsoleState {
  const asked = press(reportCenter(size), 'enter', 'enter');
  const purpose = { kind: 'report', id: REPORTS[0]!.id, detail: 'summary' } as const;
  const outcome = { ok: true, result: { text: renderReport(REPORT, 'summary') } } as const;
  return after(asked, { type: 'reply', host: 'web-01', purpose, outcome, at: asked.now });
}
