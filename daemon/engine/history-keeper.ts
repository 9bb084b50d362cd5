/**
 * Keeps the history of a Replica within its limits while its engine runs, and says so when less is kept than was asked for.
 * History never makes replication fail: without room the oldest goes, or apply waits where the operator wants that.
 */

import type { FaultDetails } from '../../shared/faults.ts';
import type { JournalFigures } from '../../shared/rewind.ts';
import { formatDuration } from '../../shared/units.ts';
import type { Standby } from '../apply/standby.ts';
import { journalFigures } from '../journal/figures.ts';
import { HistoryClock } from '../journal/history-clock.ts';
import { HistoryRetention } from '../journal/retention.ts';
import type { Clock, RootTree, SegmentLog, Timer } from '../ports.ts';
import type { HistoryLimits } from './engine-protocol.ts';

const LOOK_MS = 60_000;
/** While there is no room. */
const SOON_MS = 1_000;
/** History goes in pieces of at most this share of the retention period, or an hour. */
const PIECES = 24;
const LONGEST_PIECE_MS = 3_600_000;
/** On a volume without any room left so much is made, whatever the operator's minimum. */
const LEAST_ROOM_BYTES = 16 * 1024 * 1024;
/** A wall clock that is ahead by less is corrected all the time. */
const JUMP_MS = 60_000;
/** Events that say that the volume of the roots may be full. */
const NO_ROOM_EVENTS: ReadonlySet<string> = new Set(['APL-002', 'APL-008', 'DSK-001']);

/** Share of the retention period that is kept, and what is said when it is less. */
const ALERTS = [
  { below: 0.75, code: 'RWD-007' },
  { below: 0.85, code: 'RWD-006' },
] as const;

export interface HistoryKeeperPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly journalLog: SegmentLog;
}

export interface HistoryKeeperHooks {
  /** The oldest segment that somebody looks into. */
  readonly pinned: () => number | undefined;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** Apply may go on. */
  readonly onIdle: () => void;
}

export class HistoryKeeper {
  private readonly ports: HistoryKeeperPorts;
  private readonly standby: Standby;
  private readonly limits: HistoryLimits;
  private readonly hooks: HistoryKeeperHooks;
  private readonly retention: HistoryRetention;
  private timer: Timer | undefined;
  private pieceSinceMs: number;
  private swept = false;
  private readonly time: HistoryClock;
  /** It was told that the wall clock is ahead. */
  private jumped = false;
  /** Of the last alert; undefined: as much is kept as was asked for. */
  private alert: string | undefined;

  constructor(ports: HistoryKeeperPorts, standby: Standby, limits: HistoryLimits, hooks: HistoryKeeperHooks) {
    this.ports = ports;
    this.standby = standby;
    this.limits = limits;
    this.hooks = hooks;
    this.retention = new HistoryRetention(ports.journalLog, ports.trees);
    this.pieceSinceMs = ports.clock.bootMs();
    this.time = new HistoryClock(ports.clock, standby.journal.historyTime);
    this.schedule(0);
  }

