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
  /** Up to there it had applied everything until a crash took some of it back; known since (boot time, ms). */
  again?: { readonly throughSeq: number; readonly sinceMs: number };
}

/**
 * What it says at the beginning of a session. After a crash `appliedSeq` may be behind what it had said, and behind all that
 * the Master still keeps: it has that in its own spool.
 */
export function welcomed(
  known: Acknowledged,
  receivedSeq: number,
  appliedSeq: number | undefined,
  nowMs: number,
): void {
  const before = known.appliedSeq;
  known.receivedSeq = receivedSeq;
  known.appliedSeq = Math.min(receivedSeq, appliedSeq ?? before);
  if (known.appliedSeq < before) known.again = { throughSeq: before, sinceMs: known.again?.sinceMs ?? nowMs };
}

/** Of what is applied once more, ms: when it was captured is forgotten by then. */
export function ageOfAgain(known: Acknowledged, nowMs: number): number {
  if (known.again === undefined) return 0;
  if (known.appliedSeq < known.again.throughSeq) return nowMs - known.again.sinceMs;
  delete known.again;
  return 0;
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
