/** Owners are applied by name where both hosts know it, by number where not. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { readOwners } from '../../daemon/platform/linux/owners.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

test('accounts with other numbers on the Replica own the same files; unknown ones go by number, also after a restart', (t) => {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  pair.masterTree.ownerNames = {
    users: [
      [33, 'www-data'],
      [1000, 'alice'],
      [1001, 'bob'],
    ],
    groups: [[33, 'www-data']],
  };
  pair.replicaTree.ownerNames = {
    users: [
      [33, 'other'],
      [48, 'www-data'],
      [1000, 'alice'],
    ],
    groups: [[48, 'www-data']],
  };
  const owner = (path: string): string => {
    const { uid, gid } = pair.replicaTree.stat(path)!;
    return `${uid}:${gid}`;
  };
  pair.user.makeDirectory('site');
  for (const name of ['www', 'alice', 'bob']) pair.user.writeFile(`site/${name}`, name);
  pair.user.setOwner('site', 33, 33);
  pair.user.setOwner('site/www', 33, 33);
  pair.user.setOwner('site/alice', 1000, 33);
  pair.user.setOwner('site/bob', 1001, 7);
  pair.start();
  pair.synchronize();
  pair.barrier();
  t.deepEqual(['site', 'site/www', 'site/alice', 'site/bob'].map(owner), ['48:48', '48:48', '1000:48', '1001:7']);
  t.true(pair.diff().identical);
  t.is(pair.synchronize().metadataOnly, 0);

  pair.barrier();
  pair.user.writeFile('site/live', 'live');
  pair.user.setOwner('site/live', 33, 7);
  pair.user.setOwner('site/bob', 33, 33);
  pair.run(2_000);
  pair.killReplica();
  pair.startReplica();
  pair.run(5_000);
  pair.connect();
  pair.barrier();
  t.deepEqual(['site/live', 'site/bob'].map(owner), ['48:7', '48:48']);
  t.true(pair.diff().identical);
});

test('the accounts of this host are those of its files', (t) => {
  const { users, groups } = readOwners();
  t.true(users.some(([number, name]) => number === 0 && name === 'root'));
  t.true(groups.some(([number, name]) => number === 0 && name === 'root'));
});