  end(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  figures(): JournalFigures {
    const pinned = this.hooks.pinned() === undefined ? 0 : 1;
    return { ...figuresOf(this.ports, this.standby, this.limits, this.retention), pinned };
  }

  /** What the engine tells. */
  heard(code: string): void {
    if (NO_ROOM_EVENTS.has(code) && this.timer !== undefined) this.schedule(0);
  }

  private schedule(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.ports.clock.after(delayMs, () => {
      const isTight = this.look();
      this.schedule(isTight ? SOON_MS : Math.min(LOOK_MS, this.limits.retentionMs / PIECES));
    });
  }

  /** True while there is no room. */
  private look(): boolean {
    const { clock } = this.ports;
    const { journal } = this.standby;
    const now = clock.bootMs();
    if (now - this.pieceSinceMs >= Math.min(LONGEST_PIECE_MS, this.limits.retentionMs / PIECES)) {
      journal.roll();
      this.pieceSinceMs = now;
    }
    try {
      if (!this.swept) this.retention.sweep(journal.currentSegment);
      this.swept = true;
      const isTight = this.enforce();
      this.tellCoverage();
      return isTight;
    } catch {
      // What cannot be removed now is tried again; a failing disk is found by the engine itself.
      return false;
    }
  }

  private enforce(): boolean {
    const { journal, applier, gate } = this.standby;
    const { limits } = this;
    const waits = limits.whenFull === 'hold';
    const isFull = applier.heldFor?.code === 'FS-FULL';
    const minFreeBytes = isFull ? Math.max(limits.minFreeBytes, LEAST_ROOM_BYTES) : limits.minFreeBytes;
    const { currentSegment } = journal;
    const stays = Math.min(currentSegment, this.hooks.pinned() ?? Number.POSITIVE_INFINITY);
    const asked = { ...limits, minFreeBytes, keeps: waits };
    const onTrim = (toMs: number) => this.standby.trimHistory(toMs);
    const time = this.time.look();
    journal.historyTime = time;
    const hooks = { stays, onTrim, aheadMs: this.ports.clock.wallMs() };
    const { overBytes, ages } = this.retention.enforce(asked, currentSegment, time.judgedMs, hooks);
    this.tellJump(time.judgedMs, ages);
    // What is being written now can go when the next checkpoint covers it.
    if (overBytes > 0 && !waits) journal.roll();
    this.holdApply(gate, waits && overBytes > 0);
    return overBytes > 0 || isFull;
  }

  /** The wall clock is ahead of the time that has passed for sure, and history is kept that it calls too old. */
  private tellJump(judgedMs: number, ages: readonly number[]): void {
    const aheadMs = this.ports.clock.wallMs() - judgedMs;
    const { retentionMs } = this.limits;
    const keeps = aheadMs >= JUMP_MS && ages.some((at) => at > 0 && at < judgedMs + aheadMs - retentionMs);
    if (keeps && !this.jumped) this.hooks.onEvent('RWD-014', { ahead: formatDuration(aheadMs) });
    this.jumped = keeps || (this.jumped && aheadMs >= JUMP_MS);
    if (!ages.some((at) => at > 0 && at <= judgedMs)) this.time.believe();
  }

  private holdApply(gate: Standby['gate'], holds: boolean): void {
    if (gate.historyFull === holds) return;
    gate.historyFull = holds;
    if (holds) this.hooks.onEvent('RWD-009', { limit: 'recovery.maxDiskBytes, recovery.minFreeBytes' });
    else this.hooks.onEvent('RWD-010', {});
    this.hooks.onIdle();
  }

  private tellCoverage(): void {
    const { coverage, askedMs } = figuresOf(this.ports, this.standby, this.limits, this.retention);
    const code = ALERTS.find(({ below }) => coverage < below)?.code;
    if (code === this.alert) return;
    // From bad to less bad is no news.
    const isNews = code === undefined || code === 'RWD-007' || this.alert === undefined;
    this.alert = code;
    if (!isNews) return;
    const details = { kept: formatDuration(coverage * askedMs), asked: formatDuration(askedMs) };
    this.hooks.onEvent(code ?? 'RWD-008', details);
  }
}

/** `retention`: knows what it has read before. */
export function figuresOf(
  { clock, trees, journalLog }: HistoryKeeperPorts,
  { journal }: Pick<Standby, 'journal'>,
  limits: HistoryLimits,
  retention = new HistoryRetention(journalLog, trees),
): JournalFigures {
  return journalFigures({
    segments: retention.survey(journal.currentSegment),
    asked: limits,
    trimmedTo: journal.historyTrimmedTo,
    pinned: 0,
    freeBytes: retention.freeBytes(),
    wallMs: clock.wallMs(),
  });
}
