/** What the pages of a Replication Report say. Pure. */
import { formatMoment, type ReplicaReplication, type ReplicationReport, type ReportDetail } from './report.ts';
import { countOf, type Fact, fact, type ReportPage, type Section, spanOf, type TableSection } from './report-page.ts';
import { formatBytes, formatCount, formatDuration } from './units.ts';

const KINDS: Readonly<Record<string, string>> = {
  put: 'Files written',
  'make-directory': 'Directories made',
  rename: 'Renamed or moved',
  remove: 'Removed',
  link: 'Hard links made',
  symlink: 'Symbolic links made',
  metadata: 'Attributes only',
};

const TRIGGERS: Readonly<Record<ReplicationReport['trigger'], string>> = {
  schedule: 'on schedule',
  'made-up': 'after its time: the engine did not run then',
  demand: 'on demand',
};

/** What of this is exact and what is not. */
const BASIS: readonly string[] = [
  'The period begins where the last Replication Report of the scenario ended.',
  'Changes and bytes are counted by each Replica together with its checkpoints: each change once, whatever was restarted or killed in between. Those of the last second may be in the next report, those of a Replica that is not connected are.',
  'Lag, exposure, spool and states are looked at once a second while the engine of the Master runs. A crash takes at most the last 10 seconds of them (5 minutes while the scenario is stopped); when nothing was measured is listed.',
  'p95: for 95 % of the measured time it was at most that (in steps of a tenth).',
  'Interruptions of a link are listed from 3 seconds on. The names of files are noted when they are sent; those of the last second before a crash can be missing.',
];

type Content = Pick<ReportPage, 'subtitle' | 'verdict' | 'key' | 'sections'>;

export function replication(report: ReplicationReport, detail: ReportDetail): Content {
  const names = report.replicas.map(({ replica }) => replica).join(', ');
  const problems = problemsOf(report);
  const share = protectedShare(report);
  return {
    subtitle: `${report.host} to ${names}`,
    verdict:
      problems.length === 0
        ? { good: true, text: `Protected ${share} of the time` }
        : { good: false, text: problems.join('; ') },
    key: keyFigures(report, share),
    sections: [
      { kind: 'facts', facts: headFacts(report, names) },
      replicaTable(report),
      operations(report),
      { kind: 'facts', title: 'State and spool', facts: stateFacts(report) },
      chart(report),
      outages(report),
      synchronizations(report),
      { kind: 'facts', title: 'Verification', facts: report.replicas.map((one) => verification(report, one)) },
      incidents(report),
      ...(report.unmeasured.length === 0 ? [] : [unmeasured(report)]),
      spans(report),
      ...(detail === 'detailed' ? [files(report)] : []),
      { kind: 'text', title: 'How these figures are made', lines: BASIS },
    ],
  };
}

/** What the reader has to look at, most important first. */
function problemsOf(report: ReplicationReport): string[] {
  const problems: string[] = [];
  if (report.stateAtEnd !== 'protected')
    problems.push(`At the end of the period the scenario was ${report.stateAtEnd}`);
  for (const { replica, atEnd } of report.replicas) {
    if (atEnd.parked > 0) problems.push(`${countOf(atEnd.parked, 'item is', 'items are')} parked on ${replica}`);
    if (!atEnd.connected) problems.push(`${replica} is not connected`);
    else if (!atEnd.synchronized) problems.push(`${replica} is not synchronized`);
  }
  if (report.unreadableAtEnd > 0) {
    problems.push(`${countOf(report.unreadableAtEnd, 'place', 'places')} of ${report.host} cannot be read`);
  }
  const serious = report.incidents.filter(({ severity }) => severity === 'error' || severity === 'critical').length;
  if (serious > 0) problems.push(`${countOf(serious, 'error')} in the period`);
  return report.ok || problems.length > 0 ? problems : ['There were errors in the period'];
}

function protectedShare({ states, startedAt, finishedAt }: ReplicationReport): string {
  return percent(states.protected ?? 0, finishedAt - startedAt);
}

/** Rounded down, so that 100 % means all of it. */
function percent(part: number, whole: number): string {
  if (whole <= 0) return '—';
  return `${Math.min(100, Math.floor((part / whole) * 1000) / 10)} %`;
}

