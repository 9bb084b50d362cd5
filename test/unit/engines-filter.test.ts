/** A scenario with a file filter: both sides agree on what is replicated and leave the rest alone. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();

function filteredPair(t: ExecutionContext, fileFilter: readonly string[] = ['*.html']): EnginePair {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  pair.fileFilter = fileFilter;
  pair.user.makeDirectory('dir');
  pair.user.writeFile('dir/page.html', 'page');
  pair.user.writeFile('dir/page.tmp', 'not replicated');
  pair.user.makeSymlink('dir/link', 'page.tmp');
  pair.start();
  pair.synchronize();
  pair.barrier();
  return pair;
}

test('only files whose name matches are copied; directories and links all are', (t) => {
  const pair = filteredPair(t);
  t.deepEqual(
    [...pair.replicaTree.scan('dir')].map(({ name }) => name),
    ['link', 'page.html'],
  );
  t.deepEqual(pair.replicaView(), pair.masterView());
});

test('a synchronization and a comparison leave files of the Replica alone that do not match', (t) => {
  const pair = filteredPair(t);
  const there = new MemoryUser(pair.replicaTree);
  there.writeFile('dir/own.log', 'of the Replica');
  there.writeFile('dir/extra.html', 'to be removed');
  pair.replicaTree.setMetadata('dir', { mtimeNs: pair.masterTree.stat('dir')!.mtimeNs });
  t.deepEqual(
    pair.diff().differences.map(({ path, kind }) => `${path} ${kind}`),
    ['dir/extra.html extra'],
  );
  t.is(pair.synchronize().removed, 1);
  t.is(Buffer.from(there.readFile('dir/own.log')).toString(), 'of the Replica');
  t.true(pair.diff().identical);
  t.is(pair.synchronize().metadataOnly, 0);
});

test('a rename into the filter is a creation, a rename out of it a removal', (t) => {
  const pair = filteredPair(t);
  pair.user.rename('dir/page.html', 'dir/page.old');
  pair.user.rename('dir/page.tmp', 'dir/new.html');
  pair.barrier();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(
    [...pair.replicaTree.scan('dir')].map(({ name }) => name),
    ['link', 'new.html'],
  );
  t.is(Buffer.from(new MemoryUser(pair.replicaTree).readFile('dir/new.html')).toString(), 'not replicated');
});

test('a link in the place of a file that did not match keeps what the Replica had for an undo', (t) => {
  const pair = filteredPair(t);
  new MemoryUser(pair.replicaTree).writeFile('dir/page.tmp', 'of the Replica');
  pair.user.remove('dir/page.tmp');
  pair.user.makeSymlink('dir/page.tmp', 'page.html');
  pair.barrier();
  t.is(pair.replicaTree.readLink('dir/page.tmp'), 'page.html');
  new MemoryUser(pair.replicaTree).remove('dir/page.tmp');
  new MemoryUser(pair.replicaTree).writeFile('dir/page.tmp', 'again');
  pair.synchronize();
  t.is(pair.replicaTree.readLink('dir/page.tmp'), 'page.html');
  t.deepEqual(pair.replicaView(), pair.masterView());
});

test('another filter at the next run: what does not match any more stays on the Replica, what does now arrives', (t) => {
  const pair = filteredPair(t);
  pair.stopMaster();
  pair.killReplica();
  pair.fileFilter = ['*.tmp'];
  pair.startReplica();
  pair.startMaster();
  pair.connect();
  pair.synchronize();
  pair.user.writeFile('dir/page.html', 'no longer replicated');
  pair.user.writeFile('dir/more.tmp', 'now replicated');
  pair.barrier();
  const there = new MemoryUser(pair.replicaTree);
  t.is(Buffer.from(there.readFile('dir/page.html')).toString(), 'page');
  t.is(Buffer.from(there.readFile('dir/page.tmp')).toString(), 'not replicated');
  t.deepEqual(pair.replicaView(), pair.masterView());
});

test('a root that includes some places: nothing beside them is sent, and the Replica keeps what it has there', (t) => {
  const pair = new EnginePair(hasher, { exclude: ['*.bak'] });
  t.teardown(() => pair.close());
  pair.rootRules = { include: ['site', 'data/public'], exclude: ['cache'], fileFilter: ['*.html', '*.bak'] };
  const there = new MemoryUser(pair.replicaTree);
  for (const user of [pair.user, there]) {
    for (const path of ['site', 'site/cache', 'data', 'data/public', 'data/private', 'other']) user.makeDirectory(path);
  }
  pair.user.writeFile('site/page.html', 'page');
  pair.user.writeFile('site/page.bak', 'excluded by the scenario');
  pair.user.writeFile('site/cache/page.html', 'excluded by the root');
  pair.user.writeFile('site/notes.txt', 'another name');
  pair.user.writeFile('data/public/a.html', 'a');
  pair.user.writeFile('data/private/a.html', 'beside');
  pair.user.writeFile('other/a.html', 'beside');
  there.writeFile('other/own.html', 'of the Replica');
  there.writeFile('data/private/own.html', 'of the Replica');
  there.writeFile('site/extra.html', 'to be removed');
  pair.start();
  const result = pair.synchronize();
  pair.barrier();
  t.is(result.sentFiles, 2);
  t.is(result.removed, 1);
  const files = () => [...pair.replicaView()].filter(([, line]) => line.startsWith('file')).map(([path]) => path);
  t.deepEqual(files(), ['data/private/own.html', 'data/public/a.html', 'other/own.html', 'site/page.html']);
  t.true(pair.diff().identical);

  pair.user.writeFile('other/b.html', 'beside');
  pair.user.rename('other/a.html', 'site/a.html');
  pair.user.rename('site/page.html', 'data/private/page.html');
  pair.barrier();
  t.deepEqual(files(), ['data/private/own.html', 'data/public/a.html', 'other/own.html', 'site/a.html']);
  t.true(pair.diff().identical);
  t.is(pair.synchronize().sentFiles, 0);
});
