/** Volumes mounted below a root: found when they appear, and never taken for deleted when they go. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { DirectoryNode } from '../memory/volume.ts';

const hasher = await createContentHasher();

interface Mounted {
  readonly pair: EnginePair;
  readonly volume: DirectoryNode;
  readonly below: DirectoryNode;
}

function tellMounts(pair: EnginePair, paths: readonly string[]): void {
  pair.capture.emit({ kind: 'mounts', root: 0, paths });
  pair.run(100);
}

/** A protected pair with a volume mounted at `data/volume` while it ran. */
function mounted(): Mounted {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('data');
  pair.user.makeDirectory('data/volume');
  pair.user.writeFile('data/beside', 'beside');
  pair.start();
  pair.synchronize();
  const volume = pair.masterTree.volume.createDirectory();
  const below = pair.user.mount('data/volume', volume);
  pair.user.makeDirectory('data/volume/d');
  pair.user.writeFile('data/volume/d/file', 'on the volume');
  tellMounts(pair, ['data/volume']);
  return { pair, volume, below };
}

function checkEqual(t: ExecutionContext, pair: EnginePair): void {
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
}

test('what is on a volume that is mounted later is replicated', (t) => {
  const { pair } = mounted();
  checkEqual(t, pair);
  t.true(pair.codes().includes('MNT-003'));
  pair.close();
});

for (const told of [true, false]) {
  test(`a volume that is unmounted ${told ? '' : 'without a notification '}deletes nothing, and is compared when it is back`, (t) => {
    const { pair, volume, below } = mounted();
    pair.barrier();
    const before = pair.replicaView();
    pair.user.mount('data/volume', below);
    if (told) tellMounts(pair, []);
    pair.call({ name: 'rescan', root: 0, path: '' });
    pair.run(5_000);
    t.deepEqual(pair.replicaView(), before);
    t.true(pair.codes().includes('MNT-001'));
    t.is(pair.masterStatus?.unreadable, 1);
    pair.user.writeFile('data/beside', 'goes on');
    t.throws(() => pair.barrier(), { message: /data\/volume/ }, 'what is there now cannot be known');
    t.regex(pair.replicaView().get('data/beside') ?? '', /goes on/);
    pair.user.mount('data/volume', volume);
    pair.user.writeFile('data/volume/d/file', 'changed elsewhere');
    pair.user.remove('data/volume/d/file');
    tellMounts(pair, ['data/volume']);
    pair.run(1_000);
    checkEqual(t, pair);
    t.true(pair.codes().includes('MNT-002'));
    t.is(pair.masterStatus?.unreadable, 0);
    pair.close();
  });
}

test('a volume that is missing after a restart of the Master deletes nothing', (t) => {
  const { pair, below } = mounted();
  pair.barrier();
  const before = pair.replicaView();
  pair.killMaster();
  pair.user.mount('data/volume', below);
  pair.startMaster();
  pair.connect();
  pair.run(10_000);
  t.deepEqual(pair.replicaView(), before);
  t.true(pair.codes().includes('MNT-001'));
  t.throws(() => pair.synchronize({ adoptRoots: false }), { message: /data\/volume/ });
  t.deepEqual(pair.replicaView(), before);
  pair.close();
});

test('a directory above a missing volume is not removed with what was mounted in it', (t) => {
  const { pair, below } = mounted();
  pair.barrier();
  pair.user.mount('data/volume', below);
  pair.user.remove('data');
  pair.run(5_000);
  t.true(pair.replicaView().has('data/volume/d/file'));
  pair.close();
});

test('running the scenario again gives a missing volume up', (t) => {
  const { pair, below } = mounted();
  pair.barrier();
  pair.user.mount('data/volume', below);
  tellMounts(pair, []);
  pair.synchronize({ adoptRoots: true });
  checkEqual(t, pair);
  t.false(pair.replicaView().has('data/volume/d/file'));
  pair.close();
});