function keyFigures(report: ReplicationReport, share: string): Fact[] {
  const { replicas, outages: interrupted } = report;
  const exposures = replicas.flatMap(({ exposure }) => (exposure === undefined ? [] : [exposure.maxMs]));
  return [
    fact('Protected', share),
    fact('Files replicated', formatCount(sumOf(replicas, ({ files: count }) => count))),
    fact('Data replicated', formatBytes(sumOf(replicas, ({ bytes }) => bytes))),
    fact('Longest exposure', exposures.length === 0 ? '—' : formatDuration(Math.max(...exposures))),
    fact('Link outages', formatCount(interrupted.length)),
  ];
}

function sumOf(replicas: readonly ReplicaReplication[], figure: (replica: ReplicaReplication) => number): number {
  return replicas.reduce((sum, replica) => sum + figure(replica), 0);
}

function headFacts(report: ReplicationReport, names: string): Fact[] {
  const { startedAt, finishedAt } = report;
  return [
    fact('Scenario', report.scenario),
    fact('Master', report.host),
    fact(report.replicas.length === 1 ? 'Replica' : 'Replicas', names),
    fact('From', formatMoment(startedAt)),
    fact('Until', formatMoment(finishedAt)),
    fact('Period', spanOf(startedAt, finishedAt)),
    fact('Made', TRIGGERS[report.trigger]),
    fact('State at the end', report.stateAtEnd),
  ];
}

function replicaTable({ replicas }: ReplicationReport): TableSection {
  const delay = (figures: ReplicaReplication['lag']) =>
    figures === undefined ? '—' : `${formatDuration(figures.maxMs)} / ${formatDuration(figures.p95Ms)}`;
  return {
    kind: 'table',
    title: 'Replicas',
    columns: [
      { title: 'Replica' },
      { title: 'Files', right: true },
      { title: 'Data', right: true },
      { title: 'Lag max / p95', right: true },
      { title: 'Exposure max / p95', right: true },
      { title: 'At risk', right: true },
      { title: 'Spool peak', right: true },
      { title: 'Parked, most', right: true },
    ],
    rows: replicas.map((one) => [
      one.replica,
      formatCount(one.files),
      formatBytes(one.bytes),
      delay(one.lag),
      delay(one.exposure),
      formatBytes(one.exposurePeakBytes),
      formatBytes(one.spoolPeakBytes),
      `${formatCount(one.atEnd.parked)}, ${formatCount(one.parkedPeak)}`,
    ]),
    empty: 'The scenario has no Replica.',
  };
}

function operations({ replicas }: ReplicationReport): TableSection {
  const kinds = Object.keys(KINDS).filter((kind) => replicas.some((replica) => (replica.kinds[kind] ?? 0) > 0));
  return {
    kind: 'table',
    title: 'Operations',
    columns: [{ title: 'Operation' }, ...replicas.map(({ replica }) => ({ title: replica, right: true }))],
    rows: kinds.map((kind) => [KINDS[kind]!, ...replicas.map((replica) => formatCount(replica.kinds[kind] ?? 0))]),
    empty: 'Nothing was changed in this period.',
  };
}

function stateFacts(report: ReplicationReport): Fact[] {
  const length = report.finishedAt - report.startedAt;
  const states = Object.entries(report.states).sort(([, a], [, b]) => b - a);
  return [
    ...states.map(([state, ms]) => fact(wordOf(state), `${formatDuration(ms)} (${percent(ms, length)})`)),
    fact('Spool peak on the Master', formatBytes(report.masterSpoolPeakBytes)),
    fact('Places that cannot be read', `${formatCount(report.unreadableAtEnd)} (most: ${report.unreadablePeak})`),
  ];
}

function wordOf(state: string): string {
  return `${state.charAt(0).toUpperCase()}${state.slice(1)}`;
}

function chart({ spans: parts }: ReplicationReport): Section {
  const bars = parts.map(({ at, bytes }) => ({ label: formatMoment(at), value: bytes, shown: formatBytes(bytes) }));
  return { kind: 'chart', title: 'Data replicated', bars };
}

