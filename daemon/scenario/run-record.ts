/** What is kept of a scenario's life over a restart of the daemon. Pure. */
import type { HostReference } from '../../shared/scenario.ts';
import type { StoredRun, StoredScenario, Untold } from './book.ts';
import { fedBy } from './cascade.ts';
import type { RememberedPeer, ScenarioLife } from './machine.ts';

/** `nowMs`: the state changes at this wall-clock time; undefined: it did not change. */
export function runRecord(life: ScenarioLife, stored: StoredRun, nowMs: number | undefined): StoredRun {
  const { failed: _failed, ...before } = stored;
  const base = { ...before, since: nowMs ?? before.since };
  if (life.is === 'running') {
    const peers: StoredRun['peers'] = {};
    for (const [id, peer] of Object.entries(life.peers)) {
      const synchronized = peer.phase === 'synchronized' || peer.phase === 'catching-up';
      peers[id] = {
        synchronized,
        suspended: peer.suspended,
        untilBack: peer.untilBack && true,
        held: peer.held || undefined,
      };
    }
    return { ...base, wanted: true, choices: life.choices, peers };
  }
  if (life.is === 'failed') return { ...base, wanted: false, reason: 'by-error', failed: life.reason };
  if (life.is === 'stopping') return { ...base, wanted: false, reason: life.reason };
  return { ...base, wanted: false, reason: life.is === 'stopped' ? life.reason : life.previous };
}

/** Whoever kills the daemon now must not leave Replicas that nobody tells. */
export function untoldOfStop({ document, run }: StoredScenario): Untold[] {
  const all = fedBy(document).map((host) => ({ host, reason: 'Stopped by user' }));
  return [...all, ...run.untold.filter(({ forget }) => forget === true)];
}

/** By device id, for those that are paired. */
export function rememberedPeers(run: StoredRun, replicas: readonly HostReference[]): Record<string, RememberedPeer> {
  const peers: Record<string, RememberedPeer> = {};
  for (const { deviceId } of replicas) {
    if (deviceId !== undefined) peers[deviceId] = run.peers[deviceId] ?? { synchronized: false, suspended: false };
  }
  return peers;
}
