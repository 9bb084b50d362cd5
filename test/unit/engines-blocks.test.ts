/** Large files between two engines: by blocks, in place, after interruptions. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { largeFiles } from '../../daemon/link/large-files.ts';
import { FRAME_HEADER_BYTES, FrameType } from '../../shared/protocol/frame.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
const MIB = 1024 * 1024;
const IN_PLACE_BYTES = largeFiles().inPlaceBytes;
const BLOCK = 32 * 1024;

/** Bytes that no two blocks share, without drawing each of them. */
function blocksOf(sizeBytes: number, salt: number): Uint8Array {
  const content = new Uint8Array(sizeBytes);
  const words = new Uint32Array(content.buffer, 0, Math.floor(sizeBytes / 4));
  for (let i = 0; i < words.length; i += 1) words[i] = (i + salt) * 2_654_435_761;
  return content;
}

function changed(content: Uint8Array, blocks: readonly number[], value = 1): Uint8Array {
  const copy = content.slice();
  for (const block of blocks) copy[block * BLOCK + 17]! ^= value;
  return copy;
}

/** A pair whose Replica has other content of `large.bin` than the Master, at another time. */
function drifted(here: Uint8Array, there: Uint8Array): EnginePair {
  const pair = new EnginePair(hasher);
  pair.user.writeFile('small', 'small');
  pair.user.writeFile('large.bin', here);
  const replica = new MemoryUser(pair.replicaTree);
  replica.writeFile('small', 'small');
  replica.writeFile('large.bin', there);
  replica.setMtimeNs('large.bin', 1_000_000_000n);
  pair.start();
  return pair;
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  const [mine, theirs] = [pair.replicaView(), pair.masterView()];
  t.deepEqual([...mine.keys()], [...theirs.keys()]);
  for (const [path, text] of theirs) t.true(mine.get(path) === text, `"${path}" differs`);
  t.deepEqual(pair.failures, []);
}

test('only the blocks that differ travel', (t) => {
  const before = blocksOf(10 * MIB + 5_000, 1);
  const pair = drifted(changed(before, [3, 4, 70, 320]), before);
  const id = pair.replicaTree.stat('large.bin')?.id;
  const result = pair.synchronize({ method: 'block' });
  t.is(result.parked, 0);
  t.true(result.sentBytes <= 3 * BLOCK + 5_000 + 10, `${result.sentBytes} bytes of content`);
  t.true(pair.sentBytes < 5 * BLOCK, `${pair.sentBytes} bytes on the wire`);
  checkEqual(t, pair);
  t.notDeepEqual(pair.replicaTree.stat('large.bin')?.id, id, 'a file of this size is replaced whole');
  pair.close();
});

test('a byte of a large file that is damaged on the way is found by its hash: the file is sent again, wrong content never shows', (t) => {
  const content = blocksOf(5 * MIB + 77, 9);
  const pair = new EnginePair(hasher);
  pair.user.writeFile('large.bin', content);
  const damaged: number[] = [];
  pair.onTransmit = (from, bytes) => {
    if (from !== 'master' || bytes[3] !== FrameType.syncContent || damaged.length > 0) return;
    damaged.push(bytes.length);
    bytes[FRAME_HEADER_BYTES + 100_000]! ^= 4;
  };
  const wrong: string[] = [];
  let looking = false;
  pair.watchOperations((side) => {
    if (side !== 'replica' || damaged.length === 0 || looking) return;
    looking = true;
    const shown = pair.replicaTree.stat('large.bin') !== undefined;
    if (shown && pair.replicaView().get('large.bin') !== pair.masterView().get('large.bin')) wrong.push('seen');
    looking = false;
  });
  pair.start();
  t.is(pair.synchronize({ method: 'file' }).parked, 0);
  t.is(damaged.length, 1);
  checkEqual(t, pair);
  t.deepEqual(wrong, []);
  pair.close();
});

test('a very large file is changed in place and stays the same object', (t) => {
  const before = blocksOf(IN_PLACE_BYTES + 5_000, 1);
  const pair = drifted(changed(before, [0, 9, 1_000]), before);
  const id = pair.replicaTree.stat('large.bin')?.id;
  const result = pair.synchronize({ method: 'block' });
  t.true(result.sentBytes <= 3 * BLOCK);
  checkEqual(t, pair);
  t.deepEqual(pair.replicaTree.stat('large.bin')?.id, id);
  t.deepEqual(pair.replicaTree.listKept(), []);
  pair.close();
});

