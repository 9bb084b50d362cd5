/** Waits for a barrier over ends of the engine: what it has not answered is asked of the next one. */
import { Fault } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { Conditions } from './conditions.ts';

export interface BarrierWait {
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly runs: () => boolean;
  readonly allSynchronized: () => boolean;
  /** Raised by every start and end of the engine. */
  readonly engine: () => number;
  /** `left`: ms until time is up. */
  readonly ask: (left: () => number) => Promise<unknown>;
  /** Why a scenario that does not run has no barrier. */
  readonly refusal: () => Fault;
}

export async function passBarrier(timeoutMs: number, wait: BarrierWait): Promise<unknown> {
  const { clock, conditions } = wait;
  const deadline = clock.bootMs() + timeoutMs;
  const left = () => Math.max(1, deadline - clock.bootMs());
  for (;;) {
    const limit = { timeoutMs: left(), what: 'every Replica to be in sync' };
    await conditions.until(() => !wait.runs() || wait.allSynchronized(), limit);
    if (!wait.runs()) throw wait.refusal();
    const engine = wait.engine();
    try {
      return await wait.ask(left);
    } catch (error) {
      if (engine === wait.engine() || Fault.from(error).code === 'TIMEOUT') throw error;
    }
  }
}
