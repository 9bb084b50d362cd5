/** An engine that replicates answers what is asked about the past, and goes on replicating. */
import test, { type ExecutionContext } from 'ava';
import type { PastRequest } from '../../daemon/engine/engine-protocol.ts';
import { JournalHistory } from '../../daemon/journal/history.ts';
import { listPoints, pointsOf } from '../../daemon/journal/points.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import type { ExtractContent, ExtractList, PreviewFileResult, PreviewResult } from '../../shared/preview.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
const HISTORY = { retentionMs: 3_600_000, maxBytes: 2 ** 30, minFreeBytes: 0, whenFull: 'gap' } as const;

function metadata(mtimeNs: bigint) {
  return { mode: 0o644, uid: 0, gid: 0, mtimeNs };
}

function put(path: string, text: string, mtimeNs = 5n): Change {
  return { op: 'put', root: 0, path, metadata: metadata(mtimeNs), content: new TextEncoder().encode(text) };
}

class Rig {
  readonly host = new ReplicaHost(hasher, { history: HISTORY });
  readonly master = new ScriptedMaster(this.host, hasher);
  readonly user = new MemoryUser(this.host.tree);
  private calls = 0;
  private seq = 0;

  constructor() {
    const { master, host } = this;
    const tree = new MemoryTree({ volume: host.volume });
    const there = new MemoryUser(tree);
    there.makeDirectory('site');
    there.writeFile('site/index.html', 'first page\nsecond line\n');
    there.writeFile('site/old.html', 'old');
    master.hello();
    master.synchronize(tree);
  }

  change(...changes: Change[]): void {
    this.seq += 1;
    this.master.batchOf(changes, this.seq);
  }

  points(kind = 'event') {
    const { points } = listPoints(pointsOf(new JournalHistory(this.host.journalLog)), { limit: 1_000 });
    return points.filter((point) => point.kind === kind);
  }

  ask(request: PastRequest): number {
    this.calls += 1;
    this.host.engine.handle({ type: 'call', id: this.calls, call: { name: 'past', request } });
    return this.calls;
  }

  answered(id: number) {
    return this.host.notices.find((notice) => notice.type === 'reply' && notice.id === id);
  }

  result<Result>(request: PastRequest): Result {
    const id = this.ask(request);
    this.master.settle(200);
    const notice = this.answered(id);
    if (notice?.type !== 'reply') throw new Error('no answer');
    if (notice.fault !== undefined) throw Fault.fromDocument(notice.fault);
    return notice.result as Result;
  }

  refused(t: ExecutionContext, request: PastRequest): string {
    return t.throws(() => this.result(request), { instanceOf: Fault })!.code;
  }
}

test('what a rewind would do, how a file differs and what was in it are told while the Replica goes on', (t) => {
  const rig = new Rig();
  rig.change(put('site/index.html', 'first page\nhacked\n'));
  rig.change({ op: 'remove', root: 0, path: 'site/old.html' }, put('site/new.html', 'new'));
  rig.master.settle(3_000);
  const [point] = rig.points('synchronized');
  const before = describeTree(rig.host.tree);
  const id = rig.ask({ kind: 'preview', point: point!.id, limit: 100 });
  t.is(rig.answered(id), undefined, 'in pieces of work');
  rig.change(put('site/later.html', 'later'));
  rig.master.settle(200);
  const notice = rig.answered(id);
  t.true(notice?.type === 'reply' && notice.fault === undefined);
  rig.master.settle(2_000);
  t.not(rig.host.tree.stat('site/later.html'), undefined, 'apply goes on');
  rig.user.remove('site/later.html');
  t.deepEqual([...describeTree(rig.host.tree).keys()], [...before.keys()]);

  const preview = rig.result<PreviewResult>({ kind: 'preview', point: point!.id, limit: 100 });
  t.deepEqual(
    preview.entries.map(({ path, kind }) => `${kind} ${path}`),
    ['changed site/index.html', 'removed site/new.html', 'restored site/old.html'],
  );
  t.deepEqual(preview.bytes, { restored: 3, removed: 3, changed: 23 });
  t.deepEqual(
    preview.problems.map(({ path, kind }) => `${kind} ${path}`),
    ['foreign site/later.html'],
    'somebody removed it',
  );

  const at = { point: point!.id, root: 0 };
  const file = rig.result<PreviewFileResult>({ kind: 'file', ...at, path: 'site/index.html' });
  t.is(file.then?.text, 'first page\nsecond line\n');
  t.is(file.now?.text, 'first page\nhacked\n');
  t.false(file.identical);
  const list = rig.result<ExtractList>({ kind: 'list', ...at, path: 'site', limit: 2, inlineBytes: 10 });
  t.deepEqual(
    list.entries.map(({ path }) => path),
    ['site', 'site/index.html'],
  );
  const rest = rig.result<ExtractList>({
    kind: 'list',
    ...at,
    path: 'site',
    limit: 9,
    inlineBytes: 10,
    after: list.next,
  });
  t.deepEqual(
    rest.entries.map(({ path, data }) => [path, data]),
    [['site/old.html', Buffer.from('old').toString('base64')]],
  );
  t.is(rest.next, undefined);
  const content = rig.result<ExtractContent>({ kind: 'read', ...at, path: 'site/index.html', position: 6, length: 4 });
  t.deepEqual(
    content.pieces.map(({ position, data }) => [position, Buffer.from(data, 'base64').toString()]),
    [[6, 'page']],
  );
  t.is(content.next, 10);
});

