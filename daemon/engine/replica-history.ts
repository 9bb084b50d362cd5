/** The history of a Replica while its engine runs: kept within its limits, and looked into. */
import type { JournalFigures } from '../../shared/rewind.ts';
import type { Standby } from '../apply/standby.ts';
import { NO_JOURNAL } from '../journal/figures.ts';
import type { EngineConfig, EngineNotice, PastRequest } from './engine-protocol.ts';
import { HistoryKeeper, type HistoryKeeperHooks } from './history-keeper.ts';
import { PastDesk, type PastDeskHooks, type PastDeskPorts } from './past-desk.ts';

export class ReplicaHistory {
  private readonly desk: PastDesk;
  private readonly keeper: HistoryKeeper | undefined;

  constructor(
    ports: PastDeskPorts,
    standby: Standby,
    config: EngineConfig,
    notify: (notice: EngineNotice) => void,
    hooks: PastDeskHooks & Pick<HistoryKeeperHooks, 'onEvent'>,
  ) {
    const { history } = config;
    this.desk = new PastDesk(ports, standby, config, notify, hooks);
    const pinned = () => this.desk.pinnedSegment;
    this.keeper = history && new HistoryKeeper(ports, standby, history, { ...hooks, pinned });
  }

  /** Somebody looks at the roots as they are now: nothing may be changed in them. */
  get busy(): boolean {
    return this.desk.busy;
  }

  take(id: number, request: PastRequest): void {
    this.desk.take(id, request);
  }

  figures(): JournalFigures {
    return this.keeper?.figures() ?? NO_JOURNAL;
  }

  /** What the engine tells. */
  heard(code: string): void {
    this.keeper?.heard(code);
  }

  end(): void {
    this.keeper?.end();
    this.desk.end();
  }
}
