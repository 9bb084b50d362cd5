/** Lists rewind points while the engine goes on: millions of them are read in small pieces of work. */
import { Fault } from '../../shared/faults.ts';
import type { RewindPointList } from '../../shared/rewind.ts';
import { logBackwards } from '../journal/log-backwards.ts';
import { pointsBackwards } from '../journal/point-stream.ts';
import { listPoints, type PointFilter } from '../journal/points.ts';
import type { Clock, SegmentLog, StateFile, Timer } from '../ports.ts';
import type { EngineNotice } from './engine-protocol.ts';
import { LostPlaces } from './lost-places.ts';
import { SLICE_MS } from './slice.ts';

/** Finds pages without reading everything (store/listed-points.ts). */
export interface PointLister {
  list(log: SegmentLog, filter: PointFilter): Generator<undefined, RewindPointList>;
  close(): void;
}

export interface PointDeskPorts {
  readonly clock: Clock;
  readonly journalLog: SegmentLog;
  /** Absent: the log itself is read. */
  readonly points?: PointLister;
  /** Remembers what a self-check found. */
  readonly lostFile?: StateFile;
}

interface Job {
  readonly id: number;
  readonly work: Generator<undefined, RewindPointList>;
}

export class PointDesk {
  private readonly ports: PointDeskPorts;
  private readonly notify: (notice: EngineNotice) => void;
  private readonly jobs: Job[] = [];
  readonly lost: LostPlaces;
  private timer: Timer | undefined;

  constructor(ports: PointDeskPorts, notify: (notice: EngineNotice) => void) {
    this.ports = ports;
    this.notify = notify;
    this.lost = new LostPlaces(ports.lostFile, ports.journalLog);
  }

  take(id: number, filter: PointFilter): void {
    const { points = READ_WHOLE, journalLog } = this.ports;
    this.jobs.push({ id, work: points.list(journalLog, filter) });
    if (this.jobs.length === 1) this.step();
  }

  end(): void {
    this.timer?.cancel();
    this.ports.points?.close();
    const fault = new Fault('ENGINE-ENDED', { reason: 'it was stopped' }).toDocument();
    for (const { id } of this.jobs.splice(0)) this.notify({ type: 'reply', id, fault });
  }

  private step(): void {
    const { clock } = this.ports;
    const untilMs = clock.bootMs() + SLICE_MS;
    for (let job = this.jobs[0]; job !== undefined; job = this.jobs[0]) {
      try {
        do {
          const { done, value } = job.work.next();
          if (done === true) {
            this.jobs.shift();
            this.notify({ type: 'reply', id: job.id, result: { ...value, points: this.lost.marked(value.points) } });
            break;
          }
        } while (clock.bootMs() < untilMs);
      } catch (error) {
        this.jobs.shift();
        this.notify({ type: 'reply', id: job.id, fault: Fault.from(error).toDocument() });
      }
      if (clock.bootMs() >= untilMs) break;
    }
    if (this.jobs.length > 0) this.timer = clock.after(0, () => this.step());
  }
}

const READ_WHOLE: PointLister = {
  // biome-ignore lint/correctness/useYield: read at once
  *list(log, filter) {
    const points = function* () {
      for (const { point } of pointsBackwards(logBackwards(log))) yield point;
    };
    return listPoints(points(), filter);
  },
  close: () => {},
};
