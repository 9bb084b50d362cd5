/**
 * The engine of a stopped scenario on its Replica: answers questions about the history of the roots and sets them back.
 * Nothing is received and nothing of the spool is applied meanwhile.
 */
import { Fault } from '../../shared/faults.ts';
import type { RewindResult } from '../../shared/rewind.ts';
import { Standby, type StandbyPorts } from '../apply/standby.ts';
import { findPoint, positionOf } from '../journal/points.ts';
import type { RewindCounts } from '../journal/rewind.ts';
import { profileOf } from '../link/profile.ts';
import type { Timer } from '../ports.ts';
import type { EngineCall, EngineConfig, EngineNotice, EngineRequest } from './engine-protocol.ts';
import { answerReplicaCall } from './replica-calls.ts';

const SLICE_MS = 8;
const FOREIGN_LISTED = 1_000;

interface Rewinding {
  readonly callId: number;
  readonly work: Generator<undefined, void>;
  readonly counts: RewindCounts;
  readonly undoPoint: string;
  readonly startedMs: number;
}

export class HistoryEngine {
  private readonly config: EngineConfig;
  private readonly ports: Omit<StandbyPorts, 'onEvent' | 'keepsHistory'>;
  private readonly notify: (notice: EngineNotice) => void;
  private standby: Standby | undefined;
  private rewinding: Rewinding | undefined;
  private timer: Timer | undefined;

  constructor(
    config: EngineConfig,
    ports: Omit<StandbyPorts, 'onEvent' | 'keepsHistory'>,
    notify: (notice: EngineNotice) => void,
  ) {
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
    this.standby = undefined;
    this.ports.spoolLog.close();
    this.ports.journalLog.close();
    for (const tree of this.ports.trees) tree.close();
  }

  private answer(id: number, call: EngineCall): void {
    try {
      const { standby } = this;
      if (standby === undefined) throw new Fault('ENGINE-ENDED', { reason: 'it has not started yet' });
      if (call.name === 'rewind') {
        this.begin(id, standby, call.point);
        return;
      }
      const { clock } = this.ports;
      const { scenarioName } = this.config;
      const result = answerReplicaCall(call, { clock, scenarioName, standby, onEvent: () => {} });
      this.notify({ type: 'reply', id, result });
    } catch (error) {
      this.notify({ type: 'reply', id, fault: Fault.from(error).toDocument() });
    }
  }

  private begin(callId: number, standby: Standby, id: string | undefined): void {
    const { scenarioName } = this.config;
    if (this.rewinding !== undefined) {
      throw new Fault('SCENARIO-STATE', { name: scenarioName, state: 'recovering', reason: 'a rewind is under way' });
    }
    const history = standby.history.read();
    const lastRewind = history.marks.findLast(({ kind }) => kind === 'rewind');
    const found = id === undefined ? undefined : findPoint(history, id);
    const point = id === undefined ? lastRewind?.n : found && found.kind !== 'gap' ? positionOf(found) : undefined;
    if (point === undefined) throw new Fault('POINT-NOT-FOUND', { point: id ?? 'of the last rewind' });
    const counts: RewindCounts = { steps: 0, foreign: [] };
    this.rewinding = {
      callId,
      counts,
      work: standby.rewind(point, counts),
      undoPoint: `rewind-${history.last.toString(36)}`,
      startedMs: this.ports.clock.bootMs(),
    };
    this.schedule(0);
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
      this.schedule(0);
    } catch (error) {
      this.rewinding = undefined;
      this.notify({ type: 'reply', id: rewinding.callId, fault: Fault.from(error).toDocument() });
    }
  }

  private done({ callId, counts, undoPoint, startedMs }: Rewinding): void {
    this.rewinding = undefined;
    const result: RewindResult = {
      steps: counts.steps,
      foreign: counts.foreign.slice(0, FOREIGN_LISTED),
      foreignCount: counts.foreign.length,
      undoPoint,
      tookMs: Math.round(this.ports.clock.bootMs() - startedMs),
    };
    this.notify({ type: 'reply', id: callId, result });
  }
}
