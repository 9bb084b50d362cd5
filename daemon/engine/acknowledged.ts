/** What a Replica has said of itself, as its Master knows it. */
import type { AppliedTally, ReplicaStatus } from '../../shared/status.ts';

export interface Acknowledged {
  receivedSeq: number;
  appliedSeq: number;
  spoolBytes: number;
  parked: number;
  stuck: number;
  parkedPaths: readonly string[];
  dropped: number;
  keptAside: ReplicaStatus['keptAside'];
  asidePercent: ReplicaStatus['asidePercent'];
  held: string | undefined;
  rehearsing: true | undefined;
  atWallMs: number | undefined;
  tally?: AppliedTally;
}

/** Before the Replica has said anything in the life of this engine. */
/** For a status. */
export function asideOf({ keptAside, asidePercent }: Acknowledged): Pick<ReplicaStatus, 'keptAside' | 'asidePercent'> {
  return {
    ...(keptAside === undefined ? {} : { keptAside }),
    ...(asidePercent === undefined ? {} : { asidePercent }),
  };
}

export function nothingHeard(receivedSeq: number): Acknowledged {
  return {
    receivedSeq,
    appliedSeq: receivedSeq,
    spoolBytes: 0,
    parked: 0,
    stuck: 0,
    parkedPaths: [],
    dropped: 0,
    keptAside: undefined,
    asidePercent: undefined,
    held: undefined,
    rehearsing: undefined,
    atWallMs: undefined,
  };
}
