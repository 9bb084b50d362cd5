/** The HA tab: whether a switchover can start by itself, roles of both hosts, what Is Alive found, each with its age. */
import { adviceOf } from '../../shared/automatic-advice.ts';
import type { HealthCheck, HealthVerdict } from '../../shared/health.ts';
import type { AutomaticRight, AutomaticStatus } from '../../shared/role.ts';
import { formatAge, formatDuration } from '../../shared/units.ts';
import type { ScenarioView } from '../select.ts';
import {
  type HostReport,
  type KnownRole,
  type KnownVerdict,
  knownRoles,
  nameOfDevice,
  OLD_NEWS_MS,
  reportsOf,
  verdictOf,
} from '../select-roles.ts';
import type { ConsoleState } from '../state.ts';
import { paragraph } from './dialogs.ts';
import { when } from './format.ts';
import { guidanceLines } from './guidance.ts';
import { type Line, line, restyle, type Span, type Style, span } from './line.ts';
import { staleText } from './overview.ts';
import { switchLines } from './switchover.ts';
import { type Column, table } from './table.ts';
import { clean, fitText } from './text.ts';

/** Label column of the rows below a heading. */
const LABEL = 11;

export function availabilityLines(state: ConsoleState, scenario: ScenarioView, width: number): readonly Line[] {
  const { status } = scenario;
  if (status.roles === undefined && status.hosts.every(({ isAlive }) => isAlive === undefined)) {
    return withoutRoles(state, scenario, width);
  }
  const reports = reportsOf(state, scenario.id);
  const content = [
    ...guidanceLines(state, scenario, width),
    ...automaticLines(scenario, reports, width),
    ...switchLines(status, width),
    [],
    ...roleLines(state, scenario, reports, width),
    [],
    ...healthLines(state, scenario, verdictOf(reports), width),
  ];
  if (!scenario.stale) return content;
  return [line(span(staleText(scenario, state.now), 'warning')), ...content.map((row) => restyle(row, 'dim'))];
}

function withoutRoles(state: ConsoleState, scenario: ScenarioView, width: number): readonly Line[] {
  const document = state.documents[scenario.id];
  const text =
    document?.solution === 'dr'
      ? 'This scenario is for disaster recovery: replication and recovery, without Is Alive and switchover.'
      : 'No host has a role yet: they get them when the scenario is run for the first time (r).';
  return paragraph(text, width);
}

function row(label: string, ...pieces: readonly (string | Span | undefined)[]): Line {
  return line(span(fitText(label, LABEL), 'dim'), ...pieces);
}

function rows(label: string, text: string, width: number, style: Style = 'plain'): Line[] {
  return paragraph(text, width - LABEL, style).map((part, index) => row(index === 0 ? label : '', ...part));
}

// ---------------------------------------------------------------- may it start by itself

/** The standby's own word where it is heard, else what it told the active host. */
function toldAutomatic(reports: readonly HostReport[]) {
  const told = reports.flatMap((report) => {
    const automatic = report.status.roles?.automatic;
    if (automatic === undefined) return [];
    const ageMs = (automatic.ageMs ?? 0) + report.ageMs;
    return [{ automatic, ageMs, live: report.live, own: automatic.ageMs === undefined }];
  });
  return told.toSorted(
    (a, b) => Number(b.live) - Number(a.live) || Number(b.own) - Number(a.own) || a.ageMs - b.ageMs,
  )[0];
}

const RIGHTS: Readonly<Record<AutomaticRight, string>> = {
  witness: 'the witness grants it',
  etcd: 'etcd grants it',
  fencing: 'the fencing script confirms that the active host is off',
  unsafe: 'a reference address answers',
};

