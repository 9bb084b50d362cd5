/** Quarantines as operators find them: also of scenarios that are gone, page by page, file by file against what is there now. */
import test from 'ava';
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import { QuarantineDesk, type QuarantineSurroundings } from '../../daemon/quarantine/desk.ts';
import { QuarantineKeeper } from '../../daemon/quarantine/keeper.ts';
import { Fault } from '../../shared/faults.ts';
import type { PreviewSide } from '../../shared/preview.ts';
import type { QuarantineFileResult, QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryQuarantineFiles } from '../memory/quarantine-files.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const LIVING = 'a'.repeat(32);
const GONE = 'b'.repeat(32);
const HEAD = { host: 'alpha', at: 1_000_000, epoch: 2, generation: 'g', after: 3, through: 9 };

async function* pages(...paths: string[]): AsyncGenerator<readonly TailEntry[], void> {
  yield paths.map((path) => ({ root: 0, path, kind: 'put', type: 'file', sizeBytes: 0 }) as const);
}

interface Kept {
  readonly quarantines: readonly QuarantineHead[];
  readonly items?: readonly QuarantineItem[];
  readonly next?: number;
}

/** Of this host `web` is a scenario; `old` was one. */
function world(around: Partial<QuarantineSurroundings> = {}) {
  const clock = new SimulatedClock();
  const volume = new MemoryVolume(clock);
  const root = new MemoryTree({ volume, path: '/data' });
  const tree = () => root;
  const user = new MemoryUser(root);
  const store = new QuarantineKeeper({ files: new MemoryQuarantineFiles(new MemoryVolume(clock)), openTree: tree });
  const document = { id: LIVING, name: 'web', roots: [{ master: '/data' }] } as unknown as ScenarioDocument;
  const scenarios = [{ document, roots: ['/data'] }];
  const desk = new QuarantineDesk(store, {
    scenarios: () => scenarios,
    openTree: tree,
    self: 'alpha',
    otherHost: () => 'beta',
    askOther: (_id, places) => Promise.resolve(places.map(() => undefined)),
    rest: () => Promise.resolve(),
    isActive: () => false,
    readOther: () => Promise.reject(new Fault('LINK-UNREACHABLE', { host: 'beta', reason: 'no answer' })),
    moment: () => ({ at: 2_000_000, epoch: 3 }),
    putBack: () => {},
    ...around,
  });
  const handlers = desk.handlers();
  const call = async (command: keyof typeof handlers, args: object) =>
    (await handlers[command]?.(args as never, {} as never)) as unknown;
  const list = async (args: object) => (await call('scenario.quarantine', args)) as Kept;
  const compare = async (id: string, path: string, name = 'web') =>
    (await call('scenario.quarantineFile', { name, id, root: 0, path })) as QuarantineFileResult;
  return {
    store,
    user,
    scenarios,
    call,
    list,
    compare,
    keep: async (scenarioId: string, scenario: string, ...paths: string[]) =>
      await store.keep(scenarioId, { ...HEAD, scenario, at: HEAD.at + paths.length }, pages(...paths), ['/data']),
  };
}

test('without a name all quarantines of the host are listed, those of a deleted scenario marked', async (t) => {
  const { user, keep, list } = world();
  user.writeFile('page', 'kept');
  await keep(LIVING, 'web', 'page');
  await keep(GONE, 'old', 'page', 'gone');
  const { quarantines } = await list({});
  t.deepEqual(
    quarantines.map(({ scenario, deleted }) => [scenario, deleted]),
    [
      ['old', true],
      ['web', undefined],
    ],
  );
});

test('what a deleted scenario left is shown, extracted and discarded by its name, also when another one has it now', async (t) => {
  const { user, keep, list, call, scenarios } = world();
  user.writeFile('page', 'kept');
  const { id } = await keep(GONE, 'old', 'page');
  t.is((await list({ name: 'OLD', id })).items?.[0]?.path, 'page');
  scenarios.push({
    document: { id: 'c'.repeat(32), name: 'old', roots: [] } as unknown as ScenarioDocument,
    roots: [],
  });
  t.is((await list({ name: 'old' })).quarantines.length, 1, 'a new scenario of that name does not hide it');
  await call('scenario.quarantineDiscard', { name: 'old', id });
  t.deepEqual((await list({})).quarantines, []);
});

test('a name nobody had is not found; a quarantine of another scenario is not reached by this name', async (t) => {
  const { user, keep, list } = world();
  user.writeFile('page', 'kept');
  const unknown = await t.throwsAsync(list({ name: 'nobody' }));
  t.is((unknown as Fault).code, 'SCENARIO-NOT-FOUND');
  const { id } = await keep(GONE, 'old', 'page');
  const other = await t.throwsAsync(list({ name: 'web', id }));
  t.is((other as Fault).code, 'QUARANTINE-NOT-FOUND');
});

test('pages and filter go through a long manifest without missing or repeating an item', async (t) => {
  const { user, keep, list } = world();
  const paths = Array.from({ length: 250 }, (_, n) => `dir${n % 2}/File ${n}`);
  user.makeDirectory('dir0');
  user.makeDirectory('dir1');
  const { id } = await keep(LIVING, 'web', ...paths);
  const seen: string[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: Kept = await list({ name: 'web', id, from, limit: 40, filter: 'DIR1/file' });
    seen.push(...(page.items ?? []).map(({ path }) => path));
    t.true((page.items ?? []).length <= 40);
    from = page.next;
  }
  t.deepEqual(
    seen,
    paths.filter((path) => path.startsWith('dir1/')),
  );
});

