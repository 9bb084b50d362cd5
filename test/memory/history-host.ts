/** A Replica's data in memory with Data Rewind on, fed with the changes of a script. */
import { Standby } from '../../daemon/apply/standby.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import type { RewindCounts } from '../../daemon/journal/rewind.ts';
import type { ContentHasher } from '../../daemon/link/content-hash.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change } from '../../shared/change.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import type { ChangeScript } from './change-script.ts';
import { type SeededRandom, SimulatedClock } from './clock.ts';
import { MemorySegmentLog } from './segment-log.ts';
import { MemoryStateFile } from './state-file.ts';
import { MemoryTree } from './tree.ts';
import { MemoryVolume } from './volume.ts';

const PROFILE = { posixModes: true, timeGranularityNs: 1, attributeKinds: ALL_KINDS };

export class HistoryHost {
  readonly hasher: ContentHasher;
  readonly clock = new SimulatedClock();
  readonly tree = new MemoryTree({ volume: new MemoryVolume(this.clock) });
  readonly spoolLog = new MemorySegmentLog();
  readonly journalLog = new MemorySegmentLog();
  readonly stateFile = new MemoryStateFile();
  standby: Standby;
  /** Codes of events. */
  readonly told: string[] = [];
  private batch = 0;

  /** `exchanges`: see `MemoryTreeOptions`. */
  constructor(hasher: ContentHasher, exchanges = true) {
    this.hasher = hasher;
    this.tree.exchanges = exchanges;
    this.standby = this.boot();
    this.standby.beginSynchronization();
    this.standby.finishSynchronization({ generation: '0'.repeat(32), seq: 0 });
  }

  boot(): Standby {
    this.batch = 0;
    const { clock, spoolLog, journalLog, stateFile, hasher } = this;
    const onEvent = (code: string) => this.told.push(code);
    this.standby = new Standby(
      { trees: [this.tree], spoolLog, journalLog, stateFile, clock, hasher, onEvent, keepsHistory: true },
      1,
      PROFILE,
    );
    return this.standby;
  }

  powerCut(random: SeededRandom): void {
    this.tree.volume.powerCut(random);
    this.spoolLog.powerCut(random);
    this.journalLog.powerCut(random);
    this.clock.setWallMs(this.clock.wallMs() + 60_000);
  }

  receive(changes: readonly Change[], seq: number): void {
    this.batch += 1;
    const writer = new ByteWriter();
    writeBatchHeader(writer, {
      batch: this.batch,
      commitSeq: seq,
      oldestMs: seq,
      newestMs: seq,
      changes: changes.length,
    });
    for (const change of changes) writeChange(writer, change);
    this.standby.accept(writer.take(), this.batch);
    this.standby.flushReceived();
  }

  apply(): void {
    for (let round = 0; this.standby.backlog && round < 100; round += 1) {
      let left = 1_000;
      this.standby.run(() => left-- > 0);
      this.clock.advance(100);
    }
  }

  /** Sends every unit not received yet, in bursts. */
  feed(script: ChangeScript, random: SeededRandom): void {
    const from = this.standby.received!.seq;
    for (const [index, unit] of script.units.entries()) {
      if (index < from) continue;
      this.receive(unit, index + 1);
      if (random.chance(0.3)) this.apply();
      if (random.chance(0.1)) this.standby.checkpoint();
    }
    this.apply();
    this.standby.checkpoint();
  }

  history(): JournalHistory {
    return new JournalHistory(this.journalLog);
  }

  rewind(point: number): RewindCounts {
    const counts: RewindCounts = { steps: 0, foreign: [] };
    for (const _ of this.standby.rewind(point, counts));
    return counts;
  }
}
