/**
 * The life of one scenario on its Master, pure: a happening turns a life into a new life and effects; the runner
 * (master-runner.ts) carries the effects out and reports what came of them as further happenings.
 */
import type { EventCode } from '../../shared/events.ts';
import type { FaultDetails } from '../../shared/faults.ts';
import type { ScenarioState, StopReason, SyncMethod } from '../../shared/scenario.ts';

/** An engine that dies more often than this without a quiet time between is not started again by itself. */
export const MAX_ENGINE_CRASHES = 5;
const ENGINE_RETRY_MS = { first: 500, longest: 30_000 };
const WAIT_RETRY_MS = 5_000;
const SYNC_RETRY_MS = { first: 1_000, longest: 60_000 };

export interface RunChoices {
  readonly method: SyncMethod;
  readonly ignoreSame: boolean;
}

/**
 * needs-sync: its data is unknown or outdated. catching-up: copied, but changes made meanwhile are not applied yet.
 * Only `synchronized` counts as protected.
 */
export type PeerPhase = 'needs-sync' | 'synchronizing' | 'catching-up' | 'synchronized';

export interface PeerLife {
  readonly phase: PeerPhase;
  /** The engines' handshake is done. */
  readonly linked: boolean;
  readonly suspended: boolean;
  /** Suspended until its host (or this one) has been restarted: it goes on by itself when its link comes back. */
  readonly untilBack?: 'here' | 'away';
  /** A synchronization waits for the operator (property "prevent automatic re-sync"). */
  readonly held: boolean;
  /** Synchronizations that failed in a row. */
  readonly failures: number;
  /** Why it needs a synchronization, when something went wrong. */
  readonly reason?: string;
}

/** What is known of a Replica over a restart of the daemon. */
export interface RememberedPeer {
  readonly synchronized: boolean;
  readonly suspended: boolean;
  readonly untilBack?: boolean | undefined;
  readonly held?: boolean | undefined;
}

export type EngineLife = 'starting' | 'ready' | 'waiting';

export interface RunningLife {
  readonly is: 'running';
  readonly choices: RunChoices;
  readonly engine: EngineLife;
  /** Unasked ends of the engine since it last ran quietly for a while. */
  readonly crashes: number;
  readonly crashReason?: string;
  readonly preventResync: boolean;
  /** By device id of the Replica. */
  readonly peers: Readonly<Record<string, PeerLife>>;
}

export type ScenarioLife =
  | { readonly is: 'stopped'; readonly reason: StopReason }
  | { readonly is: 'verifying'; readonly previous: StopReason; readonly choices: RunChoices }
  | RunningLife
  | { readonly is: 'stopping'; readonly reason: StopReason; readonly shown: ScenarioState }
  | { readonly is: 'failed'; readonly reason: string };

export type Happening =
  | { readonly type: 'run'; readonly choices: RunChoices }
  /** Verification or preparing the Replicas did not let it run. */
  | { readonly type: 'refused' }
  | { readonly type: 'prepared'; readonly peers: readonly string[]; readonly preventResync: boolean }
  /** The daemon starts and this scenario was running when it ended: which Replicas were synchronized then. */
  | {
      readonly type: 'resume';
      readonly choices: RunChoices;
      readonly peers: Readonly<Record<string, RememberedPeer>>;
      readonly preventResync: boolean;
    }
  /** The scenario has other Replicas now; they are told of the document before `replicas-told`. */
  | { readonly type: 'replicas'; readonly peers: readonly string[] }
  | { readonly type: 'replicas-told' }
  | { readonly type: 'engine-ready' }
  /** `waits`: the cause is outside (a root is not mounted yet), so that it is tried again for as long as it takes. */
  | { readonly type: 'engine-lost'; readonly reason: string; readonly waits?: boolean }
  | { readonly type: 'engine-retry' }
  /** It ran for a while without trouble: earlier crashes are forgotten. */
  | { readonly type: 'engine-quiet' }
  /** From the engine's status. `synchronized`: the Replica has usable data of this history; meaningless unless linked. */
  | {
      readonly type: 'peer';
      readonly peer: string;
      readonly linked: boolean;
      readonly synchronized: boolean;
      /** Why it is not synchronized, when that is known. */
      readonly reason?: string;
    }
  | { readonly type: 'sync-done'; readonly peer: string }
  | { readonly type: 'sync-failed'; readonly peer: string; readonly reason: string }
  | { readonly type: 'sync-retry'; readonly peer: string }
  /** Everything changed during the synchronization is applied. */
  | { readonly type: 'caught-up'; readonly peer: string }
  /** The property "prevent automatic re-sync" was set. */
  | { readonly type: 'policy'; readonly preventResync: boolean }
  | { readonly type: 'suspend'; readonly peer: string; readonly untilBack?: boolean }
  | { readonly type: 'unsuspend'; readonly peer: string }
  | { readonly type: 'stop'; readonly reason: StopReason }
  | { readonly type: 'engine-stopped' };

