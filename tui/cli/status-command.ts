/** `mainstay status` and `mainstay stats`. */
import { Fault } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import { statusRemarks } from '../../shared/status-remarks.ts';
import { formatAge, formatBytes, formatCount, formatDuration, formatRate } from '../../shared/units.ts';
import { automaticText } from './automatic-text.ts';
import type { CommonOptions, Context } from './context.ts';
import { guidanceText } from './guidance-text.ts';
import { healthLines } from './health-text.ts';
import { LiveView } from './live.ts';
import { DONE } from './options.ts';
import { pairs, safe, table } from './text.ts';
import { progressText } from './waiting.ts';

const PROGRESS_COLUMNS = 120;

type WatchOptions = CommonOptions & { readonly watch?: boolean };

/** How often a watched view is shown at most, and at least (ages grow). */
const WATCH_EVERY_MS = 1_000;

export function status(context: Context, options: WatchOptions, name?: string): Promise<number> {
  return view(context, options, name, (scenarios, live) =>
    options.json === true
      ? { scenarios }
      : scenarios
          .map((each) => `${statusText(each, context.terminal.wallNow())}${guidanceText(live.reportsOf(each.id))}`)
          .join('\n'),
  );
}

export function stats(context: Context, options: WatchOptions, name: string): Promise<number> {
  return view(context, options, name, ([scenario]) =>
    options.json === true
      ? {
          name,
          state: scenario!.state,
          ...scenario!.statistics,
          ...(scenario!.sync === undefined ? {} : { sync: scenario!.sync }),
        }
      : statisticsText(scenario!),
  );
}

async function view(
  context: Context,
  options: WatchOptions,
  name: string | undefined,
  render: (scenarios: readonly ScenarioStatus[], live: LiveView) => unknown,
): Promise<number> {
  const { terminal } = context;
  const live = new LiveView(await context.clients(options), () => terminal.monotonicNow());
  let interrupted = false;
  const end = terminal.onInterrupt(() => {
    interrupted = true;
    live.end();
  });
  try {
    while (!live.complete() && !interrupted) await live.changed(WATCH_EVERY_MS);
    show(context, options, chosen(live, name), live, render);
    while (options.watch === true && !interrupted) {
      await live.changed(WATCH_EVERY_MS);
      // Changes come in bursts: the next look takes all of them together.
      await terminal.sleep(WATCH_EVERY_MS / 4);
      if (!interrupted) show(context, options, chosen(live, name), live, render);
    }
    return DONE;
  } finally {
    end();
    live.end();
  }
}

function chosen(live: LiveView, name: string | undefined): ScenarioStatus[] {
  const wanted = name?.toLowerCase();
  const scenarios = live
    .scenarios()
    .filter((scenario) => wanted === undefined || scenario.name.toLowerCase() === wanted);
  if (scenarios.length > 0) return scenarios;
  const unanswered = live.silent()[0]?.fault;
  // A scenario nobody here knows may be known to the host that does not answer.
  if (name !== undefined) throw unanswered ?? new Fault('SCENARIO-NOT-FOUND', { name });
  if (unanswered !== undefined && !live.answered()) throw unanswered;
  return [];
}

function show(
  context: Context,
  options: WatchOptions,
  scenarios: readonly ScenarioStatus[],
  live: LiveView,
  render: (scenarios: readonly ScenarioStatus[], live: LiveView) => unknown,
): void {
  const rendered = render(scenarios, live);
  if (options.json === true) {
    if (options.watch !== true) context.json(rendered);
    else if (live.isNews(rendered)) context.jsonLine(rendered);
    return;
  }
  const redraw = options.watch === true && context.terminal.redraws;
  const text = String(rendered);
  context.terminal.out(`${redraw ? '\u001b[H\u001b[2J' : ''}${text === '' ? 'no scenario\n' : text}`);
  for (const { client, fault, ageMs } of live.silent()) {
    const age = ageMs === undefined ? 'never heard' : `last heard ${formatAge(ageMs)}`;
    context.note(`not answering: ${safe(client.host.name)} (${age}): ${safe(fault.message)}`);
  }
}

