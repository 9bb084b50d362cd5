/** Whatever a restore replaces on the Master, `undo` gives back exactly, and again what was restored. */
import test, { type ExecutionContext } from 'ava';
import type { RewindPlan } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import type { RewindResult } from '../../shared/rewind.ts';
import { SeededRandom } from '../memory/clock.ts';
import { Killed, RecoveryPair } from '../memory/recovery-pair.ts';
import type { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
forceLargeFiles({ inlineBytes: 1_000, patchedBytes: 4_000, inPlaceBytes: 20_000, blockBytes: 256, sliceBytes: 2_000 });

const NAMES = ['a', 'b', 'c', 'd'];

function somePath(random: SeededRandom): string {
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)).join('/');
}

/** Ordinary, large and very large ones: sent whole, by blocks, changed in place. */
function someContent(random: SeededRandom): Uint8Array {
  return random.bytes(random.pick([0, 40, 900, 3_000, 9_000, 26_000]));
}

function changeAtRandom(user: MemoryUser, random: SeededRandom, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const path = somePath(random);
    try {
      switch (random.below(10)) {
        case 0:
        case 1:
          user.makeDirectory(path);
          break;
        case 2:
          user.rename(path, somePath(random));
          break;
        case 3:
          user.remove(path);
          break;
        case 4:
          user.link(path, somePath(random));
          break;
        case 5:
          user.makeSymlink(path, somePath(random));
          break;
        case 6:
          user.setMode(path, random.pick([0o600, 0o644, 0o755]));
          break;
        case 7:
          spoil(user, path, random);
          break;
        default:
          user.writeFile(path, someContent(random));
      }
    } catch {
      // Not possible in this state of the tree.
    }
  }
}

/** A few bytes in the middle change. */
function spoil(user: MemoryUser, path: string, random: SeededRandom): void {
  const content = user.readFile(path).slice();
  if (content.length === 0) return;
  content[random.below(content.length)]! ^= 0xff;
  user.writeFile(path, content);
}

/** Both had the same once. */
function diverged(seed: number): RecoveryPair {
  const pair = new RecoveryPair(hasher, seed);
  changeAtRandom(pair.user, new SeededRandom(seed), 60);
  changeAtRandom(pair.overwritten, new SeededRandom(seed), 60);
  pair.clock.advance(10_000);
  changeAtRandom(pair.user, new SeededRandom(seed + 1_000), 15);
  changeAtRandom(pair.overwritten, new SeededRandom(seed + 2_000), 25);
  pair.clock.advance(10_000);
  return pair;
}

const methodOf = (seed: number): 'block' | 'file' => (seed % 2 === 0 ? 'block' : 'file');

function undo(pair: RecoveryPair, point: string): RewindResult {
  return pair.ask({ name: 'rewind', point }) as RewindResult;
}

function isKilled(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}

function checkUndo(
  t: ExecutionContext,
  pair: RecoveryPair,
  views: Record<'old' | 'restored', unknown>,
  title: string,
): void {
  const { back } = pair.ask({ name: 'rewind-plan', point: 'start' }) as RewindPlan;
  t.is(undo(pair, 'start').foreignCount, 0, title);
  t.deepEqual([...pair.replicaView()], views.old, `${title}: the Master has its data back`);
  t.is(undo(pair, back).foreignCount, 0, title);
  t.deepEqual([...pair.replicaView()], views.restored, `${title}: and forth again`);
}

test('what a restore replaced on the Master comes back exactly, and the restored data after that', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const pair = diverged(seed);
    const views = { old: [...pair.replicaView()], restored: [...pair.masterView()] };
    t.true(pair.restore(methodOf(seed)));
    t.deepEqual([...pair.replicaView()], views.restored, `seed ${seed}: restored`);
    pair.killBoth();
    checkUndo(t, pair, views, `seed ${seed}`);
    pair.close();
  }
});

