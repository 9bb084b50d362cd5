/** What is known of a Replica's large files outlives the engines, and is never believed when it may be outdated. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { Fault } from '../../shared/faults.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
const BLOCK = 256;
forceLargeFiles({
  inlineBytes: 1_000,
  patchedBytes: 4_000,
  inPlaceBytes: 20_000,
  blockBytes: BLOCK,
  sliceBytes: 2_000,
});
const SIZE = 200 * BLOCK + 77;
/** Messages beside content: acknowledgements, a batch header, times of the root. */
const SMALL = 4 * BLOCK;
/** Longer than it takes until what was acknowledged is stored. */
const STORED_MS = 1_200;

function changed(content: Uint8Array, blocks: readonly number[], value = 1): Uint8Array {
  const copy = content.slice();
  for (const block of blocks) copy[block * BLOCK + 17]! ^= value;
  return copy;
}

interface Started {
  readonly pair: EnginePair;
  readonly content: Uint8Array;
}

function started(): Started {
  const pair = new EnginePair(hasher);
  const content = new SeededRandom(5).bytes(SIZE);
  pair.user.writeFile('large.db', content);
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.run(STORED_MS);
  return { pair, content };
}

function restart(pair: EnginePair, side: 'master' | 'replica' | 'both'): void {
  if (side !== 'replica') pair.killMaster();
  if (side !== 'master') pair.killReplica();
  if (!pair.replicaAlive) pair.startReplica();
  if (!pair.masterAlive) pair.startMaster();
  pair.connect();
  pair.barrier();
}

function sentDuring(pair: EnginePair, run: () => void): number {
  const before = pair.sentBytes;
  run();
  pair.barrier();
  return pair.sentBytes - before;
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual([...pair.replicaView()], [...pair.masterView()]);
  t.deepEqual(pair.failures, []);
}

for (const side of ['master', 'replica', 'both'] as const) {
  test(`after a kill of ${side === 'both' ? 'both' : `the ${side}`} a changed block is all that is sent`, (t) => {
    const { pair, content } = started();
    let now = content;
    for (const block of [7, 8, 199]) {
      now = changed(now, [block]);
      const sent = sentDuring(pair, () => {
        restart(pair, side);
        pair.user.writeFile('large.db', now);
      });
      t.true(sent < SMALL, `${sent} bytes for one block`);
      checkEqual(t, pair);
      pair.run(STORED_MS);
    }
    pair.close();
  });
}

test('what changed while the Master was down is sent by blocks, also under another name and after a touch', (t) => {
  const { pair, content } = started();
  pair.user.setMtimeNs('large.db', 5_000_000_000n);
  pair.barrier();
  pair.run(STORED_MS);
  pair.killMaster();
  pair.user.rename('large.db', 'moved.db');
  pair.user.writeFile('moved.db', changed(content, [3, 90]));
  pair.startMaster();
  pair.connect();
  t.true(sentDuring(pair, () => {}) < SMALL + 2 * BLOCK);
  checkEqual(t, pair);
  pair.close();
});

test('a Master killed before it heard that a change arrived does not take the older content for what is there', (t) => {
  const { pair, content } = started();
  // A writer who puts the time back every time: it says nothing about the content.
  const write = (bytes: Uint8Array) => {
    pair.user.writeFile('large.db', bytes);
    pair.user.setMtimeNs('large.db', 7_000_000_000n);
  };
  write(content);
  pair.barrier();
  pair.run(STORED_MS);
  pair.latencyMs = () => 20;
  const { sentBytes } = pair;
  write(changed(content, [5]));
  // It has arrived and nothing of that has come back.
  t.true(pair.clock.runUntil(() => pair.sentBytes > sentBytes + BLOCK));
  pair.clock.advance(21);
  pair.killMaster();
  // Exactly what was stored before.
  write(content);
  pair.startMaster();
  pair.connect();
  checkEqual(t, pair);
  pair.close();
});

test('a Master killed before a change arrived sends it again, by blocks', (t) => {
  const { pair, content } = started();
  pair.cut();
  pair.user.writeFile('large.db', changed(content, [5]));
  pair.run(2_000);
  const sent = sentDuring(pair, () => {
    restart(pair, 'master');
    pair.user.writeFile('large.db', changed(content, [5, 6]));
  });
  t.true(sent < SMALL + 2 * BLOCK, `${sent} bytes`);
  checkEqual(t, pair);
  pair.close();
});

