/**
 * The engine of a stopped scenario on its Replica: answers questions about the history of the roots and sets them back.
 * Nothing is received and nothing of the spool is applied meanwhile.
 */
import { Fault } from '../../shared/faults.ts';
import type { RewindResult } from '../../shared/rewind.ts';
import { Standby, type StandbyPorts } from '../apply/standby.ts';
import type { JournalHistory } from '../journal/history.ts';
import { lostOnTheWay } from '../journal/kept-check.ts';
import { HistoryRetention } from '../journal/retention.ts';
import type { RewindCounts } from '../journal/rewind.ts';
import { profileOf } from '../link/profile.ts';
import type { Timer } from '../ports.ts';
import type {
  CopyState,
  EngineCall,
  EngineConfig,
  EngineNotice,
  EngineRequest,
  KeptLook,
  OutdateAnswer,
  RewindPlan,
  RewindProgress,
} from './engine-protocol.ts';
import { figuresOf } from './history-keeper.ts';
import type { PointDeskPorts } from './point-desk.ts';
import { answerReplicaCall } from './replica-calls.ts';
import { ReplicaHistory } from './replica-history.ts';

const SLICE_MS = 8;
const FOREIGN_LISTED = 1_000;
/** What was kept is looked at again after this. */
const LOOK_LASTS_MS = 10_000;

type RewindCall = Extract<EngineCall, { readonly name: 'rewind' }>;

/** Progress is told this often. */
const TELL_MS = 250;
const NO_STATISTICS = {
  synchronizedFiles: 0,
  synchronizedBytes: 0,
  replicatedChanges: 0,
  replicatedBytes: 0,
  bytesPerSecond: 0,
  changesPerSecond: 0,
};

interface Rewinding {
  readonly callId: number;
  readonly work: Generator<undefined, void>;
  readonly counts: RewindCounts;
  readonly plan: RewindPlan;
  readonly startedMs: number;
  toldMs: number;
}

export type HistoryEnginePorts = Omit<StandbyPorts, 'onEvent' | 'keepsHistory'> &
  Pick<PointDeskPorts, 'points' | 'lostFile'>;

export class HistoryEngine {
  private readonly config: EngineConfig;
  private readonly ports: HistoryEnginePorts;
  private readonly notify: (notice: EngineNotice) => void;
  private standby: Standby | undefined;
  private rewinding: Rewinding | undefined;
  private past: ReplicaHistory | undefined;
  private timer: Timer | undefined;

  constructor(config: EngineConfig, ports: HistoryEnginePorts, notify: (notice: EngineNotice) => void) {
    this.config = config;
    this.ports = ports;
    this.notify = notify;
  }

  /** Recovers like any start of the Replica; answers `started` or `failed`. */
  start(): void {
    const { ports, config, notify } = this;
    try {
      const onEvent: StandbyPorts['onEvent'] = (code, details) => notify({ type: 'event', code, details });
      const profile = profileOf(ports.trees, config.attributeKinds);
      this.standby = new Standby(
        { ...ports, onEvent, keepsHistory: config.history !== undefined },
        config.epoch,
        profile,
      );
      // Nothing is removed while somebody looks at a scenario that is stopped.
      const { history: _, ...looking } = config;
      this.past = new ReplicaHistory(ports, this.standby, looking, notify, {
        inFlux: () => this.rewinding !== undefined,
        onIdle: () => {},
        onEvent,
      });
      notify({ type: 'started', position: this.standby.applied });
    } catch (error) {
      this.end();
      notify({ type: 'failed', fault: Fault.from(error).toDocument() });
    }
  }

  handle(request: EngineRequest): void {
    if (request.type === 'call') this.answer(request.id, request.call);
    else if (request.type === 'stop') this.stop();
  }

  private stop(): void {
    const { rewinding } = this;
    this.rewinding = undefined;
    // What the groups before have done stays; the next rewind goes on from there.
    rewinding?.work.return();
    this.end();
    this.notify({ type: 'stopped' });
  }

  private end(): void {
    this.timer?.cancel();
    this.past?.end();
    this.standby = undefined;
    this.ports.spoolLog.close();
    this.ports.journalLog.close();
    for (const tree of this.ports.trees) tree.close();
  }

  private answer(id: number, call: EngineCall): void {
    try {
      const { standby } = this;
      if (standby === undefined) throw new Fault('ENGINE-ENDED', { reason: 'it has not started yet' });
      if (this.past?.takes(id, call)) return;
      if (call.name === 'rewind') {
        this.begin(id, standby, call);
        return;
      }
      this.notify({ type: 'reply', id, result: this.answerOf(standby, call) });
    } catch (error) {
      this.notify({ type: 'reply', id, fault: Fault.from(error).toDocument() });
    }
  }

  private answerOf(standby: Standby, call: EngineCall): unknown {
    if (call.name === 'rewind-plan') {
      const { steps, back, point } = plan(standby, call.point);
      if (call.whole !== true) return { steps, back } satisfies RewindPlan;
      const looked = { point: call.point, last: standby.journal.last, atMs: this.ports.clock.bootMs() };
      this.refuseLoss(standby, point);
      return { steps, back, looked } satisfies RewindPlan;
    }
    if (call.name === 'copy-state') {
      const { applied, parked } = standby;
      return { parked: parked.count, ...(applied === undefined ? {} : { position: applied }) } satisfies CopyState;
    }
    if (call.name === 'history-forget') {
      this.forget();
      return {};
    }
    if (call.name === 'outdate') {
      const hasHistory = standby.history.on;
      standby.giveUp(undefined, call.reason);
      return { hasHistory } satisfies OutdateAnswer;
    }
    const { clock } = this.ports;
    const { scenarioName, history } = this.config;
    const journal = history && { figures: () => figuresOf(this.ports, standby, history) };
    return answerReplicaCall(call, { clock, scenarioName, standby, onEvent: () => {}, journal });
  }

