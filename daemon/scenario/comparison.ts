/** Compares Replicas with what feeds them without transferring anything (Difference report). */
import type { CommandResults } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { beginSpan } from '../ageing.ts';
import type { DiffResult } from '../engine/engine-protocol.ts';
import { below, fedBy, feeders } from './cascade.ts';
import type { ScenarioEnvironment } from './environment.ts';
import type { MasterRunner } from './master-runner.ts';
import { replicaNamed, sameName } from './runner-set.ts';
import { compareStopped } from './stopped-comparison.ts';

/** Comparing reads every file. */
const TIMEOUT_MS = 24 * 3_600_000;

export type Comparison = CommandResults['scenario.diff'];

/**
 * All Replicas, or the one of that name. A Replica behind another one is compared with that one, and what is on the way there
 * too: only then is it identical with the Master.
 */
export async function compare(
  environment: ScenarioEnvironment,
  runner: MasterRunner,
  host: string | undefined,
  ignoreSame: boolean,
): Promise<Comparison> {
  const { document } = runner;
  const wanted = (name: string) => host === undefined || sameName(name, host);
  if (host !== undefined) replicaNamed(document, host);
  const parts: Comparison[] = [];
  const onTheWay = ({ name }: HostReference) => wanted(name) || leadsToWanted(document, name, wanted);
  for (const replica of fedBy(document).filter(onTheWay)) {
    const result = await compareOne(environment, runner, replica, ignoreSame);
    parts.push({
      ...result,
      differences: result.differences.map((difference) => ({ ...difference, replica: replica.name })),
      remarks: (result.remarks ?? []).map((remark) => ({ ...remark, replica: replica.name })),
    });
  }
  for (const feeder of feeders(document).filter((one) => leadsToWanted(document, one.name, wanted))) {
    const args = { scenarioId: document.id, ignoreSame, ...(host === undefined ? {} : { replica: host }) };
    parts.push((await environment.peers.request(feeder, 'peer.relayDiff', args, TIMEOUT_MS)) as Comparison);
  }
  const differences = parts.flatMap((part) => part.differences);
  const remarks = parts.flatMap((part) => part.remarks ?? []);
  return {
    identical: differences.length === 0,
    differences,
    truncated: parts.some((part) => part.truncated),
    ...(remarks.length === 0 ? {} : { remarks }),
  };
}

/** With its report. */
async function compareOne(
  environment: ScenarioEnvironment,
  runner: MasterRunner,
  replica: HostReference,
  ignoreSame: boolean,
): Promise<DiffResult> {
  const { clock, reports } = environment;
  const span = beginSpan(clock);
  const { stored } = runner;
  const result = runner.occupies
    ? ((await runner.ask({ name: 'diff', peer: replica.deviceId ?? '', ignoreSame })) as DiffResult)
    : await runner.whileStopped('it is being compared; wait for it', () =>
        compareStopped(environment, stored, replica, ignoreSame),
      );
  reports.addDifference(runner.document, replica, { ...span(), ignoreSame }, result);
  return result;
}

function leadsToWanted(document: ScenarioDocument, feeder: string, wanted: (name: string) => boolean): boolean {
  return below(document, feeder).some(({ name }) => wanted(name));
}
