/** What a console shows of a scenario, from what runner and engine know. Pure. */
import { Fault } from '../../shared/faults.ts';
import { formatMoment } from '../../shared/report.ts';
import type { HostReference, ScenarioState } from '../../shared/scenario.ts';
import {
  type BrakeStatus,
  describeBrake,
  type HostStatus,
  type ReplicaStatus,
  type ScenarioStatistics,
  type ScenarioStatus,
} from '../../shared/status.ts';
import type { EnginePeerStatus, EngineStatus } from '../engine/engine-protocol.ts';
import type { CaptureReport } from '../services.ts';
import type { StoredScenario } from './book.ts';
import { fedBy } from './cascade.ts';
import { type RunningLife, type ScenarioLife, scenarioState } from './machine.ts';

const NO_STATISTICS: ScenarioStatistics = {
  synchronizedFiles: 0,
  synchronizedBytes: 0,
  replicatedChanges: 0,
  replicatedBytes: 0,
  bytesPerSecond: 0,
  changesPerSecond: 0,
};
const NO_POSITION = { generation: '', seq: 0 };
const NO_LADDER = { sentSeq: 0, lagMs: 0, exposureMs: 0, exposureBytes: 0, link: 'live' } as const;

export interface MasterView {
  readonly stored: StoredScenario;
  readonly life: ScenarioLife;
  readonly reportedBy: string;
  /** Last reason why there is no link to a Replica, by device id. */
  readonly peerProblem: (id: string) => string | undefined;
  readonly engine?: EngineStatus;
  readonly capture?: CaptureReport;
}

