/** What a fault means for applying one item. Pure. */
import type { Fault } from '../../shared/faults.ts';

/**
 * `hold`: the cause concerns everything (disk full, no handles left, root missing): wait and try the same item again.
 * `wait`: the cause concerns this item and may pass (in use by another program): like hold, but park it after a while.
 * `park`: set it aside with its reason, tell, go on.
 * `fatal`: the engine must stop.
 */
export type Verdict = 'hold' | 'wait' | 'park' | 'fatal';

export function verdictOf(fault: Fault): Verdict {
  switch (fault.code) {
    case 'FS-FULL':
    case 'FS-READ-ONLY':
    case 'FS-LIMIT':
    case 'ROOT-MISSING':
      return 'hold';
    case 'FS-BUSY':
      return 'wait';
    default:
      return fault.kind === 'fatal' ? 'fatal' : 'park';
  }
}
