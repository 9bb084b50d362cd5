/** The Master's record and spool: what is there after a kill, and what every query says about rows not written yet. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { IndexedStat, NewIntent } from '../../daemon/store/master-schema.ts';
import { MasterState } from '../../daemon/store/master-state.ts';

const MEMORY_DISK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

function stat(inode: bigint, type: IndexedStat['type'] = 'file', links = 1): IndexedStat {
  return {
    type,
    inode,
    birthNs: 1_700_000_000_123_456_789n,
    sizeBytes: 2 ** 40,
    mtimeNs: 1_700_000_000_987_654_321n,
    ctimeNs: 1_700_000_001_000_000_001n,
    mode: 0o640,
    uid: 4_000_000_000,
    gid: 5,
    links,
  };
}

function intent(path: string): NewIntent {
  return { kind: 'put', root: 0, entry: 1000, path, other: '', sizeBytes: 10, boundary: true };
}

test('after a kill exactly what was committed is there', (t) => {
  const directory = mkdtempSync(join(MEMORY_DISK, 'mainstay-state-'));
  const file = join(directory, 'master.sqlite');
  const first = new MasterState(file);
  first.transaction(() => {
    first.setRoot(0, stat(1n, 'directory'));
    const id = first.insert(1, 'kept', stat(2n));
    first.append({ ...intent('kept'), entry: id }, 5);
    first.setMeta('generation', 'abc');
  });
  first.begin();
  first.insert(1, 'lost', stat(3n));
  first.append(intent('lost'), 6);
  // Not committed: another process opens the file after this one is gone.
  first.close();
  const second = new MasterState(file);
  t.is(second.lookup(0, 'kept')?.inode, 2n);
  t.is(second.lookup(0, 'lost'), undefined);
  t.is(second.seq, 1);
  t.deepEqual(
    second.intentsAfter(0, 10).map(({ seq, path }) => [seq, path]),
    [[1, 'kept']],
  );
  t.is(second.meta('generation'), 'abc');
  t.true(second.insert(1, 'next', stat(4n)) > second.lookup(0, 'kept')!.id);
  second.close();
  rmSync(directory, { recursive: true });
});

test('every value survives exactly, also names that are not Unicode', (t) => {
  const state = new MasterState(':memory:');
  state.setRoot(0, stat(1n, 'directory'));
  const names = ['plain', 'ünï', 'broken\udcff\udc80', 'a b', "quote'"];
  for (const [at, name] of names.entries()) state.insert(1, name, stat(-5n - BigInt(at)));
  for (const [at, name] of names.entries()) {
    t.like(state.lookup(0, name), { ...stat(-5n - BigInt(at)), name, parent: 1 });
  }
  t.deepEqual(
    state
      .children(1)
      .map(({ name }) => name)
      .sort(),
    [...names].sort(),
  );
  state.append({ ...intent('dir/broken\udcff'), kind: 'rename', other: 'from\udc80' }, 1);
  t.like(state.intentsAfter(0, 1)[0], { path: 'dir/broken\udcff', other: 'from\udc80', kind: 'rename' });
});

test('rows that wait to be written are found by name, identity and parent', (t) => {
  const state = new MasterState(':memory:');
  state.begin();
  state.setRoot(0, stat(1n, 'directory'));
  const id = state.insert(1, 'd', stat(10n, 'directory'));
  for (let i = 0; i < 200; i += 1) {
    const child = state.insert(id, `f${i}`, stat(100n + BigInt(i)));
    t.is(state.child(id, `f${i}`)?.id, child);
    t.is(state.lookup(0, `d/f${i}`)?.id, child);
    t.deepEqual(
      state.byFileId(100n + BigInt(i), stat(0n).birthNs).map((row) => row.id),
      [child],
    );
  }
  t.is(state.children(id).length, 200);
  state.commit();
  t.is(state.countEntries(), 202);
});

test('moving a directory is one row and moves everything below it', (t) => {
  const state = new MasterState(':memory:');
  state.setRoot(0, stat(1n, 'directory'));
  const a = state.insert(1, 'a', stat(2n, 'directory'));
  const b = state.insert(a, 'b', stat(3n, 'directory'));
  state.insert(b, 'file', stat(4n));
  t.is(state.lookup(0, 'a/b/file')?.inode, 4n);
  state.move(state.lookup(0, 'a')!, 1, 'z');
  t.is(state.lookup(0, 'a/b/file'), undefined);
  t.is(state.lookup(0, 'z/b/file')?.inode, 4n);
  t.deepEqual(state.placeOf(state.lookup(0, 'z/b/file')!), { root: 0, path: 'z/b/file' });
  state.move(state.lookup(0, 'z/b')!, 1, 'b');
  t.deepEqual(state.placeOf(state.lookup(0, 'b/file')!), { root: 0, path: 'b/file' });
});

test('removing a tree removes all rows and names the files that may have other names', (t) => {
  const state = new MasterState(':memory:');
  state.setRoot(0, stat(1n, 'directory'));
  const a = state.insert(1, 'a', stat(2n, 'directory'));
  const b = state.insert(a, 'b', stat(3n, 'directory'));
  state.insert(b, 'single', stat(4n));
  state.insert(b, 'linked', stat(5n, 'file', 2));
  state.insert(1, 'linked-too', stat(5n, 'file', 2));
  t.deepEqual(
    state.removeTree(state.lookup(0, 'a')!).map(({ inode }) => inode),
    [5n],
  );
  t.is(state.lookup(0, 'a/b/single'), undefined);
  t.deepEqual(
    state.byFileId(5n, stat(0n).birthNs).map(({ name }) => name),
    ['linked-too'],
  );
  t.is(state.countEntries(), 2);
});

test('any change of an entry outdates the digest of its directory', (t) => {
  const state = new MasterState(':memory:');
  state.setRoot(0, stat(1n, 'directory'));
  const a = state.insert(1, 'a', stat(2n, 'directory'));
  state.insert(a, 'f', stat(3n));
  const change: Record<string, () => void> = {
    insert: () => void state.insert(a, 'g', stat(4n)),
    update: () => state.updateEntry(state.lookup(0, 'a/f')!, stat(3n)),
    move: () => state.move(state.lookup(0, 'a/f')!, 1, 'f'),
    'move in': () => state.move(state.lookup(0, 'f')!, a, 'f'),
    remove: () => void state.removeTree(state.lookup(0, 'a/f')!),
  };
  for (const [name, run] of Object.entries(change)) {
    state.setDigest(a, Uint8Array.of(1, 2, 3));
    t.deepEqual(Array.from(state.digest(a)!), [1, 2, 3]);
    run();
    t.is(state.digest(a), undefined, name);
  }
});

test('trimming the spool keeps numbers growing, also when it is empty and opened again', (t) => {
  const directory = mkdtempSync(join(MEMORY_DISK, 'mainstay-state-'));
  const file = join(directory, 'master.sqlite');
  const state = new MasterState(file);
  state.transaction(() => {
    for (let i = 0; i < 5; i += 1) state.append(intent(`f${i}`), i);
  });
  state.transaction(() => state.trim(3));
  t.deepEqual(
    state.intentsAfter(0, 10).map(({ seq }) => seq),
    [4, 5],
  );
  t.is(state.trimmedSeq, 3);
  state.transaction(() => state.trim(5));
  state.close();
  const again = new MasterState(file);
  t.is(again.seq, 5);
  t.is(again.append(intent('next'), 9).seq, 6);
  again.close();
  rmSync(directory, { recursive: true });
});

test('a transaction that throws leaves everything as it was', (t) => {
  const state = new MasterState(':memory:');
  state.setRoot(0, stat(1n, 'directory'));
  const a = state.insert(1, 'a', stat(2n, 'directory'));
  t.is(state.lookup(0, 'a')?.id, a);
  t.throws(() =>
    state.transaction(() => {
      state.append(intent('x'), 1);
      state.move(state.lookup(0, 'a')!, 1, 'b');
      state.insert(a, 'c', stat(3n));
      throw new Error('stop');
    }),
  );
  t.is(state.seq, 0);
  t.is(state.lookup(0, 'b'), undefined);
  t.is(state.lookup(0, 'a')?.id, a);
  t.is(state.lookup(0, 'a/c'), undefined);
});
