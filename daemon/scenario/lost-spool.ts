/**
 * A spool whose volume is gone for good. On a Master it is given up by Run, which compares everything. A Replica's waits for its Master's
 * Run too; when that Master is gone, nothing on the Replica could be looked at, set back or restored. Then its operator gives it up:
 * the roots are at their checkpoint already, and what the spool held beyond it is not known as received any more, so that the
 * Master sends it again or compares.
 */
import { Fault } from '../../shared/faults.ts';
import type { EngineCall, EngineConfig } from '../engine/engine-protocol.ts';
import type { PastSession } from './past-session.ts';

const LOOK: EngineCall = { name: 'journal' };

/** Returns where it was; throws `there` when it is there, and whatever else keeps the engine from opening it. */
export async function giveUpSpool(past: PastSession, config: EngineConfig, there: Fault): Promise<string> {
  const missing = await past.ask(config, LOOK).then(
    () => there,
    (error: unknown) => Fault.from(error),
  );
  if (missing.code !== 'SPOOL-MISSING') {
    await past.end();
    throw missing;
  }
  const { spool } = config;
  await past.ask({ ...config, ...(spool === undefined ? {} : { spool: { ...spool, adopt: true } }) }, LOOK);
  await past.end();
  return String(missing.details.path ?? '');
}
