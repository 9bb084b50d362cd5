/** Parked items of a scenario, asked for on its Master (of every Replica) or on a Replica (its own). */
import type { ParkedAnswer, ParkedReport, ParkedResult } from '../../shared/results.ts';
import type { HostReference } from '../../shared/scenario.ts';
import type { CommandHandlers } from '../services.ts';
import { below, fedBy, feeders } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { MasterRunner } from './master-runner.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { type RunnerSet, replicaNamed, sameName } from './runner-set.ts';

export type ParkedAction = 'list' | 'retry' | 'drop';

const TIMEOUT_MS = 30_000;

export function parkedHandlers(environment: ScenarioEnvironment, scenarios: RunnerSet): CommandHandlers {
  const act = async (name: string, replica: string | undefined, action: ParkedAction): Promise<ParkedResult> => {
    const runner = scenarios.find(name);
    if (runner instanceof ReplicaRunner) {
      const answer = (await runner.call({ name: 'parked', action })) as ParkedAnswer;
      return together([named(answer, environment.host.name)]);
    }
    return await parkedOf(environment, runner, replica, action);
  };
  return {
    'scenario.parked': async ({ name, replica }) => await act(name, replica, 'list'),
    'scenario.parkedRetry': async ({ name, replica }) => await act(name, replica, 'retry'),
    'scenario.parkedDrop': async ({ name, replica }) => await act(name, replica, 'drop'),
  };
}

/** Of all Replicas, or of the one of that name; those behind others are asked through them. */
export async function parkedOf(
  environment: ScenarioEnvironment,
  { id, document }: MasterRunner,
  host: string | undefined,
  action: ParkedAction,
): Promise<ParkedResult> {
  if (host !== undefined) replicaNamed(document, host);
  const wanted = ({ name }: HostReference) => host === undefined || sameName(name, host);
  const ask = async (replica: HostReference) => {
    const args = { scenarioId: id, action };
    const answer = (await environment.peers.request(replica, 'peer.parked', args, TIMEOUT_MS)) as ParkedAnswer;
    return named(answer, replica.name);
  };
  const askBehind = async (feeder: HostReference) => {
    const args = { scenarioId: id, action, ...(host === undefined ? {} : { replica: host }) };
    return (await environment.peers.request(feeder, 'peer.relayParked', args, TIMEOUT_MS)) as ParkedResult;
  };
  const leading = feeders(document).filter(({ name }) => below(document, name).some(wanted));
  return together(await Promise.all([...fedBy(document).filter(wanted).map(ask), ...leading.map(askBehind)]));
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
