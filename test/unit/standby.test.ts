/** The Replica's data path: whatever happens at whatever step, the roots end as the Master's changes say. */

import test from 'ava';
import { Standby } from '../../daemon/apply/standby.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change, ChangeMetadata } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { ChangeScript } from '../memory/change-script.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const PROFILE = { posixModes: true, timeGranularityNs: 1, attributeKinds: ALL_KINDS };
const GENERATION = '0'.repeat(32);

/** A host whose engine can be killed and whose power can fail. */
class Host {
  readonly clock = new SimulatedClock();
  readonly volume = new MemoryVolume(this.clock);
  readonly tree = new MemoryTree({ volume: this.volume });
  readonly spoolLog = new MemorySegmentLog();
  readonly journalLog = new MemorySegmentLog();
  readonly stateFile = new MemoryStateFile();
  readonly events: string[] = [];
  standby: Standby;
  private batch = 0;

  constructor() {
    this.standby = this.boot();
    this.standby.beginSynchronization();
    this.standby.finishSynchronization({ generation: GENERATION, seq: 0 });
  }

  boot(): Standby {
    this.batch = 0;
    const { clock, spoolLog, journalLog, stateFile } = this;
    const onEvent = (code: string) => this.events.push(code);
    this.standby = new Standby(
      { trees: [this.tree], spoolLog, journalLog, stateFile, clock, hasher, onEvent },
      1,
      PROFILE,
    );
    return this.standby;
  }

  powerCut(random: SeededRandom): void {
    this.volume.powerCut(random);
    this.spoolLog.powerCut(random);
    this.journalLog.powerCut(random);
    this.clock.setWallMs(this.clock.wallMs() + 60_000);
  }

  /** One frame; `seq` 0 inside a unit. */
  receive(changes: readonly Change[], seq: number): void {
    this.batch += 1;
    const writer = new ByteWriter();
    writeBatchHeader(writer, { batch: this.batch, commitSeq: seq, oldestMs: 0, newestMs: 0, changes: changes.length });
    for (const change of changes) writeChange(writer, change);
    this.standby.accept(writer.take(), this.batch);
    this.standby.flushReceived();
  }

  apply(): void {
    for (let round = 0; this.standby.backlog && round < 100; round += 1) {
      this.standby.run(steps(1_000));
      this.clock.advance(100);
    }
  }
}

function steps(count: number): () => boolean {
  let left = count;
  return () => left-- > 0;
}

/** Sends every unit not received yet, as the Master does after a reconnect. */
function feed(host: Host, script: ChangeScript): void {
  const from = host.standby.received!.seq;
  for (const [index, unit] of script.units.entries()) {
    if (index >= from) host.receive(unit, index + 1);
    if (index % 5 === 4) host.apply();
    if (index % 11 === 10) host.standby.checkpoint();
  }
  host.apply();
}

test('changes are applied in order and the roots end equal', (t) => {
  for (let seed = 1; seed <= 25; seed += 1) {
    const script = new ChangeScript(hasher, seed, 60);
    const host = new Host();
    feed(host, script);
    t.is(host.standby.parked.count, 0, `seed ${seed}`);
    t.deepEqual(describeTree(host.tree), describeTree(script.tree), `seed ${seed}`);
    t.is(host.standby.applied?.seq, script.units.length);
  }
});

/** Counts the engine's operations on tree, logs and state; throws at the chosen one. */
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

function untilKilled(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (Fault.from(error).message.includes('killed')) return true;
    throw error;
  }
}

function sweep(seed: number, actions: number, afterKill: (host: Host, n: number) => void): string[] {
  const script = new ChangeScript(hasher, seed, actions);
  const wanted = describeTree(script.tree);
  const problems: string[] = [];
  for (let n = 1; ; n += 1) {
    const host = new Host();
    killAt(host, n);
    if (!untilKilled(() => feed(host, script))) return problems;
    const acknowledged = host.standby.received!.seq;
    killAt(host, 0);
    afterKill(host, n);
    if ((host.standby.received?.seq ?? -1) < acknowledged) problems.push(`${seed}/${n}: lost what was acknowledged`);
    feed(host, script);
    const found = describeTree(host.tree);
    for (const path of new Set([...wanted.keys(), ...found.keys()])) {
      if (wanted.get(path) !== found.get(path)) {
        problems.push(`${seed}/${n} ${path}: ${found.get(path)} instead of ${wanted.get(path)}`);
      }
    }
    if (host.standby.parked.count > 0) problems.push(`${seed}/${n}: parked ${host.standby.parked.list()[0]?.path}`);
    host.standby.checkpoint();
    if (host.tree.listKept().length > 0) problems.push(`${seed}/${n}: kept ${host.tree.listKept().join(' ')}`);
  }
}

test('killed at any step, the engine goes on and ends with equal roots', (t) => {
  const problems: string[] = [];
  for (let seed = 1; seed <= 6; seed += 1) problems.push(...sweep(seed, 25, (host) => void host.boot()));
  t.deepEqual(problems.slice(0, 5), []);
});