test('a file that was appended to sends its end, a cut one nothing', (t) => {
  const content = blocksOf(8 * MIB, 1);
  const grown = drifted(content, content.slice(0, 6 * MIB));
  t.is(grown.synchronize({ method: 'block' }).sentBytes, 2 * MIB);
  checkEqual(t, grown);
  grown.close();
  const cut = drifted(content.slice(0, 6 * MIB), content);
  t.is(cut.synchronize({ method: 'block' }).sentBytes, 0);
  checkEqual(t, cut);
  cut.close();
});

test('runs of zeros are not sent, whatever was there', (t) => {
  const before = blocksOf(4 * MIB, 1);
  const here = before.slice().fill(0, MIB, 3 * MIB);
  const pair = drifted(here, before);
  t.is(pair.synchronize({ method: 'block' }).sentBytes, 0);
  checkEqual(t, pair);
  pair.close();
});

test('when most of a file differs the rest is sent without comparing', (t) => {
  const content = blocksOf(32 * MIB, 1);
  const there = blocksOf(32 * MIB, 99_999_999);
  there.set(content.subarray(24 * MIB), 24 * MIB);
  const pair = drifted(content, there);
  t.is(pair.synchronize({ method: 'block' }).sentBytes, 32 * MIB);
  checkEqual(t, pair);
  pair.close();
});

test('a file that is equal but for its time sends no content', (t) => {
  const content = blocksOf(8 * MIB, 1);
  for (const method of ['file', 'block'] as const) {
    const pair = drifted(content, content);
    const result = pair.synchronize({ method });
    t.is(result.sentBytes, 0, method);
    t.true(pair.sentBytes < BLOCK);
    checkEqual(t, pair);
    pair.close();
  }
});

test('what had arrived of a large file when the link broke is not sent again', (t) => {
  const content = blocksOf(48 * MIB, 1);
  for (const method of ['file', 'block'] as const) {
    const pair = new EnginePair(hasher);
    pair.user.writeFile('first', 'first');
    pair.user.writeFile('large.bin', content);
    pair.latencyMs = () => 1;
    pair.start();
    const id = pair.post({ name: 'synchronize', peer: 'replica', method, ignoreSame: true });
    t.true(pair.clock.runUntil(() => pair.sentBytes > 40 * MIB));
    pair.cut();
    pair.run(1_000);
    const sent = pair.sentBytes;
    pair.connect();
    t.true(pair.clock.runUntil(() => pair.answerOf(id) !== undefined));
    t.is(pair.answerOf(id)?.fault, undefined);
    t.true(pair.sentBytes - sent < 30 * MIB, `${method}: ${pair.sentBytes - sent} bytes after the interruption`);
    checkEqual(t, pair);
    t.deepEqual(pair.replicaTree.listKept(), []);
    pair.close();
  }
});

test('what had arrived of changed blocks when the link broke is not sent again', (t) => {
  const before = blocksOf(64 * MIB, 1);
  const blocks = Array.from({ length: 1024 }, (_, n) => 2 * n);
  const pair = drifted(changed(before, blocks), before);
  pair.latencyMs = () => 1;
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'block', ignoreSame: true });
  t.true(pair.clock.runUntil(() => pair.sentBytes > 26 * MIB));
  pair.cut();
  pair.run(1_000);
  const sent = pair.sentBytes;
  pair.connect();
  t.true(pair.clock.runUntil(() => pair.answerOf(id) !== undefined));
  t.true(pair.sentBytes - sent < 24 * MIB, `${pair.sentBytes - sent} bytes after the interruption`);
  checkEqual(t, pair);
  pair.close();
});

test('files that had arrived when the link broke are not sent again', (t) => {
  const pair = new EnginePair(hasher);
  for (let i = 0; i < 400; i += 1) pair.user.writeFile(`file${i}`, blocksOf(200_000, i));
  pair.latencyMs = () => 1;
  pair.start();
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'file', ignoreSame: true });
  t.true(pair.clock.runUntil(() => pair.replicaTree.scan('').length >= 100));
  pair.cut();
  pair.run(1_000);
  const [sent, there] = [pair.sentBytes, pair.replicaTree.scan('').length];
  pair.connect();
  t.true(pair.clock.runUntil(() => pair.answerOf(id) !== undefined));
  t.true(pair.sentBytes - sent < (400 - there) * 200_000 + MIB);
  checkEqual(t, pair);
  pair.close();
});

