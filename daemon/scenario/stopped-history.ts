/** The history of a Replica whose scenario is stopped: an engine of its own for the time of one call. */
import type { EngineCall, EngineConfig } from '../engine/engine-protocol.ts';
import { EngineSession } from './engine-session.ts';
import type { ScenarioEnvironment } from './environment.ts';

const ASK_TIMEOUT_MS = 120_000;

export async function askStoppedHistory(
  { spawnEngine, clock }: ScenarioEnvironment,
  config: EngineConfig,
  call: EngineCall,
): Promise<unknown> {
  const session = await EngineSession.start(spawnEngine(), { ...config, historyOnly: true }, clock, {
    onEvent: () => {},
    onStatus: () => {},
    onLinkClosed: () => {},
    onLost: () => {},
  });
  try {
    return await session.call(call, ASK_TIMEOUT_MS);
  } finally {
    await session.stop();
  }
}
