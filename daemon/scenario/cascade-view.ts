/** Puts what feeding Replicas say of the ones behind them into the status of a scenario. Pure. */
import type { ScenarioDocument, ScenarioState } from '../../shared/scenario.ts';
import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import { below } from './cascade.ts';
import type { RelayReport } from './relay-watch.ts';

/** `reports` by name of the feeding host. */
export function withRelays(
  status: ScenarioStatus,
  document: ScenarioDocument,
  reports: ReadonlyMap<string, RelayReport>,
): ScenarioStatus {
  let { hosts, state, problem } = status;
  for (const [feeder, report] of reports) {
    const behind = new Set(below(document, feeder).map(({ name }) => name));
    const own = hosts.find(({ name }) => name === feeder);
    hosts = hosts.map((host) => (behind.has(host.name) ? seenThrough(host, own, report) : host));
    const missing = unfed(document, feeder, report);
    state = together(state, report, missing);
    problem ??= problemOf(feeder, report, status.state === 'protected' ? missing : []);
  }
  return { ...status, hosts, state, ...(problem === undefined ? {} : { problem }) };
}

/** Names of those the feeding host does not count among the ones it feeds: it has an older document. */
export function unfed(
  document: ScenarioDocument,
  feeder: string,
  { status, problem, outdated }: RelayReport,
): string[] {
  if (status === undefined && (problem !== undefined || outdated === true)) return [];
  const fed = new Set(status?.hosts.map(({ name }) => name));
  return below(document, feeder).flatMap(({ name }) => (fed.has(name) ? [] : [name]));
}

/** What is late on the way to the feeding host is late behind it too. */
function seenThrough(host: HostStatus, feeder: HostStatus | undefined, report: RelayReport): HostStatus {
  const seen = report.status?.hosts.find(({ name }) => name === host.name);
  if (seen === undefined) return { ...host, health: 'unknown', lagKnown: false };
  const { verifiedAt, ...rest } = seen;
  return {
    ...rest,
    // Late by what is told, or by more: nobody hears what happens there now.
    ...(report.outdated === true || feeder?.health === 'unknown' ? { lagKnown: false as const } : {}),
    // A copy of something outdated is outdated.
    ...(seen.synchronized === undefined ? {} : { synchronized: seen.synchronized && feeder?.synchronized === true }),
    // Proven as what feeds it, and as far as that is.
    ...(verifiedAt === undefined || feeder?.verifiedAt === undefined
      ? {}
      : { verifiedAt: Math.min(verifiedAt, feeder.verifiedAt) }),
    health: report.outdated === true ? 'unknown' : seen.health,
    lagMs: seen.lagMs + (feeder?.lagMs ?? 0),
    exposureMs: seen.exposureMs + (feeder?.exposureMs ?? 0),
    exposureBytes: seen.exposureBytes + (feeder?.exposureBytes ?? 0),
  };
}

/** Protected means every Replica, the ones behind others too. */
function together(
  state: ScenarioState,
  { status, problem, outdated }: RelayReport,
  missing: readonly string[],
): ScenarioState {
  if (state !== 'protected') return state;
  if (missing.length > 0) return 'synchronizing';
  if (status === undefined) return problem === undefined || outdated === true ? 'synchronizing' : 'out-of-sync';
  if (status.state === 'verifying') return 'synchronizing';
  if (status.state === 'stopped') return problem === undefined ? 'synchronizing' : 'out-of-sync';
  return status.state === 'failed' ? 'out-of-sync' : status.state;
}

function problemOf(
  feeder: string,
  { status, problem, outdated }: RelayReport,
  missing: readonly string[],
): string | undefined {
  const behind = problem ?? status?.problem;
  if (behind !== undefined) return `Behind ${feeder}: ${behind}`;
  if (missing.length > 0) return `${feeder} does not feed ${missing.join(', ')} yet`;
  return outdated === true ? `${feeder} does not say how the Replicas behind it are` : undefined;
}
