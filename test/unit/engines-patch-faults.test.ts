/** A large file that is being changed in place while something goes wrong: it is as it was, or as it is to be, never between. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { Fault, type FaultCode } from '../../shared/faults.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
const BLOCK = 64;
/** Each changed block is a range of its own: one write in place. */
const FEW = 60;
/** More than an engine does at a time. */
const MANY = 1_500;
forceLargeFiles({ inlineBytes: 100, patchedBytes: 200, inPlaceBytes: 400, blockBytes: BLOCK, sliceBytes: 128 });

function changed(content: Uint8Array, blocks: readonly number[], value = 1): Uint8Array {
  const copy = content.slice();
  for (const block of blocks) copy[block * BLOCK + 17]! ^= value;
  return copy;
}

class Patched {
  readonly pair = new EnginePair(hasher);
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly replica = new MemoryUser(this.pair.replicaTree);
  readonly view: string | undefined;
  /** Writes in place so far. */
  writes = 0;

  constructor(blocks: number) {
    const { pair } = this;
    this.before = new SeededRandom(3).bytes(3 * blocks * BLOCK + 11);
    const every = Array.from({ length: blocks }, (_, n) => 3 * n);
    this.after = changed(this.before, every).fill(0, 100 * BLOCK, 110 * BLOCK);
    pair.user.writeFile('large.db', this.before);
    pair.user.writeFile('other', 'other');
    pair.start();
    pair.synchronize();
    pair.barrier();
    pair.run(3_000);
    this.view = pair.replicaView().get('large.db');
  }

  /** Calls `at` before each write in place, with the number of those before. */
  watch(at: (writes: number) => void): void {
    this.pair.replicaTree.beforeOperation = (operation, path) => {
      if (operation !== 'write' || path !== 'large.db') return;
      const { writes } = this;
      this.writes += 1;
      at(writes);
    };
  }

  change(): void {
    this.pair.user.writeFile('large.db', this.after);
  }

  /** Until the file is half changed. */
  runIntoTheMiddle(t: ExecutionContext): void {
    this.change();
    t.true(this.pair.clock.runUntil(() => this.isTorn));
  }

  get isTorn(): boolean {
    const now = Buffer.from(this.replica.readFile('large.db'));
    return !now.equals(this.before) && !now.equals(this.after);
  }

  checkAsBefore(t: ExecutionContext, when: string): void {
    t.true(this.pair.replicaView().get('large.db') === this.view, when);
  }

  checkEqual(t: ExecutionContext): void {
    const { pair } = this;
    pair.replicaTree.beforeOperation = () => {};
    pair.barrier();
    pair.run(3_000);
    t.deepEqual([...pair.replicaView()], [...pair.masterView()]);
    t.deepEqual(pair.replicaTree.listKept(), []);
    t.deepEqual(pair.failures, []);
    pair.close();
  }
}

const FAULTS: readonly FaultCode[] = ['FS-FULL', 'FS-BUSY', 'FS-DENIED', 'FS-LIMIT'];

for (const code of FAULTS) {
  test(`${code} at any write leaves the file as it was until the change can be made whole`, (t) => {
    for (const at of [0, 1, 20, 45, 61, 62, 90, 119]) {
      const one = new Patched(FEW);
      one.watch((writes) => {
        if (writes >= at) throw new Fault(code, { path: 'large.db' });
      });
      one.change();
      t.true(one.pair.clock.runUntil(() => one.writes > at));
      // What is taken back is written as well.
      one.pair.replicaTree.beforeOperation = (operation, path) => {
        if (operation === 'write' && path === 'large.db') throw new Fault(code, { path });
      };
      one.pair.run(300);
      one.pair.replicaTree.beforeOperation = () => {};
      one.pair.run(1);
      t.false(one.isTorn && one.pair.replicaStatus === undefined);
      one.checkEqual(t);
    }
  });

  test(`${code} that passes before the change is taken back leaves the file whole at once`, (t) => {
    for (const at of [62, 90, 119]) {
      const one = new Patched(FEW);
      one.watch((writes) => {
        if (writes === at) throw new Fault(code, { path: 'large.db' });
      });
      one.change();
      t.true(one.pair.clock.runUntil(() => one.writes > at));
      t.false(one.isTorn, `at write ${at}`);
      one.checkEqual(t);
    }
  });
}

