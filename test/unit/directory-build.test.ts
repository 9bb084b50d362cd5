/** New directories of a synchronization are built whole and renamed once: what a kill or a power cut leaves of them. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';
import { ReplicaHost, ScriptedMaster } from '../memory/scripted-master.ts';
import { MemoryTree } from '../memory/tree.ts';
import { describeTree, MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const hasher = await createContentHasher();

/** Directories of files only, one that also holds a directory, one too small to be built, and a file that is not inline. */
function siteOfDirectories(): MemoryTree {
  const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
  const user = new MemoryUser(tree);
  const random = new SeededRandom(11);
  for (const directory of ['a', 'mixed', 'mixed/inner', 'small', 'z']) user.makeDirectory(directory);
  for (const directory of ['a', 'mixed', 'mixed/inner', 'z']) {
    for (let n = 0; n < 6; n += 1) user.writeFile(`${directory}/file${n}`, random.bytes(1 + random.below(200)));
  }
  user.writeFile('small/one', 'one');
  user.writeFile('z/large', random.bytes(9_000));
  user.setMode('a/file1', 0o4755);
  user.setOwner('a/file2', 12, 13);
  for (const [n, path] of [...describeTree(tree).keys()].entries()) user.setMtimeNs(path, BigInt(n + 1) * 1_000_001n);
  return tree;
}

/** Files whose content is not the Master's: nothing may ever be torn (D9). */
function tornFiles(replica: MemoryTree, master: MemoryTree): string[] {
  const [theirs, ours] = [new MemoryUser(master), new MemoryUser(replica)];
  return [...describeTree(replica).keys()].filter((path) => {
    if (replica.stat(path)?.type !== 'file') return false;
    return Buffer.compare(ours.readFile(path), theirs.readFile(path)) !== 0;
  });
}

function synchronize(host: ReplicaHost, tree: MemoryTree) {
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  return master.synchronize(tree);
}

/** Ends the engine at its nth operation; false when there are fewer. */
function synchronizeUntil(host: ReplicaHost, tree: MemoryTree, n: number): boolean {
  let count = 0;
  host.tree.beforeOperation = () => {
    count += 1;
    if (count >= n) throw new Error('killed');
  };
  synchronize(host, tree);
  host.tree.beforeOperation = () => {};
  return count >= n;
}

test('directories of small files appear whole, by one rename each, and everything is equal', (t) => {
  const tree = siteOfDirectories();
  const host = new ReplicaHost(hasher);
  const commits: string[] = [];
  host.tree.beforeOperation = (operation, path) => {
    if (operation === 'commit') commits.push(path);
  };
  t.like(synchronize(host, tree), { created: 31, parked: 0 });
  t.deepEqual(describeTree(host.tree), describeTree(tree));
  t.true(commits.includes('a') && commits.includes('mixed/inner'));
  t.false(commits.some((path) => path.startsWith('a/') || path.startsWith('mixed/inner/')));
  t.true(commits.includes('mixed/file0'), 'a directory with other things in it is filled file by file');
});

for (const end of ['kill', 'power cut'] as const) {
  test(`a ${end} at any step leaves nothing torn, and the next synchronization makes both equal`, (t) => {
    const tree = siteOfDirectories();
    for (let n = 1; ; n += 1) {
      const host = new ReplicaHost(hasher);
      const killed = synchronizeUntil(host, tree, n);
      if (end === 'power cut') {
        const random = new SeededRandom(n);
        host.volume.powerCut(random);
        host.spoolLog.powerCut(random);
        host.journalLog.powerCut(random);
      }
      t.deepEqual(tornFiles(host.tree, tree), [], `${end} at ${n}`);
      host.boot();
      t.is(synchronize(host, tree)?.parked, 0, `${end} at ${n}`);
      t.deepEqual(describeTree(host.tree), describeTree(tree), `${end} at ${n}`);
      if (!killed) return;
    }
  });
}

test('a full disk while a directory is built only delays it', (t) => {
  const tree = siteOfDirectories();
  const host = new ReplicaHost(hasher);
  let refusals = 0;
  host.tree.beforeOperation = (operation, path) => {
    if (refusals >= 3 || operation !== 'write' || path !== 'file3') return;
    refusals += 1;
    throw new Fault('FS-FULL', { path });
  };
  const master = new ScriptedMaster(host, hasher);
  master.hello();
  master.synchronize(tree);
  master.settle(10_000);
  t.is(refusals, 3);
  t.deepEqual(describeTree(host.tree), describeTree(tree));
});

test('what came into a directory while it was built stays until the next comparison; its files arrive anyway', (t) => {
  const tree = siteOfDirectories();
  const host = new ReplicaHost(hasher);
  const stranger = new MemoryUser(host.tree);
  host.tree.beforeOperation = (operation, path) => {
    if (operation === 'commit' && path === 'a' && host.tree.stat('a/stranger') === undefined) {
      stranger.writeFile('a/stranger', 'x');
    }
  };
  t.like(synchronize(host, tree), { created: 31, parked: 0 });
  t.deepEqual(
    host.tree.scan('a').map(({ name }) => name),
    ['file0', 'file1', 'file2', 'file3', 'file4', 'file5', 'stranger'],
  );
  host.tree.beforeOperation = () => {};
  host.boot();
  t.like(synchronize(host, tree), { removed: 1, parked: 0 });
  t.deepEqual(describeTree(host.tree), describeTree(tree));
});

test('a link planted where a built directory belongs is not followed; its files are parked and told', (t) => {
  const tree = siteOfDirectories();
  const host = new ReplicaHost(hasher);
  const stranger = new MemoryUser(host.tree);
  host.tree.beforeOperation = (operation, path) => {
    if (operation !== 'commit' || path !== 'a' || host.tree.stat('a')?.type !== 'directory') return;
    stranger.remove('a');
    stranger.makeSymlink('a', 'z');
  };
  t.like(synchronize(host, tree), { parked: 6 });
  t.deepEqual(
    host.tree.scan('z').map(({ name }) => name),
    ['file0', 'file1', 'file2', 'file3', 'file4', 'file5', 'large'],
  );
});
