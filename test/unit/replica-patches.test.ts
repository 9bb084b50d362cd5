/** Changes of large files as a Master that is broken, or nobody's friend, might send them: nothing of them reaches the file. */
import test from 'ava';
import { createContentHasher, hashWhole } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import type { Change } from '../../shared/change.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();
forceLargeFiles({ inlineBytes: 100, patchedBytes: 200, inPlaceBytes: 400, blockBytes: 64, sliceBytes: 128 });

const SIZE = 1_000;
const BEFORE_NS = 1_000_000_000n;
const AFTER_NS = 2_000_000_000n;
const OLD = new Uint8Array(SIZE).fill(1);
const NONE = new Uint8Array(0);

type Begin = Extract<Change, { readonly op: 'patch-begin' }>;
type Data = Extract<Change, { readonly op: 'patch-data' }>;

function metadata(mtimeNs: bigint) {
  return { mode: 0o644, uid: 0, gid: 0, mtimeNs };
}

function hash(bytes: Uint8Array): Uint8Array {
  return hashWhole(hasher, bytes).slice();
}

function begin(change: Partial<Begin> = {}): Begin {
  return {
    op: 'patch-begin',
    root: 0,
    path: 'large.db',
    metadata: metadata(AFTER_NS),
    token: 7,
    sizeBytes: SIZE,
    baseBytes: SIZE,
    baseMtimeNs: BEFORE_NS,
    ...change,
  };
}

function piece(position: number, change: Partial<Data> = {}): Data {
  const length = change.length ?? 64;
  const content = new Uint8Array(length).fill(9);
  const before = hash(OLD.subarray(position, position + length));
  return { op: 'patch-data', token: 7, position, length, oldLength: length, before, content, ...change };
}

function end(pieces: readonly Data[], change: Uint8Array = digestOf(pieces)): Change {
  return { op: 'put-end', token: 7, hash: change };
}

function digestOf(pieces: readonly Data[]): Uint8Array {
  return hash(Buffer.concat(pieces.map(({ content }) => hash(content))));
}

function live(): { host: ReplicaHost; master: ScriptedMaster; user: MemoryUser } {
  const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
  const here = new MemoryUser(tree);
  here.writeFile('large.db', OLD);
  here.setMtimeNs('large.db', BEFORE_NS);
  const host = new ReplicaHost(hasher);
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(tree);
  return { host, master, user: new MemoryUser(host.tree) };
}

test('what arrives whole is applied in place, zeros as well as bytes, and keeps nothing behind', (t) => {
  const { host, master, user } = live();
  const { inode } = host.tree.stat('large.db')!.id;
  const pieces = [piece(64), piece(128, { content: NONE }), piece(960, { length: 40 })];
  master.batchOf([begin(), ...pieces, end(pieces)], 1);
  master.settle(3_000);
  const wanted = OLD.slice().fill(9, 64, 128).fill(0, 128, 192).fill(9, 960);
  t.deepEqual(user.readFile('large.db').slice(), wanted);
  t.is(host.tree.stat('large.db')?.mtimeNs, AFTER_NS);
  t.is(host.tree.stat('large.db')?.id.inode, inode);
  t.deepEqual(master.of('repair'), []);
  t.deepEqual(host.tree.listKept(), []);
  t.deepEqual(host.tree.scan('').length, 1);
});

const WRONG: readonly [string, readonly Change[]][] = [
  ['a piece lost on the way', [begin(), piece(64), end([piece(64), piece(128)])]],
  ['a piece changed on the way', [begin(), piece(64, { content: new Uint8Array(64).fill(8) }), end([piece(64)])]],
  ['another old content', [begin(), piece(64, { before: hash(NONE) }), end([piece(64)])]],
  ['an old content behind the end', [begin({ baseBytes: SIZE + 64 }), piece(64), end([piece(64)])]],
  ['another time', [begin({ baseMtimeNs: 5n }), piece(64), end([piece(64)])]],
  ['a file that is not there', [begin({ path: 'absent.db' }), piece(64), end([piece(64)])]],
];

for (const [what, changes] of WRONG) {
  test(`${what}: the file stays as it is and is asked for whole`, (t) => {
    const { host, master, user } = live();
    master.batchOf(changes, 1);
    master.settle(3_000);
    t.deepEqual(user.readFile('large.db').slice(), OLD);
    t.is(host.tree.stat('large.db')?.mtimeNs, BEFORE_NS);
    t.is(master.of('repair').at(-1)?.paths.length, 1);
    t.is(master.closed, undefined);
  });
}

const REFUSED: readonly [string, readonly Change[]][] = [
  ['pieces that overlap', [begin(), piece(64), piece(100)]],
  ['pieces in the wrong order', [begin(), piece(128), piece(64)]],
  ['a piece behind the end', [begin(), piece(960)]],
  ['an old piece behind the old end', [begin({ sizeBytes: 2_000 }), piece(960, { oldLength: 64 })]],
  ['an empty piece', [begin(), piece(64, { length: 0, oldLength: 0, content: NONE })]],
  ['content of another length', [begin(), piece(64, { content: new Uint8Array(3) })]],
  ['a root that does not exist', [begin({ root: 3 })]],
];

for (const [what, changes] of REFUSED) {
  test(`${what}: refused, and the file stays as it is`, (t) => {
    const { host, master, user } = live();
    master.batchOf([...changes, end([])], 1);
    master.settle(3_000);
    t.true(master.closed !== undefined || master.of('repair').length > 0);
    t.false(host.notices.some((notice) => notice.type === 'failed'));
    t.deepEqual(user.readFile('large.db').slice(), OLD);
    t.is(host.tree.stat('large.db')?.mtimeNs, BEFORE_NS);
  });
}

test('a link planted in the place of the file or of its directory is never written through', (t) => {
  const { host, master, user } = live();
  user.remove('large.db');
  user.makeDirectory('elsewhere');
  user.writeFile('elsewhere/target', OLD);
  user.setMtimeNs('elsewhere/target', BEFORE_NS);
  user.makeSymlink('large.db', 'elsewhere/target');
  master.batchOf([begin(), piece(64), end([piece(64)])], 1);
  master.settle(3_000);
  user.makeSymlink('planted', 'elsewhere');
  master.batchOf([begin({ path: 'planted/target', token: 8 }), { ...piece(64), token: 8 }], 0);
  master.batchOf([{ op: 'put-end', token: 8, hash: digestOf([piece(64)]) }], 2);
  master.settle(3_000);
  t.deepEqual(user.readFile('elsewhere/target').slice(), OLD);
  t.is(host.tree.stat('large.db')?.type, 'symlink');
});