export function masterStatus(view: MasterView): ScenarioStatus {
  const { stored, life, engine } = view;
  const running = life.is === 'running' || life.is === 'stopping';
  const brake = life.is === 'running' ? engine?.brake : undefined;
  const live = running ? engine : undefined;
  const state = shownState(scenarioState(life), brake, live);
  const problem = masterProblem(view);
  return {
    ...common(stored, view.reportedBy, state, running),
    ...(life.is === 'stopped' ? { stopReason: life.reason } : {}),
    hosts: [masterHost(stored, live), ...stored.document.replicas.map((host) => replicaHost(host, live))],
    ...(live?.sync === undefined ? {} : { sync: live.sync }),
    statistics: engine?.statistics ?? NO_STATISTICS,
    ...(live?.nextSendAt === undefined ? {} : { nextSendAt: live.nextSendAt }),
    ...(running && view.capture !== undefined ? { capture: view.capture } : {}),
    ...(brake === undefined ? {} : { brake }),
    ...(live?.specialFiles === undefined ? {} : { specialFiles: live.specialFiles }),
    ...(live?.unreadable === undefined || live.unreadable === 0 ? {} : { unreadable: live.unreadable }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** A barrier that could only pass after `untilWallMs`, because changes are collected until later, is refused at once. */
export function refuseToWait({ name, nextSendAt }: ScenarioStatus, untilWallMs: number): void {
  if (nextSendAt === undefined || (nextSendAt !== null && nextSendAt < untilWallMs)) return;
  throw new Fault('SCENARIO-SCHEDULED', { name, at: nextSendAt === null ? 'never' : formatMoment(nextSendAt) });
}

/** What the Replicas get is not applied while the brake is on. */
function shownState(
  state: ScenarioState,
  brake: BrakeStatus | undefined,
  engine: EngineStatus | undefined,
): ScenarioState {
  if (state !== 'protected') return state;
  // A root is missing: what happens there now is not seen.
  if (engine?.phase === 'held') return 'out-of-sync';
  if (Object.values(engine?.peers ?? {}).some((peer) => peer.rehearsing)) return 'rehearsing';
  return brake === undefined ? state : 'suspended';
}

function common(stored: StoredScenario, reportedBy: string, state: ScenarioState, running: boolean) {
  const { document, run } = stored;
  return {
    id: document.id,
    name: document.name,
    ...(document.group === undefined ? {} : { group: document.group }),
    serverType: document.serverType,
    state,
    since: run.since,
    running,
    epoch: run.epoch,
    active: document.master.name,
    reportedBy,
    revision: document.revision,
  };
}

function masterHost(stored: StoredScenario, engine: EngineStatus | undefined): HostStatus {
  const peers = Object.values(engine?.peers ?? {});
  return {
    name: stored.document.master.name,
    role: 'active',
    health: engine?.phase === 'held' ? 'suspect' : 'alive',
    gate: 'none',
    position: engine?.position ?? NO_POSITION,
    lagMs: 0,
    exposureMs: Math.max(0, ...peers.map((peer) => peer.exposureMs)),
    exposureBytes: Math.max(0, ...peers.map((peer) => peer.exposureBytes)),
    spoolBytes: engine?.spoolBytes ?? 0,
    ...(engine?.spoolFullInMs === undefined ? {} : { spoolFullInMs: engine.spoolFullInMs }),
  };
}

function replicaHost(host: HostReference, engine: EngineStatus | undefined): HostStatus {
  const peer = host.deviceId === undefined ? undefined : engine?.peers[host.deviceId];
  const up = peer !== undefined && peer.link !== 'down' && peer.link !== 'connecting';
  return {
    name: host.name,
    role: 'standby',
    health: up ? 'alive' : 'unknown',
    gate: 'none',
    position: { generation: engine?.position?.generation ?? '', seq: peer?.appliedSeq ?? 0 },
    lagMs: peer?.lagMs ?? 0,
    exposureMs: peer?.exposureMs ?? 0,
    exposureBytes: peer?.exposureBytes ?? 0,
    spoolBytes: peer?.spoolBytes ?? 0,
    ...(peer?.verifiedAt === undefined ? {} : { verifiedAt: peer.verifiedAt }),
    ...(peer === undefined ? {} : { synchronized: peer.synchronized, replica: withoutSynchronized(peer) }),
  };
}

function withoutSynchronized(peer: EnginePeerStatus): ReplicaStatus {
  const { synchronized: _synchronized, collapsed: _collapsed, verifiedAt: _verifiedAt, ...status } = peer;
  return status;
}

function masterProblem(view: MasterView): string | undefined {
  const { life, engine } = view;
  if (life.is === 'failed') return life.reason;
  if (life.is !== 'running') return undefined;
  if (life.engine === 'waiting') return `The engine is started again: ${life.crashReason ?? 'it ended'}`;
  if (engine?.held !== undefined) return engine.held;
  if (engine?.brake !== undefined) return brakeProblem(engine.brake, view.stored.document.name);
  for (const replica of fedBy(view.stored.document)) {
    const problem = replica.deviceId === undefined ? undefined : peerProblem(view, life, replica, replica.deviceId);
    if (problem !== undefined) return problem;
  }
  const unreadable = engine?.unreadable ?? 0;
  if (unreadable === 0) return undefined;
  const places = unreadable === 1 ? '1 place' : `${unreadable} places`;
  return `${places} on ${view.stored.document.master.name} cannot be read, so the Replicas do not have it (see the events)`;
}

function brakeProblem(brake: BrakeStatus, name: string): string {
  return `Mass-change brake: ${describeBrake(brake)} since ${formatMoment(brake.at)}; the Replicas apply nothing behind that. Release it with \`mainstay brake ${name} release\`, or stop the scenario`;
}

function peerProblem(view: MasterView, life: RunningLife, replica: HostReference, id: string): string | undefined {
  const peer = life.peers[id];
  const status = view.engine?.peers[id];
  if (peer === undefined) return `${replica.name} is not paired with this host`;
  if (peer.suspended) return undefined;
  if (!peer.linked) {
    const reason = view.peerProblem(id);
    return reason === undefined ? undefined : `No connection to ${replica.name}: ${reason}`;
  }
  if (peer.held) return `${replica.name} is out of sync (${peer.reason}) and waits for you: run the scenario again`;
  if (peer.phase === 'needs-sync' && peer.reason !== undefined) return `${replica.name}: ${peer.reason}`;
  if (status?.rehearsing)
    return `${replica.name} is being tested (Assured Recovery): it keeps changes in its spool meanwhile`;
  if (status?.held !== undefined) return `Apply on ${replica.name} is held: ${status.held}`;
  return status === undefined ? undefined : parkedProblem(status, replica.name);
}

/** `protected` is not the whole truth while something is parked or was dropped. */
function parkedProblem(
  { parked, dropped = 0 }: { parked: number; dropped?: number },
  host: string,
): string | undefined {
  const items = (count: number) => (count === 1 ? '1 item is' : `${count} items are`);
  if (parked > 0) return `${items(parked)} parked on ${host}, everything else is there (see \`mainstay parked\`)`;
  if (dropped === 0) return undefined;
  const were = dropped === 1 ? '1 parked item was' : `${dropped} parked items were`;
  return `${were} dropped on ${host}: not proven identical until it is compared again`;
}

// ---------------------------------------------------------------- as the Replica sees it

export interface ReplicaView {
  readonly stored: StoredScenario;
  readonly reportedBy: string;
  /** Of this host. */
  readonly deviceId: string;
  readonly engineRuns: boolean;
  readonly linked: boolean;
  readonly engine?: EngineStatus;
  readonly problem?: string;
}

export function replicaStatus(view: ReplicaView): ScenarioStatus {
  const { stored, engine } = view;
  const { document, run } = stored;
  const state = replicaState(view);
  const problem = replicaProblem(view);
  return {
    ...common(stored, view.reportedBy, state, run.wanted),
    ...(run.wanted ? {} : { stopReason: run.reason }),
    hosts: [
      { ...masterHost(stored, undefined), health: view.linked ? 'alive' : 'unknown', ...unlessLinked(view.linked) },
      ...document.replicas.map((host) =>
        host.deviceId === view.deviceId ? ownReplica(host, engine, view.linked) : replicaHost(host, undefined),
      ),
    ],
    ...(engine?.sync === undefined || !run.wanted ? {} : { sync: engine.sync }),
    statistics: engine?.statistics ?? NO_STATISTICS,
    ...(problem === undefined ? {} : { problem }),
  };
}

/** The Replica knows only itself: it is protected when it has a position, whether the link is up or not. */
function replicaState(view: ReplicaView): ScenarioState {
  if (!view.stored.run.wanted) return 'stopped';
  if (!view.engineRuns) return 'out-of-sync';
  if (view.engine?.phase === 'synchronizing') return 'synchronizing';
  if (view.stored.run.rehearsal !== undefined) return 'rehearsing';
  if (view.engine?.suspended) return 'suspended';
  if (view.engine?.position !== undefined) return 'protected';
  return view.linked ? 'synchronizing' : 'out-of-sync';
}

function replicaProblem(view: ReplicaView): string | undefined {
  if (view.problem !== undefined) return view.problem;
  if (!view.stored.run.wanted) return undefined;
  if (view.engine?.held !== undefined) return `Apply is held: ${view.engine.held}`;
  const parked = view.engine === undefined ? undefined : parkedProblem(view.engine, view.reportedBy);
  if (parked !== undefined) return parked;
  return view.linked ? undefined : `No connection from ${view.stored.document.master.name}`;
}

function unlessLinked(linked: boolean): { readonly lagKnown?: false } {
  return linked ? {} : { lagKnown: false };
}

function ownReplica(host: HostReference, engine: EngineStatus | undefined, linked: boolean): HostStatus {
  if (engine === undefined) return { ...replicaHost(host, undefined), health: 'alive' };
  const { position = NO_POSITION, receivedSeq = 0, spoolBytes, parked } = engine;
  const peer = Object.values(engine.peers)[0] ?? NO_LADDER;
  const { lagMs, exposureMs, exposureBytes } = peer;
  return {
    ...replicaHost(host, undefined),
    health: 'alive',
    position,
    spoolBytes,
    lagMs,
    ...unlessLinked(linked),
    replica: {
      sentSeq: peer.sentSeq,
      receivedSeq,
      appliedSeq: position.seq,
      lagMs,
      exposureMs,
      exposureBytes,
      pendingChanges: Math.max(0, receivedSeq - position.seq),
      link: linked ? peer.link : 'down',
      spoolBytes,
      parked,
      ...(engine.dropped === undefined ? {} : { dropped: engine.dropped }),
      ...(engine.keptAside === undefined ? {} : { keptAside: engine.keptAside }),
      ...(engine.asidePercent === undefined ? {} : { asidePercent: engine.asidePercent }),
      ...(engine.held === undefined ? {} : { held: engine.held }),
    },
  };
}
