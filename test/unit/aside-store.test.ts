/** What one engine keeps aside, as the engine that feeds others from the same roots sees it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { SharedAsideStore, SqliteAsideStore } from '../../daemon/store/aside-store.ts';

const id = (inode: bigint) => ({ inode, birthNs: 5n });

test('another engine sees what is durable, at once, also the first value of all, and changes nothing', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-aside-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'aside.sqlite');
  const shared = new SharedAsideStore(path);
  const own = new SqliteAsideStore(path);
  t.is(shared.count, 0);
  own.set(id(1n), 1, Buffer.from('one'));
  t.is(shared.count, 0, 'not durable yet');
  t.is(shared.get(id(1n)), undefined);
  own.flush();
  t.is(shared.count, 1);
  t.deepEqual(Buffer.from(shared.get(id(1n))!), Buffer.from('one'));
  own.set(id(1n), 1, Buffer.from('two'));
  own.flush();
  t.deepEqual(Buffer.from(shared.get(id(1n))!), Buffer.from('two'));
  own.remove(id(1n));
  own.flush();
  t.is(shared.count, 0);
  t.throws(() => shared.set());
  own.set(id(2n), 1, Buffer.from('three'));
  own.flush();
  own.close();
  t.is(shared.count, 1, 'whoever keeps it may end');
  shared.close();
});