test('a link that breaks while a change travels does not make the next one whole', (t) => {
  const { pair, content } = started();
  pair.latencyMs = () => 20;
  const { sentBytes } = pair;
  pair.user.writeFile('large.db', changed(content, [5]));
  t.true(pair.clock.runUntil(() => pair.sentBytes > sentBytes + BLOCK));
  pair.cut();
  pair.latencyMs = () => 0;
  const sent = sentDuring(pair, () => {
    pair.connect();
    pair.user.writeFile('large.db', changed(content, [6]));
  });
  t.true(sent < SMALL, `${sent} bytes`);
  checkEqual(t, pair);
  pair.close();
});

test('a large file that was small in between is sent once, whole', (t) => {
  const { pair, content } = started();
  pair.user.writeFile('large.db', content.slice(0, 500));
  pair.barrier();
  const sent = sentDuring(pair, () => pair.user.writeFile('large.db', changed(content, [9])));
  t.true(sent > SIZE && sent < SIZE + SMALL, `${sent} bytes`);
  checkEqual(t, pair);
  pair.close();
});

test('a file that stays set aside, and is asked for again and again, costs other large files nothing', (t) => {
  const { pair, content } = started();
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (operation === 'commit' && path === 'stuck') throw new Fault('FS-DENIED', { path });
  };
  pair.user.writeFile('stuck', 'refused');
  pair.run(200_000);
  t.true(pair.replicaStatus !== undefined && pair.replicaStatus.parked > 0);
  const before = pair.sentBytes;
  pair.user.writeFile('large.db', changed(content, [9]));
  pair.run(3_000);
  t.true(pair.sentBytes - before < SMALL, `${pair.sentBytes - before} bytes`);
  pair.replicaTree.beforeOperation = () => {};
  pair.callReplica({ name: 'parked', action: 'retry' });
  pair.run(3_000);
  checkEqual(t, pair);
  pair.close();
});

test('what was changed on the Replica itself is found out by the next change, wherever it was', (t) => {
  const { pair, content } = started();
  new MemoryUser(pair.replicaTree).writeFile('large.db', changed(content, [100], 7));
  pair.user.writeFile('large.db', changed(content, [5]));
  checkEqual(t, pair);
  pair.close();
});

test('what was changed on the Replica and given its time back is found out where the next change touches it', (t) => {
  const spoiled: ((content: Uint8Array) => Uint8Array)[] = [
    // Another size, equal where the change is.
    (content) => content.slice(0, SIZE - 3 * BLOCK),
    // The same size, another content there and elsewhere.
    (content) => changed(content, [5, 100], 7),
  ];
  for (const spoil of spoiled) {
    const { pair, content } = started();
    const { mtimeNs } = pair.replicaTree.stat('large.db')!;
    const replica = new MemoryUser(pair.replicaTree);
    replica.writeFile('large.db', spoil(content));
    replica.setMtimeNs('large.db', mtimeNs);
    pair.user.writeFile('large.db', changed(content, [5]));
    checkEqual(t, pair);
    pair.close();
  }
});

test('after the data of the Replica were lost or its position set back nothing stored is believed', (t) => {
  const { pair, content } = started();
  pair.killMaster();
  pair.killReplica();
  pair.forgetReplica();
  new MemoryUser(pair.replicaTree).writeFile('large.db', changed(content, [100], 7));
  pair.startReplica();
  pair.startMaster();
  pair.connect();
  pair.run(100);
  pair.synchronize({ ignoreSame: false });
  checkEqual(t, pair);
  pair.user.writeFile('large.db', changed(content, [9]));
  checkEqual(t, pair);
  pair.close();
});

test('a change that was set aside and forgotten by the operator is not taken for made', (t) => {
  const { pair, content } = started();
  pair.replicaTree.beforeOperation = (operation, path) => {
    if (operation === 'write' && path === 'large.db') throw new Fault('FS-DENIED', { path });
    if (operation === 'commit' && path === 'large.db') throw new Fault('FS-DENIED', { path });
  };
  pair.user.writeFile('large.db', changed(content, [5]));
  pair.run(20_000);
  pair.replicaTree.beforeOperation = () => {};
  pair.callReplica({ name: 'parked', action: 'drop' });
  pair.run(2_000);
  pair.user.writeFile('large.db', changed(content, [5, 100]));
  checkEqual(t, pair);
  pair.close();
});
