/**
 * Work of a synchronization, cut into slices: `yield undefined` is a good moment to look at other work, `yield fault` asks to
 * be resumed later because something concerns everything (disk full, root missing).
 */
import { Fault } from '../../shared/faults.ts';
import { verdictOf } from '../apply/verdict.ts';

export type Work<T = void> = Generator<Fault | undefined, T>;

/** Repeats the action until nothing holds it back; throws any other fault. */
export function* retry<T>(action: () => T): Work<T> {
  for (;;) {
    try {
      return action();
    } catch (error) {
      const fault = Fault.from(error);
      if (verdictOf(fault) !== 'hold') throw fault;
      yield fault;
    }
  }
}

/** Starts over after a fault that concerns everything; returns any other that is not fatal. */
export function* persistently(work: () => Generator<undefined, void>): Work<Fault | undefined> {
  for (;;) {
    try {
      yield* work();
      return undefined;
    } catch (error) {
      const fault = Fault.from(error);
      const verdict = verdictOf(fault);
      if (verdict === 'fatal') throw fault;
      if (verdict !== 'hold') return fault;
      yield fault;
    }
  }
}
