/** Waits for a barrier over ends of the engine: what it has not answered is asked of the next one. */
import { Fault } from '../../shared/faults.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { Clock } from '../ports.ts';
import { fedBy, feeders, routeTo } from './cascade.ts';
import type { Conditions } from './conditions.ts';
import { replicaNamed } from './runner-set.ts';

/** Whom a barrier waits for. */
export interface BarrierTarget {
  /** Fed by this host, or on the way to the one that was named. */
  readonly hosts: readonly HostReference[];
  /** Device ids of those; absent: all there are. */
  readonly replicas?: readonly string[];
  /** Hosts that are asked for the ones behind them. */
  readonly feeders: readonly HostReference[];
  /** The one behind a feeder that was named. */
  readonly behind?: string;
}

/** `replica`: only this one counts; throws `USAGE` when there is none of that name. */
export function barrierTarget(document: ScenarioDocument, replica: string | undefined): BarrierTarget {
  if (replica === undefined) return { hosts: fedBy(document), feeders: feeders(document) };
  const named = replicaNamed(document, replica);
  const route = routeTo(document, named.name) ?? named;
  const target = { hosts: [route], replicas: [route.deviceId ?? ''] };
  return route === named ? { ...target, feeders: [] } : { ...target, feeders: [route], behind: named.name };
}

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