test('when the power fails at any step, nothing acknowledged is lost and the roots end equal', (t) => {
  const problems: string[] = [];
  for (let seed = 11; seed <= 16; seed += 1) {
    problems.push(
      ...sweep(seed, 25, (host, n) => {
        host.powerCut(new SeededRandom(1000 * seed + n));
        host.boot();
      }),
    );
  }
  t.deepEqual(problems.slice(0, 5), []);
});

test('killed again at any step of the recovery, the next recovery still converges', (t) => {
  const problems: string[] = [];
  for (let again = 1; again <= 40; again += 3) {
    problems.push(
      ...sweep(21, 12, (host) => {
        killAt(host, again);
        untilKilled(() => void host.boot());
        killAt(host, 0);
        host.boot();
      }),
    );
  }
  t.deepEqual(problems.slice(0, 5), []);
});

const DIRECTORY: ChangeMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 5n };
const FILE: ChangeMetadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 7n };

function putOf(path: string, text: string): Change {
  return { op: 'put', root: 0, path, metadata: FILE, content: new TextEncoder().encode(text) };
}

/** A directory that was moved away and made again under its old name, and a file likewise. */
function hostWithTakenNames(): { host: Host; units: Change[][] } {
  const host = new Host();
  const make = (path: string): Change => ({ op: 'make-directory', root: 0, path, metadata: DIRECTORY });
  host.receive([make('d'), putOf('d/old', 'precious'), putOf('f', 'precious too')], 1);
  host.apply();
  host.standby.checkpoint();
  const units: Change[][] = [
    [{ op: 'rename', root: 0, from: 'd', path: 'e' }],
    [make('d'), putOf('d/new', 'new')],
    [{ op: 'rename', root: 0, from: 'f', path: 'g' }],
    [putOf('f', 'other')],
  ];
  return { host, units };
}

function isAsItShouldBe(host: Host): string {
  const user = new MemoryUser(host.tree);
  const read = (path: string) => (host.tree.stat(path) ? new TextDecoder().decode(user.readFile(path)) : 'absent');
  return ['e/old', 'd/new', 'd/old', 'g', 'f'].map(read).join(', ');
}
const EXPECTED = 'precious, new, absent, precious too, other';

test('where a name was given up and taken again, a power cut at any moment loses neither object', (t) => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = new SeededRandom(seed);
    const { host, units } = hostWithTakenNames();
    for (const [index, unit] of units.entries()) host.receive(unit, index + 2);
    for (let count = random.below(8); count > 0; count -= 1) host.standby.run(steps(1));
    host.powerCut(random);
    host.boot();
    const from = host.standby.received!.seq;
    for (const [index, unit] of units.entries()) if (index + 2 > from) host.receive(unit, index + 2);
    host.apply();
    t.is(isAsItShouldBe(host), EXPECTED, `seed ${seed}`);
  }
});

test('killed at any step of a roll-back, nothing is taken back twice', (t) => {
  for (let n = 1; ; n += 1) {
    const { host, units } = hostWithTakenNames();
    for (const [index, unit] of units.entries()) host.receive(unit, index + 2);
    host.apply();
    killAt(host, n);
    const killed = untilKilled(() => void host.boot());
    killAt(host, 0);
    host.boot();
    host.apply();
    t.is(isAsItShouldBe(host), EXPECTED, `killed at ${n}`);
    if (killed) continue;
    t.true(n > 10);
    return;
  }
});

test('when the power fails during a roll-back, the Replica asks to be compared instead of guessing', (t) => {
  let compared = 0;
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = new SeededRandom(seed);
    const { host, units } = hostWithTakenNames();
    for (const [index, unit] of units.entries()) host.receive(unit, index + 2);
    host.apply();
    killAt(host, 1 + random.below(20));
    untilKilled(() => void host.boot());
    killAt(host, 0);
    host.powerCut(random);
    host.boot();
    if (host.standby.received === undefined) {
      compared += 1;
      t.true(host.standby.suspect, `seed ${seed}: contents must be compared, not only sizes and times`);
      continue;
    }
    host.apply();
    t.is(isAsItShouldBe(host), EXPECTED, `seed ${seed}`);
  }
  t.true(compared > 0 && compared < 400);
});

test('when a power cut kept a file put in a place and lost what was kept of the old one, the Replica asks to be compared', (t) => {
  const host = new Host();
  host.receive([putOf('f', 'precious')], 1);
  host.apply();
  host.standby.checkpoint();
  host.receive([putOf('f', 'new')], 2);
  host.receive([{ op: 'rename', root: 0, from: 'f', path: 'g' }], 3);
  host.standby.run(steps(2));
  t.is(host.tree.listKept().length, 1);
  host.tree.dropKept('s*');
  host.boot();
  t.is(host.standby.received, undefined);
  t.true(host.standby.suspect);
  t.true(host.events.includes('SYN-006'));
});

test('what was made since the checkpoint and is gone after a power cut is no reason to compare', (t) => {
  const host = new Host();
  host.receive([putOf('f', 'new')], 1);
  host.receive([putOf('f', 'newer')], 2);
  host.apply();
  new MemoryUser(host.tree).remove('f');
  host.tree.dropKept('s*');
  host.boot();
  t.is(host.standby.received?.seq, 2);
  host.apply();
  t.is(new TextDecoder().decode(new MemoryUser(host.tree).readFile('f')), 'newer');
});
