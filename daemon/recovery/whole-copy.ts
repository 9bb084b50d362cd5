/**
 * Whether the Replica here holds a whole state. What is half copied, or an empty directory where a volume was not mounted,
 * must never replace the data of a Master.
 */
import { Fault } from '../../shared/faults.ts';
import type { CopyState, EngineConfig } from '../engine/engine-protocol.ts';
import type { StoredScenario } from '../scenario/book.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';
import type { StoredUndo } from './record.ts';
import { copyState } from './set-back.ts';

/** Answers how many items of the Master are parked here. Throws `ROOT-MISSING`, or `SCENARIO-STATE`. */
export async function refuseIncomplete(
  environment: ScenarioEnvironment,
  { document, undo }: StoredScenario,
  config: EngineConfig,
): Promise<number> {
  const state: CopyState = await copyState(environment, config);
  if (state.position !== undefined || wasSetBack(undo)) return state.parked;
  const reason = `the copy on ${environment.host.name} is not whole: its synchronization was never begun or not finished`;
  throw new Fault('SCENARIO-STATE', { name: document.name, state: 'stopped', reason });
}

/** To a point of its history, whole, and nothing was done to it since. */
function wasSetBack(undo: StoredUndo | undefined): boolean {
  return undo?.back !== undefined && undo.half !== true && undo.going === undefined && undo.ran !== true;
}
