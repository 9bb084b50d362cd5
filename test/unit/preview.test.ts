/** What a preview says is what a rewind does, for whatever happened; and looking changes nothing. */
import test, { type ExecutionContext } from 'ava';
import { logBackwards, WayBack } from '../../daemon/journal/log-backwards.ts';
import { openPast } from '../../daemon/journal/past-content.ts';
import { type PastName, pastStat } from '../../daemon/journal/past-object.ts';
import type { PastTree } from '../../daemon/journal/past-tree.ts';
import { buildPast, type PastView, previewOf } from '../../daemon/journal/past-view.ts';
import { pointsBackwards } from '../../daemon/journal/point-stream.ts';
import { listPoints, pointsOf, positionOf } from '../../daemon/journal/points.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { joinPath } from '../../shared/path.ts';
import { PREVIEW_KINDS, type PreviewEntry, type PreviewResult } from '../../shared/preview.ts';
import { ChangeScript, SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { SeededRandom } from '../memory/clock.ts';
import { HistoryHost } from '../memory/history-host.ts';
import type { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();
forceLargeFiles(SMALL_LARGE_FILES);

function finish<Result>(work: Generator<unknown, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

function viewOf(host: HistoryHost, id: string): PastView {
  return finish(buildPast(host.journalLog, [host.tree], id));
}

function previewAt(host: HistoryHost, id: string): Omit<PreviewResult, 'tookMs'> {
  return finish(previewOf(viewOf(host, id), { limit: 100_000 }));
}

/** Like `describeTree`, of a tree as it was. */
function describePast(past: PastTree): Map<string, string> {
  const lines = new Map<string, string>();
  const firstNames = new Map<string, string>();
  const counts = new Map<string, number>();
  const keyOf = ({ object }: PastName) => `${object.stat.id.inode}:${object.stat.id.birthNs}`;
  const walk = (name: PastName, path: string, visit: (name: PastName, path: string) => void) => {
    visit(name, path);
    if (name.object.stat.type !== 'directory') return;
    for (const child of past.list(name)) walk(child, joinPath(path, child.name), visit);
  };
  walk(past.root, '', (name) => counts.set(keyOf(name), (counts.get(keyOf(name)) ?? 0) + 1));
  walk(past.root, '', (name, path) => {
    const { type, mode, uid, gid, mtimeNs } = pastStat(name.object);
    const first = firstNames.get(keyOf(name));
    const content = first === undefined ? contentOf(past, name) : `= ${first}`;
    if ((counts.get(keyOf(name)) ?? 0) > 1) firstNames.set(keyOf(name), first ?? path);
    lines.set(path, `${type} ${mode.toString(8)} ${uid}:${gid} ${mtimeNs} ${content}`);
  });
  return lines;
}

function contentOf(past: PastTree, name: PastName): string {
  if (name.object.stat.type === 'symlink') return `-> ${past.reader(name).readLink(name.place.path)}`;
  if (name.object.stat.type !== 'file') return '';
  const content = openPast(past, name);
  const bytes = Buffer.alloc(content.sizeBytes);
  content.read(bytes, 0, content.sizeBytes);
  content.close();
  return bytes.toString('latin1');
}

function differing(one: Map<string, string>, other: Map<string, string>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((path) => one.get(path) !== other.get(path));
}

/** One path, as an operator would compare two copies of a tree. */
interface Copied {
  readonly type: string;
  readonly content: string;
  readonly metadata: string;
  readonly object: string;
  readonly size: number;
  readonly links: number;
}

function copyOf(tree: MemoryTree): Map<string, Copied> {
  const copy = new Map<string, Copied>();
  const user = new MemoryUser(tree);
  const visit = (path: string) => {
    const { type, mode, uid, gid, mtimeNs, id, sizeBytes, links } = tree.stat(path)!;
    const content = type === 'file' ? Buffer.from(user.readFile(path)).toString('latin1') : '';
    const target = type === 'symlink' ? tree.readLink(path) : '';
    const time = type === 'directory' ? '' : mtimeNs;
    copy.set(path, {
      type,
      content: content + target,
      metadata: `${mode} ${uid}:${gid} ${time}`,
      object: `${id.inode}:${id.birthNs}`,
      size: type === 'file' ? sizeBytes : 0,
      links: type === 'file' ? links : 1,
    });
    if (type === 'directory') for (const { name } of tree.scan(path)) visit(joinPath(path, name));
  };
  visit('');
  return copy;
}

/** What the preview said must turn the tree before the rewind into the one after it. */
class Judgement {
  private readonly t: ExecutionContext;
  private readonly result: Omit<PreviewResult, 'tookMs'>;
  private readonly before: Map<string, Copied>;
  private readonly after: Map<string, Copied>;
  private readonly title: string;
  private readonly come = new Map<string, PreviewEntry>();
  private readonly removed = new Map<string, PreviewEntry>();
  private readonly renames: PreviewEntry[];

  constructor(
    t: ExecutionContext,
    result: Omit<PreviewResult, 'tookMs'>,
    before: Map<string, Copied>,
    after: Map<string, Copied>,
    title: string,
  ) {
    this.t = t;
    this.result = result;
    this.before = before;
    this.after = after;
    this.title = title;
    this.renames = result.entries.filter(({ from }) => from !== undefined);
    for (const entry of result.entries) (entry.kind === 'removed' ? this.removed : this.come).set(entry.path, entry);
  }

  check(): void {
    for (const [path, copied] of this.after) this.comes(path, copied);
    for (const [path, copied] of this.before) this.goes(path, copied);
    this.sums();
  }

  /** Where a path of now will be: directories that are renamed take along what is in them. */
  private movedTo(path: string): string | undefined {
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const direct = this.renames.find(({ from }) => from === at);
      if (direct !== undefined) return direct.path + path.slice(at.length);
      if (!at.includes('/')) return undefined;
    }
  }

  private comes(path: string, copied: Copied): void {
    const { t, before } = this;
    const title = `${this.title} ${path}`;
    const entry = this.come.get(path);
    if (entry?.kind === 'restored') {
      t.is(String(entry.then!.type), copied.type, title);
      t.is(entry.then!.sizeBytes, copied.size, title);
      return;
    }
    const from = [...before.keys()].find((old) => !this.removed.has(old) && (this.movedTo(old) ?? old) === path);
    const old = from === undefined ? undefined : before.get(from);
    t.truthy(old, `${title}: comes from nowhere`);
    if (old !== undefined) this.stays(entry, old, copied, title);
  }

  private stays(entry: PreviewEntry | undefined, old: Copied, copied: Copied, title: string): void {
    const { t } = this;
    if (entry?.kind === 'changed') {
      t.true(old.content !== copied.content || old.type !== copied.type, title);
      return;
    }
    t.is(old.type, copied.type, `${title}: another type, untold`);
    t.is(old.content, copied.content, `${title}: another content, untold`);
    if (entry?.kind === 'metadata') t.not(old.metadata, copied.metadata, title);
    else if (entry !== undefined) t.is(old.object, copied.object, `${title}: renamed`);
    // A file with several names is shown under those that the journal speaks of.
    else if (copied.links === 1) t.is(old.metadata, copied.metadata, `${title}: other metadata, untold`);
  }

  private goes(path: string, copied: Copied): void {
    const { t, after } = this;
    const title = `${this.title} ${path}`;
    const entry = this.removed.get(path);
    if (entry === undefined) {
      if (this.movedTo(path) === undefined) t.true(after.has(path), `${title}: is gone, untold`);
      return;
    }
    t.is(entry.now!.sizeBytes, copied.size, title);
    const left = after.get(path);
    if (left !== undefined && !this.come.has(path)) t.not(left.object, copied.object, `${title}: is not gone`);
  }

  private sums(): void {
    const { entries, bytes, counts } = this.result;
    const bytesOf = (kind: string, side: 'then' | 'now') =>
      entries.filter((entry) => entry.kind === kind).reduce((sum, entry) => sum + (entry[side]?.sizeBytes ?? 0), 0);
    const expected = {
      restored: bytesOf('restored', 'then'),
      removed: bytesOf('removed', 'now'),
      changed: bytesOf('changed', 'then'),
    };
    this.t.deepEqual({ ...bytes }, expected);
    for (const kind of PREVIEW_KINDS) this.t.is(counts[kind], entries.filter((entry) => entry.kind === kind).length);
  }
}

test('a preview shows the tree that a rewind then makes, with what comes, goes and changes, and touches nothing', (t) => {
  let points = 0;
  let entries = 0;
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 60, true);
    const host = new HistoryHost(hasher, seed % 2 === 0);
    host.feed(script, random);
    for (let round = 0; round < 8; round += 1) {
      const all = listPoints(pointsOf(host.history()), { limit: 100_000 }).points;
      const point = random.pick(all);
      const title = `seed ${seed} round ${round} ${point.id}`;
      const whole = describeTree(host.tree);
      const journal = host.journalLog
        .list()
        .map((segment) => Buffer.from(host.journalLog.read(segment)).toString('hex'));
      const kept = host.tree.listKept();
      const past = describePast(viewOf(host, point.id).trees[0]!);
      const result = previewAt(host, point.id);
      t.deepEqual(result.point, point, title);
      t.deepEqual(differing(describeTree(host.tree), whole), [], `${title}: the tree was touched`);
      t.deepEqual(
        host.journalLog.list().map((segment) => Buffer.from(host.journalLog.read(segment)).toString('hex')),
        journal,
      );
      t.deepEqual(host.tree.listKept(), kept);
      const before = copyOf(host.tree);
      if (point.kind !== 'gap') {
        const way = host.standby.history.planTo(point.id);
        t.deepEqual([way.point, way.n, way.last], [point, positionOf(point), host.history().last], title);
        t.is(way.steps, [...host.history().wayBack(way.n)].length, title);
      }
      const counts = host.rewind(positionOf(point));
      t.is(result.problemCount, counts.foreign.length, title);
      t.is(result.steps, counts.steps, title);
      t.deepEqual(differing(past, describeTree(host.tree)), [], `${title}: another tree`);
      new Judgement(t, result, before, copyOf(host.tree), title).check();
      points += 1;
      entries += result.entries.length;
    }
  }
  t.log(`${points} points, ${entries} differences`);
  t.true(entries > 1_000);
});

