/** Roots that are added, removed, exchanged: what history still gives back is exact, and what it cannot is shown as lost. */
import test, { type ExecutionContext } from 'ava';
import { Standby } from '../../daemon/apply/standby.ts';
import { pointsOf, positionOf } from '../../daemon/journal/points.ts';
import type { RewindCounts } from '../../daemon/journal/rewind.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change } from '../../shared/change.ts';
import { writeBatchHeader, writeChange } from '../../shared/protocol/batch-codec.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemorySegmentLog } from '../memory/segment-log.ts';
import { MemoryStateFile } from '../memory/state-file.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
const PROFILE = { posixModes: true, timeGranularityNs: 1, attributeKinds: ALL_KINDS };

/** A Replica whose scenario has these roots for a while, and others later. */
class ChangingHost {
  readonly clock = new SimulatedClock();
  private readonly volume = new MemoryVolume(this.clock);
  private readonly spoolLog = new MemorySegmentLog();
  private readonly journalLog = new MemorySegmentLog();
  private readonly stateFile = new MemoryStateFile();
  standby!: Standby;
  private seq = 0;
  private batch = 0;

  tree(): MemoryTree {
    return new MemoryTree({ volume: this.volume });
  }

  boot(trees: readonly MemoryTree[], adopt = false): void {
    const { clock, spoolLog, journalLog, stateFile } = this;
    const ports = { trees, spoolLog, journalLog, stateFile, clock, hasher, onEvent: () => {}, keepsHistory: true };
    this.standby = new Standby(ports, 1, PROFILE, adopt);
    this.batch = 0;
  }

  synchronized(): void {
    this.standby.beginSynchronization();
    this.standby.finishSynchronization({ generation: '0'.repeat(32), seq: this.seq });
  }

  put(root: number, path: string, text: string, checkpoint = true): void {
    this.seq += 1;
    this.batch += 1;
    const metadata = { mode: 0o644, uid: 0, gid: 0, mtimeNs: BigInt(this.seq) };
    const change: Change = { op: 'put', root, path, metadata, content: Buffer.from(text) };
    const writer = new ByteWriter();
    const times = { oldestMs: this.seq, newestMs: this.seq };
    writeBatchHeader(writer, { batch: this.batch, commitSeq: this.seq, ...times, changes: 1 });
    writeChange(writer, change);
    this.standby.accept(writer.take(), this.batch);
    this.standby.flushReceived();
    for (let round = 0; this.standby.backlog && round < 10; round += 1) this.standby.run(() => true);
    if (checkpoint) this.standby.checkpoint();
  }

  points() {
    return [...pointsOf(this.standby.history.read())];
  }

  rewind(id: string): RewindCounts {
    const counts: RewindCounts = { steps: 0, foreign: [] };
    for (const _ of this.standby.rewind(positionOf({ id }), counts));
    return counts;
  }
}

function filesOf(tree: MemoryTree): string[] {
  return [...describeTree(tree)]
    .filter(([path]) => path !== '')
    .map(([path, text]) => `${path} ${text.split(' ').at(-1)}`);
}

/** One root with a history of three contents. */
function begun(t: ExecutionContext): { host: ChangingHost; a: MemoryTree } {
  const host = new ChangingHost();
  const a = host.tree();
  host.boot([a]);
  host.synchronized();
  for (const text of ['one', 'two', 'three']) host.put(0, 'page', text);
  t.true(host.points().length >= 4);
  return { host, a };
}

test('a root that is added is taken as it is, and the points from before give back exactly', (t) => {
  const { host, a } = begun(t);
  const b = host.tree();
  const before = host.points().filter(({ kind }) => kind === 'event');
  host.boot([a, b]);
  t.is(host.standby.received, undefined, 'it is compared first');
  t.is(host.standby.lostRoot(), undefined);
  host.synchronized();
  host.put(1, 'page', 'of the other root');
  host.put(0, 'page', 'four');
  for (const point of before)
    t.true(
      host.points().some(({ id }) => id === point.id),
      point.text,
    );
  const second = before.find(({ text }) => text === 'Changed')!;
  t.deepEqual(host.rewind(second.id).foreign, []);
  t.deepEqual(filesOf(a), ['page two']);
  t.deepEqual(filesOf(b), [], 'it was empty then');
});

test('after a root was removed, or exchanged for another, history says that what was before is lost, and touches nothing', (t) => {
  for (const how of ['last removed', 'first removed', 'exchanged'] as const) {
    const { host, a } = begun(t);
    const b = host.tree();
    host.boot([a, b]);
    host.synchronized();
    host.put(1, 'page', 'of b');
    // Killed before the checkpoint: recovery must not take it back in another root.
    host.put(1, 'page', 'of b, changed', false);
    const c = host.tree();
    const trees = how === 'last removed' ? [a] : how === 'first removed' ? [b] : [a, c];
    host.boot(trees, true);
    t.is(host.standby.lostRoot(), undefined);
    t.is(host.standby.received, undefined, how);
    t.true(host.standby.suspect);
    const points = host.points();
    t.deepEqual(
      points.map(({ kind }) => kind),
      ['gap'],
      how,
    );
    t.regex(points[0]!.text, /roots/);
    const views = trees.map(filesOf);
    host.boot(trees);
    t.deepEqual(trees.map(filesOf), views);
    t.deepEqual(host.points().length, 1, 'said once');
    host.synchronized();
    host.put(0, 'new', 'first');
    host.put(0, 'new', 'second');
    const event = host.points().find(({ text }) => text === 'Changed')!;
    t.deepEqual(host.rewind(event.id).foreign, []);
    t.true(filesOf(trees[0]!).includes('new first'), how);
  }
});

test('another directory in the place of a root is no wish of the operator unless he ran it', (t) => {
  const { host } = begun(t);
  t.throws(() => host.boot([host.tree()]), { code: 'ROOT-MISSING' });
});
