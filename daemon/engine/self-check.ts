/** Looks from time to time whether the history could be given back, before somebody needs it. Slowly: apply comes first. */
import type { FaultDetails } from '../../shared/faults.ts';
import type { JournalFigures, JournalGap } from '../../shared/rewind.ts';
import type { Standby } from '../apply/standby.ts';
import { checkKept, type KeptCheck } from '../journal/kept-check.ts';
import type { Clock, RootTree, SegmentLog, Timer } from '../ports.ts';

/** Of the engine's thread at a time, and the pause after it. */
const STEP_MS = 2;
const PAUSE_MS = 20;
/** The first one, when an engine has just started. */
const SETTLED_MS = 600_000;
/** Content read in one check. */
const READ_BYTES = 256 * 1024 * 1024;

/** While a file is being changed in place. */
const SETTLE_MS = 1_000;

export interface SelfCheckPorts {
  readonly clock: Clock;
  readonly trees: readonly RootTree[];
  readonly journalLog: SegmentLog;
  readonly standby: Pick<Standby, 'settle'>;
}

export interface SelfCheckHooks {
  readonly onEvent: (code: string, details: FaultDetails) => void;
  /** The roots are being synchronized: what is kept comes and goes. */
  readonly inFlux: () => boolean;
  /** The whole history was looked at. */
  readonly onLost?: (lost: KeptCheck['lost']) => void;
}

export class SelfCheck {
  private readonly ports: SelfCheckPorts;
  private readonly hooks: SelfCheckHooks;
  private readonly periodMs: number;
  private timer: Timer | undefined;
  private last: NonNullable<JournalFigures['lastSelfCheck']> | undefined;
  private gap: JournalGap | undefined;
  private told = 0;

  constructor(ports: SelfCheckPorts, periodMs: number, hooks: SelfCheckHooks) {
    this.ports = ports;
    this.periodMs = periodMs;
    this.hooks = hooks;
    this.timer = ports.clock.after(Math.min(SETTLED_MS, periodMs), () => this.begin());
  }

  /** With what was found: what cannot be given back is shown as a gap. */
  shownIn(figures: JournalFigures): JournalFigures {
    if (this.last === undefined) return figures;
    const gaps = this.gap === undefined ? figures.gaps : [...figures.gaps, this.gap];
    return { ...figures, gaps, lastSelfCheck: this.last };
  }

  end(): void {
    this.timer?.cancel();
  }

  private begin(): void {
    // What was intended and not made yet is not kept yet either: the walk begins where log and roots say the same.
    if (this.hooks.inFlux() || !this.isSettled()) {
      this.again(SETTLE_MS);
      return;
    }
    const check: KeptCheck = { objects: 0, readFiles: 0, readBytes: 0, lost: [], lostCount: 0 };
    // Chance only decides what is read: any sequence will do.
    let turn = Math.floor(this.ports.clock.wallMs()) % 9_973;
    const fraction = () => {
      turn = (turn * 75 + 74) % 65_537;
      return turn / 65_537;
    };
    const work = checkKept({ ...this.ports, random: { fraction }, readBytes: READ_BYTES }, check);
    this.step(work, check);
  }

  private isSettled(): boolean {
    try {
      return this.ports.standby.settle();
    } catch {
      // No room for a record of it just now.
      return false;
    }
  }

  private step(work: Generator<undefined, void>, check: KeptCheck): void {
    const { clock } = this.ports;
    const untilMs = clock.bootMs() + STEP_MS;
    try {
      if (this.hooks.inFlux()) {
        this.again(SETTLED_MS);
        return;
      }
      do {
        if (work.next().done === true) {
          this.done(check);
          this.again(this.periodMs);
          return;
        }
      } while (clock.bootMs() < untilMs);
      this.timer = clock.after(PAUSE_MS, () => this.step(work, check));
    } catch {
      // The log itself is in use by apply, which tells what is wrong with it.
      this.again(this.periodMs);
    }
  }

  private again(delayMs: number): void {
    this.timer = this.ports.clock.after(delayMs, () => this.begin());
  }

  private done({ objects, lost, lostCount }: KeptCheck): void {
    this.hooks.onLost?.(lost);
    const [first] = lost;
    const point = first === undefined ? 'all' : `e${first.n.toString(36)}`;
    this.last = { at: this.ports.clock.wallMs(), point, identical: lostCount === 0, files: objects };
    this.gap = undefined;
    if (first !== undefined) {
      const reason = `${lostCount} kept objects are missing or damaged, first "${first.path}": ${first.reason}`;
      this.gap = { from: this.last.at, reason };
      if (lostCount !== this.told) {
        const details = { count: lostCount, objects, path: first.path, reason: first.reason };
        this.hooks.onEvent('RWD-011', details);
      }
    }
    this.told = lostCount;
  }
}
