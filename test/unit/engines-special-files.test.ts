/** Sockets, pipes and devices are not replicated: the operator is told, and nothing of their names is touched on the Replica. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { MemoryUser } from '../memory/user.ts';

const hasher = await createContentHasher();

function texts(pair: EnginePair, code: string): string[] {
  return pair.events.filter((event) => event.code === code).map(({ text }) => text);
}

test('a Replica keeps its own sockets under the name of one, files and directories there go, and nothing is parked', (t) => {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  pair.user.makeDirectory('run');
  pair.user.makePipe('run/app.sock');
  pair.user.makePipe('run/gone');
  pair.user.writeFile('run/pid', '1');
  const there = new MemoryUser(pair.replicaTree);
  there.makeDirectory('run');
  there.makePipe('run/app.sock');
  there.makeDirectory('run/gone');
  there.writeFile('run/gone/old', 'from before');
  there.writeFile('run/extra', 'to be removed');
  pair.start();
  const result = pair.synchronize();
  pair.barrier();
  t.is(result.parked, 0);
  t.deepEqual(
    pair.replicaTree.scan('run').map(({ name, type }) => `${name} ${type}`),
    ['app.sock other', 'pid file'],
  );
  t.is(pair.replicaStatus?.parked, 0);
  t.deepEqual(texts(pair, 'SYN-005'), []);
  const again = pair.synchronize();
  t.deepEqual([again.removed, again.updated, again.metadataOnly, again.created], [0, 0, 0, 0]);
});

test('the operator is told once how many there are, with examples, and again when the number is another one', (t) => {
  const pair = new EnginePair(hasher, { exclude: ['tmp'] });
  t.teardown(() => pair.close());
  pair.user.makeDirectory('run');
  pair.user.makeDirectory('tmp');
  pair.user.makePipe('tmp/excluded');
  pair.user.makePipe('run/a.sock');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  t.deepEqual(texts(pair, 'CAP-007'), ['CAP-007{"count":1,"paths":"run/a.sock"}']);
  t.is(pair.masterStatus?.specialFiles, 1);

  pair.synchronize();
  pair.user.makePipe('run/b.sock');
  pair.user.writeFile('run/pid', '1');
  pair.barrier();
  pair.run(5_000);
  t.is(texts(pair, 'CAP-007').length, 2);
  t.is(pair.masterStatus?.specialFiles, 2);
  t.deepEqual(pair.diff(), {
    identical: true,
    differences: [],
    truncated: false,
    remarks: [{ kind: 'special-files', root: 0, count: 2, paths: ['run/a.sock', 'run/b.sock'] }],
  });

  pair.user.rename('run', 'moved');
  pair.barrier();
  pair.run(5_000);
  t.is(texts(pair, 'CAP-007').length, 2);
  pair.user.remove('moved/a.sock');
  pair.user.rename('moved/b.sock', 'b.sock');
  pair.barrier();
  pair.run(5_000);
  t.is(texts(pair, 'CAP-007').at(-1), 'CAP-007{"count":1,"paths":"b.sock"}');
  pair.user.remove('b.sock');
  pair.run(5_000);
  t.is(texts(pair, 'CAP-008').length, 1);
  t.is(pair.masterStatus?.specialFiles, undefined);
});

test('a directory full of sockets that goes takes them out of the count, also when the Master starts anew', (t) => {
  const pair = new EnginePair(hasher);
  t.teardown(() => pair.close());
  pair.user.makeDirectory('run');
  for (let n = 0; n < 20; n += 1) pair.user.makePipe(`run/${n}`);
  pair.user.makePipe('stays');
  pair.start();
  pair.synchronize();
  pair.run(5_000);
  t.is(pair.masterStatus?.specialFiles, 21);
  pair.killMaster();
  pair.startMaster();
  pair.connect();
  pair.barrier();
  pair.run(5_000);
  t.is(pair.masterStatus?.specialFiles, 21);
  pair.user.remove('run');
  pair.barrier();
  pair.run(5_000);
  t.is(pair.masterStatus?.specialFiles, 1);
  t.deepEqual(pair.replicaView(), new Map([...pair.masterView()].filter(([path]) => path !== 'stays')));
});
