/** What a Replica's volume refuses, or a synchronization builds beside it, leaves the history as exact as anything else. */
import test from 'ava';
import { Standby } from '../../daemon/apply/standby.ts';
import { logBackwards } from '../../daemon/journal/log-backwards.ts';
import { pointsBackwards } from '../../daemon/journal/point-stream.ts';
import { pointsOf } from '../../daemon/journal/points.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { profileOf } from '../../daemon/link/profile.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();
const METADATA = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 5n };
const HISTORY = { retentionMs: 86_400_000, maxBytes: 2 ** 30, minFreeBytes: 0, whenFull: 'gap' } as const;

function put(path: string, text = path): Change {
  return { op: 'put', root: 0, path, metadata: METADATA, content: Buffer.from(text) };
}

function directory(path: string): Change {
  return { op: 'make-directory', root: 0, path, metadata: { ...METADATA, mode: 0o755 } };
}

/** The data of a Replica whose engine does not run. */
function opened(pair: EnginePair): Standby {
  pair.killReplica();
  const files = pair.replicaFiles();
  const ports = { ...files, clock: pair.clock, hasher, onEvent: () => {}, keepsHistory: true };
  return new Standby(ports, 1, profileOf(files.trees, ALL_KINDS));
}

test('an empty directory that a synchronization fills is the same directory at every point before', (t) => {
  const pair = new EnginePair(hasher);
  pair.replicaSettings = { history: HISTORY };
  pair.user.makeDirectory('first');
  pair.user.setMode('first', 0o750);
  pair.start();
  pair.synchronize();
  pair.barrier();
  const views = [{ at: pair.standby!.journal.last, view: [...pair.replicaView()] }];
  pair.user.rename('first', 'renamed');
  pair.run(5_000);
  pair.barrier();
  views.push({ at: pair.standby!.journal.last, view: [...pair.replicaView()] });
  // Nothing to take back; but the next Run compares.
  for (const _ of opened(pair).rewind(views[1]!.at, { steps: 0, foreign: [] }));
  for (const name of ['a', 'b', 'c', 'd']) pair.user.writeFile(`renamed/${name}`, Buffer.from(name));
  pair.run(5_000);
  pair.startReplica();
  pair.connect();
  pair.synchronize();
  pair.barrier();
  t.deepEqual([...pair.replicaView()], [...pair.masterView()]);
  const standby = opened(pair);
  for (const { at, view } of views.toReversed()) {
    const counts = { steps: 0, foreign: [] };
    for (const _ of standby.rewind(at, counts));
    t.deepEqual(counts.foreign, [], `point ${at}`);
    t.deepEqual([...pair.replicaView()], view, `point ${at}`);
  }
  pair.close();
});

test('a change that was refused is none in the history, also when its directory refuses its old time', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([directory('held'), put('held/first')], 1);
  host.apply();
  const wanted = describeTree(host.tree);
  const { last } = host.history();
  host.tree.beforeOperation = (operation, path) => {
    if (/^(make|metadata)$/.test(operation) && path.startsWith('held')) throw new Fault('FS-DENIED', { path });
  };
  host.receive([directory('held/refused')], 2);
  host.apply();
  host.tree.beforeOperation = () => {};
  host.receive([put('last')], 3);
  host.apply();
  host.standby.checkpoint();
  t.deepEqual(
    host.history().records.filter(({ path }) => path === 'held/refused'),
    [],
  );
  t.deepEqual(host.rewind(last).foreign, []);
  t.deepEqual(describeTree(host.tree), wanted);
});

test('a point that is told right after recovery has taken something back is listed and can be gone to', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([put('first')], 1);
  host.apply();
  host.standby.checkpoint();
  const { last } = host.history();
  host.receive([put('second')], 2);
  host.apply();
  host.boot();
  const wanted = describeTree(host.tree);
  host.rewind(last - 1);
  const listed = [...pointsBackwards(logBackwards(host.journalLog))].map(({ point }) => point);
  t.deepEqual(listed, [...pointsOf(host.history())]);
  const before = listed.find(({ kind }) => kind === 'rewind');
  t.truthy(before);
  host.rewind(host.standby.history.planTo(before!.id).n);
  t.deepEqual(describeTree(host.tree), wanted);
});

/** A file that is in use when the Replica starts after a kill. */
function killedWhileRefusing(host: HistoryHost, refused: RegExp): void {
  host.tree.beforeOperation = (operation, path) => {
    if (refused.test(`${operation} ${path}`)) throw new Fault('FS-BUSY', { path });
  };
  host.boot();
  host.tree.beforeOperation = () => {};
}

test('what recovery could not take back is taken back by a rewind', (t) => {
  for (const refused of [/^keep d\/(new|old)$/, /^metadata d$/, /^restore d\/gone$/, /^(keep|restore|metadata) d/]) {
    const host = new HistoryHost(hasher);
    host.receive([directory('d'), put('d/old'), put('d/gone')], 1);
    host.apply();
    host.standby.checkpoint();
    const wanted = describeTree(host.tree);
    const { last } = host.history();
    const unit: Change[] = [
      put('d/new'),
      put('d/old', 'changed'),
      { op: 'remove', root: 0, path: 'd/gone' },
      { op: 'metadata', root: 0, path: 'd', metadata: { ...METADATA, mode: 0o700, mtimeNs: 9n } },
    ];
    host.receive(unit, 2);
    host.apply();
    killedWhileRefusing(host, refused);
    host.apply();
    host.standby.checkpoint();
    t.deepEqual(
      host.history().marks.filter(({ kind }) => kind === 'gap'),
      [],
      `${refused}`,
    );
    t.deepEqual(host.rewind(last).foreign, [], `${refused}`);
    t.deepEqual(describeTree(host.tree), wanted, `${refused}`);
  }
});

test('where nobody knows what recovery left, history ends with a gap that names the place', (t) => {
  const host = new HistoryHost(hasher);
  host.receive([put('a'), put('b')], 1);
  host.apply();
  host.standby.checkpoint();
  host.receive([put('a', 'changed')], 2);
  host.receive([{ op: 'rename', root: 0, from: 'a', path: 'b' }], 3);
  host.apply();
  killedWhileRefusing(host, /^rename b$/);
  host.apply();
  host.standby.checkpoint();
  const { marks } = host.history();
  t.deepEqual(
    marks.filter(({ kind }) => kind === 'gap').map(({ text }) => text),
    ['"b" could not be taken back'],
  );
});