  /** Throws `POINT-INCOMPLETE` when something that was kept for the way there is not what it was. */
  private refuseLoss({ history }: Standby, point: number): void {
    const work = lostOnTheWay(this.ports.trees, history.wayBack(point));
    let step = work.next();
    while (step.done !== true) step = work.next();
    const { lost, lostCount } = step.value;
    const [first] = lost;
    if (first === undefined) return;
    const count = lostCount === 1 ? '1 place' : `${lostCount} places`;
    throw new Fault('POINT-INCOMPLETE', { count, path: first.path, reason: first.reason });
  }

  private begin(callId: number, standby: Standby, { point: id, looked }: RewindCall): void {
    const { scenarioName } = this.config;
    if (this.rewinding !== undefined) {
      throw new Fault('SCENARIO-STATE', { name: scenarioName, state: 'recovering', reason: 'a rewind is under way' });
    }
    const { steps, back, point } = plan(standby, id);
    const counts: RewindCounts = { steps: 0, foreign: [] };
    const startedMs = this.ports.clock.bootMs();
    const work = standby.rewind(point, counts, this.isFresh(looked, id, standby));
    this.rewinding = { callId, counts, work, plan: { steps, back }, startedMs, toldMs: startedMs };
    this.tell(this.rewinding);
    this.schedule(0);
  }

  /** Nothing has been done since that look, and it was just now: it need not be repeated for each step. */
  private isFresh(looked: KeptLook | undefined, point: string, { journal }: Standby): boolean {
    if (looked === undefined || looked.point !== point || looked.last !== journal.last) return false;
    const ageMs = this.ports.clock.bootMs() - looked.atMs;
    return ageMs >= 0 && ageMs < LOOK_LASTS_MS;
  }

  /** Everything kept goes, whatever its age. */
  private forget(): void {
    const { journalLog, trees, clock } = this.ports;
    const nothing = { retentionMs: 0, maxBytes: -1 };
    new HistoryRetention(journalLog, trees).enforce(nothing, Number.MAX_SAFE_INTEGER, clock.wallMs());
  }

  private tell({ counts, plan: { steps } }: Rewinding): void {
    const rewind: RewindProgress = {
      doneSteps: counts.steps + counts.foreign.length,
      totalSteps: steps,
      ...(counts.path === undefined ? {} : { path: counts.path }),
    };
    const idle = { position: undefined, phase: 'idle', peers: {}, spoolBytes: 0, parked: 0 } as const;
    this.notify({ type: 'status', status: { ...idle, statistics: NO_STATISTICS, rewind } });
  }

  private schedule(delayMs: number): void {
    this.timer = this.ports.clock.after(delayMs, () => this.step());
  }

  private step(): void {
    const { rewinding } = this;
    if (rewinding === undefined) return;
    const { clock } = this.ports;
    const untilMs = clock.bootMs() + SLICE_MS;
    try {
      do {
        if (rewinding.work.next().done) {
          this.done(rewinding);
          return;
        }
      } while (clock.bootMs() < untilMs);
      if (clock.bootMs() - rewinding.toldMs >= TELL_MS) {
        rewinding.toldMs = clock.bootMs();
        this.tell(rewinding);
      }
      this.schedule(0);
    } catch (error) {
      this.rewinding = undefined;
      this.notify({ type: 'reply', id: rewinding.callId, fault: Fault.from(error).toDocument() });
    }
  }

  private done({ callId, counts, plan: { back }, startedMs }: Rewinding): void {
    this.rewinding = undefined;
    const result: RewindResult = {
      steps: counts.steps,
      foreign: counts.foreign.slice(0, FOREIGN_LISTED),
      foreignCount: counts.foreign.length,
      lostCount: counts.foreign.filter(({ lost }) => lost !== undefined).length,
      undoPoint: back,
      tookMs: Math.round(this.ports.clock.bootMs() - startedMs),
    };
    this.notify({ type: 'reply', id: callId, result });
  }
}

/** The oldest point of the history, for those who want all of it back. */
const START = 'start';

/** Throws `POINT-NOT-FOUND`, or `REWIND-OFF`. */
function plan(standby: Standby, id: string): RewindPlan & { readonly point: number } {
  if (id === START) {
    const history = standby.history.read();
    const point = startOf(history);
    let steps = 0;
    for (const _ of history.wayBack(point)) steps += 1;
    return { point, steps, back: backTo(history.last) };
  }
  const { n, steps, last } = standby.history.planTo(id);
  return { point: n, steps, back: backTo(last) };
}

function backTo(last: number): string {
  return `rewind-${last.toString(36)}`;
}

/** A history that begins elsewhere, or with a gap, has lost the way to it. */
function startOf(history: JournalHistory): number {
  const [first] = history.marks;
  const whole = first?.kind === 'before-synchronization' && first.n === 0;
  if (!whole) throw new Fault('POINT-NOT-FOUND', { point: `${START} (${first?.text || 'the history begins later'})` });
  return 0;
}
