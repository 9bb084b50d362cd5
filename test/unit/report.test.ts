import test from 'ava';
import type { Report, SynchronizationReport } from '../../shared/report.ts';
import { reportCsv } from '../../shared/report-csv.ts';
import { renderReport } from '../../shared/report-text.ts';

const report: SynchronizationReport = {
  id: 'r1',
  kind: 'synchronization',
  scenario: 'shop',
  at: 1_700_000_005_000,
  host: 'web-02',
  ok: true,
  master: 'web-01',
  method: 'file',
  ignoreSame: true,
  startedAt: 1_700_000_000_000,
  finishedAt: 1_700_000_005_000,
  roots: [{ master: '/srv/www', replica: '/data/www' }],
  comparedEntries: 50_003,
  identical: 50_000,
  created: 1,
  updated: 1,
  removed: 1,
  metadataOnly: 0,
  parked: 0,
  sentFiles: 3,
  sentBytes: 12_345_678,
  files: [
    { root: 0, path: 'index.html', bytes: 678 },
    { root: 0, path: 'big.bin', bytes: 12_345_000 },
  ],
  filesTruncated: true,
};

test('the summary report says what was compared and sent, how long it took and nothing of single files', (t) => {
  const text = renderReport(report, 'summary');
  t.regex(text, /^Synchronization Report \(Summary\)/);
  t.regex(text, /Replica: +web-02/);
  t.regex(text, /Started: +2023-11-14 22:13:20 UTC/);
  t.regex(text, /Duration: +5 s/);
  t.regex(text, /Synchronized bytes: +12,345,678 \(12.3 MB\)/);
  t.regex(text, /Average rate: +2.47 MB\/s/);
  t.notRegex(text, /index\.html/);
});

test('the detailed report lists the files that participated, and says when there were more', (t) => {
  const text = renderReport(report, 'detailed');
  t.regex(text, /678 {2}\/srv\/www\/index\.html/);
  t.regex(text, /12,345,000 {2}\/srv\/www\/big\.bin/);
  t.regex(text, /and 1 more/);
});

const difference: Report = {
  id: 'r2',
  kind: 'difference',
  scenario: 'shop',
  at: 1_700_000_005_000,
  host: 'web-02',
  ok: false,
  master: 'web-01',
  ignoreSame: false,
  startedAt: 1_700_000_000_000,
  finishedAt: 1_700_000_005_000,
  roots: report.roots,
  differences: [
    { root: 0, path: 'a, "b".html', kind: 'content' },
    { root: 0, path: '=cmd|x', kind: 'extra' },
  ],
  truncated: false,
};

test('a Difference Report counts by kind and lists every place', (t) => {
  const summary = renderReport(difference, 'summary');
  t.regex(summary, /^Difference Report \(Summary\)/);
  t.regex(summary, /Result: +different/);
  t.regex(summary, / {2}content: +1/);
  t.notRegex(summary, /cmd/);
  t.regex(renderReport(difference, 'detailed'), /extra +\/srv\/www\/=cmd\|x/);
});

test('comma-separated values are quoted where needed and never a formula', (t) => {
  t.is(
    reportCsv(difference, 'detailed'),
    'root,path,kind\r\n/srv/www,"a, ""b"".html",content\r\n/srv/www,\'=cmd|x,extra\r\n',
  );
  const [head, row] = reportCsv(report, 'summary').split('\r\n');
  t.regex(head ?? '', /^id,kind,scenario,.*sentBytes/);
  t.is(head?.split(',').length, row?.split(',').length);
});
