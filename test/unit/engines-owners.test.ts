/** Owners are applied by name where both hosts know it, by number where not. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { readOwners } from '../../daemon/platform/linux/owners.ts';
import { decodeAttributes } from '../../shared/attributes.ts';
import { baseName as baseOf, parentPath } from '../../shared/path.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const parentOf = (path: string) => parentPath(path) ?? '';
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

/** Entries of a POSIX access list as [tag, rights, number]. */
type AccessEntry = readonly [number, number, number];
function accessList(...entries: readonly AccessEntry[]): Uint8Array {
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2, 0);
  for (const [index, [tag, rights, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * index);
    bytes.writeUInt16LE(rights, 6 + 8 * index);
    bytes.writeUInt32LE(id, 8 + 8 * index);
  }
  return bytes;
}

const [OWNER, USER, GROUP, MASK, NOBODY] = [0x01, 0x02, 0x08, 0x10, 0xffff_ffff];

test('users and groups named in access lists are those of the same names, and are not sent again', (t) => {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  pair.masterTree.ownerNames = {
    users: [
      [33, 'www-data'],
      [48, 'backup'],
    ],
    groups: [[100, 'staff']],
  };
  pair.replicaTree.ownerNames = {
    users: [
      [33, 'backup'],
      [48, 'www-data'],
    ],
    groups: [[200, 'staff']],
  };
  const list = (name: string, ...entries: readonly AccessEntry[]) =>
    ({ kind: 'posix-acl', name, value: accessList(...entries) }) as const;
  const onMaster = list(
    'access',
    [OWNER, 6, NOBODY],
    [USER, 4, 33],
    [USER, 6, 1234],
    [GROUP, 4, 33],
    [GROUP, 6, 100],
    [MASK, 6, NOBODY],
  );
  const both = list('default', [USER, 7, 33], [USER, 5, 48]);
  const tag = { kind: 'xattr', name: 'user.tag', value: accessList([USER, 1, 33]) } as const;
  pair.user.makeDirectory('site');
  pair.user.writeFile('site/page', 'page');
  pair.user.setAttributes('site/page', [onMaster, tag]);
  pair.user.setAttributes('site', [both]);
  pair.start();
  pair.synchronize();
  pair.barrier();
  const held = (path: string) =>
    decodeAttributes(pair.replicaTree.attributesOf(parentOf(path), [baseOf(path)]).get(baseOf(path))!);
  const check = (path: string) => {
    const [xattr, access] = held(path);
    t.deepEqual(Buffer.from(xattr!.value), Buffer.from(tag.value), 'only access lists hold accounts');
    t.deepEqual(
      Buffer.from(access!.value),
      Buffer.from(
        accessList(
          [OWNER, 6, NOBODY],
          [USER, 4, 48],
          [USER, 6, 1234],
          [GROUP, 4, 33],
          [GROUP, 6, 200],
          [MASK, 6, NOBODY],
        ),
      ),
    );
  };
  check('site/page');
  t.deepEqual(Buffer.from(held('site')[0]!.value), Buffer.from(accessList([USER, 5, 33], [USER, 7, 48])));
  t.true(pair.diff().identical);
  t.is(pair.synchronize().metadataOnly, 0);

  pair.barrier();
  pair.user.writeFile('site/live', 'live');
  pair.user.setAttributes('site/live', [onMaster, tag]);
  pair.barrier();
  check('site/live');
  t.true(pair.diff().identical);
});

test('the accounts of this host are those of its files', (t) => {
  const { users, groups } = readOwners();
  t.true(users.some(([number, name]) => number === 0 && name === 'root'));
  t.true(groups.some(([number, name]) => number === 0 && name === 'root'));
});
