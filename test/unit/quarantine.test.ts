/** What only the old Master has: kept whole or not at all, byte exact, and nothing of its data is touched for it. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import { QuarantineKeeper } from '../../daemon/quarantine/keeper.ts';
import { QuarantineDisk } from '../../daemon/store/quarantine-disk.ts';
import { decodeAttributes } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import { decodeName } from '../../shared/path.ts';
import type { QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { MemoryQuarantineFiles } from '../memory/quarantine-files.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const SCENARIO = 'a'.repeat(32);
const HEAD = { scenario: 'web', host: 'alpha', at: 1_000_000, epoch: 2, generation: 'g', after: 3, through: 9 };
const FOREIGN = decodeName(Uint8Array.from([0x66, 0xff, 0x41]));
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const entry = (path: string, kind: TailEntry['kind'] = 'put'): TailEntry => ({
  root: 0,
  path,
  kind,
  type: 'file',
  sizeBytes: 0,
});

async function* pagesOf(...entries: TailEntry[]): AsyncGenerator<readonly TailEntry[], void> {
  for (let at = 0; at < entries.length; at += 2) yield entries.slice(at, at + 2);
}

function host() {
  const clock = new SimulatedClock();
  const files = new MemoryQuarantineFiles(new MemoryVolume(clock));
  const tree = new MemoryTree({ volume: new MemoryVolume(clock), path: '/data' });
  const user = new MemoryUser(tree);
  const keeper = new QuarantineKeeper({ files, openTree: () => tree });
  return { files, tree, user, keeper };
}

const ENTRIES = [
  entry('page'),
  entry(FOREIGN),
  entry('dir', 'make-directory'),
  entry('dir/page'),
  entry('old', 'remove'),
];

function fill({ user }: ReturnType<typeof host>): void {
  user.writeFile('page', 'changed');
  user.writeFile(FOREIGN, new Uint8Array(5_000).fill(7));
  user.makeDirectory('dir');
  user.writeFile('dir/page', '');
}

async function allItems(keeper: QuarantineKeeper, { id }: QuarantineHead): Promise<QuarantineItem[]> {
  return [...(await keeper.items(SCENARIO, id)).items];
}

async function contentOf({ files }: ReturnType<typeof host>, { id }: QuarantineHead, { content }: QuarantineItem) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of files.read(`${SCENARIO}/${id}/content/${content}`)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function checkWhole(t: ExecutionContext, world: ReturnType<typeof host>, head: QuarantineHead): Promise<void> {
  const items = await allItems(world.keeper, head);
  t.is(items.length, ENTRIES.length);
  t.is(head.items, ENTRIES.length);
  for (const item of items) {
    if (item.content !== undefined) t.is(sha256(await contentOf(world, head, item)), item.sha256 ?? '', item.path);
  }
}

test('contents, foreign names, links, directories, attributes and what is gone are kept as they are', async (t) => {
  const world = host();
  const { user, keeper } = world;
  fill(world);
  user.writeFile('named twice', 'one object');
  user.link('named twice', 'second name');
  user.makeSymlink('link', '../elsewhere');
  user.makePipe('pipe');
  user.setMode('page', 0o4751);
  user.setOwner('page', 33, 44);
  user.setMtimeNs('page', 1_234_567_890_123_456_789n);
  user.setAttributes('page', [{ kind: 'xattr', name: 'user.a', value: Buffer.from([0, 255]) }]);
  const head = await keeper.keep(
    SCENARIO,
    HEAD,
    pagesOf(...ENTRIES, entry('named twice'), entry('second name', 'link'), entry('link', 'symlink'), entry('pipe'), {
      ...entry('moved', 'rename'),
      before: 'name before',
    }),
    ['/data'],
  );
  t.like(head, { items: 10, bytes: 'changed'.length + 5_000 + 'one object'.length, epoch: 2 });
  const items = new Map((await allItems(keeper, head)).map((item) => [item.path, item]));
  const page = items.get('page')!;
  t.like(page, { kind: 'put', type: 'file', mode: 0o4751, uid: 33, gid: 44, mtimeNs: '1234567890123456789' });
  const [kept] = decodeAttributes(Buffer.from(page.attributes ?? '', 'base64'));
  t.deepEqual([...(kept?.value ?? [])], [0, 255]);
  for (const path of ['page', FOREIGN, 'dir/page', 'named twice']) {
    const kept = await contentOf(world, head, items.get(path)!);
    t.deepEqual(new Uint8Array(kept), new Uint8Array(user.readFile(path)), path);
    t.is(items.get(path)?.sha256, sha256(kept));
  }
  t.is(items.get('second name')?.sameAs, '0 named twice');
  t.is(items.get('second name')?.content, items.get('named twice')?.content);
  t.like(items.get('link'), { type: 'symlink', target: '../elsewhere' });
  t.is(items.get('pipe')?.type, 'special');
  t.is(items.get('dir')?.type, 'directory');
  t.is(items.get('old')?.type, 'gone');
  t.like(items.get('moved'), { kind: 'rename', before: 'name before', type: 'gone' });
});

test('killed at any step, with or without power: none or a whole one, the data untouched, and one more try makes exactly one', async (t) => {
  let steps = 0;
  for (let at = 1; ; at += 1) {
    const world = host();
    const { keeper, files, tree } = world;
    fill(world);
    const before = describeTree(tree);
    let left = at;
    files.beforeOperation = () => {
      left -= 1;
      // Whoever is dead does nothing more.
      if (left <= 0) throw new Fault('FS-IO', { path: 'killed', reason: 'test' });
    };
    const done = await keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']).then(
      () => true,
      () => false,
    );
    files.beforeOperation = () => {};
    if (!done && at % 2 === 0) files.volume.powerCut(new SeededRandom(at));
    const again = new QuarantineKeeper({ files, openTree: () => tree });
    for (const head of await again.list(SCENARIO)) await checkWhole(t, { ...world, keeper: again }, head);
    const head = await again.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']);
    t.deepEqual(await files.list(SCENARIO), [head.id], `step ${at}: exactly one, and nothing unfinished`);
    if (at % 2 === 0) files.volume.powerCut(new SeededRandom(at + 1));
    await checkWhole(t, { ...world, keeper: again }, head);
    t.deepEqual(describeTree(tree), before);
    steps = at;
    if (done) break;
  }
  t.true(steps > 20, `${steps} steps`);
});

test('discarding can be killed as well, and a damaged one does not hide the others', async (t) => {
  const world = host();
  const { keeper, files } = world;
  fill(world);
  const first = await keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']);
  const second = await keeper.keep(SCENARIO, { ...HEAD, through: 10 }, pagesOf(entry('page')), ['/data']);
  t.not(first.id, second.id, 'the same second');
  let renamed = false;
  files.beforeOperation = (operation) => {
    renamed ||= operation === 'rename';
    if (renamed && operation === 'remove') throw new Fault('FS-IO', { path: 'killed', reason: 'test' });
  };
  await t.throwsAsync(keeper.discard(SCENARIO, first.id));
  files.beforeOperation = () => {};
  t.deepEqual(
    (await keeper.list(SCENARIO)).map(({ id }) => id),
    [second.id],
  );
  await t.throwsAsync(keeper.items(SCENARIO, first.id), { message: /no quarantine/ });
  await files.remove(`${SCENARIO}/${second.id}/head.json`);
  const third = await keeper.keep(SCENARIO, { ...HEAD, through: 11 }, pagesOf(entry('page')), ['/data']);
  t.deepEqual((await keeper.list(SCENARIO)).map(({ id }) => id).sort(), [third.id, second.id].sort());
  t.deepEqual((await files.list(SCENARIO)).length, 2, 'what was half discarded is gone');
});

test('without room there is no quarantine, everything stays in place, and it says so', async (t) => {
  const world = host();
  const { keeper, files, tree } = world;
  fill(world);
  const before = describeTree(tree);
  files.freeBytes = () => 64 * 1024 * 1024 + 4_999;
  const fault = await t.throwsAsync(keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']), { instanceOf: Fault });
  t.is((fault as Fault).code, 'FS-FULL');
  files.freeBytes = () => Number.MAX_SAFE_INTEGER;
  files.volume.totalBytes = files.volume.usedBytes + 4_000;
  await t.throwsAsync(keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']), { message: /No space/ });
  t.deepEqual(await files.list(SCENARIO), []);
  t.deepEqual(describeTree(tree), before);
  files.volume.totalBytes = 2 ** 30;
  t.is((await keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data'])).items, ENTRIES.length);
});

test('a file that changes while it is read is read again; one that never rests is kept and marked', async (t) => {
  const world = host();
  const { keeper, files, user } = world;
  user.writeFile('once', 'before');
  user.writeFile('always', 'before');
  let writes = 0;
  files.beforeOperation = (operation, path) => {
    if (operation !== 'write' || !path.includes('content')) return;
    writes += 1;
    if (writes === 1) user.writeFile('once', 'behind!');
    else if (writes > 2) user.writeFile('always', `written ${writes}`);
  };
  const head = await keeper.keep(SCENARIO, HEAD, pagesOf(entry('once'), entry('always')), ['/data']);
  const [once, always] = await allItems(keeper, head);
  t.is(once?.torn, undefined);
  t.is((await contentOf(world, head, once!)).toString(), 'behind!');
  t.true(always?.torn);
});

test('a link above a name is not followed', async (t) => {
  const { keeper, user } = host();
  user.makeDirectory('real');
  user.writeFile('real/secret', 'secret');
  user.makeSymlink('dir', 'real');
  const head = await keeper.keep(SCENARIO, HEAD, pagesOf(entry('dir/secret')), ['/data']);
  const [item] = await allItems(keeper, head);
  t.is(item?.type, 'gone');
  t.is(item?.content, undefined);
});

test('long manifests are listed page by page', async (t) => {
  const { keeper } = host();
  const entries = Array.from({ length: 2_345 }, (_, n) => entry(`gone ${n}`, 'remove'));
  const head = await keeper.keep(SCENARIO, HEAD, pagesOf(...entries), ['/data']);
  const paths: string[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: { items: readonly QuarantineItem[]; next?: number } = await keeper.items(SCENARIO, head.id, { from });
    paths.push(...page.items.map(({ path }) => path));
    from = page.next;
  }
  t.deepEqual(
    paths,
    entries.map(({ path }) => path),
  );
});

test('what was kept comes out again on a real disk, byte exact with modes and times; damaged content does not', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'mainstay-quarantine-'));
  try {
    const world = host();
    const { tree, user } = world;
    fill(world);
    user.makeSymlink('link', '/nowhere');
    user.setMode('page', 0o640);
    user.setMtimeNs('page', 1_600_000_000_000_000_000n);
    const files = new QuarantineDisk(top);
    const keeper = new QuarantineKeeper({ files, openTree: () => tree });
    const head = await keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES, entry('link', 'symlink')), ['/data']);
    t.is(lstatSync(join(top, 'quarantine', SCENARIO, head.id)).mode & 0o777, 0o700);
    t.deepEqual(await keeper.keep(SCENARIO, HEAD, pagesOf(...ENTRIES), ['/data']), head, 'made once');

    const to = join(top, 'out');
    t.is(await keeper.extract(SCENARIO, head.id, to, undefined), 3);
    t.is(readFileSync(join(to, 'page'), 'utf8'), 'changed');
    t.is(lstatSync(join(to, 'page')).mode & 0o777, 0o640);
    t.is(lstatSync(join(to, 'page')).mtimeMs, 1_600_000_000_000);
    t.is(readlinkSync(join(to, 'link')), '/nowhere');
    t.deepEqual(readdirSync(join(to, 'dir')), ['page']);
    const names = readdirSync(to, { encoding: 'buffer' }).map((name) => name.toString('hex'));
    t.true(names.includes('66ff41'), names.join(' '));
    const there = await t.throwsAsync(keeper.extract(SCENARIO, head.id, to, undefined));
    t.is((there as Fault).code, 'FS-EXISTS');
    t.is(readFileSync(join(to, 'page'), 'utf8'), 'changed');
    t.is(await keeper.extract(SCENARIO, head.id, join(top, 'part'), 'dir'), 1);
    t.deepEqual(readdirSync(join(top, 'part')), ['dir']);

    const content = join(top, 'quarantine', SCENARIO, head.id, 'content', '0');
    chmodSync(content, 0o600);
    writeFileSync(content, 'chanGed');
    const fault = await t.throwsAsync(keeper.extract(SCENARIO, head.id, join(top, 'damaged'), undefined));
    t.is((fault as Fault).code, 'QUARANTINE-DAMAGED');
    t.false(readdirSync(top).includes('damaged'), 'nothing half is left');
    await keeper.discard(SCENARIO, head.id);
    t.deepEqual(readdirSync(join(top, 'quarantine', SCENARIO)), []);
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
});