export type Effect =
  | { readonly do: 'verify' }
  | { readonly do: 'start-engine' }
  | { readonly do: 'retry-engine'; readonly delayMs: number }
  /** Ends links, capture and the engine's thread; `engine-stopped` follows when it was asked to stop. */
  | { readonly do: 'stop-engine' }
  | { readonly do: 'open-link'; readonly peer: string }
  | { readonly do: 'close-link'; readonly peer: string }
  /** Holds apply on a Replica, or lets it go on. */
  | { readonly do: 'suspend'; readonly peer: string; readonly suspended: boolean }
  | { readonly do: 'synchronize'; readonly peer: string }
  | { readonly do: 'retry-sync'; readonly peer: string; readonly delayMs: number }
  | { readonly do: 'stop-replicas'; readonly reason: string }
  | { readonly do: 'record'; readonly code: EventCode; readonly details?: FaultDetails };

export interface Step {
  readonly life: ScenarioLife;
  readonly effects: readonly Effect[];
}

/** What may be asked for now; undefined = yes, else why not. */
export function refusalToRun(life: ScenarioLife): string | undefined {
  if (life.is === 'stopped' || life.is === 'failed') return undefined;
  if (life.is === 'verifying') return 'it is being verified already';
  if (life.is === 'stopping') return 'it is stopping; wait for it';
  const waiting = Object.values(life.peers).some((peer) => peer.phase === 'needs-sync');
  return waiting ? undefined : 'it is running already';
}

export function scenarioState(life: ScenarioLife): ScenarioState {
  if (life.is === 'running') return runningState(life);
  return life.is === 'stopping' ? life.shown : life.is;
}

function runningState(life: RunningLife): ScenarioState {
  if (life.engine === 'starting') return 'verifying';
  if (life.engine === 'waiting') return 'out-of-sync';
  const peers = Object.values(life.peers);
  const active = peers.filter((peer) => !peer.suspended);
  if (active.some((peer) => peer.phase === 'needs-sync' && (peer.held || peer.reason !== undefined))) {
    return 'out-of-sync';
  }
  if (active.some((peer) => peer.phase !== 'synchronized')) return 'synchronizing';
  return active.length === peers.length ? 'protected' : 'suspended';
}

export function step(life: ScenarioLife, happening: Happening): Step {
  switch (happening.type) {
    case 'run':
      return run(life, happening.choices);
    case 'stop':
      return stop(life, happening.reason);
    case 'refused':
      return life.is === 'verifying' ? only({ is: 'stopped', reason: life.previous }) : only(life);
    case 'prepared':
      return life.is === 'verifying' ? prepared(life.choices, happening) : only(life);
    case 'resume':
      return life.is === 'stopped' ? resume(happening) : only(life);
    case 'engine-stopped':
      return life.is === 'stopping' ? stopped(life.reason) : only(life);
    default:
      return life.is === 'running' ? announceProtected(life, runningStep(life, happening)) : only(life);
  }
}

type RunningHappening = Exclude<
  Happening,
  { type: 'run' | 'stop' | 'refused' | 'prepared' | 'resume' | 'engine-stopped' }
>;

