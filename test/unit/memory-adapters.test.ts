/** The simulated world must be honest: what a power cut takes and what it leaves decides what the simulator can find. */
import test from 'ava';
import type { CaptureHint } from '../../daemon/ports.ts';
import { MemoryCapture } from '../memory/capture.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

/** Always the same draw. */
const always = (fraction: number) => ({ fraction: () => fraction, bytes: () => new Uint8Array(0) });

function makeTree() {
  const clock = new SimulatedClock();
  const tree = new MemoryTree({ volume: new MemoryVolume(clock) });
  return { clock, tree, user: new MemoryUser(tree) };
}

test('timers run in order of their time, cancelled ones never', (t) => {
  const clock = new SimulatedClock();
  const ran: string[] = [];
  const note = (text: string) => ran.push(`${text}@${clock.bootMs()}`);
  for (const delay of [30, 5, 20, 5, 10]) clock.after(delay, () => note(`${delay}`));
  clock.after(15, () => note('never')).cancel();
  clock.after(5, () => clock.after(0, () => note('nested')));
  clock.advance(25);
  t.deepEqual(ran, ['5@5', '5@5', 'nested@5', '10@10', '20@20']);
  t.is(clock.bootMs(), 25);
  t.false(clock.runUntil(() => false, 1000));
  t.is(ran.at(-1), '30@30');
});

test('setting the wall clock leaves intervals alone', (t) => {
  const clock = new SimulatedClock();
  clock.advance(1000);
  clock.setWallMs(5);
  t.is(clock.wallMs(), 5);
  t.is(clock.bootMs(), 1000);
});

test('the same seed gives the same numbers, another seed others', (t) => {
  const draw = (seed: number) => Array.from({ length: 20 }, () => new SeededRandom(seed).fraction());
  t.deepEqual(draw(7), draw(7));
  t.notDeepEqual(draw(7), draw(8));
});

test('a power cut takes back names that were not flushed, in order, and a flush keeps them', (t) => {
  const { tree, user } = makeTree();
  user.makeDirectory('kept');
  user.writeFile('kept/a', 'one');
  tree.flushAll();
  const before = describeTree(tree);
  user.rename('kept/a', 'kept/b');
  user.remove('kept/b');
  user.writeFile('kept/c', 'two');
  tree.volume.powerCut(always(0));
  t.deepEqual([...describeTree(tree).keys()], [...before.keys()]);
  t.is(Buffer.from(user.readFile('kept/a')).toString(), 'one');
  t.is(tree.space().totalBytes - tree.space().freeBytes, 3);
});

test('a file renamed into place without a flush may be empty after a power cut', (t) => {
  const { tree } = makeTree();
  const staged = tree.stage();
  staged.write(Buffer.from('content'), 0);
  staged.commit('a');
  tree.flushDirectory('');
  tree.volume.powerCut(always(0.3));
  t.is(tree.stat('a')?.sizeBytes, 0);
  const flushed = tree.stage();
  flushed.write(Buffer.from('content'), 0);
  flushed.flush();
  flushed.commit('a');
  tree.flushDirectory('');
  tree.volume.powerCut(always(0.3));
  t.is(tree.stat('a')?.sizeBytes, 7);
});

test('where names may be kept in any order, a power cut can keep a later change and lose an earlier one', (t) => {
  const clock = new SimulatedClock();
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed += 1) {
    const tree = new MemoryTree({ volume: new MemoryVolume(clock, true, 'any') });
    const user = new MemoryUser(tree);
    for (const name of ['a', 'b']) user.makeDirectory(name);
    tree.volume.powerCut(new SeededRandom(seed));
    const names = [...describeTree(tree).keys()].filter((name) => name !== '');
    seen.add(names.join(' '));
    t.true(names.every((name) => tree.stat(name)?.type === 'directory'));
  }
  t.deepEqual([...seen].sort(), ['', 'a', 'a b', 'b']);
});

test('a reused inode number comes with another birth time', (t) => {
  const { tree, user } = makeTree();
  user.writeFile('a', 'x');
  const first = tree.stat('a')!.id;
  user.remove('a');
  user.writeFile('b', 'y');
  const second = tree.stat('b')!.id;
  t.is(first.inode, second.inode);
  t.not(first.birthNs, second.birthNs);
});

test('segments lose at most what was not flushed, and never what was', (t) => {
  for (let seed = 0; seed < 200; seed += 1) {
    const log = new MemorySegmentLog();
    log.append(1, Buffer.from('durable'));
    log.flush(1);
    log.append(1, Buffer.from('+maybe'));
    log.append(2, Buffer.from('new'));
    log.powerCut(new SeededRandom(seed));
    t.is(Buffer.from(log.read(1)).toString('latin1', 0, 7), 'durable');
    t.true(log.read(1).length <= 13);
  }
});

test('hints come late, together and in order; an overflow takes them and says so', (t) => {
  const clock = new SimulatedClock();
  const capture = new MemoryCapture(clock, () => 3);
  const tree = new MemoryTree({ volume: new MemoryVolume(clock) });
  const user = new MemoryUser(tree, capture, 2);
  const batches: (readonly CaptureHint[])[] = [];
  user.writeFile('unseen', '');
  capture.start((hints) => batches.push(hints));
  user.writeFile('a', '1');
  user.rename('a', 'b');
  t.is(batches.length, 0);
  clock.advance(3);
  t.deepEqual(batches, [
    [
      { kind: 'dirty', root: 2, path: 'a', closed: true, written: true },
      { kind: 'rename', root: 2, from: 'a', to: 'b' },
    ],
  ]);
  user.remove('b');
  capture.overflow(2);
  clock.advance(3);
  t.deepEqual(batches[1], [{ kind: 'overflow', root: 2, path: '', reason: 'injected overflow' }]);
});