test('a kept text is compared with what users have now and what lies here', async (t) => {
  const theirs: PreviewSide = { type: 'file', sizeBytes: 5, mtimeMs: 0, mode: 0o644, hash: 'x', text: 'their' };
  const { user, keep, compare } = world({ askOther: () => Promise.resolve([theirs]) });
  user.writeFile('page', 'kept');
  const { id } = await keep(LIVING, 'web', 'page');
  const { kept, now } = await compare(id, 'page');
  t.is(kept?.text, 'kept');
  t.deepEqual(
    now.map(({ host, same }) => [host, same]),
    [
      ['beta', false],
      ['alpha', true],
    ],
    'the active host first; here it is still the same',
  );
  user.writeFile('page', 'something else');
  t.like((await compare(id, 'page')).now[1], { host: 'alpha', same: false, side: { text: 'something else' } });
});

test('what is gone, a link and bytes that are no text are told as what they are', async (t) => {
  const { user, keep, compare } = world();
  user.writeFile('bytes', new Uint8Array([1, 0, 255]));
  user.makeSymlink('link', '/etc/passwd');
  const { id } = await keep(LIVING, 'web', 'bytes', 'link', 'never there');
  t.is((await compare(id, 'bytes')).kept?.text, undefined);
  const link = await compare(id, 'link');
  t.is(link.kept?.target, '/etc/passwd');
  t.true(link.now[1]?.same, 'compared as a link, not as what it leads to');
  const gone = await compare(id, 'never there');
  t.is(gone.kept, undefined);
  t.true(gone.now[1]?.same, 'gone there, gone here');
});

test('a host that does not answer is told as unknown; of a deleted scenario nothing is compared', async (t) => {
  const silent = () => Promise.reject(new Fault('LINK-UNREACHABLE', { host: 'beta', reason: 'no answer' }));
  const { user, keep, compare } = world({ askOther: silent });
  user.writeFile('page', 'kept');
  const { id } = await keep(LIVING, 'web', 'page');
  t.regex((await compare(id, 'page')).now[0]?.unknown ?? '', /no answer/);
  const old = await keep(GONE, 'old', 'page', 'more');
  const alone = await compare(old.id, 'page', 'old');
  t.is(alone.kept?.text, 'kept');
  t.deepEqual(alone.now, []);
});

test('no path leads out of the root, and nothing is extracted into one', async (t) => {
  const { user, keep, call } = world();
  user.writeFile('page', 'kept');
  const { id } = await keep(LIVING, 'web', 'page');
  const above = await t.throwsAsync(
    call('scenario.quarantineFile', { name: 'web', id, root: 0, path: '../etc/passwd' }),
  );
  t.is((above as Fault).code, 'PATH-ESCAPE');
  const inside = await t.throwsAsync(call('scenario.quarantineExtract', { name: 'web', id, to: '/data/new' }));
  t.is((inside as Fault).code, 'USAGE');
  const relative = await t.throwsAsync(call('scenario.quarantineExtract', { name: 'web', id, to: 'new' }));
  t.is((relative as Fault).code, 'USAGE');
});

test('a page says of each item whether users have the same now; what is too large or not answered is unknown, not different', async (t) => {
  const sides: Record<string, PreviewSide> = {};
  const { user, store, keep, list } = world({
    askOther: (_id, places) => Promise.resolve(places.map(({ path }) => sides[path])),
  });
  for (const path of ['same', 'other', 'longer', 'large', 'lost']) user.writeFile(path, `kept ${path.length}`);
  const { id } = await keep(LIVING, 'web', 'same', 'other', 'longer', 'large', 'lost', 'gone');
  const { items } = await store.items(LIVING, id);
  for (const { path, sizeBytes, sha256 } of items.slice(0, 4)) {
    const side = { type: 'file', sizeBytes, mtimeMs: 0, mode: 0o644 } as const;
    if (path === 'same') sides[path] = { ...side, hash: sha256 ?? '' };
    if (path === 'other') sides[path] = { ...side, hash: 'another' };
    if (path === 'longer') sides[path] = { ...side, sizeBytes: sizeBytes + 1 };
    if (path === 'large') sides[path] = side;
  }
  const { states } = (await list({ name: 'web', id, compare: true })) as Kept & { states: readonly string[] };
  t.deepEqual(states, ['same', 'differs', 'differs', 'unknown', 'differs', 'same']);
  const silent = world({ askOther: () => Promise.reject(new Fault('TIMEOUT', { seconds: 1, what: 'it' })) });
  silent.user.writeFile('page', 'x');
  const head = await silent.keep(LIVING, 'web', 'page');
  const told = (await silent.list({ name: 'web', id: head.id, compare: true })) as Kept & { states: readonly string[] };
  t.deepEqual(told.states, ['unknown']);
});

test('at most so much is read for one question, and other work goes on meanwhile', async (t) => {
  let rests = 0;
  const { user, keep, compare } = world({
    rest: () => {
      rests += 1;
      return Promise.resolve();
    },
  });
  user.writeFile('page', new Uint8Array(5 * 1024 * 1024));
  const { id } = await keep(LIVING, 'web', 'page');
  t.true((await compare(id, 'page')).now[1]?.same);
  t.true(rests >= 5, `${rests}`);
});
