/** The overview of a scenario: state, progress, charts, replicas; what does not fit goes from below. */

import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import { statusRemarks } from '../../shared/status-remarks.ts';
import { formatAge, formatBytes, formatCount, formatDuration, formatRate } from '../../shared/units.ts';
import type { ChartSurface } from '../charts/surface.ts';
import type { ScenarioView } from '../select.ts';
import { worstLag } from '../select.ts';
import { CHART_SAMPLES, type ChartHistory, LAG_WARNING_MS } from '../state.ts';
import { when } from './format.ts';
import { fitLine, type Line, line, restyle, span } from './line.ts';
import { progressBar } from './progress.ts';
import { scenarioBadge, syncFraction } from './status.ts';
import { roleLine, switchLines } from './switchover.ts';
import { type Column, table } from './table.ts';
import { clean, shortenMiddle } from './text.ts';

export interface OverviewOptions {
  readonly width: number;
  readonly height: number;
  readonly now: number;
  readonly surface: ChartSurface;
  readonly charts: ChartHistory | undefined;
}

const FLOOR_BYTES = 10_000;
const FLOOR_LAG_MS = 1000;
const MIN_CHART_ROWS = 3;
const MAX_CHART_ROWS = 12;
const MIN_SIDE_BY_SIDE = 76;
/** Seconds a chart shows: short at first, so that there is something to see. */
const WINDOWS = [60, 120, CHART_SAMPLES] as const;

export function overview(view: ScenarioView, options: OverviewOptions): readonly Line[] {
  const { status } = view;
  const roles = roleLine(status);
  const head = [
    ...stateLines(view, options),
    ...(roles === undefined ? [] : [roles]),
    ...switchLines(status, options.width),
    ...syncLines(status, options),
  ];
  const replicas = table(replicaColumns(status, options.now), status.hosts, options.width);
  const foot = footLines(status);
  const spare = options.height - head.length - replicas.length - foot.length - (view.stale ? 2 : 1);
  const drawn = status.running || options.charts?.throughput.some((value) => !Number.isNaN(value)) === true;
  const charts =
    drawn && spare >= MIN_CHART_ROWS + 1 ? chartLines(view, options, Math.min(MAX_CHART_ROWS, spare - 1)) : [];
  const content = [...head, ...charts, ...replicas, [], ...foot];
  if (!view.stale) return content;
  return [line(span(staleText(view, options.now), 'warning')), ...content.map((row) => restyle(row, 'dim'))];
}

function stateLines(view: ScenarioView, options: OverviewOptions): Line[] {
  const { status } = view;
  const badge = scenarioBadge(view);
  const reason = status.state === 'stopped' && status.stopReason === 'by-user' ? ' Stopped by user' : '';
  const exposure = status.hosts.reduce((most, host) => Math.max(most, host.replica?.exposureMs ?? host.exposureMs), 0);
  const rpo = status.hosts.some(({ lagKnown }) => lagKnown === false) ? 'unknown' : formatDuration(exposure);
  const verified = status.hosts.find((host) => host.verifiedAt !== undefined)?.verifiedAt;
  const lines: Line[] = [
    line(
      'State ',
      view.stale ? 'UNKNOWN, was ' : '',
      span(status.state.toUpperCase(), badge.style === 'dim' ? 'strong' : badge.style),
      reason,
      ` since ${when(status.since, options.now)}`,
      status.running && !view.stale ? `   RPO ${rpo}` : '',
      `   Epoch ${status.epoch}`,
      verified === undefined ? '' : `   Verified ${formatAge(options.now - verified)}`,
    ),
  ];
  if (status.nextSendAt !== undefined) {
    const next = status.nextSendAt === null ? 'never, as the schedule is set' : when(status.nextSendAt, options.now);
    lines.push(line(`Changes are collected; sent next: ${next}`));
  }
  if (status.problem !== undefined) lines.push(line(span('! ', 'error'), span(status.problem, 'error')));
  return lines;
}

export function staleText(view: ScenarioView, now: number): string {
  const { source } = view;
  const heard = source.heardAt === undefined ? 'never heard' : `as it was ${formatAge(now - source.heardAt)}`;
  return `No connection to ${source.name}: ${heard}`;
}

const PHASES = {
  enumerating: 'Comparing',
  transferring: 'Copying',
  verifying: 'Verifying',
  done: 'Done',
} as const;

function syncLines(status: ScenarioStatus, options: OverviewOptions): Line[] {
  const { sync } = status;
  if (sync === undefined || status.state !== 'synchronizing') return [];
  const total = sync.totalEntries === undefined ? '' : ` of ${formatCount(sync.totalEntries)}`;
  const left = sync.secondsLeft === undefined ? 'time left unknown' : `${formatDuration(sync.secondsLeft * 1000)} left`;
  const label = line(span(`${PHASES[sync.phase].padEnd(10)}`, 'busy'));
  const barWidth = Math.min(60, options.width - 12);
  const lines: Line[] = [
    [...label, ...progressBar({ width: barWidth, fraction: syncFraction(status) })],
    line(
      `${left}   ${formatRate(sync.bytesPerSecond)}   ${formatBytes(sync.sentBytes)} of ${formatBytes(sync.neededBytes)}`,
      `   ${formatCount(sync.sentFiles)} files sent   ${formatCount(sync.comparedEntries)}${total} compared`,
    ),
  ];
  if (sync.currentPath !== undefined) {
    lines.push(line(span(shortenMiddle(clean(sync.currentPath), options.width), 'dim')));
  }
  return lines;
}

