import type { SyncProgress } from '../../shared/status.ts';
import type { Standby } from '../apply/standby.ts';
import type { AsideCount, KeptAside } from '../aside/kept-aside.ts';
import type { Clock, Timer } from '../ports.ts';
import type { EngineNotice, EngineStatus } from './engine-protocol.ts';
import type { Acknowledgement } from './replica-link.ts';

const STATUS_MS = 100;
const RATE_MS = 1_000;
/** Fill of the spool at which a warning is given, and below which it may be given again. */
const SPOOL_WARNING = 0.8;
const SPOOL_CALM = 0.6;
/** Paths of parked items in an acknowledgement. */
const PARKED_EXAMPLES = 3;

export class ReplicaReporter {
  private readonly clock: Clock;
  private readonly notify: (notice: EngineNotice) => void;
  private readonly aside: KeptAside | undefined;
  private pending: EngineStatus | undefined;
  private lastSent = '';
  private lastSentMs = Number.NEGATIVE_INFINITY;
  private timer: Timer | undefined;
  private rate = { atMs: 0, bytes: 0, changes: 0, bytesPerSecond: 0, changesPerSecond: 0 };
  private warnedAt: 'calm' | 'warning' | 'full' = 'calm';

  constructor(clock: Clock, notify: (notice: EngineNotice) => void, aside?: KeptAside) {
    this.aside = aside;
    this.clock = clock;
    this.notify = notify;
  }

  ackOf(standby: Standby, held: string | undefined): Acknowledgement {
    return {
      receivedSeq: standby.received?.seq ?? 0,
      appliedSeq: standby.applied?.seq ?? 0,
      spoolBytes: standby.spool.sizeBytes,
      ...(held === undefined ? {} : { held }),
      parked: standby.parked.count,
      stuck: standby.parked.stuckCount,
      ...parkedDetails(standby),
      ...(standby.gate.rehearsing ? { rehearsing: true as const } : {}),
      ...this.keptAside(),
    };
  }

  report(standby: Standby, sync: SyncProgress | undefined, held: string | undefined, live: boolean): void {
    this.pending = this.statusOf(standby, sync, held, live);
    const waitMs = this.lastSentMs + STATUS_MS - this.clock.bootMs();
    if (waitMs <= 0) this.send();
    else this.timer ??= this.clock.after(waitMs, () => this.send());
  }

  end(): void {
    this.timer?.cancel();
  }

  /** `fill`: share of the spool's limit in use. */
  spoolAt(fill: number): void {
    if (fill >= 1 && this.warnedAt !== 'full') this.notify({ type: 'event', code: 'SPL-100', details: {} });
    else if (fill >= SPOOL_WARNING && this.warnedAt === 'calm') {
      this.notify({ type: 'event', code: 'SPL-080', details: { percent: Math.round(fill * 100) } });
    }
    if (fill >= 1) this.warnedAt = 'full';
    else if (fill >= SPOOL_WARNING && this.warnedAt === 'calm') this.warnedAt = 'warning';
    else if (fill < SPOOL_CALM) this.warnedAt = 'calm';
  }

  private send(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const status = this.pending;
    if (status === undefined) return;
    this.pending = undefined;
    const text = JSON.stringify(status);
    if (text === this.lastSent) return;
    this.lastSent = text;
    this.lastSentMs = this.clock.bootMs();
    this.notify({ type: 'status', status });
  }

  private statusOf(
    standby: Standby,
    sync: SyncProgress | undefined,
    held: string | undefined,
    live: boolean,
  ): EngineStatus {
    const { counts } = standby.applier;
    this.measure(counts.changes, counts.bytes);
    return {
      position: standby.applied,
      phase: sync !== undefined ? 'synchronizing' : held !== undefined ? 'held' : live ? 'live' : 'idle',
      ...(held === undefined ? {} : { held }),
      peers: {},
      ...(sync === undefined ? {} : { sync }),
      statistics: {
        synchronizedFiles: sync?.sentFiles ?? 0,
        synchronizedBytes: sync?.sentBytes ?? 0,
        replicatedChanges: counts.changes,
        replicatedBytes: counts.bytes,
        bytesPerSecond: this.rate.bytesPerSecond,
        changesPerSecond: this.rate.changesPerSecond,
      },
      ...(standby.received === undefined ? {} : { receivedSeq: standby.received.seq }),
      spoolBytes: standby.spool.sizeBytes,
      parked: standby.parked.count,
      ...(standby.gate.order.suspended ? { suspended: true } : {}),
      ...(standby.parked.dropped === 0 ? {} : { dropped: standby.parked.dropped }),
      ...this.keptAside(),
    };
  }

  private keptAside(): { keptAside?: AsideCount[]; asidePercent?: number } {
    const keptAside = this.aside?.counts() ?? [];
    const asidePercent = this.aside?.fill((code, details) => this.notify({ type: 'event', code, details }));
    return {
      ...(keptAside.length === 0 ? {} : { keptAside }),
      ...(asidePercent === undefined ? {} : { asidePercent }),
    };
  }

  private measure(changes: number, bytes: number): void {
    const now = this.clock.bootMs();
    const elapsed = now - this.rate.atMs;
    if (elapsed < RATE_MS) return;
    this.rate = {
      atMs: now,
      bytes,
      changes,
      bytesPerSecond: Math.round(((bytes - this.rate.bytes) * 1000) / elapsed),
      changesPerSecond: Math.round(((changes - this.rate.changes) * 1000) / elapsed),
    };
  }
}

function parkedDetails({ parked }: Standby): Pick<Acknowledgement, 'parkedPaths' | 'dropped'> {
  return {
    ...(parked.count === 0 ? {} : { parkedPaths: parked.examples(PARKED_EXAMPLES) }),
    ...(parked.dropped === 0 ? {} : { dropped: parked.dropped }),
  };
}