test('a Replica killed while it changes a file in place finds it as it was, and is made equal', (t) => {
  const before = blocksOf(IN_PLACE_BYTES + 5_000, 1);
  const here = changed(
    before,
    Array.from({ length: 300 }, (_, n) => 3 * n),
  );
  for (const [at, powerCut] of [
    [1, false],
    [150, false],
    [120, true],
    [40, true],
  ] as const) {
    const pair = drifted(here, before);
    const view = pair.replicaView().get('large.bin');
    let writes = 0;
    pair.replicaTree.beforeOperation = (operation, path) => {
      if (operation === 'write' && path === 'large.bin' && pair.replicaTree.listKept().some((n) => n.startsWith('s'))) {
        writes += 1;
      }
    };
    pair.post({ name: 'synchronize', peer: 'replica', method: 'block', ignoreSame: true });
    t.true(pair.clock.runUntil(() => writes > at));
    pair.killReplica();
    if (powerCut) pair.replicaTree.volume.powerCut(pair.random);
    pair.startReplica();
    t.true(pair.replicaView().get('large.bin') === view, `taken back after ${at} writes`);
    pair.connect();
    t.true(pair.clock.runUntil(() => pair.masterStatus?.peers.replica?.synchronized === true));
    checkEqual(t, pair);
    pair.close();
  }
});

test('a full disk holds a change in place back and loses nothing', (t) => {
  const before = blocksOf(IN_PLACE_BYTES, 1);
  const pair = drifted(changed(before, [1, 2, 3]), before);
  const { volume } = pair.replicaTree;
  volume.totalBytes = volume.usedBytes + BLOCK;
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'block', ignoreSame: true });
  pair.run(5_000);
  t.is(pair.answerOf(id), undefined);
  t.true(pair.codes('replica').includes('APL-002'));
  volume.totalBytes = 2 ** 40;
  t.true(pair.clock.runUntil(() => pair.answerOf(id) !== undefined));
  checkEqual(t, pair);
  pair.close();
});

/** A synchronized pair with one large file; its content and what was sent so far. */
function live(sizeBytes: number): { pair: EnginePair; content: Uint8Array } {
  const pair = new EnginePair(hasher);
  const content = blocksOf(sizeBytes, 1);
  pair.user.writeFile('large.bin', content);
  pair.start();
  pair.synchronize();
  pair.barrier();
  return { pair, content };
}

function sentDuring(pair: EnginePair, run: () => void): number {
  const before = pair.sentBytes;
  run();
  pair.barrier();
  return pair.sentBytes - before;
}

test('a change in a large file sends only its blocks, also after other changes and a rename', (t) => {
  for (const sizeBytes of [5 * MIB + 333, IN_PLACE_BYTES + 333]) {
    const { pair, content } = live(sizeBytes);
    let now = content;
    for (const blocks of [[7], [0, 8, 9, 70], [84]]) {
      now = changed(now, blocks, 1 + blocks.length);
      const sent = sentDuring(pair, () => pair.user.writeFile('large.bin', now));
      t.true(sent < (blocks.length + 1) * BLOCK, `${sent} bytes for ${blocks.length} blocks`);
      checkEqual(t, pair);
    }
    pair.user.rename('large.bin', 'renamed.bin');
    pair.user.setMode('renamed.bin', 0o600);
    now = changed(now, [33], 9);
    t.true(sentDuring(pair, () => pair.user.writeFile('renamed.bin', now)) < 2 * BLOCK);
    checkEqual(t, pair);
    t.deepEqual(pair.replicaTree.listKept(), []);
    t.deepEqual(
      pair.codes('replica').filter((code) => code.startsWith('APL')),
      [],
    );
    pair.close();
  }
});

test('what is appended to a large file is all that is sent, and cutting it sends nothing', (t) => {
  const { pair, content } = live(8 * MIB + 100);
  const whole = blocksOf(9 * MIB, 1);
  whole.set(content);
  let length = content.length;
  for (const more of [10, 5_000, 100_000]) {
    const from = length;
    length += more;
    const sent = sentDuring(pair, () => pair.user.writeFile('large.bin', whole.slice(0, length)));
    t.true(sent < length - from + 3_000, `${sent} bytes for ${more}`);
    checkEqual(t, pair);
  }
  t.true(sentDuring(pair, () => pair.user.writeFile('large.bin', whole.slice(0, 3 * MIB))) < 3_000);
  checkEqual(t, pair);
  pair.close();
});

