/** Looking into the past of a Replica, asked for on its Master (of one Replica) or on the Replica itself. */
import type { HostReference } from '../../shared/scenario.ts';
import type { PastRequest } from '../engine/engine-protocol.ts';
import type { CommandHandlers, Session } from '../services.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { ReplicaRunner } from './replica-runner.ts';
import { chosenReplica, type RunnerSet } from './runner-set.ts';

/** A view of a million changes takes its time. */
const LOOK_TIMEOUT_MS = 600_000;

export function previewHandlers(environment: ScenarioEnvironment, scenarios: RunnerSet): CommandHandlers {
  const ask = async (
    name: string,
    replica: string | undefined,
    request: PastRequest,
    elsewhere: (scenarioId: string, host: HostReference) => Promise<unknown>,
  ): Promise<unknown> => {
    const runner = scenarios.find(name);
    if (runner instanceof ReplicaRunner) return await runner.askHistory({ name: 'past', request });
    return await elsewhere(runner.id, chosenReplica(runner.document, replica));
  };
  const { peers } = environment;
  return {
    'scenario.preview': async ({ name, replica, ...args }) =>
      await ask(name, replica, { kind: 'preview', ...args }, (scenarioId, host) =>
        peers.request(host, 'peer.preview', { scenarioId, ...args }, LOOK_TIMEOUT_MS),
      ),
    'scenario.previewFile': async ({ name, replica, ...args }) =>
      await ask(name, replica, { kind: 'file', ...args }, (scenarioId, host) =>
        peers.request(host, 'peer.previewFile', { scenarioId, ...args }, LOOK_TIMEOUT_MS),
      ),
    'scenario.extract': async ({ name, replica, ...args }) =>
      await ask(name, replica, { kind: 'entry', ...args }, (scenarioId, host) =>
        peers.request(host, 'peer.extract', { scenarioId, ...args }, LOOK_TIMEOUT_MS),
      ),
    'scenario.extractList': async ({ name, replica, ...args }) =>
      await ask(name, replica, { kind: 'list', ...args }, (scenarioId, host) =>
        peers.request(host, 'peer.extractList', { scenarioId, ...args }, LOOK_TIMEOUT_MS),
      ),
    'scenario.extractRead': async ({ name, replica, ...args }) =>
      await ask(name, replica, { kind: 'read', ...args }, (scenarioId, host) =>
        peers.request(host, 'peer.extractRead', { scenarioId, ...args }, LOOK_TIMEOUT_MS),
      ),
  };
}

/** What the Master asks of this Replica. */
export function previewPeerHandlers(own: (scenarioId: string, session: Session) => ReplicaRunner): CommandHandlers {
  const look = async (scenarioId: string, session: Session, request: PastRequest): Promise<unknown> =>
    await own(scenarioId, session).askHistory({ name: 'past', request });
  return {
    'peer.preview': ({ scenarioId, ...args }, session) => look(scenarioId, session, { kind: 'preview', ...args }),
    'peer.previewFile': ({ scenarioId, ...args }, session) => look(scenarioId, session, { kind: 'file', ...args }),
    'peer.extract': ({ scenarioId, ...args }, session) => look(scenarioId, session, { kind: 'entry', ...args }),
    'peer.extractList': ({ scenarioId, ...args }, session) => look(scenarioId, session, { kind: 'list', ...args }),
    'peer.extractRead': ({ scenarioId, ...args }, session) => look(scenarioId, session, { kind: 'read', ...args }),
  };
}
