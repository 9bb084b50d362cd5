/** Engines killed with -9 at random moments under load: nothing is lost, nothing is synchronized anew. */
import test from 'ava';
import { seededIntegers } from '../bench/data-sets.ts';
import { Load } from './load.ts';
import { delay, Pair } from './rig.ts';

/** Two series at the same time, 200 kills together. */
const KILLS = Number(process.env.MAINSTAY_KILLS ?? 100);
/** A comparison now and then, so that a loss is found near its cause. */
const COMPARE_EVERY = 25;
const LONGEST_RUN_MS = 400;

async function series(t: { is: (a: unknown, b: unknown, m?: string) => void; log: (m: string) => void }, seed: number) {
  const random = seededIntegers(seed);
  const pair = await Pair.protectedPair();
  let load = new Load(pair.masterRoot, seed);
  try {
    let changes = 0;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await delay(random() % LONGEST_RUN_MS);
      const victims = [[pair.master], [pair.replica], [pair.master, pair.replica]][random() % 3]!;
      await Promise.all(victims.map((host) => host.kill()));
      // Changes go on while it is down; a few times nothing is down long enough to matter.
      await delay(random() % 100);
      await Promise.all(victims.map((host) => host.start()));
      if (kill % COMPARE_EVERY === 0) {
        await load.stop();
        changes += load.changes;
        t.is(await pair.differences(), '', `identical after ${kill} kills (seed ${seed})`);
        load = new Load(pair.masterRoot, seed + kill);
      }
    }
    await load.stop();
    t.is(await pair.differences(), '', `identical at the end (seed ${seed})`);
    t.is(await pair.master.countEvents('SYN-001'), 1, 'no new synchronization');
    t.log(`${KILLS} kills, ${changes} changes`);
  } finally {
    await load.stop();
    await pair.remove();
  }
}

for (const seed of [1_001, 2_002]) {
  test(`${KILLS} kills at random moments lose nothing (seed ${seed})`, async (t) => {
    t.timeout(6 * 60_000);
    await series(t, seed);
  });
}
