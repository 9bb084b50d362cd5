/** Files and symbolic links with several names: every name shows what was done through any, whichever of them has gone. */
import test, { type ExecutionContext } from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';
import { CaptureWorld } from './capture-world.ts';

const hasher = await createContentHasher();
const large = 'x'.repeat(300_000);

/** Three names of one file in three directories, known and sent. */
function threeNames(): CaptureWorld {
  const world = new CaptureWorld();
  for (const name of ['a', 'b', 'c']) world.user.makeDirectory(name);
  world.user.writeFile('a/f', 'first');
  world.user.link('a/f', 'b/f');
  world.user.link('a/f', 'c/f');
  world.settle();
  world.advance(60_000);
  world.settle();
  return world;
}

function check(t: ExecutionContext, world: CaptureWorld): void {
  world.settle();
  t.deepEqual(world.replicaView(), world.masterView());
  t.deepEqual(world.faults, []);
}

for (const [size, content] of [
  ['small', 'second'],
  ['large', large],
] as const) {
  test(`a ${size} file written through one name that goes before it is sent shows under the others`, (t) => {
    const world = threeNames();
    world.user.writeFile('b/f', content);
    world.user.remove('a');
    world.advance(21);
    world.step();
    world.user.remove('b/f');
    check(t, world);
  });

  test(`a ${size} file written through one name whose directory goes before it is looked at shows under the others`, (t) => {
    const world = threeNames();
    world.user.writeFile('b/f', content);
    world.user.remove('b');
    world.user.remove('a/f');
    check(t, world);
  });
}

test('rights set through one name that goes before they are sent are those of the others', (t) => {
  const world = threeNames();
  world.user.setMode('a/f', 0o600);
  world.user.setOwner('a/f', 5, 6);
  world.advance(21);
  while (world.step());
  world.user.remove('a');
  while (world.step());
  check(t, world);
});

test('names that move away while their file is written keep being one file', (t) => {
  const world = threeNames();
  world.user.writeFile('c/f', 'second');
  world.advance(5);
  world.step();
  world.user.rename('c', 'moved');
  world.user.rename('a/f', 'b/g');
  world.user.remove('moved/f');
  check(t, world);
});

test('two names of a symbolic link stay one link', (t) => {
  const world = new CaptureWorld();
  world.user.makeDirectory('d');
  world.user.makeSymlink('l', 'nowhere');
  world.user.link('l', 'd/m');
  check(t, world);
  world.user.link('d/m', 'n');
  world.user.rename('l', 'd/l');
  world.user.remove('d/m');
  check(t, world);
  world.user.setOwner('n', 7, 8);
  check(t, world);
});

test('a synchronization makes names of one symbolic link of what are several, and the other way round', (t) => {
  const pair = new EnginePair(hasher);
  pair.user.makeSymlink('l', 'target');
  pair.user.link('l', 'm');
  pair.user.makeDirectory('d');
  pair.user.link('l', 'd/l');
  pair.user.makeSymlink('own', 'target');
  pair.user.makeSymlink('other', 'target');
  for (const name of ['l', 'm', 'own']) pair.replicaTree.makeSymlink(name, 'target', {});
  pair.replicaTree.makeLink('own', 'other');
  pair.start();
  pair.synchronize();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.true(pair.diff().identical);
  pair.replicaTree.makeSymlink('m', 'target', {});
  t.false(pair.diff().identical);
  pair.synchronize();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.deepEqual(pair.failures, []);
  pair.close();
});
