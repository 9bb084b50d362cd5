/** What the pages of an Assured Recovery Report say. Pure. */
import { type AssuredRecoveryReport, formatMoment, type ReportDetail } from './report.ts';
import { countOf, fact, type ReportPage, type Section, spanOf } from './report-page.ts';
import { formatBytes, formatCount, formatDuration } from './units.ts';

type Content = Pick<ReportPage, 'subtitle' | 'verdict' | 'key' | 'sections'>;

export function assuredRecovery(report: AssuredRecoveryReport, detail: ReportDetail): Content {
  const { host, master, checks, undone, inUse, startedAt, finishedAt } = report;
  const failed = checks.filter(({ passed }) => !passed);
  const sections: Section[] = [
    {
      kind: 'facts',
      facts: [
        fact('Scenario', report.scenario),
        fact('Master', master),
        fact('Replica', host),
        fact('Started by', report.trigger === 'schedule' ? 'its schedule' : 'the operator'),
        fact('Started', formatMoment(startedAt)),
        fact('Finished', formatMoment(finishedAt)),
        fact('Duration', spanOf(startedAt, finishedAt)),
        fact('Position tested', formatCount(report.position.seq)),
        fact('Result', report.ok ? 'passed' : 'failed'),
        fact('Undone after the test', `${countOf(undone.entries, 'entry', 'entries')}, ${formatBytes(undone.bytes)}`),
        ...inUse.map((path) => fact('Still in use at the end', path)),
      ],
    },
    { kind: 'text', title: 'Root directories', lines: [...report.roots] },
    {
      kind: 'table',
      title: 'Checks',
      columns: [
        { title: 'Result' },
        { title: 'Check', path: true },
        { title: 'Took', right: true },
        { title: 'Found' },
      ],
      rows: checks.map(({ name, passed, text, tookMs }) => [
        passed ? 'passed' : 'FAILED',
        name,
        formatDuration(tookMs),
        text,
      ]),
      empty: 'Nothing was checked.',
    },
    ...(detail === 'detailed' ? checks.flatMap(outputOf) : []),
  ];
  return {
    subtitle: `Test of ${host}`,
    verdict: report.ok
      ? { good: true, text: `${host} passed every check; what the test wrote is undone` }
      : { good: false, text: `${host} failed ${countOf(failed.length, 'check')}: ${failed[0]?.name ?? ''}` },
    key: [
      fact('Checks', formatCount(checks.length)),
      fact('Failed', formatCount(failed.length)),
      fact('Duration', spanOf(startedAt, finishedAt)),
      fact('Undone', formatBytes(undone.bytes)),
    ],
    sections,
  };
}

function outputOf({ name, output }: AssuredRecoveryReport['checks'][number]): Section[] {
  if (output === undefined || output.trim() === '') return [];
  return [{ kind: 'text', title: `Output: ${name}`, lines: output.trimEnd().split('\n') }];
}
