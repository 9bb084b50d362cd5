/** Data Rewind of a scenario, asked for on its Master (of one Replica) or on the Replica itself. */
import { Fault } from '../../shared/faults.ts';
import type { Position } from '../../shared/position.ts';
import type { RestoreResult, RewindPoint, RewindPointList, RewindResult, UndoResult } from '../../shared/rewind.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { EngineCall } from '../engine/engine-protocol.ts';
import type { CommandHandlers, Session } from '../services.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { MasterRunner } from './master-runner.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { type RunnerSet, replicaNamed } from './runner-set.ts';

const BARRIER_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 120_000;
/** As long as the disks need. */
const REWIND_TIMEOUT_MS = 24 * 3_600_000;

export function historyHandlers(environment: ScenarioEnvironment, scenarios: RunnerSet): CommandHandlers {
  const ask = async <Answer>(
    name: string,
    replica: string | undefined,
    call: EngineCall,
    request: (id: string, host: HostReference) => Promise<unknown>,
  ): Promise<Answer> => {
    const runner = scenarios.find(name);
    if (runner instanceof ReplicaRunner) return (await askHere(environment, runner, call)) as Answer;
    return (await request(runner.id, chosen(runner, replica))) as Answer;
  };
  const rewind = async (name: string, replica: string | undefined, point: string | undefined) => {
    refuseRunning(scenarios, name);
    const args = point === undefined ? {} : { point };
    return await ask<RewindResult>(name, replica, { name: 'rewind', point }, (scenarioId, host) =>
      environment.peers.request(host, 'peer.rewind', { scenarioId, ...args }, REWIND_TIMEOUT_MS),
    );
  };
  return {
    'scenario.bookmark': async ({ name, replica, text, timeoutMs }) => {
      const runner = scenarios.onMaster(name);
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
    'scenario.restore': async ({ name, replica, method, point }): Promise<RestoreResult> => {
      if (method !== 'rewind-replica') {
        const { state } = scenarios.find(name).status();
        throw new Fault('SCENARIO-STATE', { name, state, reason: 'only rewind-replica is known so far' });
      }
      if (point === undefined) throw new Fault('USAGE', { reason: 'which point: see `mainstay points`' });
      return { ...(await rewind(name, replica, point)), method, replica: replicaName(scenarios, name, replica) };
    },
    'scenario.undo': async ({ name, replica }): Promise<UndoResult> => {
      const result = await rewind(name, replica, undefined);
      const { steps, foreignCount } = result;
      return { ...result, hosts: [{ host: replicaName(scenarios, name, replica), steps, foreignCount }] };
    },
  };
}

/** What the Master asks of this Replica. */
export function historyPeerHandlers(
  environment: ScenarioEnvironment,
  own: (scenarioId: string, session: Session) => ReplicaRunner,
): CommandHandlers {
  return {
    'peer.bookmark': async ({ scenarioId, seq, text }, session) =>
      await own(scenarioId, session).call({ name: 'bookmark', seq, text }),
    'peer.points': async ({ scenarioId, filter }, session) =>
      await askHere(environment, own(scenarioId, session), { name: 'points', filter }),
    'peer.rewind': async ({ scenarioId, point }, session) =>
      await askHere(environment, own(scenarioId, session), { name: 'rewind', point }),
  };
}

async function askHere({ events }: ScenarioEnvironment, runner: ReplicaRunner, call: EngineCall): Promise<unknown> {
  if (call.name !== 'rewind') return await runner.askHistory(call);
  const { name } = runner.document;
  events.record('RWD-001', { point: call.point ?? 'before the last rewind' }, name);
  try {
    const result = (await runner.askHistory(call)) as RewindResult;
    events.record('RWD-002', {}, name);
    if (result.foreignCount > 0) events.record('RWD-005', { count: result.foreignCount }, name);
    return result;
  } catch (error) {
    events.record('RWD-004', { reason: Fault.from(error).message }, name);
    throw error;
  }
}

function replicaName(scenarios: RunnerSet, name: string, replica: string | undefined): string {
  const runner = scenarios.find(name);
  return runner instanceof ReplicaRunner ? runner.status().reportedBy : chosen(runner, replica).name;
}

function refuseRunning(scenarios: RunnerSet, name: string): void {
  const runner = scenarios.find(name);
  if (!runner.occupies) return;
  const reason = 'stop it first: data is only set back while nothing is replicated';
  throw new Fault('SCENARIO-STATE', { name: runner.document.name, state: runner.status().state, reason });
}

function chosen({ document }: MasterRunner, replica: string | undefined): HostReference {
  if (replica !== undefined) return replicaNamed(document, replica);
  const [first, ...others] = document.replicas;
  if (first !== undefined && others.length === 0) return first;
  const names = document.replicas.map((one) => one.name).join(', ');
  throw new Fault('USAGE', { reason: `"${document.name}" has several Replicas; name one of ${names} by --replica.` });
}
