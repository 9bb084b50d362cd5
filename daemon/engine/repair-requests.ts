/** Items that could not be applied are asked for again when their time has come. */
import type { FaultDetails } from '../../shared/faults.ts';
import type { Standby } from '../apply/standby.ts';
import type { ReplicaLink } from './replica-link.ts';

/** Most paths in one `repair`. */
const REPAIR_PATHS = 500;

export interface RepairWay {
  readonly link: ReplicaLink | undefined;
  /** A synchronization or comparison is under way: what is parked may be in it. */
  readonly busy: boolean;
  readonly tell: (code: string, details: FaultDetails) => void;
}

export function askForRepairs(standby: Standby, now: number, { link, busy, tell }: RepairWay): void {
  if (standby.parked.overflowed) {
    tell('SYN-006', { reason: 'too many items could not be applied' });
    standby.beginSynchronization();
    link?.close('must be synchronized again');
    return;
  }
  if (link === undefined || !link.live || busy) return;
  const due = standby.parked.takeDue(now, REPAIR_PATHS);
  for (const root of new Set(due.map((item) => item.root))) {
    link.sendRepair(
      root,
      due.filter((item) => item.root === root).map((item) => item.path),
    );
  }
}