test('a link that breaks in the middle of a change leaves the file as it was, or finishes what has arrived whole', (t) => {
  const one = new Patched(MANY);
  one.runIntoTheMiddle(t);
  one.pair.cut();
  one.checkAsBefore(t, 'right after the cut');
  one.pair.run(3_000);
  t.false(one.isTorn);
  one.pair.connect();
  one.checkEqual(t);
});

test('a kill in the middle of a change leaves the file as it was after the next start', (t) => {
  for (const powerCut of [false, true]) {
    const one = new Patched(MANY);
    one.runIntoTheMiddle(t);
    if (powerCut) one.pair.cutReplicaPower(new SeededRandom(9));
    else one.pair.killReplica();
    one.pair.startReplica();
    one.checkAsBefore(t, 'before anything else is applied');
    one.pair.connect();
    one.checkEqual(t);
  }
});

test('what somebody wrote into a changed file before a kill is found, although the change is taken back and made again', (t) => {
  const one = new Patched(FEW);
  one.pair.run(2_000);
  one.change();
  t.true(one.pair.clock.runUntil(() => Buffer.from(one.replica.readFile('large.db')).equals(Buffer.from(one.after))));
  one.pair.user.writeFile('other', 'something behind it');
  t.true(one.pair.clock.runUntil(() => one.replica.readFile('other').length > 5));
  one.replica.writeFile('large.db', changed(one.after, [121]));
  one.pair.killReplica();
  one.pair.startReplica();
  one.pair.connect();
  one.checkEqual(t);
});

test('what somebody wrote into a file before a kill is found, although its new rights are taken back and given again', (t) => {
  const one = new Patched(FEW);
  one.pair.run(2_000);
  one.pair.user.setMode('large.db', 0o600);
  t.true(one.pair.clock.runUntil(() => one.pair.replicaTree.stat('large.db')?.mode === 0o600));
  one.replica.writeFile('large.db', changed(one.before, [121]));
  one.pair.killReplica();
  one.pair.startReplica();
  one.pair.connect();
  one.checkEqual(t);
});

test('a checkpoint asked for in the middle of a change does not make the half of it durable', (t) => {
  const one = new Patched(MANY);
  const { pair } = one;
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (operation === 'commit' && path === 'other') throw new Fault('FS-DENIED', { path });
  };
  pair.user.writeFile('other', 'parked');
  pair.run(500);
  one.runIntoTheMiddle(t);
  // It remembers at once that the item is forgotten.
  pair.callReplica({ name: 'parked', action: 'drop' });
  pair.killReplica();
  pair.startReplica();
  one.checkAsBefore(t, 'after the restart');
  pair.replicaTree.beforeOperation = () => {};
  pair.connect();
  pair.user.writeFile('other', 'again');
  one.checkEqual(t);
});

test('somebody who cuts, replaces or removes the file in the middle of a change is found out', (t) => {
  const meddling: ((one: Patched) => void)[] = [
    ({ replica }) => replica.writeFile('large.db', 'short'),
    ({ replica }) => replica.remove('large.db'),
    ({ replica, before }) => {
      replica.writeFile('mine', before);
      replica.rename('mine', 'large.db');
    },
    ({ replica }) => replica.rename('large.db', 'elsewhere'),
  ];
  for (const meddle of meddling) {
    for (const at of [0, 30]) {
      const one = new Patched(FEW);
      let met = false;
      one.pair.replicaTree.beforeOperation = (operation, path) => {
        if (operation !== 'write' || path !== 'large.db') return;
        one.writes += 1;
        if (met || one.writes <= at) return;
        met = true;
        meddle(one);
      };
      one.change();
      t.true(one.pair.clock.runUntil(() => met));
      one.pair.run(3_000);
      one.replica.readFile('other');
      one.pair.user.writeFile('large.db', changed(one.after, [3], 5));
      one.pair.barrier();
      t.deepEqual([...one.replica.readFile('large.db')], [...one.pair.user.readFile('large.db')]);
      one.pair.close();
    }
  }
});
