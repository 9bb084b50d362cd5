import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createReportDesk } from '../../daemon/report/service.ts';
import { openEventLog } from '../../daemon/store/event-log.ts';
import { openReportFiles, openReportFolder } from '../../daemon/store/report-files.ts';
import { Fault } from '../../shared/faults.ts';
import type { ReportSummary } from '../../shared/report.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { SYNC_RESULT } from '../memory/scenario-world.ts';

const session = { role: 'view', deviceId: 'local', deviceName: 'test', address: '' } as const;
const document: ScenarioDocument = {
  id: '0'.repeat(32),
  name: 'web',
  serverType: 'custom',
  solution: 'ha',
  master: { name: 'alpha', address: 'alpha:1' },
  replicas: [{ name: 'beta', address: 'beta:1', deviceId: 'b' }],
  roots: [{ master: '/srv/www', replica: '/srv/copy' }],
  exclude: [],
  settings: {},
  revision: 1,
};

function desk(directory: string, keepCount = 10, keepMs = 0, clock = clockAt(10_000)) {
  const files = openReportFiles({ folder: join(directory, 'reports'), keepCount, keepMs, clock });
  const events = openEventLog({ path: ':memory:', clock: { wallMs: () => 1 }, host: 'alpha' });
  const reports = createReportDesk(files, events, new SeededRandom(directory.length));
  const list = () =>
    (reports.handlers['reports.list']!({}, session) as { reports: ReportSummary[] }).reports.map((one) => one.at);
  return { events, reports, list };
}

function clockAt(wallMs: number): SimulatedClock {
  const clock = new SimulatedClock();
  clock.setWallMs(wallMs);
  return clock;
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'life-reports-'));
}

test('a report is stored, announced, listed newest first and shown as summary, detail and data, also after a restart', async (t) => {
  const directory = temporary();
  const { events, reports, list } = desk(directory);
  const first = reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b' })!;
  reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: 9_000, parked: 1 });
  t.deepEqual(list(), [9_000, 3_000]);
  t.regex(events.query({ limit: 1 })[0]?.text ?? '', /^Synchronization Report is ready \(/);
  const again = desk(directory);
  t.deepEqual(again.list(), [9_000, 3_000]);
  const show = again.reports.handlers['reports.show']!;
  const text = (detail: 'summary' | 'detailed') =>
    (show({ id: first.id, format: 'text', detail }, session) as { text: string }).text;
  t.regex(text('summary'), /Synchronized files: +2/);
  t.false(text('summary').includes('index.html'));
  t.true(text('detailed').includes('/srv/www/index.html'));
  t.like(show({ id: first.id, format: 'json', detail: 'summary' }, session), {
    report: { host: 'beta', scenario: 'web', ok: true, removed: 1 },
  });
  rmSync(directory, { recursive: true });
});

test('an id that is no report, or would be another file, is not found', (t) => {
  const directory = temporary();
  const { reports } = desk(directory);
  writeFileSync(join(directory, 'secret.json'), '{}');
  for (const id of ['../secret', '20260101T000000-synchronization-00000000', '']) {
    const show = () => reports.handlers['reports.show']!({ id, format: 'text', detail: 'summary' }, session);
    t.is(t.throws(show, { instanceOf: Fault }).code, 'REPORT-NOT-FOUND');
  }
  rmSync(directory, { recursive: true });
});

test('the oldest reports go beyond the limit and a damaged one is left out', (t) => {
  const directory = temporary();
  const { reports, list } = desk(directory, 3);
  for (let at = 1; at <= 5; at += 1) {
    reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: at * 1_000 });
  }
  t.deepEqual(list(), [5_000, 4_000, 3_000]);
  const folder = join(directory, 'reports');
  const [newest] = readdirSync(folder).sort().reverse();
  t.true(existsSync(join(folder, newest!)));
  writeFileSync(join(folder, newest!), '{"half');
  t.deepEqual(desk(directory, 3).list(), [4_000, 3_000]);
  rmSync(directory, { recursive: true });
});

test('one busy scenario does not push out the reports of another, and old ones go by their age', (t) => {
  const directory = temporary();
  const { reports } = desk(directory, 2);
  const mail = { ...document, name: 'mail, "report": x', id: '1'.repeat(32) };
  reports.addSynchronization(mail, true, { ...SYNC_RESULT, peer: 'b', finishedAt: 1_000 });
  for (let at = 2; at <= 5; at += 1) {
    reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: at * 1_000 });
  }
  t.deepEqual(desk(directory, 2).list(), [5_000, 4_000, 1_000], 'read again from the beginnings of the files');
  const clock = clockAt(6_000);
  const aged = desk(directory, 2, 5_500, clock);
  aged.reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: 8_000 });
  t.deepEqual(aged.list(), [8_000, 5_000, 1_000]);
  clock.setWallMs(9_000_000);
  aged.reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: 8_500 });
  t.deepEqual(aged.list(), [8_500, 8_000, 1_000], 'a clock that is set forward ages nothing');
  clock.setWallMs(6_500);
  clock.advance(3_500);
  aged.reports.addSynchronization(document, true, { ...SYNC_RESULT, peer: 'b', finishedAt: 9_000 });
  t.deepEqual(aged.list(), [9_000, 8_500]);
  rmSync(directory, { recursive: true });
});

test('properties of a Replica say whether its synchronizations are reported, and whether with the list of files', (t) => {
  const directory = temporary();
  const { reports, list } = desk(directory);
  const off = { ...document, replicas: [{ ...document.replicas[0]!, settings: { 'report.synchronization': false } }] };
  t.is(reports.addSynchronization(off, true, { ...SYNC_RESULT, peer: 'b' }), undefined);
  t.deepEqual(list(), []);
  const short = { ...document, settings: { 'report.detailed': false } };
  const { id } = reports.addSynchronization(short, true, { ...SYNC_RESULT, peer: 'b' })!;
  const { text } = reports.handlers['reports.show']!({ id, format: 'text', detail: 'detailed' }, session) as {
    text: string;
  };
  t.regex(text, /The list of files was not kept/);
  t.notRegex(text, /index\.html/);
  rmSync(directory, { recursive: true });
});

test('a reports directory that cannot be used is told, and reports are stored below the data directory', (t) => {
  const directory = temporary();
  writeFileSync(join(directory, 'a-file'), '');
  const told: unknown[] = [];
  const fallback = join(directory, 'reports');
  const options = {
    keepCount: 10,
    keepMs: 0,
    clock: new SimulatedClock(),
    fallback,
    onUnusable: (what: unknown) => told.push(what),
  };
  openReportFolder({ ...options, folder: join(directory, 'a-file', 'below') });
  t.like(told, [{ instead: fallback }]);
  t.true(existsSync(fallback));
  openReportFolder({ ...options, folder: join(directory, 'elsewhere') });
  t.is(told.length, 1);
  rmSync(directory, { recursive: true });
});
