/**
 * Watches one host: a round at each heartbeat, judged when the time for answers is over. Intervals are counted by the boot clock. A round
 * in which the event loop of this host stood still is judged late, and says nothing about missing answers (machine.ts).
 */
import type { HealthCheck, HealthVerdict } from '../../shared/health.ts';
import { formatDuration } from '../../shared/units.ts';
import type { Clock, Timer } from '../ports.ts';
import type { HealthWatch, Probe, ProbeAnswer } from './contract.ts';
import { type Judged, judge, NO_ROUNDS, nextRounds, type RoundEvent, type RoundRule, type Rounds } from './machine.ts';

/** A round is judged then at the latest. */
const LONGEST_ROUND_MS = 10_000;
/** Answers prove life for so many times that long after their round was judged. */
const LATE_FACTOR = 10;
/** While the host is alive, what is only shown is asked so often. */
const SHOWN_EVERY_MS = 30_000;
/** Looks for a loop that stands still, in each round. */
const QUARTERS = [0.25, 0.5, 0.75, 1];
const MAX_REASONS = 4;

export interface WatchTarget {
  readonly scenarioId: string;
  /** Name of the host that is watched. */
  readonly host: string;
  readonly rule: RoundRule;
}

interface Shown {
  readonly state: HealthCheck['state'];
  readonly detail: string;
  /** Boot clock. */
  readonly at: number;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly watchedBy: string;
  /** State or cause changed. */
  onChange(watch: MasterWatch): void;
}

type Decision = Pick<HealthVerdict, 'state' | 'cause'>;

