/** Parked items of a scenario, asked for on its Master (of every Replica) or on a Replica (its own). */
import type { ParkedAnswer, ParkedReport, ParkedResult } from '../../shared/results.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { CommandHandlers } from '../services.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { type RunnerSet, replicasOf } from './runner-set.ts';

type Action = 'list' | 'retry' | 'drop';

const TIMEOUT_MS = 30_000;

export function parkedHandlers(environment: ScenarioEnvironment, scenarios: RunnerSet): CommandHandlers {
  const act = async (name: string, replica: string | undefined, action: Action): Promise<ParkedResult> => {
    const runner = scenarios.find(name);
    if (runner instanceof ReplicaRunner) {
      const answer = (await runner.call({ name: 'parked', action })) as ParkedAnswer;
      return together([named(answer, environment.host.name)]);
    }
    const ask = async (host: HostReference) => {
      const args = { scenarioId: runner.id, action };
      const answer = (await environment.peers.request(host, 'peer.parked', args, TIMEOUT_MS)) as ParkedAnswer;
      return named(answer, host.name);
    };
    return together(await Promise.all(replicasOf(runner, replica).map(ask)));
  };
  return {
    'scenario.parked': async ({ name, replica }) => await act(name, replica, 'list'),
    'scenario.parkedRetry': async ({ name, replica }) => await act(name, replica, 'retry'),
    'scenario.parkedDrop': async ({ name, replica }) => await act(name, replica, 'drop'),
  };
}

function named({ items, dropped }: ParkedAnswer, replica: string): ParkedResult {
  return { items: items.map((item): ParkedReport => ({ replica, ...item })), dropped };
}

function together(results: readonly ParkedResult[]): ParkedResult {
  return {
    items: results.flatMap(({ items }) => items),
    dropped: results.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}