function spans({ spans: parts }: ReplicationReport): TableSection {
  return {
    kind: 'table',
    title: 'Course',
    columns: [
      { title: 'From' },
      { title: 'Changes', right: true },
      { title: 'Data', right: true },
      { title: 'Longest lag', right: true },
    ],
    rows: parts.map(({ at, changes, bytes, lagMaxMs }) => [
      formatMoment(at),
      formatCount(changes),
      formatBytes(bytes),
      formatDuration(lagMaxMs),
    ]),
    empty: 'Nothing was measured.',
  };
}

function outages({ outages: interrupted, finishedAt }: ReplicationReport): TableSection {
  return {
    kind: 'table',
    title: 'Link outages',
    columns: [
      { title: 'Replica' },
      { title: 'From' },
      { title: 'Until' },
      { title: 'Length', right: true },
      { title: 'Reason' },
    ],
    rows: interrupted.map(({ replica, from, until, reason }) => [
      replica,
      formatMoment(from),
      until === undefined ? 'lasts' : formatMoment(until),
      spanOf(from, until ?? finishedAt),
      reason,
    ]),
    empty: 'No link was interrupted.',
  };
}

function synchronizations({ synchronizations: done }: ReplicationReport): TableSection {
  return {
    kind: 'table',
    title: 'Synchronizations',
    columns: [
      { title: 'Finished' },
      { title: 'Replica' },
      { title: 'Method' },
      { title: 'Files', right: true },
      { title: 'Data', right: true },
      { title: 'Took', right: true },
      { title: 'Parked', right: true },
    ],
    rows: done.map((one) => [
      formatMoment(one.at),
      one.replica,
      one.method,
      formatCount(one.files),
      formatBytes(one.bytes),
      formatDuration(one.tookMs),
      formatCount(one.parked),
    ]),
    empty: 'No synchronization ended in this period.',
  };
}

function verification({ eventCounts }: ReplicationReport, { replica, atEnd }: ReplicaReplication): Fact {
  const found = eventCounts['VRF-001'] ?? 0;
  const differences =
    found === 0 ? '' : `; differences were found and mended ${countOf(found, 'time')} on the Replicas`;
  const since =
    atEnd.verifiedAt === undefined
      ? 'not proven by continuous verification'
      : `proven identical since ${formatMoment(atEnd.verifiedAt)}`;
  return fact(replica, `${since}${differences}`);
}

function incidents(report: ReplicationReport): TableSection {
  const notes = report.eventsComplete
    ? []
    : ['The event log no longer holds all of the period: there may have been more.'];
  const listed = report.incidents.length;
  if (listed >= 200) notes.push('Only the newest 200 are listed; `mainstay events` has them all.');
  return {
    kind: 'table',
    title: 'Warnings, errors, brakes and verification',
    columns: [{ title: 'Time' }, { title: 'Severity' }, { title: 'Code' }, { title: 'Event' }],
    rows: report.incidents.map(({ at, severity, code, text }) => [formatMoment(at), severity, code, text]),
    empty: report.eventsComplete ? 'There were none.' : notes[0]!,
    ...(notes.length === 0 ? {} : { note: notes.join(' ') }),
  };
}

function unmeasured(report: ReplicationReport): TableSection {
  return {
    kind: 'table',
    title: 'Not measured',
    columns: [{ title: 'From' }, { title: 'Until' }, { title: 'Length', right: true }],
    rows: report.unmeasured.map(({ from, until }) => [formatMoment(from), formatMoment(until), spanOf(from, until)]),
    empty: '',
  };
}

function files(report: ReplicationReport): TableSection {
  const { files: listed = [], unnamedChanges, roots, fileLimit } = report;
  const bound = `at most ${formatCount(fileLimit)} files are listed`;
  return {
    kind: 'table',
    title: 'Files',
    columns: [
      { title: 'Replica' },
      { title: 'Changes', right: true },
      { title: 'Bytes', right: true },
      { title: 'Last' },
      { title: 'Path', path: true },
    ],
    rows: listed.map(({ replica, root, path, kind, changes, bytes }) => [
      replica,
      formatCount(changes),
      formatCount(bytes),
      kind,
      `${roots[root]?.master ?? `root ${root}`}/${path}`,
    ]),
    empty:
      report.files === undefined
        ? 'The list of files was not kept (property report.detailed).'
        : 'Nothing was sent in this period.',
    ...(unnamedChanges === 0 ? {} : { note: `and ${formatCount(unnamedChanges)} more changes: ${bound}` }),
  };
}
