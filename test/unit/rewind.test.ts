/** Whatever was applied, every point of the history is exactly what the roots were at that moment. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { ChangeScript } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();

test('every moment between two units of the Master can be gone back to, from any other', (t) => {
  let points = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 60);
    const host = new HistoryHost(hasher, seed % 2 === 0);
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
function killAt(host: HistoryHost, n: number): { count: number } {
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

function checkPoints(
  t: ExecutionContext,
  host: HistoryHost,
  script: ChangeScript,
  random: SeededRandom,
  title: string,
): void {
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
      const host = new HistoryHost(hasher, seed % 2 === 0);
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
      const host = new HistoryHost(hasher, seed % 2 === 0);
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
      const host = new HistoryHost(hasher, seed % 2 === 0);
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
      const host = new HistoryHost(hasher, seed % 2 === 0);
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
