/** Sample hosts, scenarios and events for screens and journeys: fixed times, no randomness. */
import type { EventRecord, Severity } from '../../shared/events.ts';
import type { DaemonStatus, HostStatus, ReplicaStatus, ScenarioStatus, Snapshot } from '../../shared/status.ts';

/** 2026-07-01 12:04:31 UTC. */
export const NOON = Date.UTC(2026, 6, 1, 12, 4, 31);

export function daemon(name: string, change: Partial<DaemonStatus> = {}): DaemonStatus {
  return {
    name,
    deviceId: name === 'web-01' ? 'ab12cd34'.repeat(8) : Buffer.from(name).toString('hex').padEnd(64, '0'),
    version: '0.1.0',
    platform: 'linux-x64',
    startedAt: NOON - 86_400_000,
    address: `${name}.example.net:7780`,
    at: NOON,
    ...change,
  };
}

export function replica(change: Partial<ReplicaStatus> = {}): ReplicaStatus {
  return {
    sentSeq: 1200,
    receivedSeq: 1200,
    appliedSeq: 1198,
    lagMs: 200,
    exposureMs: 0,
    exposureBytes: 0,
    pendingChanges: 2,
    link: 'live',
    roundTripMs: 8,
    spoolBytes: 40_000,
    parked: 0,
    lastAckAt: NOON - 200,
    ...change,
  };
}

export function master(name: string, change: Partial<HostStatus> = {}): HostStatus {
  return {
    name,
    role: 'active',
    health: 'alive',
    gate: 'open',
    position: { generation: 'a1b2c3d4'.repeat(4), seq: 1200 },
    lagMs: 0,
    exposureMs: 0,
    exposureBytes: 0,
    spoolBytes: 0,
    ...change,
  };
}

export function standby(name: string, change: Partial<ReplicaStatus> = {}, host: Partial<HostStatus> = {}): HostStatus {
  const status = replica(change);
  return {
    ...master(name),
    role: 'standby',
    gate: 'closed',
    lagMs: status.lagMs,
    exposureMs: status.exposureMs,
    exposureBytes: status.exposureBytes,
    spoolBytes: status.spoolBytes,
    verifiedAt: NOON - 180_000,
    replica: status,
    ...host,
  };
}

export function scenario(name: string, change: Partial<ScenarioStatus> = {}): ScenarioStatus {
  return {
    id: `id-${name}`,
    name,
    serverType: 'nginx',
    state: 'protected',
    since: NOON - 10_000_000,
    running: true,
    epoch: 7,
    active: 'web-01',
    hosts: [master('web-01'), standby('web-02')],
    statistics: {
      synchronizedFiles: 50_000,
      synchronizedBytes: 1_234_567_890,
      replicatedChanges: 8_421,
      replicatedBytes: 456_789_000,
      bytesPerSecond: 1_820_000,
      changesPerSecond: 84,
    },
    capture: { method: 'fanotify', degraded: false, roots: [] },
    reportedBy: 'web-01',
    revision: 3,
    ...change,
  };
}

export function snapshot(host: string, scenarios: readonly ScenarioStatus[]): Snapshot {
  return { daemon: daemon(host), scenarios };
}

export function event(n: number, text: string, change: Partial<EventRecord> = {}): EventRecord {
  const severity: Severity = change.severity ?? 'info';
  return {
    n,
    at: NOON - 60_000 + n * 1000,
    severity,
    code: 'SCN-010',
    scenario: 'web-shop',
    host: 'web-01',
    text,
    data: {},
    ...change,
  };
}

export const SYNCHRONIZING = {
  phase: 'transferring',
  startedAt: NOON - 42_000,
  comparedEntries: 50_000,
  totalEntries: 50_000,
  sentFiles: 20_500,
  sentBytes: 512_000_000,
  neededBytes: 1_234_567_890,
  bytesPerSecond: 12_300_000,
  secondsLeft: 59,
  currentPath: '/srv/www/shop/images/2026/06/spring-catalogue/full-size/IMG_20260612_112233.jpeg',
} as const;

/** Several scenarios in several moods, reported by web-01. */
export function moods(): readonly ScenarioStatus[] {
  return [
    scenario('web-shop'),
    scenario('intranet', {
      serverType: 'file-server',
      hosts: [
        master('web-01'),
        standby('fs-02', { lagMs: 43_000, exposureMs: 41_000, exposureBytes: 12_000_000, pendingChanges: 3120 }),
      ],
    }),
    scenario('mail', {
      state: 'stopped',
      stopReason: 'by-user',
      running: false,
      hosts: [master('web-01'), standby('web-02', { link: 'down' })],
    }),
    scenario('legacy', {
      state: 'failed',
      running: false,
      problem: 'Cannot reach old-02:7780: connection refused',
      hosts: [master('web-01'), standby('old-02', { link: 'down' }, { health: 'down' })],
    }),
    scenario('media', {
      state: 'synchronizing',
      sync: SYNCHRONIZING,
      hosts: [master('web-01'), standby('web-02', { link: 'catching-up' })],
    }),
  ];
}
