/**
 * A Replica whose feeder changes (docs/decisions/0066): what it knows under the same name makes room for what its new feeder
 * prepares. Nobody loses a Replica to a stranger, nor while the one that feeds it is connected.
 */
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import type { Session } from '../services.ts';
import { originOf } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { ReplicaRunner } from './replica-runner.ts';
import type { RunnerSet } from './runner-set.ts';

/** Of the document that is to come: enough to judge whether it goes on from the same scenario. */
export interface Coming {
  /** Its own id. */
  readonly id: string;
  readonly scenarioId: string;
  readonly revision: number;
}

export function comingOf(document: ScenarioDocument): Coming {
  const { scenarioId, revision } = originOf(document);
  return { id: document.id, scenarioId, revision };
}

/** The Replica here that goes on from the same scenario and would make room; undefined: there is none. */
export function makesRoom(scenarios: RunnerSet, coming: Coming, session: Session): ReplicaRunner | undefined {
  return scenarios.all().find((runner): runner is ReplicaRunner => {
    if (!(runner instanceof ReplicaRunner) || runner.id === coming.id) return false;
    const known = originOf(runner.document);
    if (known.scenarioId !== coming.scenarioId) return false;
    // The Master of all of it decides; others have to know a newer document, and the feeder has to be away.
    if (known.hosts[0]?.deviceId === session.deviceId) return true;
    return !runner.linked && coming.revision > known.revision;
  });
}

/** Throws `SCENARIO-EXISTS` or `SCENARIO-FED` when what has the name here stays. */
export async function makeRoom(
  environment: ScenarioEnvironment,
  scenarios: RunnerSet,
  document: ScenarioDocument,
  session: Session,
): Promise<void> {
  const namesake = scenarios.named(document.name);
  if (namesake === undefined || namesake.id === document.id) return;
  const { name } = document;
  if (!(namesake instanceof ReplicaRunner)) throw new Fault('SCENARIO-EXISTS', { name });
  const { master } = namesake.document;
  const successor = makesRoom(scenarios, comingOf(document), session) === namesake;
  // A scenario of that name which its Master deleted while this host was away.
  const deleted = master.deviceId === session.deviceId && !namesake.occupies;
  if (!successor && !deleted) {
    const same = originOf(namesake.document).scenarioId === originOf(document).scenarioId;
    throw same && namesake.linked
      ? new Fault('SCENARIO-FED', { name, feeder: master.name })
      : new Fault('SCENARIO-EXISTS', { name });
  }
  await namesake.shutdown();
  await scenarios.forgetRelay(namesake.id);
  await scenarios.drop(namesake.id);
  if (successor) environment.events.record('SCN-019', { peer: session.deviceName, before: master.name }, name);
}