function runningStep(life: RunningLife, happening: RunningHappening): Step {
  switch (happening.type) {
    case 'engine-ready':
      return engineReady(life);
    case 'replicas':
      return replicasChanged(life, happening.peers);
    case 'replicas-told':
      return { life, effects: life.engine === 'starting' ? [{ do: 'start-engine' }] : [] };
    case 'engine-lost':
      return happening.waits === true ? engineWaits(life, happening.reason) : engineLost(life, happening.reason);
    case 'engine-retry':
      return life.engine === 'waiting'
        ? { life: { ...life, engine: 'starting' }, effects: [{ do: 'start-engine' }] }
        : only(life);
    case 'engine-quiet':
      return only(omitReason({ ...life, crashes: 0 }));
    case 'policy':
      return only({ ...life, preventResync: happening.preventResync });
    default: {
      const peer = life.peers[happening.peer];
      if (peer === undefined) return only(life);
      return peerStep(life, happening.peer, peer, happening);
    }
  }
}

type PeerHappening = Extract<RunningHappening, { peer: string }>;

function peerStep(life: RunningLife, id: string, peer: PeerLife, happening: PeerHappening): Step {
  switch (happening.type) {
    case 'peer':
      return peerReported(life, id, peer, happening);
    case 'sync-done':
      if (peer.phase !== 'synchronizing') return only(life);
      return withPeer(life, id, { ...omitReason(peer), phase: 'catching-up', failures: 0 });
    case 'caught-up':
      return peer.phase === 'catching-up' ? withPeer(life, id, { ...peer, phase: 'synchronized' }) : only(life);
    case 'sync-failed':
      return syncFailed(life, id, peer, happening.reason);
    case 'sync-retry':
      return startSyncIfPossible(life, id, peer);
    case 'suspend':
      return peer.suspended ? only(life) : suspend(life, id, peer, happening.untilBack === true);
    case 'unsuspend':
      return peer.suspended ? unsuspend(life, id, peer) : only(life);
  }
}

// ---------------------------------------------------------------- starting and stopping

function run(life: ScenarioLife, choices: RunChoices): Step {
  if (life.is === 'stopped' || life.is === 'failed') {
    const previous = life.is === 'stopped' ? life.reason : 'by-error';
    return { life: { is: 'verifying', previous, choices }, effects: [{ do: 'verify' }] };
  }
  if (life.is !== 'running') return only(life);
  // Running and out of sync: the operator asks for the comparison that is held or waits for its next try.
  let next: Step = only({ ...life, choices });
  for (const [id, peer] of Object.entries(life.peers)) {
    if (peer.phase !== 'needs-sync') continue;
    const released: PeerLife = { ...peer, held: false, failures: 0 };
    const started = startSyncIfPossible(next.life as RunningLife, id, released);
    next = { life: started.life, effects: [...next.effects, ...started.effects] };
  }
  return next;
}

/** Replicas of a running scenario that have to be synchronized; undefined: it does not run. */
export function waitingFor(life: ScenarioLife): string[] | undefined {
  if (life.is !== 'running') return undefined;
  return Object.entries(life.peers).flatMap(([id, { phase }]) => (phase === 'needs-sync' ? [id] : []));
}

const NEW_PEER: PeerLife = { phase: 'needs-sync', linked: false, suspended: false, held: false, failures: 0 };

function prepared(choices: RunChoices, happening: Extract<Happening, { type: 'prepared' }>): Step {
  const { preventResync } = happening;
  const peers = Object.fromEntries(happening.peers.map((id) => [id, NEW_PEER]));
  return {
    life: { is: 'running', choices, engine: 'starting', crashes: 0, preventResync, peers },
    effects: [record('SCN-010'), { do: 'start-engine' }],
  };
}

function resume(happening: Extract<Happening, { type: 'resume' }>): Step {
  const { choices, preventResync } = happening;
  const peers: Record<string, PeerLife> = {};
  for (const [id, { synchronized, suspended, untilBack, held }] of Object.entries(happening.peers)) {
    const phase = synchronized ? 'synchronized' : 'needs-sync';
    const waits = held ? { held, reason: 'it was so before the restart' } : {};
    peers[id] = { ...NEW_PEER, suspended, phase, ...waits, ...(suspended && untilBack ? { untilBack: 'away' } : {}) };
  }
  return {
    life: { is: 'running', choices, engine: 'starting', crashes: 0, preventResync, peers },
    effects: [record('SCN-010'), { do: 'start-engine' }],
  };
}

