import test from 'ava';
import fc from 'fast-check';
import type { DifferenceReport, Report, SynchronizationReport } from '../../shared/report.ts';
import { reportCsv } from '../../shared/report-csv.ts';
import { reportHtml } from '../../shared/report-html.ts';
import { renderReport } from '../../shared/report-text.ts';
import { visible } from '../../shared/visible.ts';

const MOMENT = 1_700_000_000_000;

function synchronization(paths: readonly string[]): SynchronizationReport {
  return {
    id: '20231114T221325-synchronization-00000001',
    kind: 'synchronization',
    scenario: 'shop',
    at: MOMENT + 5_000,
    host: 'web-02',
    ok: true,
    master: 'web-01',
    method: 'file',
    ignoreSame: true,
    startedAt: MOMENT,
    finishedAt: MOMENT + 5_000,
    roots: [{ master: '/srv/www', replica: '/data/www' }],
    comparedEntries: 3,
    identical: 0,
    created: 3,
    updated: 0,
    removed: 0,
    metadataOnly: 0,
    parked: 0,
    sentFiles: paths.length,
    sentBytes: 30,
    files: paths.map((path) => ({ root: 0, path, bytes: 10 })),
    filesTruncated: false,
  };
}

function difference(paths: readonly string[]): DifferenceReport {
  const { id, scenario, at, host, master, ignoreSame, startedAt, finishedAt, roots } = synchronization([]);
  const differences = paths.map((path) => ({ root: 0, path, kind: 'content' }));
  return {
    ...{ id, scenario, at, host, master, ignoreSame, startedAt, finishedAt, roots, differences },
    kind: 'difference',
    ok: false,
    truncated: false,
  };
}

const HOSTILE = [
  '<script>alert(1)</script>.html',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='x",
  '&lt;already',
  '=HYPERLINK("http://evil","click")',
  '+1+cmd|calc',
  '@SUM(A1)',
  '-2+3',
  '\t=1+1',
  '  =1+1',
  '＝1+1',
  'two\nlines\r\nand,"more"',
  '\u001b[2J\u001b]0;owned\u0007',
  '\u009b31m',
  'invoice\u202Etxt.exe',
  'bytes\udcff\udc80',
  'nul\u0000',
  'line\u2028separator',
];

const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test('no file name becomes markup, and the page loads and runs nothing', (t) => {
  const html = reportHtml(synchronization(HOSTILE), 'detailed');
  const plain = reportHtml(synchronization(HOSTILE.map(() => 'plain')), 'detailed');
  const tags = (text: string) => text.match(/<[^>]*>/g) ?? [];
  t.deepEqual(tags(html), tags(plain), 'the same tags as with plain names');
  t.notRegex(tags(html).join(''), /<script|<img|<link|<iframe|href=|src=|\son\w+=/i);
  t.notRegex(html.slice(0, html.indexOf('</style>')), /@import|url\(/i);
  t.true(html.includes("default-src 'none'"));
  t.true(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;.html'));
  t.true(html.includes('&amp;lt;already'), 'what looks escaped already is shown as it is');
  t.true(html.includes('invoice\\u{202e}txt.exe'), 'a name that is shown backwards is shown in its true order');
  t.true(html.includes('bytes\\xff\\x80'));
  t.notRegex(html, STEERS);
});

test('a spreadsheet takes no file name for a formula, and each file stays on one row', (t) => {
  const csv = reportCsv(synchronization(HOSTILE), 'detailed');
  const rows = csv.split('\r\n').slice(1, -1);
  t.is(rows.length, HOSTILE.length);
  for (const row of rows) {
    const cell = row.replace(/^\/srv\/www,"?/, '');
    t.notRegex(cell, /^\s*[=+\-@＝＋－＠]/, cell);
    t.notRegex(cell, STEERS);
  }
  t.true(csv.includes('"\'=HYPERLINK(""http://evil"",""click"")"'));
  t.true(csv.includes('two\\nlines\\r\\nand'));
});

test('no file name can steer the terminal a report is read on', (t) => {
  for (const report of [synchronization(HOSTILE), difference(HOSTILE)]) {
    const text = renderReport(report, 'detailed');
    t.notRegex(text, STEERS);
    t.is(text.split('\n').filter((line) => line.includes('/srv/www/')).length, HOSTILE.length);
    t.true(text.includes('\\x1b[2J'));
  }
});

test('whatever a file is called, markup, rows and lines are those of a plain name', (t) => {
  const html = (path: string) =>
    reportHtml(synchronization([path]), 'detailed')
      .match(/[<>"']/g)
      ?.join('');
  const plain = html('a');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (path) => {
      const text = renderReport(difference([path]), 'detailed');
      const csv = reportCsv(difference([path]), 'detailed');
      const cell = csv.split('\r\n')[1]?.replace(/^\/srv\/www,"?/, '') ?? '';
      return (
        html(path) === plain &&
        text.split('\n').length === renderReport(difference(['a']), 'detailed').split('\n').length &&
        csv.split('\r\n').length === 3 &&
        !/^\s*[=+\-@＝＋－＠]/.test(cell) &&
        visible(visible(path)) === visible(path)
      );
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('a report says its verdict as a word in every format, and the data says the same', (t) => {
  const bad: Report = { ...synchronization([]), ok: false, parked: 2 };
  t.regex(reportHtml(bad, 'summary'), /▲ Attention — Not completed: 2 items were set aside on web-02/);
  t.regex(renderReport(bad, 'summary'), /Not completed: 2 items were set aside on web-02/);
  t.regex(
    reportHtml(synchronization([]), 'summary'),
    /✓ OK — web-02 holds what web-01 holds; files of same size and time were taken for identical/,
  );
  t.regex(reportCsv(bad, 'summary'), /\r\n.*,false,/);
  const partial: Report = { ...synchronization([]), places: 3 };
  t.regex(renderReport(partial, 'summary'), /partial: 3 directories in which changes had been dropped/);
  t.regex(renderReport(partial, 'summary'), /everything else was not compared again/);
});

test('a page lists at most 5,000 rows, says how many more there are, and the other formats have them all', (t) => {
  const report = synchronization(Array.from({ length: 5_003 }, (_, at) => `f${at}`));
  const html = reportHtml(report, 'detailed');
  t.is(html.match(/<tr><td/g)?.length, 5_000);
  t.regex(html, /3 more rows are in the text, CSV and JSON of this report/);
  t.true(renderReport(report, 'detailed').includes('/srv/www/f5002'));
  t.true(reportCsv(report, 'detailed').includes('f5002'));
});
