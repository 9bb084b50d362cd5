/** Data Rewind of a scenario, asked for on its Master (of one Replica) or on the Replica itself. */
import { Fault } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { JournalFigures, RewindPoint, RewindPointList } from '../../shared/rewind.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { EngineCall } from '../engine/engine-protocol.ts';
import type { CommandHandlers, Session } from '../services.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { MasterRunner } from './master-runner.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { chosenReplica, type RunnerSet, replicaNamed } from './runner-set.ts';

const BARRIER_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 120_000;

export function historyHandlers(environment: ScenarioEnvironment, scenarios: RunnerSet): CommandHandlers {
  const ask = async <Answer>(
    name: string,
    replica: string | undefined,
    call: EngineCall,
    request: (id: string, host: HostReference) => Promise<unknown>,
  ): Promise<Answer> => {
    const runner = scenarios.find(name);
    if (runner instanceof ReplicaRunner) return (await runner.askHistory(call)) as Answer;
    return (await request(runner.id, chosenReplica(runner.document, replica))) as Answer;
  };
  return {
    'scenario.bookmark': async ({ name, replica, text, timeoutMs }) => {
      const runner = scenarios.onMaster(name);
      refuseWhileSynchronizing(runner);
      const { seq } = (await runner.barrier(timeoutMs ?? BARRIER_TIMEOUT_MS)) as Position;
      const hosts = replica === undefined ? runner.document.replicas : [replicaNamed(runner.document, replica)];
      const points: { replica: string; point: RewindPoint }[] = [];
      let refused: unknown;
      for (const host of hosts) {
        const args = { scenarioId: runner.id, seq, text };
        try {
          const point = (await environment.peers.request(host, 'peer.bookmark', args, ASK_TIMEOUT_MS)) as RewindPoint;
          points.push({ replica: host.name, point });
        } catch (error) {
          // Of several Replicas some may keep no history.
          if (Fault.from(error).code !== 'REWIND-OFF') throw error;
          refused = error;
        }
      }
      if (points.length === 0) throw refused;
      environment.events.record('RWD-003', { text }, runner.document.name);
      return { points };
    },
    'scenario.points': async ({ name, replica, filter }) =>
      await ask<RewindPointList>(name, replica, { name: 'points', filter }, (scenarioId, host) =>
        environment.peers.request(host, 'peer.points', { scenarioId, filter }, ASK_TIMEOUT_MS),
      ),
    'scenario.journal': async ({ name, replica }) =>
      await ask<JournalFigures>(name, replica, { name: 'journal' }, (scenarioId, host) =>
        environment.peers.request(host, 'peer.journal', { scenarioId }, ASK_TIMEOUT_MS),
      ),
  };
}

/** What the Master asks of this Replica. */
export function historyPeerHandlers(own: (scenarioId: string, session: Session) => ReplicaRunner): CommandHandlers {
  return {
    'peer.bookmark': async ({ scenarioId, seq, text }, session) =>
      await own(scenarioId, session).call({ name: 'bookmark', seq, text }),
    'peer.points': async ({ scenarioId, filter }, session) =>
      await own(scenarioId, session).askHistory({ name: 'points', filter }),
    'peer.journal': async ({ scenarioId }, session) => await own(scenarioId, session).askHistory({ name: 'journal' }),
  };
}

/** The roots are no state of the Master before it is over (guide: "You cannot set bookmarks during the synchronization process"). */
function refuseWhileSynchronizing(runner: MasterRunner): void {
  const { name, state } = runner.status();
  if (state !== 'synchronizing') return;
  throw new Fault('SCENARIO-STATE', {
    name,
    state,
    reason: 'you cannot set bookmarks during the synchronization process',
  });
}