test('a Replica whose file is not what was sent gets it whole', (t) => {
  const { pair, content } = live(3 * MIB);
  const replica = new MemoryUser(pair.replicaTree);
  replica.writeFile('large.bin', changed(content, [5]));
  const sent = sentDuring(pair, () => pair.user.writeFile('large.bin', changed(content, [5, 6], 3)));
  t.true(sent > 3 * MIB);
  checkEqual(t, pair);
  replica.writeFile('large.bin', 'short');
  pair.user.writeFile('large.bin', changed(content, [8], 5));
  checkEqual(t, pair);
  replica.remove('large.bin');
  pair.user.writeFile('large.bin', changed(content, [9], 5));
  checkEqual(t, pair);
  pair.close();
});

test('changes in large files survive cuts, kills and power cuts of the Replica at any moment', (t) => {
  const { pair, content } = live(IN_PLACE_BYTES + 333);
  pair.user.writeFile('log.txt', content.slice(0, 2 * MIB));
  pair.latencyMs = () => pair.random.below(3);
  let now = content;
  let log = 2 * MIB;
  for (let round = 0; round < 24; round += 1) {
    now = changed(now, [round, 3 * round, 17 * round], round + 1);
    log += 777;
    pair.user.writeFile('large.bin', now);
    pair.user.writeFile('log.txt', content.slice(0, log));
    let steps = pair.random.below(60);
    pair.clock.runUntil(() => {
      steps -= 1;
      return steps < 0;
    }, 2_000);
    if (round % 3 === 0) pair.cut();
    else {
      pair.killReplica();
      if (round % 3 === 1) pair.replicaTree.volume.powerCut(pair.random);
      pair.startReplica();
    }
    pair.connect();
  }
  checkEqual(t, pair);
  pair.run(3_000);
  t.deepEqual(pair.replicaTree.listKept(), []);
  pair.close();
});

test('a link that breaks before a change arrived leaves no gap: the next change holds it too', (t) => {
  const { pair, content } = live(3 * MIB);
  pair.latencyMs = () => 5;
  const once = changed(content, [3], 1);
  pair.user.writeFile('large.bin', once);
  const sent = pair.sentBytes;
  t.true(pair.clock.runUntil(() => pair.sentBytes > sent + BLOCK));
  pair.cut();
  // The same size and time again: only the content tells.
  const twice = changed(once, [20], 1);
  pair.user.writeFile('large.bin', twice);
  pair.connect();
  checkEqual(t, pair);
  pair.close();
});

test('files of the same size and time are compared by their contents when asked, and only those that differ are sent', (t) => {
  const pair = new EnginePair(hasher);
  const replica = new MemoryUser(pair.replicaTree);
  for (let i = 0; i < 30; i += 1) {
    const content = blocksOf(i === 29 ? 4 * MIB : 100_000, i);
    pair.user.writeFile(`f${i}`, content);
    replica.writeFile(`f${i}`, i === 7 || i === 29 ? changed(content, [2]) : content);
    pair.user.setMtimeNs(`f${i}`, 1_000_000_000n);
    replica.setMtimeNs(`f${i}`, 1_000_000_000n);
  }
  pair.start();
  t.is(pair.synchronize({ ignoreSame: true }).sentBytes, 0);
  const found = pair.diff().differences.map(({ path, kind }) => `${kind} ${path}`);
  t.deepEqual(found.sort(), ['content f29', 'content f7']);
  t.true(pair.sentBytes < 20_000, `${pair.sentBytes} bytes for a comparison`);
  const result = pair.synchronize({ ignoreSame: false });
  t.is(result.sentFiles, 2);
  t.is(result.sentBytes, 100_000 + 4 * MIB);
  checkEqual(t, pair);
  pair.close();
});

test('a synchronization stopped by the operator leaves nothing half done, and the next one ends it', (t) => {
  const content = blocksOf(40 * MIB, 1);
  const pair = new EnginePair(hasher);
  pair.user.writeFile('large.bin', content);
  pair.latencyMs = () => 1;
  pair.start();
  const id = pair.post({ name: 'synchronize', peer: 'replica', method: 'block', ignoreSame: true });
  t.true(pair.clock.runUntil(() => pair.sentBytes > 20 * MIB));
  pair.stopMaster();
  t.not(pair.answerOf(id)?.fault, undefined);
  pair.run(1_000);
  t.false(pair.replicaView().has('large.bin'));
  pair.startMaster();
  pair.connect();
  const before = pair.sentBytes;
  pair.synchronize({ method: 'block' });
  t.true(pair.sentBytes - before < 36 * MIB, `${pair.sentBytes - before} bytes`);
  checkEqual(t, pair);
  pair.close();
});