function chartLines(view: ScenarioView, options: OverviewOptions, rows: number): readonly Line[] {
  const { status } = view;
  const live = status.running && !view.stale;
  const history = options.charts ?? { throughput: [], lag: [] };
  const seconds = history.throughput.length;
  const capacity = WINDOWS.find((window) => seconds <= window) ?? CHART_SAMPLES;
  const past = ` ${capacity / 60} min  now `;
  const beside = options.width >= MIN_SIDE_BY_SIDE;
  const width = beside ? Math.floor((options.width - 2) / 2) : options.width;
  const plot = (samples: readonly number[], floor: number, label: (value: number) => string): readonly Line[] =>
    options.surface.draw({ width, height: rows, samples: samples.slice(-capacity), capacity, floor, label });
  const largest = history.throughput.reduce((most, value) => (value > most ? value : most), 0);
  const now = live ? formatRate(status.statistics.bytesPerSecond) : '—';
  const most = width >= 50 ? `, max ${formatRate(largest)}` : '';
  const throughput = [
    line(span('Throughput', 'strong'), span(`${past}${now}${most}`, 'dim')),
    ...plot(history.throughput, FLOOR_BYTES, formatRate),
  ];
  if (!beside) return throughput;
  const lagNow = live ? formatDuration(worstLag(status)) : '—';
  const lag = [
    line(span('Lag', 'strong'), span(`${past}${lagNow}`, 'dim')),
    ...plot(history.lag, FLOOR_LAG_MS, formatDuration),
  ];
  return throughput.map((left, index) => [...fitLine(left, width), span('  '), ...(lag[index] ?? [])]);
}

function stateOfHost(
  host: HostStatus,
  status: ScenarioStatus,
): readonly [string, 'plain' | 'good' | 'busy' | 'warning' | 'error' | 'dim'] {
  const { replica } = host;
  if (host.health === 'down') return ['DOWN', 'error'];
  if (replica === undefined) return [host.role === 'active' ? 'ACTIVE' : host.role.toUpperCase(), 'good'];
  if (!status.running) return ['STANDBY', 'dim'];
  if (replica.held !== undefined) return ['HELD', 'error'];
  if (replica.link === 'down') return ['LINK DOWN', 'warning'];
  if (status.state === 'synchronizing') return ['COPYING', 'busy'];
  if (replica.link !== 'live') return [replica.link.toUpperCase(), 'busy'];
  return replica.pendingChanges > 0 ? ['APPLYING', 'good'] : ['IN SYNC', 'good'];
}

const replicaColumns = (status: ScenarioStatus, now: number): readonly Column<HostStatus>[] => [
  { title: 'Host', width: 14, grows: true, drop: 0, cell: (host) => host.name },
  { title: 'State', width: 11, drop: 0, cell: (host) => stateOfHost(host, status) },
  {
    title: 'Lag',
    width: 10,
    align: 'right',
    drop: 0,
    cell: ({ replica, lagKnown }) =>
      replica === undefined || !status.running
        ? ''
        : lagKnown === false
          ? ['unknown', 'warning']
          : [formatDuration(replica.lagMs), replica.lagMs >= LAG_WARNING_MS ? 'warning' : 'plain'],
  },
  {
    title: 'Pending',
    width: 9,
    align: 'right',
    drop: 2,
    cell: ({ replica }) => (replica ? formatCount(replica.pendingChanges) : ''),
  },
  {
    title: 'At risk',
    width: 9,
    align: 'right',
    drop: 3,
    cell: ({ replica }) => (replica ? formatBytes(replica.exposureBytes) : ''),
  },
  {
    title: 'Spool',
    width: 9,
    align: 'right',
    drop: 1,
    cell: (host) => formatBytes(host.replica?.spoolBytes ?? host.spoolBytes),
  },
  {
    title: 'Parked',
    width: 6,
    align: 'right',
    drop: 4,
    cell: ({ replica }) => (replica ? parked(replica.parked) : ''),
  },
  {
    title: 'Last ack',
    width: 9,
    align: 'right',
    drop: 6,
    cell: ({ replica }) => (replica?.lastAckAt === undefined ? '' : when(replica.lastAckAt, now).slice(-8)),
  },
  {
    title: 'RTT',
    width: 7,
    align: 'right',
    drop: 5,
    cell: ({ replica }) => (replica?.roundTripMs === undefined ? '' : `${Math.round(replica.roundTripMs)} ms`),
  },
];

function parked(amount: number): string | readonly [string, 'warning'] {
  return amount === 0 ? '0' : [formatCount(amount), 'warning'];
}

function footLines(status: ScenarioStatus): Line[] {
  const { statistics, capture } = status;
  const lines = [
    line(
      span('Since run  ', 'dim'),
      `${formatCount(statistics.synchronizedFiles)} files, ${formatBytes(statistics.synchronizedBytes)} synchronized; `,
      `${formatCount(statistics.replicatedChanges)} changes, ${formatBytes(statistics.replicatedBytes)} replicated`,
    ),
  ];
  if (capture !== undefined && status.running) {
    const degraded = capture.degraded ? span('  degraded: changes are also found by comparison', 'warning') : undefined;
    const reason = capture.reason === undefined ? undefined : span(`  ${capture.reason}`, 'dim');
    lines.push(line(span('Capture    ', 'dim'), capture.method, degraded, reason));
  }
  for (const { text, warns } of statusRemarks(status)) {
    lines.push(line(span('Note       ', 'dim'), span(clean(text), warns ? 'warning' : 'plain')));
  }
  return lines;
}
