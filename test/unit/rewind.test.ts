/** Whatever was applied, every point of the history is exactly what the roots were at that moment. */
import test, { type ExecutionContext } from 'ava';
import { Standby } from '../../daemon/apply/standby.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import type { RewindCounts } from '../../daemon/journal/rewind.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { ChangeScript } from '../memory/change-script.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const PROFILE = { posixModes: true, timeGranularityNs: 1, attributeKinds: ALL_KINDS };

class Host {
  readonly clock = new SimulatedClock();
  readonly tree = new MemoryTree({ volume: new MemoryVolume(this.clock) });
  readonly spoolLog = new MemorySegmentLog();
  readonly journalLog = new MemorySegmentLog();
  readonly stateFile = new MemoryStateFile();
  standby: Standby;
  private batch = 0;

  constructor() {
    this.standby = this.boot();
    this.standby.beginSynchronization();
    this.standby.finishSynchronization({ generation: '0'.repeat(32), seq: 0 });
  }

  boot(): Standby {
    this.batch = 0;
    const { clock, spoolLog, journalLog, stateFile } = this;
    this.standby = new Standby(
      { trees: [this.tree], spoolLog, journalLog, stateFile, clock, hasher, onEvent: () => {}, keepsHistory: true },
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

test('every moment between two units of the Master can be gone back to, from any other', (t) => {
  let points = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 60);
    const host = new Host();
    host.feed(script, random);
    t.is(host.standby.parked.count, 0, `seed ${seed}`);
    const end = host.history().last;
    const marks = host.history().marks.filter(({ kind }) => kind === 'unit');
    t.true(marks.length > 5);
    for (let round = 0; round < 12; round += 1) {
      const mark = random.pick(marks);
      const counts = host.rewind(mark.n);
      points += 1;
      t.deepEqual(counts.foreign, [], `seed ${seed} round ${round}`);
      t.deepEqual(describeTree(host.tree), script.views[mark.seq - 1], `seed ${seed} round ${round}: unit ${mark.seq}`);
    }
    host.rewind(end);
    t.deepEqual(describeTree(host.tree), script.views.at(-1), `seed ${seed}: back to the end`);
  }
  t.log(`${points} points`);
});

/** Counts what the engine does with files, logs and state; throws at the chosen operation. */
function killAt(host: Host, n: number): { count: number } {
  const counter = { count: 0 };
  const step = () => {
    counter.count += 1;
    if (counter.count === n) throw new Error('killed');
  };
  host.tree.beforeOperation = step;
  host.spoolLog.beforeAppend = step;
  host.spoolLog.beforeFlush = step;
  host.journalLog.beforeAppend = step;
  host.journalLog.beforeFlush = step;
  host.stateFile.beforeSave = step;
  return counter;
}

/** True when it was. */
function killed(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (Fault.from(error).message.includes('killed')) return true;
    throw error;
  }
}

function checkPoints(t: ExecutionContext, host: Host, script: ChangeScript, random: SeededRandom, title: string): void {
  const marks = host.history().marks.filter(({ kind }) => kind === 'unit');
  for (let round = 0; round < 4 && marks.length > 0; round += 1) {
    const mark = random.pick(marks);
    t.deepEqual(host.rewind(mark.n).foreign, [], `${title}, unit ${mark.seq}`);
    t.deepEqual(describeTree(host.tree), script.views[mark.seq - 1], `${title}, unit ${mark.seq}`);
  }
}

test('killed at any step of applying, the points of the history are what they say', (t) => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const script = new ChangeScript(hasher, seed, 25);
    let n = 1;
    for (; ; n += 7) {
      const random = new SeededRandom(seed * 1_000 + n);
      const host = new Host();
      killAt(host, n);
      const reached = killed(() => host.feed(script, random));
      killAt(host, 0);
      if (!reached) break;
      host.boot();
      host.feed(script, random);
      const end = host.history().last;
      checkPoints(t, host, script, random, `seed ${seed}, killed at ${n}`);
      host.rewind(end);
      t.deepEqual(describeTree(host.tree), script.views.at(-1), `seed ${seed}, killed at ${n}: the end`);
    }
    t.true(n > 50);
  }
});

test('killed at any step of a rewind, the next one arrives, and all of it can be taken back', (t) => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const script = new ChangeScript(hasher, seed, 25);
    let n = 1;
    for (; ; n += 5) {
      const random = new SeededRandom(seed * 1_000 + n);
      const host = new Host();
      host.feed(script, random);
      const end = host.history().last;
      const mark = random.pick(host.history().marks.filter(({ kind }) => kind === 'unit'));
      killAt(host, n);
      const reached = killed(() => void host.rewind(mark.n));
      killAt(host, 0);
      if (!reached) break;
      host.boot();
      host.rewind(mark.n);
      t.deepEqual(
        describeTree(host.tree),
        script.views[mark.seq - 1],
        `seed ${seed}, killed at ${n}: unit ${mark.seq}`,
      );
      checkPoints(t, host, script, random, `seed ${seed}, killed at ${n}`);
      host.rewind(end);
      t.deepEqual(describeTree(host.tree), script.views.at(-1), `seed ${seed}, killed at ${n}: the end`);
    }
    t.true(n > 20, `only ${n}`);
  }
});

test('after a power cut at any step every point still listed is what it says; what cannot be known is a gap', (t) => {
  let kept = 0;
  let gaps = 0;
  for (let seed = 1; seed <= 4; seed += 1) {
    const script = new ChangeScript(hasher, seed, 25);
    for (let n = 1; ; n += 5) {
      const random = new SeededRandom(seed * 1_000 + n);
      const host = new Host();
      killAt(host, n);
      const reached = killed(() => host.feed(script, random));
      killAt(host, 0);
      if (!reached) break;
      host.powerCut(random);
      host.boot();
      if (host.standby.received !== undefined) {
        host.feed(script, random);
        kept += 1;
      } else gaps += 1;
      checkPoints(t, host, script, random, `seed ${seed}, power cut at ${n}`);
    }
  }
  t.log(`${kept} histories kept, ${gaps} gaps`);
  t.true(kept > 20);
});

test('after a power cut at any step of a rewind every point still listed is what it says', (t) => {
  let arrived = 0;
  for (let seed = 1; seed <= 6; seed += 1) {
    const script = new ChangeScript(hasher, seed, 25);
    for (let n = 1; ; n += 3) {
      const random = new SeededRandom(seed * 1_000 + n);
      const host = new Host();
      host.feed(script, random);
      const mark = random.pick(host.history().marks.filter(({ kind }) => kind === 'unit'));
      killAt(host, n);
      const reached = killed(() => void host.rewind(mark.n));
      killAt(host, 0);
      if (!reached) break;
      host.powerCut(random);
      host.boot();
      if (host.history().marks.some((other) => other.kind === 'gap')) continue;
      arrived += 1;
      checkPoints(t, host, script, random, `seed ${seed}, power cut at ${n}`);
    }
  }
  t.log(`${arrived} histories kept`);
  t.true(arrived > 20);
});
