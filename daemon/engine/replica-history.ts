/** The history of a Replica while its engine runs: kept within its limits, and looked into. */
import { Fault } from '../../shared/faults.ts';
import type { JournalFigures } from '../../shared/rewind.ts';
import type { Standby } from '../apply/standby.ts';
import { NO_JOURNAL } from '../journal/figures.ts';
import type { EngineCall, EngineConfig, EngineNotice } from './engine-protocol.ts';
import { HistoryKeeper, type HistoryKeeperHooks } from './history-keeper.ts';
import { PastDesk, type PastDeskHooks, type PastDeskPorts } from './past-desk.ts';
import { PointDesk, type PointDeskPorts } from './point-desk.ts';
import { SelfCheck, type SelfCheckHooks } from './self-check.ts';

export class ReplicaHistory {
  private readonly standby: Standby;
  private readonly desk: PastDesk;
  private readonly points: PointDesk;
  private readonly keeper: HistoryKeeper | undefined;
  private readonly selfCheck: SelfCheck | undefined;

  constructor(
    ports: PastDeskPorts & PointDeskPorts,
    standby: Standby,
    config: EngineConfig,
    notify: (notice: EngineNotice) => void,
    hooks: PastDeskHooks & Pick<HistoryKeeperHooks, 'onEvent'>,
  ) {
    const { history } = config;
    this.standby = standby;
    this.points = new PointDesk(ports, notify);
    this.desk = new PastDesk(ports, standby, config, notify, hooks);
    const pinned = () => this.desk.pinnedSegment;
    this.keeper = history && new HistoryKeeper(ports, standby, history, { ...hooks, pinned });
    const onLost: SelfCheckHooks['onLost'] = (lost) => this.points.lost.found(lost);
    const { selfCheckMs = 0 } = history ?? {};
    this.selfCheck =
      selfCheckMs > 0 ? new SelfCheck({ ...ports, standby }, selfCheckMs, { ...hooks, onLost }) : undefined;
  }

  /** Somebody looks at the roots as they are now: nothing may be changed in them. */
  get busy(): boolean {
    return this.desk.busy;
  }

  /** Whether the call was one of its own; throws what is refused. */
  takes(id: number, call: EngineCall): boolean {
    if (call.name !== 'past' && call.name !== 'points') return false;
    if (!this.standby.history.on) throw new Fault('REWIND-OFF', {});
    if (call.name === 'past') this.desk.take(id, call.request);
    else this.points.take(id, call.filter);
    return true;
  }

  figures(): JournalFigures {
    const figures = this.keeper?.figures() ?? NO_JOURNAL;
    return this.selfCheck?.shownIn(figures) ?? figures;
  }

  /** What the engine tells. */
  heard(code: string): void {
    this.keeper?.heard(code);
  }

  end(): void {
    this.points.end();
    this.keeper?.end();
    this.selfCheck?.end();
    this.desk.end();
  }
}
