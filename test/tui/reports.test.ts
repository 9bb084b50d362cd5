/** The Report Center as a user walks through it: scenarios, reports, a report, a file. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import type { ConsoleState, Effect, Outcome, Purpose } from '../../tui/state.ts';
import { update } from '../../tui/update.ts';
import { openedReport, REPORTS, reportCenter } from './report-states.ts';
import { after, keyPress, moodyState, press } from './states.ts';

const size = { columns: 100, rows: 30 };

function effectsOf(state: ConsoleState, key: string): readonly Effect[] {
  return update(state, keyPress(key, state.now + 1000)).effects;
}

function answer(state: ConsoleState, purpose: Purpose, outcome: Outcome, host = 'web-01'): ConsoleState {
  return after(state, { type: 'reply', host, purpose, outcome, at: state.now });
}

function center(state: ConsoleState) {
  const dialog = state.dialogs.at(-1);
  if (dialog?.kind !== 'reports') throw new Error('the Report Center is not open');
  return dialog;
}

test('R asks every connected host, and the same report of two hosts is listed once', (t) => {
  const asked = moodyState(size);
  const requests = effectsOf(asked, 'R');
  t.true(requests.length > 0);
  t.like(requests[0], { type: 'request', command: 'reports.list' });
  const open = press(asked, 'R');
  const twice = answer(
    answer(open, { kind: 'reports' }, { ok: true, result: { reports: REPORTS } }),
    { kind: 'reports' },
    { ok: true, result: { reports: REPORTS } },
  );
  t.is(center(twice).reports.length, REPORTS.length);
});

test('a host that refuses is named, and what is no report is left out', (t) => {
  const open = press(moodyState(size), 'R');
  const outcome = { ok: false, fault: new Fault('TIMEOUT', { seconds: 1, what: 'x' }).toDocument() } as const;
  t.true(center(answer(open, { kind: 'reports' }, outcome)).silent.includes('web-01'));
  const nonsense = { ok: true, result: { reports: [null, { id: 5 }, 'x', { id: 'a', scenario: 's' }] } } as const;
  t.deepEqual(center(answer(open, { kind: 'reports' }, nonsense)).reports, []);
});

test('Enter goes to the reports, then opens one; Esc goes back step by step and never out of the console', (t) => {
  const tables = reportCenter(size);
  const below = press(tables, 'enter');
  t.is(center(below).table, 'reports');
  const [request] = effectsOf(press(below, 'j'), 'enter');
  t.like(request, { command: 'reports.show', args: { format: 'text', detail: 'summary' } });
  const report = openedReport(size);
  t.true((center(report).opened?.lines?.length ?? 0) > 5);
  const back = press(report, 'esc');
  t.is(center(back).opened, undefined);
  t.is(center(press(back, 'esc')).table, 'scenarios');
  t.deepEqual(press(back, 'esc', 'esc').dialogs, []);
});

test('d asks for the detailed report; an answer that comes late for the other one is dropped', (t) => {
  const report = openedReport(size);
  const id = center(report).opened!.report.id;
  t.like(effectsOf(report, 'd')[0], { args: { id, format: 'text', detail: 'detailed' } });
  const asked = press(report, 'd');
  const late = answer(asked, { kind: 'report', id, detail: 'summary' }, { ok: true, result: { text: 'old\n' } });
  t.is(center(late).opened?.lines, undefined);
  const there = answer(late, { kind: 'report', id, detail: 'detailed' }, { ok: true, result: { text: 'a\nb\n' } });
  t.deepEqual(center(there).opened?.lines, ['a', 'b']);
});

test('e writes the page to a file named after the report, and says where or why not', (t) => {
  const report = openedReport(size);
  const { id } = center(report).opened!.report;
  t.like(effectsOf(report, 'e')[0], { command: 'reports.show', args: { id, format: 'html', detail: 'summary' } });
  const exporting = { kind: 'report-export', file: `${id}.html` } as const;
  const { effects } = update(report, {
    type: 'reply',
    host: 'web-01',
    purpose: exporting,
    outcome: { ok: true, result: { text: '<!doctype html>' } },
    at: report.now,
  });
  t.deepEqual(effects, [{ type: 'save', file: `${id}.html`, text: '<!doctype html>' }]);
  t.is(answer(report, { kind: 'saved' }, { ok: true, result: '/home/a/r.html' }).toast?.text, 'wrote /home/a/r.html');
  const refused = { ok: false, fault: new Fault('FS-DENIED', { path: '/r.html' }).toDocument() } as const;
  t.is(answer(report, { kind: 'saved' }, refused).toast?.severity, 'error');
});

test('a host cannot choose where a report is written by how it calls it', (t) => {
  const open = press(moodyState(size), 'R');
  const evil = { ...REPORTS[0]!, id: '../../.bashrc' };
  const listed = answer(open, { kind: 'reports' }, { ok: true, result: { reports: [evil] } });
  const shown = answer(
    press(listed, 'enter', 'enter'),
    { kind: 'report', id: evil.id, detail: 'summary' },
    { ok: true, result: { text: 'x\n' } },
  );
  t.deepEqual(effectsOf(shown, 'e'), []);
});