function stop(life: ScenarioLife, reason: StopReason): Step {
  if (life.is === 'stopped' || life.is === 'stopping') return only(life);
  if (life.is === 'running') {
    return { life: { is: 'stopping', reason, shown: scenarioState(life) }, effects: [{ do: 'stop-engine' }] };
  }
  // Verifying or failed: nothing runs here; a Replica may have been prepared.
  return stopped(reason);
}

function stopped(reason: StopReason): Step {
  const byUser = reason === 'by-user';
  return {
    life: { is: 'stopped', reason },
    effects: [
      { do: 'stop-replicas', reason: byUser ? 'Stopped by user' : reason },
      record('SCN-011'),
      ...(byUser ? [record('SCN-012')] : []),
    ],
  };
}

// ---------------------------------------------------------------- the engine's thread

function engineReady(life: RunningLife): Step {
  if (life.engine !== 'starting') return only(life);
  const effects: Effect[] = [];
  for (const [id, peer] of Object.entries(life.peers)) {
    if (peer.suspended) effects.push({ do: 'suspend', peer: id, suspended: true });
    if (!peer.suspended || hasData(peer)) effects.push({ do: 'open-link', peer: id });
  }
  return { life: { ...life, engine: 'ready' }, effects };
}

/** The engine starts over with the new Replicas; the others go on where they are. */
function replicasChanged(life: RunningLife, ids: readonly string[]): Step {
  const known = unlinkedPeers(life);
  const peers = Object.fromEntries(ids.map((id) => [id, known[id] ?? NEW_PEER]));
  return { life: { ...life, engine: 'starting', peers }, effects: [{ do: 'stop-engine' }] };
}

function engineWaits(life: RunningLife, reason: string): Step {
  if (life.engine === 'waiting') return only(life);
  return {
    life: { ...life, engine: 'waiting', crashReason: reason, peers: unlinkedPeers(life) },
    effects: [{ do: 'stop-engine' }, { do: 'retry-engine', delayMs: WAIT_RETRY_MS }],
  };
}

function engineLost(life: RunningLife, reason: string): Step {
  if (life.engine === 'waiting') return only(life);
  const crashes = life.crashes + 1;
  if (crashes > MAX_ENGINE_CRASHES) {
    return {
      life: { is: 'failed', reason },
      effects: [
        { do: 'stop-engine' },
        { do: 'stop-replicas', reason: 'Scenario failed on the Master' },
        record('SCN-013', { reason }),
      ],
    };
  }
  return {
    life: { ...life, engine: 'waiting', crashes, crashReason: reason, peers: unlinkedPeers(life) },
    effects: [
      { do: 'stop-engine' },
      { do: 'retry-engine', delayMs: backOff(ENGINE_RETRY_MS, crashes) },
      record('SCN-015', { reason }),
    ],
  };
}

function unlinkedPeers(life: RunningLife): Record<string, PeerLife> {
  const peers: Record<string, PeerLife> = {};
  for (const [id, peer] of Object.entries(life.peers)) {
    // An interrupted copy starts over by comparing; a finished one has its position on the Replica, and what was changed
    // meanwhile is found again.
    const phase = peer.phase === 'synchronizing' || peer.phase === 'needs-sync' ? 'needs-sync' : 'synchronized';
    peers[id] = { ...unlinked(peer), phase };
  }
  return peers;
}

// ---------------------------------------------------------------- Replicas

/** What a synchronized one receives goes to its spool; one that is not is sent nothing at all. */
function suspend(life: RunningLife, id: string, peer: PeerLife, untilBack: boolean): Step {
  const suspended: PeerLife = { ...peer, suspended: true, ...(untilBack ? { untilBack: 'here' } : {}) };
  const hold: Effect = { do: 'suspend', peer: id, suspended: true };
  if (hasData(peer)) return withPeer(life, id, suspended, [hold]);
  return withPeer(life, id, { ...suspended, linked: false }, [hold, { do: 'close-link', peer: id }]);
}