export class MasterWatch implements HealthWatch {
  readonly #options: WatchOptions;
  readonly #target: WatchTarget;
  readonly #softMs: number;
  readonly #hardMs: number;
  #probes: readonly Probe[];
  #rounds: Rounds = NO_ROUNDS;
  #n = 0;
  readonly #shown = new Map<string, Shown>();
  #shownAskedAt: number | undefined;
  #decided: Decision = { state: 'unknown' };
  #since: number;
  #sinceBoot: number;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(options: WatchOptions, target: WatchTarget, probes: readonly Probe[]) {
    this.#options = options;
    this.#target = target;
    this.#probes = probes;
    const { heartbeatMs, timeoutMs } = target.rule;
    this.#softMs = Math.min(heartbeatMs, LONGEST_ROUND_MS);
    this.#hardMs = Math.max(this.#softMs, Math.min(timeoutMs, LONGEST_ROUND_MS, this.#softMs * LATE_FACTOR));
    this.#since = options.clock.wallMs();
    this.#sinceBoot = options.clock.bootMs();
  }

  get scenarioId(): string {
    return this.#target.scenarioId;
  }

  get host(): string {
    return this.#target.host;
  }

  /** From the next round on. */
  use(probes: readonly Probe[]): void {
    this.#probes = probes;
    const names = new Set(probes.map(({ name }) => name));
    for (const name of this.#shown.keys()) if (!names.has(name)) this.#shown.delete(name);
  }

  start(): void {
    this.#begin(this.#options.clock.bootMs());
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  get verdict(): HealthVerdict {
    const judged = this.#judge();
    const { state, cause } = this.#decided;
    return {
      state,
      ...(cause === undefined ? {} : { cause }),
      reason: this.#reason(judged),
      since: this.#since,
      failedRounds: judged.failedRounds,
      checks: this.#checks(),
      watchedBy: this.#options.watchedBy,
      rule: this.#target.rule,
    };
  }

  // ---------------------------------------------------------------- rounds

  #after(delayMs: number, run: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#stopped) run();
    });
    this.#timers.add(timer);
  }

  /** `planned`: when it had to begin. */
  #begin(planned: number): void {
    const { clock } = this.#options;
    const { heartbeatMs } = this.#target.rule;
    const at = clock.bootMs();
    this.#n += 1;
    const n = this.#n;
    const counting = this.#probes.filter(({ shownOnly }) => shownOnly !== true);
    this.#happen({ type: 'begin', n, at, parts: counting.map(({ name }) => name) });
    for (const probe of counting) this.#ask(probe, n);
    if (this.#shownDue(at)) {
      this.#shownAskedAt = at;
      for (const probe of this.#probes) if (probe.shownOnly === true) this.#ask(probe, undefined);
    }
    this.#judgeLater(n, at);
    // Rounds that were missed are not made up for.
    const next = planned + heartbeatMs > at ? planned + heartbeatMs : at + heartbeatMs;
    this.#after(next - at, () => this.#begin(next));
  }

  #shownDue(at: number): boolean {
    if (this.#shownAskedAt === undefined || this.#rounds.failedUntil !== undefined) return true;
    return at - this.#shownAskedAt >= SHOWN_EVERY_MS;
  }

  #ask(probe: Probe, n: number | undefined): void {
    const asked = this.#options.clock.bootMs();
    void probe.ask(this.#hardMs).then(
      (answer) => this.#answered(probe, n, asked, answer),
      (error: unknown) => this.#answered(probe, n, asked, { outcome: 'failed', detail: String(error) }),
    );
  }

  #answered(probe: Probe, n: number | undefined, asked: number, { outcome, detail }: ProbeAnswer): void {
    if (this.#stopped || !this.#probes.some(({ name }) => name === probe.name)) return;
    const at = this.#options.clock.bootMs();
    const tookMs = at - asked;
    const isLate = outcome === 'passed' && tookMs > this.#softMs;
    const text = isLate ? `${detail} (late, after ${formatDuration(Math.round(tookMs))})` : detail;
    this.#shown.set(probe.name, { state: outcome, detail: text, at });
    if (n !== undefined) this.#happen({ type: 'answer', n, at, part: probe.name, outcome });
  }

  #judgeLater(n: number, begun: number): void {
    const { clock } = this.#options;
    const limitMs = this.#softMs / QUARTERS.length;
    let late = false;
    const look = (quarter: number) => {
      const part = QUARTERS[quarter]!;
      const planned = begun + this.#softMs * part;
      this.#after(Math.max(0, planned - clock.bootMs()), () => {
        late ||= clock.bootMs() - planned > limitMs;
        if (quarter + 1 < QUARTERS.length) look(quarter + 1);
        // What has arrived meanwhile is heard first.
        else this.#after(0, () => this.#after(0, () => this.#due(n, late)));
      });
    };
    look(0);
  }

  #due(n: number, late: boolean): void {
    const at = this.#options.clock.bootMs();
    const round = this.#rounds.recent.find((each) => each.n === n);
    if (!late) {
      for (const [name, state] of Object.entries(round?.parts ?? {})) {
        if (state === 'open') this.#shown.set(name, { state: 'failed', detail: this.#noAnswer(), at });
      }
    }
    this.#happen({ type: 'due', n, at, late });
    // One more for answers that come just at their limit.
    this.#after(this.#hardMs - this.#softMs + this.#softMs / QUARTERS.length, () => this.#happen({ type: 'close', n }));
  }

  #noAnswer(): string {
    return `no answer within ${formatDuration(this.#softMs)}`;
  }

  // ---------------------------------------------------------------- verdicts

  #happen(event: RoundEvent): void {
    this.#rounds = nextRounds(this.#rounds, event, this.#target.rule);
    const { state, cause } = this.#judge();
    if (state === this.#decided.state && cause === this.#decided.cause) return;
    this.#decided = { state, ...(cause === undefined ? {} : { cause }) };
    this.#since = this.#options.clock.wallMs();
    this.#sinceBoot = this.#options.clock.bootMs();
    this.#options.onChange(this);
  }

  #judge(): Judged {
    const references = this.#probes.filter(({ kind }) => kind === 'reference').map(({ name }) => this.#shown.get(name));
    const fresh = references.filter((shown) => shown !== undefined && shown.state !== 'skipped');
    return judge(
      this.#rounds,
      this.#target.rule,
      {
        kinds: Object.fromEntries(
          this.#probes.filter(({ shownOnly }) => shownOnly !== true).map(({ name, kind }) => [name, kind]),
        ),
        references: {
          asked: fresh.length,
          reached: fresh.filter((shown) => shown?.state === 'passed').length,
        },
      },
      this.#options.clock.bootMs(),
    );
  }

  #checks(): HealthCheck[] {
    const now = this.#options.clock.bootMs();
    return this.#probes.map(({ name, kind, shownOnly }) => {
      const shown = this.#shown.get(name);
      const counts = shownOnly !== true;
      if (shown === undefined) return { name, kind, state: 'waiting', detail: 'not answered yet', counts };
      const ageMs = Math.max(0, Math.round(now - shown.at));
      return { name, kind, state: shown.state, ageMs, detail: shown.detail, counts };
    });
  }

  #reason(judged: Judged): string {
    const { state, cause } = this.#decided;
    if (state === 'alive') return 'all checks pass';
    if (state === 'unknown' && cause === undefined) {
      if (this.#rounds.begunAt === undefined || this.#rounds.judgedAt === undefined) return 'not checked yet';
      return 'no check could be made: this host was suspended or is too busy';
    }
    const failed = judged.dead.slice(0, MAX_REASONS).map((name) => `${name}: ${this.#shown.get(name)?.detail ?? '?'}`);
    const rest = judged.dead.length - failed.length;
    const list = [...failed, ...(rest > 0 ? [`${rest} more`] : [])].join('; ');
    const since = Math.max(judged.failedMs, this.#options.clock.bootMs() - this.#sinceBoot);
    const duration = formatDuration(Math.round(state === 'suspect' && cause === undefined ? judged.failedMs : since));
    return list === ''
      ? `no round has passed for ${duration}, though each check did at times`
      : `${list} (every round failed for ${duration})`;
  }
}