function statusText(scenario: ScenarioStatus, now: number): string {
  const head = [
    safe(scenario.name),
    stateText(scenario),
    `since ${new Date(scenario.since).toISOString().slice(0, 19)}Z`,
    `epoch ${scenario.epoch}`,
    `active ${safe(scenario.active)}`,
    ...(scenario.capture === undefined
      ? []
      : [`capture ${safe(scenario.capture.method)}${scenario.capture.degraded ? ' DEGRADED' : ''}`]),
    ...(scenario.capture?.reason === undefined ? [] : [`(${safe(scenario.capture.reason)})`]),
    ...(scenario.nextSendAt === undefined ? [] : [`sends next ${momentOf(scenario.nextSendAt)}`]),
  ].join('  ');
  const headings = [
    '  HOST',
    'ROLE',
    'HEALTH',
    'GATE',
    'LINK',
    'POSITION',
    'LAG',
    'EXPOSURE',
    'SPOOL',
    'PARKED',
    'VERIFIED',
  ];
  const rows = scenario.hosts.map((host) => hostRow(host, now));
  const problem = scenario.problem === undefined ? '' : `  ! ${safe(scenario.problem)}\n`;
  return `${head}\n${table(headings, rows, [6, 7, 8, 9])}${progressLines(scenario)}${remarkLines(scenario)}${automaticText(scenario)}${healthLines(scenario)}${problem}`;
}

function remarkLines(scenario: ScenarioStatus): string {
  return statusRemarks(scenario)
    .map(({ text }) => `  ${safe(text)}\n`)
    .join('');
}

/** What a synchronization is at: figures, and the file or directory it has in hand. */
function progressLines(scenario: ScenarioStatus): string {
  if (scenario.recovery !== undefined) return `  ${progressText(scenario, PROGRESS_COLUMNS)}\n`;
  if (scenario.sync === undefined || scenario.state !== 'synchronizing') return '';
  const { currentPath } = scenario.sync;
  const path = currentPath === undefined ? '' : `  ${safe(currentPath)}\n`;
  return `  ${progressText(scenario, PROGRESS_COLUMNS)}\n${path}`;
}

function momentOf(at: number | null): string {
  return at === null ? 'never (see the schedule)' : formatMoment(at);
}

function stateText(scenario: ScenarioStatus): string {
  if (scenario.state !== 'stopped') return scenario.state;
  return scenario.stopReason === 'by-user' ? 'Stopped by user' : `stopped (${scenario.stopReason ?? 'unknown'})`;
}

function hostRow(host: HostStatus, now: number): string[] {
  const { position } = host;
  return [
    `  ${host.name}`,
    host.role,
    host.health,
    host.gate,
    host.replica === undefined
      ? '-'
      : host.replica.held === undefined
        ? host.replica.link
        : `held: ${host.replica.held}`,
    position.seq === 0 && position.generation === '' ? '-' : `${position.generation.slice(0, 6)}:${position.seq}`,
    isKnown(host) ? formatDuration(host.lagMs) : 'unknown',
    !isKnown(host)
      ? 'unknown'
      : host.exposureMs === 0
        ? '0 ms'
        : `${formatDuration(host.exposureMs)} ${formatBytes(host.exposureBytes)}`,
    host.spoolFullInMs === undefined
      ? formatBytes(host.spoolBytes)
      : `${formatBytes(host.spoolBytes)}, full in ${formatDuration(host.spoolFullInMs)}`,
    host.replica === undefined ? '-' : String(host.replica.parked),
    host.verifiedAt === undefined ? 'never' : formatAge(now - host.verifiedAt),
  ];
}

function statisticsText(scenario: ScenarioStatus): string {
  const { statistics } = scenario;
  return pairs([
    ['scenario', scenario.name],
    ['state', stateText(scenario)],
    [
      'synchronized',
      `${formatCount(statistics.synchronizedFiles)} files, ${formatBytes(statistics.synchronizedBytes)}`,
    ],
    ['replicated', `${formatCount(statistics.replicatedChanges)} changes, ${formatBytes(statistics.replicatedBytes)}`],
    ...(statistics.wireBytes === undefined
      ? []
      : [['on the wire', formatBytes(statistics.wireBytes)] satisfies [string, string]]),
    ['rate', `${formatRate(statistics.bytesPerSecond)}, ${formatCount(statistics.changesPerSecond)} changes/s`],
    ...scenario.hosts.flatMap((host): [string, string][] =>
      host.spoolFullInMs === undefined
        ? []
        : [[`${host.name} spool`, `${formatBytes(host.spoolBytes)}, full in ${formatDuration(host.spoolFullInMs)}`]],
    ),
    ...scenario.hosts.flatMap((host): [string, string][] =>
      host.replica === undefined
        ? []
        : [
            [
              host.name,
              `${formatCount(host.replica.pendingChanges)} changes pending, ${isKnown(host) ? `lag ${formatDuration(host.lagMs)}, exposure ${formatDuration(host.exposureMs)} ${formatBytes(host.exposureBytes)}` : 'lag and exposure unknown'}`,
            ],
          ],
    ),
  ]);
}

/** A Replica that was never synchronized has no lag, nobody knows what it has; without its Master it cannot tell either. */
function isKnown(host: HostStatus): boolean {
  if (host.lagKnown === false) return false;
  return host.synchronized !== false || host.lagMs > 0;
}