function unsuspend(life: RunningLife, id: string, peer: PeerLife): Step {
  const { untilBack: _, ...rest } = peer;
  const released: PeerLife = { ...rest, suspended: false };
  if (life.engine !== 'ready') return withPeer(life, id, released);
  const effects: Effect[] = [{ do: 'suspend', peer: id, suspended: false }];
  if (!hasData(peer) && !peer.linked) effects.push({ do: 'open-link', peer: id });
  const started = startSyncIfPossible(life, id, released);
  return { life: started.life, effects: [...effects, ...started.effects] };
}

function unlinked(peer: PeerLife): PeerLife {
  return peer.untilBack === undefined ? { ...peer, linked: false } : { ...peer, linked: false, untilBack: 'away' };
}

function hasData({ phase }: PeerLife): boolean {
  return phase === 'synchronized' || phase === 'catching-up';
}

function peerReported(
  life: RunningLife,
  id: string,
  peer: PeerLife,
  report: Extract<Happening, { type: 'peer' }>,
): Step {
  if (life.engine !== 'ready') return only(life);
  if (!report.linked) return peer.linked ? withPeer(life, id, unlinked(peer)) : only(life);
  if (peer.untilBack === 'away') {
    const back = unsuspend(life, id, { ...peer, linked: true });
    return { life: back.life, effects: [record('SCN-018'), ...back.effects] };
  }
  const linked: PeerLife = peer.linked ? peer : { ...peer, linked: true };
  if (hasData(peer) && !report.synchronized) return dataLost(life, id, linked, report.reason);
  if (peer.linked) return only(life);
  return startSyncIfPossible(life, id, linked);
}

/** The Replica was synchronized and now says that it has no usable data of this history. */
function dataLost(life: RunningLife, id: string, peer: PeerLife, known: string | undefined): Step {
  const reason = known ?? 'the Replica has no usable data of this history';
  const outdated: PeerLife = { ...peer, phase: 'needs-sync', held: life.preventResync, reason };
  const started = startSyncIfPossible(life, id, outdated);
  return { life: started.life, effects: [record('SYN-006', { reason }), ...started.effects] };
}

function startSyncIfPossible(life: RunningLife, id: string, peer: PeerLife): Step {
  const possible =
    life.engine === 'ready' && peer.phase === 'needs-sync' && peer.linked && !peer.held && !peer.suspended;
  if (!possible) return withPeer(life, id, peer);
  return withPeer(life, id, { ...omitReason(peer), phase: 'synchronizing' }, [{ do: 'synchronize', peer: id }]);
}

function syncFailed(life: RunningLife, id: string, peer: PeerLife, reason: string): Step {
  if (peer.phase !== 'synchronizing') return only(life);
  const failures = peer.failures + 1;
  return withPeer(life, id, { ...peer, phase: 'needs-sync', failures, reason }, [
    { do: 'retry-sync', peer: id, delayMs: backOff(SYNC_RETRY_MS, failures) },
  ]);
}

// ---------------------------------------------------------------- small parts

function only(life: ScenarioLife): Step {
  return { life, effects: [] };
}

function record(code: EventCode, details?: FaultDetails): Effect {
  return details === undefined ? { do: 'record', code } : { do: 'record', code, details };
}

function withPeer(life: RunningLife, id: string, peer: PeerLife, effects: readonly Effect[] = []): Step {
  return { life: { ...life, peers: { ...life.peers, [id]: peer } }, effects };
}

function omitReason<T extends { readonly reason?: string; readonly crashReason?: string }>(from: T): T {
  const { reason: _reason, crashReason: _crashReason, ...rest } = from;
  return rest as T;
}

function backOff(limits: { readonly first: number; readonly longest: number }, attempt: number): number {
  return Math.min(limits.longest, limits.first * 2 ** (attempt - 1));
}

function announceProtected(before: RunningLife, next: Step): Step {
  if (scenarioState(next.life) !== 'protected' || runningState(before) === 'protected') return next;
  return { life: next.life, effects: [...next.effects, record('SCN-014')] };
}
