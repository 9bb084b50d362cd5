/** Compares Replicas with their Master without transferring anything (Difference report). */
import type { Difference } from '../../shared/results.ts';
import type { DiffResult } from './engine-protocol.ts';
import type { MasterRunner } from './master-runner.ts';
import { replicasOf } from './runner-set.ts';

/** All Replicas, or the one of that name. */
export async function compare(runner: MasterRunner, host: string | undefined, ignoreSame: boolean) {
  const replicas = replicasOf(runner, host);
  const differences: Difference[] = [];
  let truncated = false;
  for (const replica of replicas) {
    const result = (await runner.diff(replica.deviceId ?? '', ignoreSame)) as DiffResult;
    truncated ||= result.truncated;
    differences.push(...result.differences.map((difference) => ({ ...difference, replica: replica.name })));
  }
  return { identical: differences.length === 0, differences, truncated };
}