function automaticLines({ status }: ScenarioView, reports: readonly HostReport[], width: number): Line[] {
  const title = span('Automatic switchover  ', 'accent');
  const told = toldAutomatic(reports);
  if (told === undefined) return [line(title, span('[?   ]', 'warning'), ' no host has told yet')];
  const { automatic, ageMs, live } = told;
  if (!live || ageMs > OLD_NEWS_MS) {
    const was = automatic.possible ? 'possible' : 'not possible';
    return [
      line(title, span('[?   ]', 'warning'), ` not known; it was ${was}, told ${formatAge(ageMs)}`),
      ...bullet(`${automatic.by} is not heard, and only it can say`, width),
    ];
  }
  return [
    automatic.possible
      ? line(title, span('[YES ]', 'good'), ` possible now, says ${clean(automatic.by)}`)
      : line(title, span('[NO  ]', 'warning'), ` not possible now, says ${clean(automatic.by)}`),
    ...automatic.reasons.flatMap(({ code, text }) => [
      ...bullet(text, width),
      ...paragraph(`To do: ${adviceOf(code, status.name)}`, width - 4, 'dim').map((part) => line('    ', ...part)),
    ]),
    ...howLines(automatic, reports, width),
    ...reports.flatMap((report) => fencingLines(report, width)),
  ];
}

function howLines(
  { by, heldForMs, possible, right, unsafe }: AutomaticStatus,
  reports: readonly HostReport[],
  width: number,
): Line[] {
  const timeout = verdictOf(reports)?.verdict.rule?.timeoutMs;
  const after = timeout === undefined ? '' : ` for ${formatDuration(timeout)}`;
  return [
    ...(possible && right !== undefined
      ? bullet(`${by} takes over when every round failed${after} and ${RIGHTS[right]}`, width)
      : []),
    ...(heldForMs === undefined ? [] : bullet(`the hold-down ends by itself in ${formatDuration(heldForMs)}`, width)),
    ...(unsafe === true
      ? paragraph(
          'UNSAFE: both hosts can become active when only the network between them fails',
          width - 4,
          'error',
        ).map((part) => line('  ! ', ...part))
      : []),
  ];
}

function fencingLines({ status: { roles } }: HostReport, width: number): Line[] {
  const fencing = roles?.fencing;
  if (fencing === undefined) return [];
  const { state, script, other, attempts, text, nextInMs } = fencing;
  const next = nextInMs === undefined ? '' : `; again in ${formatDuration(nextInMs)}`;
  const said = text === undefined ? '' : `: ${text}`;
  const style = state === 'failed' ? 'error' : state === 'running' ? 'busy' : 'plain';
  return rows('Fencing', `${script} against ${other}: ${state}, attempt ${attempts}${said}${next}`, width, style);
}

function bullet(text: string, width: number): Line[] {
  return paragraph(text, width - 4).map((part, index) => line(index === 0 ? '  - ' : '    ', ...part));
}

// ---------------------------------------------------------------- roles

const ROLE_STYLES = { active: 'good', standby: 'plain', fenced: 'warning' } as const;

function gateOf({ own }: KnownRole): string | readonly [string, Style] {
  // What the other one believes of its gate says nothing.
  if (own === undefined) return ['unknown', 'warning'];
  const { gate } = own;
  if (gate === 'closed') return ['closed', 'plain'];
  if (gate === 'none') return ['none', 'dim'];
  return own.rightForMs === undefined ? ['OPEN', 'good'] : [`OPEN ${formatDuration(own.rightForMs)}`, 'good'];
}

function copyOf({ host, role }: KnownRole): string | readonly [string, Style] {
  if (role === 'active') return '';
  if (host.synchronized === false) return ['OUTDATED', 'error'];
  if (host.lagKnown === false) return ['unknown', 'warning'];
  return `lag ${formatDuration(host.lagMs)}`;
}

function columnsOf(state: ConsoleState): readonly Column<KnownRole>[] {
  return [
    { title: 'Host', width: 12, grows: true, drop: 0, cell: ({ host }) => host.name },
    { title: 'Role', width: 7, drop: 0, cell: ({ role }) => [role.toUpperCase(), ROLE_STYLES[role]] },
    {
      title: 'Epoch',
      width: 13,
      drop: 0,
      cell: ({ epoch }) => (epoch === undefined ? '?' : `${epoch.number} ${nameOfDevice(state, epoch.holder)}`),
    },
    { title: 'Gate', width: 11, drop: 0, cell: gateOf },
    {
      title: 'Position',
      width: 14,
      drop: 1,
      cell: ({ host: { position } }) =>
        position.generation === '' ? '-' : `${position.generation.slice(0, 6)}:${position.seq}`,
    },
    { title: 'Copy', width: 10, drop: 0, cell: copyOf },
  ];
}

