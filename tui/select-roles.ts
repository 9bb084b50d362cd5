/** What every host of a scenario says of it: roles and Is Alive are known only where they are. Pure. */
import type { HealthVerdict } from '../shared/health.ts';
import type { Epoch, HostRole, RoleStatus, SwitchStatus } from '../shared/role.ts';
import type { HostStatus, ScenarioStatus } from '../shared/status.ts';
import type { ConsoleState, HostView } from './state.ts';

/** Watching hosts tell what they found at least every 5 s: what is older than this is not known any more. */
export const OLD_NEWS_MS = 15_000;

export interface HostReport {
  /** Which host of the scenario reports. */
  readonly name: string;
  readonly host: HostView;
  readonly status: ScenarioStatus;
  readonly live: boolean;
  /** Since it was told, ms by the clock of the console. */
  readonly ageMs: number;
}

export function reportsOf(state: Pick<ConsoleState, 'hosts' | 'now'>, scenarioId: string): readonly HostReport[] {
  return state.hosts.flatMap((host) => {
    const status = host.scenarios[scenarioId];
    if (status === undefined) return [];
    const ageMs = Math.max(0, state.now - (host.toldAt[scenarioId] ?? state.now));
    return [{ name: status.reportedBy, host, status, live: host.connection === 'up', ageMs }];
  });
}

/** What is known of the role of one host: by its own word, else by what the other one heard of it. */
export interface KnownRole {
  readonly host: HostStatus;
  readonly role: HostRole;
  readonly epoch?: Epoch;
  /** Of its own word; absent: it is the other host's. */
  readonly own?: RoleStatus;
  readonly ageMs?: number;
  readonly live: boolean;
}

export function knownRoles(reports: readonly HostReport[], status: ScenarioStatus): readonly KnownRole[] {
  return status.hosts.map((host) => {
    const report = newest(reports.filter(({ name }) => name === host.name));
    const roles = report?.status.roles;
    if (report !== undefined && roles !== undefined) {
      const { role, epoch } = roles;
      return { host: ownSide(report, host), role, epoch, own: roles, ageMs: report.ageMs, live: report.live };
    }
    const other = newest(reports.filter(({ status: told }) => told.roles?.peer?.name === host.name));
    const peer = other?.status.roles?.peer;
    if (other === undefined || peer === undefined) return { host, role: host.role, live: false };
    return { host, role: peer.role, epoch: peer.epoch, ageMs: peer.ageMs + other.ageMs, live: other.live };
  });
}

/** What a host says of itself says more than what another one says of it. */
function ownSide({ status, name }: HostReport, otherwise: HostStatus): HostStatus {
  return status.hosts.find((host) => host.name === name) ?? otherwise;
}

function newest(reports: readonly HostReport[]): HostReport | undefined {
  return reports.toSorted((a, b) => Number(b.live) - Number(a.live) || a.ageMs - b.ageMs)[0];
}

export interface KnownVerdict {
  readonly report: HostReport;
  readonly watched: string;
  readonly verdict: HealthVerdict;
}

/** Of the host that watches; of several the one of the newest epoch. */
export function verdictOf(reports: readonly HostReport[]): KnownVerdict | undefined {
  const found = reports.flatMap((report) =>
    report.status.hosts.flatMap(({ name, isAlive }) =>
      isAlive === undefined || isAlive.watchedBy !== report.name ? [] : [{ report, watched: name, verdict: isAlive }],
    ),
  );
  return found.toSorted(
    (a, b) => Number(b.report.live) - Number(a.report.live) || b.report.status.epoch - a.report.status.epoch,
  )[0];
}

/** A switchover under way, as the host that is further in it tells. */
export function switchoverOf(reports: readonly HostReport[]): (SwitchStatus & { readonly host: string }) | undefined {
  const under = reports.flatMap(({ name, status, live }) => {
    const switchover = status.roles?.switchover;
    return switchover === undefined || !live ? [] : [{ ...switchover, host: name }];
  });
  return under.find(({ side }) => side === 'to') ?? under[0];
}

/** Names of hosts by device id, where this console knows them. */
export function nameOfDevice(state: Pick<ConsoleState, 'hosts'>, deviceId: string): string {
  if (deviceId === '') return 'nobody';
  return state.hosts.find(({ daemon }) => daemon?.deviceId === deviceId)?.daemon?.name ?? deviceId.slice(0, 8);
}
