/** More changes at once than are kept one by one: memory stays bounded, and everything arrives. */
import test from 'ava';
import { CaptureWorld } from './capture-world.ts';

test('more files removed at once than removals are kept are all removed, and what is made meanwhile stays', (t) => {
  const world = new CaptureWorld({ removalsLimit: 1_000 });
  world.user.makeDirectory('d');
  for (let file = 0; file < 4_000; file += 1) world.user.writeFile(`d/f${file}`, '');
  world.settle();
  for (let file = 0; file < 4_000; file += 1) world.user.remove(`d/f${file}`);
  for (let file = 0; file < 500; file += 1) world.user.writeFile(`d/n${file}`, 'new');
  world.settle();
  t.deepEqual(world.replicaView(), world.masterView());
});

test('a directory that is moved after thousands of changes in it were seen to be missing keeps them', (t) => {
  const world = new CaptureWorld();
  world.user.makeDirectory('a');
  for (let file = 0; file < 3_000; file += 1) world.user.writeFile(`a/f${file}`, 'before');
  world.settle();
  world.advance(60_000);
  world.settle();
  const { disturb } = world;
  const renames: Parameters<typeof disturb>[0][number][] = [];
  world.disturb = (hints) => {
    renames.push(...hints.filter((hint) => hint.kind === 'rename'));
    return hints.filter((hint) => hint.kind !== 'rename');
  };
  for (let file = 0; file < 3_000; file += 1) world.user.writeFile(`a/f${file}`, `after ${file}`);
  world.user.rename('a', 'b');
  world.advance(1);
  while (world.step());
  world.disturb = disturb;
  for (const hint of renames) world.capture.emit(hint);
  world.settle();
  t.deepEqual(world.replicaView(), world.masterView());
  t.deepEqual(world.faults, []);
});
