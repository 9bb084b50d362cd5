/** A host runs out of handles in any one operation on a root: it waits and goes on, and nothing is silently left out. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault } from '../../shared/faults.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import type { Side } from '../memory/pair-core.ts';
import type { TreeOperation } from '../memory/tree.ts';

const hasher = await createContentHasher();

function makePair(): EnginePair {
  const pair = new EnginePair(hasher);
  const { user } = pair;
  for (const directory of ['a', 'a/deep', 'b', 'gone', 'becomes-file']) user.makeDirectory(directory);
  for (const path of ['a/same', 'a/changed', 'a/deep/moved', 'gone/file', 'becomes-directory'])
    user.writeFile(path, path);
  user.link('a/same', 'b/linked');
  pair.start();
  pair.synchronize();
  pair.run(3_000);
  return pair;
}

/** Every kind of difference: new, changed, gone, moved, of another type, other metadata, attributes and hard links. */
function change({ user }: EnginePair): void {
  user.writeFile('a/changed', 'changed');
  user.rename('a/deep/moved', 'b/moved');
  user.remove('gone');
  user.remove('becomes-file');
  user.writeFile('becomes-file', 'now a file');
  user.remove('becomes-directory');
  user.makeDirectory('becomes-directory');
  user.writeFile('becomes-directory/inside', 'inside');
  user.makeDirectory('new');
  for (const name of ['one', 'two', 'three', 'four']) user.writeFile(`new/${name}`, name);
  user.makeSymlink('new/symlink', 'one');
  user.link('new/one', 'new/also-one');
  user.setMode('a/same', 0o600);
  user.setMode('b', 0o700);
  user.setAttributes('a', [{ kind: 'xattr', name: 'user.note', value: new TextEncoder().encode('note') }]);
}

function startAgain(pair: EnginePair, side: Side): void {
  pair.clock.after(500, () => {
    if (side === 'master') {
      pair.killMaster();
      pair.startMaster();
    } else {
      pair.killReplica();
      pair.startReplica();
    }
  });
}

/** As the supervisor does: whatever ends is begun again. */
function persist(pair: EnginePair, act: () => void): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      pair.connect();
      act();
      return;
    } catch (error) {
      if (attempt === 6) throw error;
      pair.run(1_000);
    }
  }
}

const STORIES: Readonly<Record<string, (pair: EnginePair, watch: () => void) => void>> = {
  'a synchronization': (pair, watch) => {
    pair.stopMaster();
    change(pair);
    pair.startMaster();
    watch();
    persist(pair, () => {
      pair.synchronize();
      pair.barrier();
    });
  },
  'live replication': (pair, watch) => {
    change(pair);
    watch();
    persist(pair, () => pair.barrier());
  },
};

/** Three in a row: also the first attempts to go on fail. */
function runWithout(story: (pair: EnginePair, watch: () => void) => void, side: Side, n: number) {
  const pair = makePair();
  try {
    let count = 0;
    pair.onFailed = (failed) => startAgain(pair, failed);
    const tree = side === 'master' ? pair.masterTree : pair.replicaTree;
    story(pair, () => {
      tree.beforeOperation = (operation: TreeOperation, path) => {
        if (operation === 'drop') return;
        count += 1;
        if (count >= n && count < n + 3) throw new Fault('FS-LIMIT', { path });
      };
    });
    pair.run(60_000);
    const master = pair.masterView();
    const replica = pair.replicaView();
    const paths = new Set([...master.keys(), ...replica.keys()]);
    return { reached: count >= n, different: [...paths].filter((path) => master.get(path) !== replica.get(path)) };
  } finally {
    pair.close();
  }
}

for (const side of ['replica', 'master'] as const) {
  for (const [name, story] of Object.entries(STORIES)) {
    test(`out of handles at any operation of ${name}, a ${side} loses nothing`, (t) => {
      const problems: string[] = [];
      let n = 1;
      for (; ; n += 3) {
        const { reached, different } = runWithout(story, side, n);
        if (different.length > 0) problems.push(`${n}: ${different.join(', ')}`);
        if (!reached) break;
      }
      t.true(n > 20, `only ${n} operations`);
      t.deepEqual(problems, []);
    });
  }
}
