/** Writes through a memory map that leave size and times as they were: only the close of the writer is seen. */
import test from 'ava';
import { CaptureWorld } from './capture-world.ts';

function protectedWorld(): CaptureWorld {
  const world = new CaptureWorld();
  world.user.makeDirectory('d');
  world.user.writeFile('small', 'before');
  world.user.writeFile('d/large', 'x'.repeat(3_000_000));
  world.user.link('small', 'd/other');
  world.settle();
  world.advance(60_000);
  world.settle();
  return world;
}

for (const path of ['small', 'd/large', 'd/other']) {
  test(`what is written into ${path} through a memory map arrives when its writer closes it`, (t) => {
    const world = protectedWorld();
    world.user.writeMapped(
      path,
      world.user.readFile(path).map((byte) => byte + 1),
    );
    world.settle();
    t.deepEqual(world.replicaView(), world.masterView());
    t.deepEqual(world.faults, []);
  });
}

test('a file opened for writing and closed as it was is not sent again', (t) => {
  const world = protectedWorld();
  const before = world.applier.contentBytes;
  for (let time = 0; time < 5; time += 1) {
    for (const path of ['small', 'd/large']) world.user.writeMapped(path, world.user.readFile(path));
    world.settle();
  }
  t.is(world.applier.contentBytes, before);
});

test('a large file closed again and again is read at intervals that grow with its size, and its last state arrives', (t) => {
  const world = protectedWorld();
  let reads = 0;
  const open = world.master.openRead.bind(world.master);
  world.master.openRead = (path) => {
    reads += 1;
    return open(path);
  };
  for (let time = 0; time < 200; time += 1) {
    world.user.writeMapped('d/large', world.user.readFile('d/large'));
    world.advance(10);
    while (world.step());
  }
  t.true(reads <= 3, `${reads} reads in two seconds`);
  t.true(reads > 0);
  world.user.writeMapped(
    'd/large',
    world.user.readFile('d/large').map((byte) => byte + 1),
  );
  world.settle();
  t.deepEqual(world.replicaView(), world.masterView());
});

test('a barrier waits for the comparison of what was closed before it', (t) => {
  const world = protectedWorld();
  world.user.writeMapped('d/large', world.user.readFile('d/large'));
  world.advance(1);
  while (world.step());
  world.user.writeMapped(
    'd/large',
    world.user.readFile('d/large').map((byte) => byte + 1),
  );
  world.advance(1);
  world.step();
  world.tracker.hurry();
  t.false(world.tracker.isFlushed());
  while (world.step());
  t.true(world.tracker.isFlushed());
  world.send();
  t.deepEqual(world.replicaView(), world.masterView());
});
