/** What the Master has deleted and the Replica keeps, in a synchronization and afterwards. */
import test, { type ExecutionContext } from 'ava';
import type { KeepDeleted } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();

function open(keepDeleted: KeepDeleted): EnginePair {
  const pair = new EnginePair(hasher);
  pair.user.makeDirectory('dir');
  pair.user.writeFile('dir/a', 'a');
  pair.user.writeFile('b', 'b');
  const replica = new MemoryUser(pair.replicaTree);
  replica.makeDirectory('old');
  replica.writeFile('old/file', 'only here');
  replica.makeDirectory('dir');
  replica.writeFile('dir/extra', 'only here');
  replica.writeFile('b', 'other');
  pair.startReplica({ keepDeleted });
  pair.startMaster();
  pair.connect();
  return pair;
}

/** Everything of the Master is on the Replica, and beside it exactly `kept`. */
function checkKept(t: ExecutionContext, pair: EnginePair, kept: readonly string[]): void {
  pair.barrier();
  const [mine, theirs] = [pair.replicaView(), pair.masterView()];
  t.deepEqual([...mine.keys()].filter((path) => !theirs.has(path)).sort(), [...kept].sort());
  for (const [path, text] of theirs) t.is(mine.get(path), text, path);
  t.deepEqual(pair.failures, []);
}

test('a synchronization leaves what only the Replica has, and a difference report leaves it out', (t) => {
  const pair = open({ synchronization: true, replication: false });
  t.is(pair.synchronize().removed, 0);
  checkKept(t, pair, ['dir/extra', 'old', 'old/file']);
  t.deepEqual(pair.diff(), { identical: true, differences: [], truncated: false });
  pair.user.remove('b');
  checkKept(t, pair, ['dir/extra', 'old', 'old/file']);
  pair.user.writeFile('old', 'a file of the name of a kept directory');
  checkKept(t, pair, ['dir/extra']);
  pair.close();
});

test('what is deleted during replication stays until its name is taken, whatever takes it', (t) => {
  const pair = open({ synchronization: false, replication: true });
  t.true(pair.synchronize().removed > 0);
  checkKept(t, pair, []);
  pair.user.remove('dir');
  pair.user.remove('b');
  checkKept(t, pair, ['b', 'dir', 'dir/a']);
  t.is(pair.diff().identical, true);
  pair.user.makeDirectory('b');
  pair.user.writeFile('b/inside', 'x');
  pair.user.makeDirectory('dir');
  pair.user.writeFile('dir/new', 'new');
  checkKept(t, pair, ['dir/a']);
  pair.user.remove('dir');
  pair.user.rename('b', 'dir');
  checkKept(t, pair, []);
  pair.user.writeFile('x', 'x');
  pair.user.writeFile('y', 'y');
  pair.barrier();
  pair.user.rename('x', 'swap');
  pair.user.rename('y', 'x');
  pair.user.rename('swap', 'y');
  checkKept(t, pair, []);
  pair.close();
});

test('a Replica killed and cut while it keeps what is deleted ends with everything of the Master', (t) => {
  const pair = open({ synchronization: true, replication: true });
  pair.synchronize();
  for (let round = 0; round < 12; round += 1) {
    pair.user.writeFile(`f${round}`, `${round}`);
    if (round > 2) pair.user.remove(`f${round - 3}`);
    pair.run(round * 3);
    pair.killReplica();
    pair.replicaTree.volume.powerCut(pair.random);
    pair.startReplica({ keepDeleted: { synchronization: true, replication: true } });
    pair.connect();
  }
  pair.barrier();
  const [mine, theirs] = [pair.replicaView(), pair.masterView()];
  for (const [path, text] of theirs) t.is(mine.get(path), text, path);
  t.deepEqual(pair.failures, []);
  pair.close();
});