test('wrong points, roots and paths, a synchronization and history that is off are refused with their reason', (t) => {
  const rig = new Rig();
  rig.change(put('site/index.html', 'other'));
  rig.master.settle(3_000);
  const [point] = rig.points();
  const at = { point: point!.id, root: 0, path: 'site' };
  for (const id of ['e9-8', 'nothing', 'synchronized-', `${point!.id}0`]) {
    t.is(rig.refused(t, { kind: 'preview', point: id, limit: 1 }), 'POINT-NOT-FOUND', id);
  }
  t.is(rig.refused(t, { kind: 'list', ...at, root: 7, limit: 1, inlineBytes: 0 }), 'USAGE');
  t.is(rig.refused(t, { kind: 'entry', ...at, path: 'site/none' }), 'POINT-PATH');
  t.is(rig.refused(t, { kind: 'entry', ...at, path: 'site/../..' }), 'PATH-ESCAPE');
  t.is(rig.refused(t, { kind: 'read', ...at, position: 0, length: 1 }), 'POINT-PATH', 'a directory has no content');
  const off = new ReplicaHost(hasher);
  off.engine.handle({ type: 'call', id: 1, call: { name: 'past', request: { kind: 'entry', ...at } } });
  const notice = off.notices.find((one) => one.type === 'reply');
  t.is(notice?.type === 'reply' ? notice.fault?.code : '', 'REWIND-OFF');
});

test('what was kept and is gone, or cannot be read, is told as lost and never shown as something else', (t) => {
  const rig = new Rig();
  rig.change(put('site/index.html', 'other'));
  rig.change({ op: 'remove', root: 0, path: 'site/old.html' });
  rig.master.settle(3_000);
  const [point] = rig.points('synchronized');
  const at = { point: point!.id, root: 0 };
  const [first, second] = rig.host.tree.listKept();
  rig.host.tree.dropKept(second!);
  const preview = rig.result<PreviewResult>({ kind: 'preview', point: point!.id, limit: 9 });
  t.deepEqual(
    preview.problems.map(({ path, kind }) => [path, kind]),
    [['site/old.html', 'lost']],
  );
  t.is(rig.refused(t, { kind: 'read', ...at, path: 'site/old.html', position: 0, length: 9 }), 'POINT-LOST');
  rig.host.tree.beforeOperation = (operation, path) => {
    if (operation === 'read' && path === first) throw new Fault('FS-IO', { path, reason: 'bad sector' });
  };
  t.is(rig.refused(t, { kind: 'read', ...at, path: 'site/index.html', position: 0, length: 9 }), 'FS-IO');
  const list = rig.result<ExtractList>({ kind: 'list', ...at, path: 'site', limit: 9, inlineBytes: 100 });
  t.deepEqual(
    list.entries.map(({ path, lost }) => [path, lost !== undefined]),
    [
      ['site', false],
      ['site/index.html', true],
      ['site/old.html', true],
    ],
  );
});
