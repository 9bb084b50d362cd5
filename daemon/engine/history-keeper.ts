/** Keeps the history of a Replica within its limits while its engine runs. */
import type { Standby } from '../apply/standby.ts';
import { HistoryRetention, type KeptHistory } from '../journal/retention.ts';
import type { Clock, RootTree, SegmentLog, Timer } from '../ports.ts';
import type { HistoryLimits } from './engine-protocol.ts';

const LOOK_MS = 60_000;
/** History goes in pieces of at most this share of the retention period, or an hour. */
const PIECES = 24;
const LONGEST_PIECE_MS = 3_600_000;

export interface HistoryKeeperPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly journalLog: SegmentLog;
}

export class HistoryKeeper {
  private readonly ports: HistoryKeeperPorts;
  private readonly standby: Standby;
  private readonly limits: HistoryLimits;
  private readonly retention: HistoryRetention;
  private readonly pinned: () => number | undefined;
  private timer: Timer | undefined;
  private pieceSinceMs: number;
  kept: KeptHistory = { bytes: 0, since: undefined };

  /** `pinned`: the oldest segment that somebody looks at. */
  constructor(
    ports: HistoryKeeperPorts,
    standby: Standby,
    limits: HistoryLimits,
    pinned: () => number | undefined = () => undefined,
  ) {
    this.ports = ports;
    this.pinned = pinned;
    this.standby = standby;
    this.limits = limits;
    this.retention = new HistoryRetention(ports.journalLog, ports.trees);
    this.pieceSinceMs = ports.clock.bootMs();
    this.schedule();
  }

  end(): void {
    this.timer?.cancel();
  }

  private schedule(): void {
    this.timer = this.ports.clock.after(Math.min(LOOK_MS, this.limits.retentionMs / PIECES), () => {
      this.look();
      this.schedule();
    });
  }

  private look(): void {
    const { clock } = this.ports;
    const { journal } = this.standby;
    const now = clock.bootMs();
    if (now - this.pieceSinceMs >= Math.min(LONGEST_PIECE_MS, this.limits.retentionMs / PIECES)) {
      journal.roll();
      this.pieceSinceMs = now;
    }
    try {
      const stays = Math.min(journal.currentSegment, this.pinned() ?? Number.POSITIVE_INFINITY);
      this.kept = this.retention.enforce(this.limits, stays, clock.wallMs());
    } catch {
      // What cannot be removed now is tried again; a failing disk is found by the engine itself.
    }
  }
}