test('read from its end the log says what reading all of it says', (t) => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = new SeededRandom(seed);
    const script = new ChangeScript(hasher, seed, 40, true);
    const host = new HistoryHost(hasher);
    host.feed(script, random);
    for (let round = 0; round < 3; round += 1) {
      const marks = host.history().marks;
      host.rewind(random.pick(marks).n);
      if (random.chance(0.5)) host.standby.history.mark('gap', 0, 'a reason');
      host.standby.history.mark('bookmark', random.below(40), `bookmark ${round}`);
      host.standby.flushSynchronized();
    }
    const history = host.history();
    const all = listPoints(pointsOf(history), { limit: 100_000 }).points;
    t.deepEqual(
      [...pointsBackwards(logBackwards(host.journalLog))].map(({ point }) => point),
      all,
      `seed ${seed}`,
    );
    for (const { n } of history.marks.filter(() => random.chance(0.2))) {
      const wayBack = new WayBack(n);
      const records = [...logBackwards(host.journalLog)].flatMap((entry) =>
        entry.kind === 'record' && wayBack.takes(entry.record) ? [entry.record.n] : [],
      );
      t.deepEqual(
        records,
        [...history.wayBack(n)].map((record) => record.n),
        `seed ${seed} point ${n}`,
      );
    }
  }
});
