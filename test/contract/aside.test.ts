/** A tree that keeps aside what its volume cannot hold is a tree that holds everything; and what every store of it promises. */
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type AsideStore, RootAside } from '../../daemon/aside/kept-aside.ts';
import { AsideTree } from '../../daemon/aside/tree.ts';
import { LinuxTree } from '../../daemon/platform/linux/tree.ts';
import type { RootTree, TreeCapabilities } from '../../daemon/ports.ts';
import { SqliteAsideStore } from '../../daemon/store/aside-store.ts';
import { ALL_KINDS } from '../../shared/attributes.ts';
import { MemoryAsideStore } from '../memory/aside-store.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';
import { realFixture } from './real-directory.ts';
import type { TreeFixture } from './story.ts';
import { temporaryDirectories } from './temporary.ts';
import { treeStories } from './tree-suite.ts';

temporaryDirectories.removeAfterAll();

function memoryFixture(capabilities: Partial<TreeCapabilities>, whole: (tree: MemoryTree) => RootTree): TreeFixture {
  const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()), capabilities });
  const user = new MemoryUser(tree);
  return {
    tree: whole(tree),
    user: {
      writeFile: (path, content) => user.writeFile(path, content),
      readFile: (path) => Buffer.from(user.readFile(path)).toString(),
      makeDirectory: (path) => user.makeDirectory(path),
      makeSymlink: (path, target) => user.makeSymlink(path, target),
      rename: (from, to) => user.rename(from, to),
      remove: (path) => user.remove(path),
    },
    outside: { path: '/outside', list: () => ['nothing in memory is outside'] },
    replaceRoot: () => void tree.unmountToEmptyDirectory(),
    removeRoot: () => tree.vanish(),
    dispose: () => {},
  };
}

const inMemory = (tree: MemoryTree) => new AsideTree(tree, new RootAside(tree, new MemoryAsideStore()));
const POOR = { posixModes: false, owners: false, attributeKinds: 0 };
/** A tree on a real volume, as if it could hold less: modes and owners are not asked of it. */
function poorLinuxTree(root: string): LinuxTree {
  const tree = new LinuxTree(root);
  let held = tree.capabilities;
  Object.defineProperty(tree, 'capabilities', {
    get: () => ({ ...held, ...POOR }),
    set: (now: TreeCapabilities) => {
      held = now;
    },
  });
  return tree;
}

function onDisk(poor: boolean): TreeFixture {
  const fixture = realFixture(tmpdir(), (root) => {
    const tree = poor ? poorLinuxTree(root) : new LinuxTree(root);
    return new AsideTree(tree, new RootAside(tree, new SqliteAsideStore(`${root}.aside`)));
  });
  return fixture;
}

const fixtures: Record<string, () => TreeFixture> = {
  'memory that holds every kind': () => memoryFixture({ attributeKinds: ALL_KINDS }, (tree) => tree),
  'memory that holds nothing, kept aside': () => memoryFixture(POOR, inMemory),
  'memory without owners, kept aside': () => memoryFixture({ owners: false }, inMemory),
  'Linux, kept aside': () => onDisk(false),
  'Linux that holds nothing, kept aside': () => onDisk(true),
};
for (const [name, make] of Object.entries(fixtures)) {
  for (const { title, run } of treeStories({ name, manyNames: 500, awkwardNames: ['new\nline', 'e\u0301'], make })) {
    test.serial(title, (t) => {
      run();
      t.pass();
    });
  }
}

function storeContract(name: string, make: () => { open(): AsideStore; path?: string }): void {
  const id = (inode: bigint, birthNs = 5n) => ({ inode, birthNs });
  const bytes = (text: string) => Buffer.from(text);

  test(`${name}: the last value of an object is there, also for the next process once it was flushed`, (t) => {
    const place = make();
    const store = place.open();
    t.is(store.get(id(1n)), undefined);
    t.is(store.count, 0);
    if (place.path !== undefined) t.false(existsSync(place.path), 'nothing is made before there is something to keep');
    store.set(id(1n), 0b1, bytes('one'));
    store.set(id(1n, 6n), 0b10, bytes('same number, another object'));
    store.set(id(1n), 0b110, bytes('two'));
    store.setTold(0b11);
    t.deepEqual(Buffer.from(store.get(id(1n))!), bytes('two'));
    t.deepEqual([store.count, store.counts[0], store.counts[1], store.counts[2]], [2, 0, 2, 1]);
    store.flush();
    store.set(id(2n), 0b1, bytes('not flushed'));
    store.close();
    const next = place.open();
    t.deepEqual(Buffer.from(next.get(id(1n))!), bytes('two'));
    t.is(next.get(id(2n)), undefined);
    t.deepEqual([next.count, next.told, next.counts[1]], [2, 0b11, 2]);
    next.remove(id(1n));
    next.remove(id(9n));
    t.deepEqual([next.count, next.counts[1], next.counts[2]], [1, 1, 0]);
    next.flush();
    next.flush();
    next.close();
  });

  test(`${name}: identities of 64 bits, of other volumes and before 1970 are told apart`, (t) => {
    const store = make().open();
    const ids = [id(2n ** 64n - 1n), id((7n << 64n) | 1n), id(1n), id(1n, -1n)];
    for (const [index, one] of ids.entries()) store.set(one, 1, bytes(`${index}`));
    t.deepEqual(
      ids.map((one) => Buffer.from(store.get(one)!).toString()),
      ['0', '1', '2', '3'],
    );
    store.close();
  });
}

storeContract('memory store', () => {
  const store = new MemoryAsideStore();
  return { open: () => store };
});
storeContract('store', () => {
  const path = join(temporaryDirectories.make(), 'aside.sqlite');
  rmSync(path, { force: true });
  return { path, open: () => new SqliteAsideStore(path) };
});

test('small files are read by directory also where something is kept aside', (t) => {
  const fixture = onDisk(true);
  t.teardown(() => fixture.dispose());
  const { tree, user } = fixture;
  user.makeDirectory('dir');
  user.writeFile('dir/file', 'content');
  tree.setMetadata('dir/file', { mode: 0o4711, uid: 4_242, gid: 4_242 });
  const entry = tree.scan('dir')[0]!;
  t.like(entry, { mode: 0o4711, uid: 4_242 });
  const reader = tree.readDirectory?.('dir');
  const target = Buffer.alloc(entry.sizeBytes);
  t.true(reader?.read('file', entry, target));
  reader?.close();
  t.is(target.toString(), 'content');
});