function roleLines(
  state: ConsoleState,
  { status }: ScenarioView,
  reports: readonly HostReport[],
  width: number,
): Line[] {
  const known = knownRoles(reports, status);
  const told = reports.map(({ name, ageMs }) => `${clean(name)} ${formatAge(ageMs)}`).join(', ');
  const isOldNews = reports.some(({ live, ageMs }) => !live || ageMs > OLD_NEWS_MS);
  const head = line(
    span('Roles', 'accent'),
    `  active: ${clean(status.active)}, epoch ${status.epoch}`,
    status.backward ? span('  backward', 'warning') : '',
    span(`  told: ${told}`, isOldNews ? 'warning' : 'dim'),
  );
  const second = known.filter(({ own }) => own === undefined).map(({ host }) => host.name);
  const waits = reports.flatMap(({ name, status: told }) =>
    told.roles?.waits === undefined ? [] : [{ name, text: told.roles.waits }],
  );
  const unacknowledged = reports.some(({ status: told }) => told.roles?.unacknowledged === true);
  return [
    head,
    ...table(columnsOf(state), known, width).map((each, index) =>
      isOld(known[index - 1]) ? restyle(each, 'dim') : each,
    ),
    ...(second.length === 0
      ? []
      : rows('', `${second.join(', ')}: not by its own word, this console is not connected to it`, width, 'dim')),
    ...waits.flatMap(({ name, text }) => rows('Waits', `${name}: ${text}`, width, 'error')),
    ...(unacknowledged
      ? rows(
          'Hold-down',
          'an automatic switchover was not acknowledged yet; no further one meanwhile',
          width,
          'warning',
        )
      : []),
    ...reports.flatMap((report) => directionLines(report)),
    ...reports.flatMap((report) => arbiterLines(report, width)),
  ];
}

function isOld(known: KnownRole | undefined): boolean {
  return known !== undefined && (!known.live || known.ageMs === undefined);
}

/** What this host hears of the other one. */
function directionLines({ name, status, ageMs, live }: HostReport): Line[] {
  const peer = status.roles?.peer;
  const arrow = `${clean(name)} hears ${clean(peer?.name ?? 'the other host')}`;
  const heard = peer === undefined ? 'never since it started' : `${formatAge(peer.ageMs + ageMs)}`;
  const replica = status.hosts.find((host) => host.replica !== undefined && host.name !== status.active)?.replica;
  const trip = replica?.roundTripMs === undefined ? '' : `, round trip ${Math.round(replica.roundTripMs)} ms`;
  const link = replica === undefined || !status.running ? '' : `; link ${replica.link}${trip}`;
  const isLate = peer === undefined || peer.ageMs + ageMs > OLD_NEWS_MS;
  const content = row('Heard', `${arrow}: `, span(heard, isLate ? 'warning' : 'plain'), link);
  return [live ? content : restyle(content, 'dim')];
}

function arbiterLines({ name, status, ageMs, live }: HostReport, width: number): Line[] {
  const arbiter = status.roles?.arbiter;
  if (arbiter === undefined) return [];
  const age = arbiter.ageMs === undefined ? 'never' : formatAge(arbiter.ageMs + ageMs);
  const text = arbiter.reachable
    ? `${arbiter.kind} answers ${name}, last ${age}`
    : `${arbiter.kind} does NOT answer ${name} (${arbiter.reason ?? 'no reason'}), last answer ${age}`;
  const content = rows('Arbiter', text, width, arbiter.reachable ? 'plain' : 'error');
  return live ? content : content.map((each) => restyle(each, 'dim'));
}

// ---------------------------------------------------------------- Is Alive