test('killed at any step of a restore, on either host, it goes on, and all of it comes back', (t) => {
  let kills = 0;
  for (let seed = 1; seed <= 6; seed += 1) {
    for (let n = 1 + (seed % 2); ; n += 2) {
      const pair = diverged(seed);
      const views = { old: [...pair.replicaView()], restored: [...pair.masterView()] };
      pair.killAtOperation(n);
      const whole = pair.restore(methodOf(seed));
      pair.killBoth();
      if (whole) {
        pair.close();
        break;
      }
      kills += 1;
      // Half of them are given up there, the others go on.
      if (kills % 2 === 0) {
        t.true(pair.restore(methodOf(seed)), `seed ${seed}, killed at ${n}`);
        t.deepEqual([...pair.replicaView()], views.restored, `seed ${seed}, killed at ${n}: restored`);
        pair.killBoth();
        checkUndo(t, pair, views, `seed ${seed}, killed at ${n}`);
      } else if (pair.hasJournal) {
        undo(pair, 'start');
        t.deepEqual([...pair.replicaView()], views.old, `seed ${seed}, killed at ${n}: given up`);
      } else t.deepEqual([...pair.replicaView()], views.old, `seed ${seed}, killed at ${n}: nothing was done`);
      pair.close();
    }
  }
  t.log(`${kills} kills`);
  t.true(kills > 100, `only ${kills}`);
});

test('killed at any step of undo, it goes on', (t) => {
  let kills = 0;
  for (let seed = 1; seed <= 4; seed += 1) {
    for (let n = 1 + (seed % 2); ; n += 2) {
      const pair = diverged(seed);
      const views = { old: [...pair.replicaView()], restored: [...pair.masterView()] };
      t.true(pair.restore(methodOf(seed)));
      pair.killBoth();
      const { back } = pair.ask({ name: 'rewind-plan', point: 'start' }) as RewindPlan;
      pair.killAtOperation(n);
      const killed = isKilled(() => undo(pair, 'start'));
      pair.killNobody();
      if (killed) {
        kills += 1;
        undo(pair, 'start');
        t.deepEqual([...pair.replicaView()], views.old, `seed ${seed}, killed at ${n}`);
        undo(pair, back);
        t.deepEqual([...pair.replicaView()], views.restored, `seed ${seed}, killed at ${n}: and forth again`);
      }
      pair.close();
      if (!killed) break;
    }
  }
  t.log(`${kills} kills`);
  t.true(kills > 50, `only ${kills}`);
});

test('after a power cut of the Master at any step of a restore its data comes back exactly, or it says that it cannot', (t) => {
  let exact = 0;
  let lost = 0;
  for (let seed = 1; seed <= 10; seed += 1) {
    for (let n = 1 + (seed % 3); ; n += 3) {
      const pair = diverged(seed);
      // What was there before is on the disk.
      pair.replicaTree.flushAll();
      const old = [...pair.replicaView()];
      pair.killAtOperation(n);
      const whole = pair.restore(methodOf(seed));
      pair.killNobody();
      pair.killMaster();
      pair.cutReplicaPower(new SeededRandom(seed * 1_000 + n));
      const outcome = undoAfterPowerCut(pair);
      if (outcome === 'lost') lost += 1;
      else {
        exact += 1;
        t.deepEqual([...pair.replicaView()], old, `seed ${seed}, power cut at ${n}`);
      }
      pair.close();
      if (whole) break;
    }
  }
  t.log(`${exact} exact, ${lost} told as lost`);
  t.true(exact > 20, `${exact} exact, ${lost} lost`);
});

function undoAfterPowerCut(pair: RecoveryPair): 'exact' | 'lost' {
  if (!pair.hasJournal) return 'exact';
  try {
    undo(pair, 'start');
    return 'exact';
  } catch (error) {
    if (error instanceof Error && error.message.includes('no rewind point')) return 'lost';
    throw error;
  }
}

test('confirmed, a restore leaves nothing behind', (t) => {
  const pair = diverged(3);
  t.true(pair.restore('block'));
  pair.killBoth();
  t.true(pair.replicaTree.listKept().length > 0);
  pair.ask({ name: 'history-forget' });
  t.deepEqual(pair.replicaTree.listKept(), []);
  t.throws(() => undo(pair, 'start'), { message: /no rewind point/ });
  pair.close();
});
