/** What a rewind does together, and what is left when that is interrupted where only a part of it was made. */
import test from 'ava';
import type { RewindCounts } from '../../daemon/journal/rewind.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { Change } from '../../shared/change.ts';
import { Fault } from '../../shared/faults.ts';
import { HistoryHost } from '../memory/history-host.ts';
import { describeTree } from '../memory/user.ts';

const hasher = await createContentHasher();
const DIRECTORIES = 5;
const FILES = 4;

function metadata(n: number) {
  return { mode: 0o644, uid: 0, gid: 0, mtimeNs: BigInt(n) * 1_000n };
}

function put(path: string, n: number): Change {
  return { op: 'put', root: 0, path, metadata: metadata(n), content: Buffer.from(`${path} ${n}`) };
}

/** In each directory every file is replaced, then the directory gets other rights and another time. */
function replacing(n: number): Change[] {
  return Array.from({ length: DIRECTORIES }, (_, d) => [
    ...Array.from({ length: FILES }, (_, f) => put(`d${d}/f${f}`, n)),
    { op: 'metadata', root: 0, path: `d${d}`, metadata: { ...metadata(n), mode: 0o700 + n } } satisfies Change,
  ]).flat();
}

/** Four states, and the points of them. */
function replacedHost(exchanges: boolean) {
  const host = new HistoryHost(hasher, exchanges);
  const made = Array.from(
    { length: DIRECTORIES },
    (_, d) => ({ op: 'make-directory', root: 0, path: `d${d}`, metadata: { ...metadata(0), mode: 0o755 } }) as const,
  );
  const views: Map<string, string>[] = [];
  const points: number[] = [];
  for (const [at, changes] of [[...made, ...replacing(0)], replacing(1), replacing(2), replacing(3)].entries()) {
    host.receive(changes, at + 1);
    host.apply();
    host.standby.checkpoint();
    views.push(describeTree(host.tree));
    points.push(host.history().last);
  }
  return { host, views, points };
}

function groupsOf(host: HistoryHost, point: number): number {
  let groups = 0;
  for (const _ of host.standby.rewind(point, { steps: 0, foreign: [] })) groups += 1;
  return groups;
}

for (const exchanges of [true, false]) {
  const how = exchanges ? 'names that change places' : 'names that are given up and taken';

  test(`replaced files of many directories are set back together, exactly: ${how}`, (t) => {
    const { host, views, points } = replacedHost(exchanges);
    let flushes = 0;
    host.tree.beforeOperation = (operation) => {
      if (operation === 'flush') flushes += 1;
    };
    t.is(groupsOf(host, points[2]!), 1);
    // Before it begins, between giving up and taking, after the group and at the end.
    t.is(flushes, exchanges ? 3 : 4);
    t.deepEqual(describeTree(host.tree), views[2]);
    // The other way round, where each directory gets its rights after what is in it.
    t.is(groupsOf(host, points[3]!), 1);
    t.deepEqual(describeTree(host.tree), views[3]);
    for (const at of [0, 3, 1, 2, 0, 3]) {
      groupsOf(host, points[at]!);
      t.deepEqual(describeTree(host.tree), views[at], `point of unit ${at + 1}`);
    }
  });

  test(`what was planned when a look failed is no change of the history: ${how}`, (t) => {
    const { host, views, points } = replacedHost(exchanges);
    let looks = 0;
    host.tree.beforeOperation = (operation, path) => {
      if (operation === 'stat') looks += 1;
      if (looks === 30) throw new Fault('FS-BUSY', { path });
    };
    t.throws(() => groupsOf(host, points[2]!), { code: 'FS-BUSY' });
    host.tree.beforeOperation = () => {};
    t.deepEqual(describeTree(host.tree), views[3]);
    const { records } = host.history();
    t.deepEqual(records.at(-1)?.undoes, undefined);
    for (const at of [1, 3]) {
      groupsOf(host, points[at]!);
      t.deepEqual(describeTree(host.tree), views[at], `point of unit ${at + 1}`);
    }
    // Nor after a start: it was said that they were not made.
    host.boot();
    groupsOf(host, points[0]!);
    t.deepEqual(describeTree(host.tree), views[0]);
  });
}

for (const exchanges of [true, false]) {
  const how = exchanges ? 'names that change places' : 'names that are given up and taken';

  test(`what is lost after everything was looked at is left out and named, and the rest arrives: ${how}`, (t) => {
    const { host, views, points } = replacedHost(exchanges);
    const origin = host.history().records.findLast(({ op, path }) => op === 'put' && path === 'd2/f1')!;
    host.tree.dropKept(origin.kept!);
    const counts: RewindCounts = { steps: 0, foreign: [] };
    for (const _ of host.standby.rewind(points[2]!, counts, true));
    t.deepEqual(counts.foreign, [{ root: 0, path: 'd2/f1', lost: 'it is missing' }]);
    t.is(counts.steps, DIRECTORIES * (FILES + 1) - 1);
    const view = describeTree(host.tree);
    const differing = [...view.keys()].filter((path) => view.get(path) !== views[2]!.get(path));
    t.deepEqual(differing, ['d2/f1']);
    t.is(view.get('d2/f1'), views[3]!.get('d2/f1'));
    groupsOf(host, points[3]!);
    t.deepEqual(describeTree(host.tree), views[3]);
  });
}

function killedInExchange(host: HistoryHost, point: number, n: number): void {
  let left = n;
  host.tree.beforeOperation = (operation) => {
    if (operation === 'exchange') left -= 1;
    if (left <= 0) throw new Error('killed');
  };
  try {
    groupsOf(host, point);
  } catch (error) {
    if (!Fault.from(error).message.includes('killed')) throw error;
  }
  host.tree.beforeOperation = () => {};
}

test('killed between two pairs, those that have changed places change back', (t) => {
  for (let n = 1; n <= DIRECTORIES * FILES; n += 1) {
    const { host, views, points } = replacedHost(true);
    killedInExchange(host, points[2]!, n);
    host.boot();
    t.deepEqual(describeTree(host.tree), views[3], `killed in exchange ${n}`);
    groupsOf(host, points[1]!);
    t.deepEqual(describeTree(host.tree), views[1], `killed in exchange ${n}`);
  }
});

test('of two that have changed places one was removed by others while nobody ran: that is told, and the other stays kept', (t) => {
  const { host, points } = replacedHost(true);
  const before = host.tree.stat('d4/f3')!.id;
  killedInExchange(host, points[2]!, 3);
  const swapped = host.history().records.find(({ undoes, path }) => undoes !== undefined && path === 'd4/f3')!;
  host.tree.keep('d4/f3', 'taken-by-others');
  host.boot();
  t.true(host.told.includes('SYN-006'));
  t.deepEqual(host.tree.keptObjects().stat(swapped.kept!)?.id, before);
});