const VERDICTS: Readonly<Record<HealthVerdict['state'], readonly [string, Style]>> = {
  alive: ['ALIVE', 'good'],
  suspect: ['SUSPECT', 'warning'],
  down: ['DOWN', 'critical'],
  unknown: ['UNKNOWN', 'warning'],
};
const CAUSES = {
  peer: 'the host is down',
  application: 'the application is down, the engine answers',
  link: 'the watching host is cut off',
  inconclusive: 'the checks contradict each other',
} as const;
const CHECKS: Readonly<Record<HealthCheck['state'], readonly [string, Style]>> = {
  passed: ['[ok  ]', 'good'],
  failed: ['[FAIL]', 'error'],
  skipped: ['[skip]', 'dim'],
  waiting: ['[... ]', 'busy'],
};

function healthLines(
  state: ConsoleState,
  { status }: ScenarioView,
  known: KnownVerdict | undefined,
  width: number,
): Line[] {
  const title = span('Is Alive', 'accent');
  if (known === undefined) {
    const why = status.running
      ? 'nobody connected to this console watches the active host: the standby does once it has a whole copy'
      : 'the scenario does not run, so no host watches the other';
    return [line(title), ...paragraph(why, width, 'dim')];
  }
  const { report, verdict, watched } = known;
  const content = [...verdictLines(state, known, width), ...checkLines(verdict, report.ageMs, width)];
  const isOldNews = !report.live || report.ageMs > OLD_NEWS_MS;
  const head = line(
    title,
    `  ${clean(watched)}, watched by ${clean(verdict.watchedBy)}, told ${formatAge(report.ageMs)}`,
  );
  if (!isOldNews) return [head, ...content];
  const old = `OLD: as ${verdict.watchedBy} told it ${formatAge(report.ageMs)}; it is not known how it is now`;
  return [head, ...paragraph(old, width, 'warning'), ...content.map((each) => restyle(each, 'dim'))];
}

function verdictLines(state: ConsoleState, { verdict }: KnownVerdict, width: number): Line[] {
  const { cause, failedRounds, reason, rule, shadow, since, wouldSwitch } = verdict;
  const [word, style] = VERDICTS[verdict.state];
  const why = cause === undefined ? '' : `: ${CAUSES[cause]}`;
  return [
    row('Verdict', span(`[${word}]`, style), `${why}, since ${when(since, state.now)}`),
    ...rows('', reason, width),
    ...(rule === undefined
      ? []
      : [
          row(
            'Heartbeat',
            `every ${formatDuration(rule.heartbeatMs)}; down when all rounds failed for ${formatDuration(rule.timeoutMs)}; `,
            span(`failed now: ${failedRounds}`, failedRounds === 0 ? 'plain' : 'warning'),
          ),
        ]),
    ...(shadow === true ? rows('Shadow', 'ON: nothing is switched over by itself', width, 'warning') : []),
    ...(wouldSwitch === undefined
      ? []
      : rows(
          '',
          `would have switched over at ${when(wouldSwitch.at, state.now)}, because ${wouldSwitch.reason}`,
          width,
          'warning',
        )),
  ];
}

/** What counts first; addresses that are only asked to tell a cut from a host that is down come last. */
function checkLines({ checks }: HealthVerdict, ageMs: number, width: number): Line[] {
  const counting = checks.filter(({ kind }) => kind !== 'reference');
  const references = checks.filter(({ kind }) => kind === 'reference');
  const name = Math.min(28, Math.max(8, ...checks.map((check) => clean(check.name).length)));
  const each = (check: HealthCheck) => checkLine(check, ageMs, name, width);
  return [
    ...counting.map(each),
    ...(references.length === 0
      ? []
      : [line(span('Reference addresses: all silent means that the watching host is cut off', 'dim'))]),
    ...references.map(each),
  ];
}

function checkLine(
  { name, state, ageMs, detail, counts, kind }: HealthCheck,
  toldMs: number,
  room: number,
  width: number,
) {
  const [word, style] = CHECKS[state];
  const age = ageMs === undefined ? '' : formatAge(ageMs + toldMs);
  const note = counts || kind === 'reference' ? '' : ' (shown only)';
  return line(
    span(word, style),
    ` ${fitText(clean(name), room)} `,
    span(fitText(age, 10), 'dim'),
    fitText(`${clean(detail)}${note}`, Math.max(10, width - room - 19)).trimEnd(),
  );
}
