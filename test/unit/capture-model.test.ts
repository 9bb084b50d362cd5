/** What happens in the Master's root arrives on the Replica, whatever order and shape it happens in. */
import test, { type ExecutionContext } from 'ava';
import { CaptureWorld } from './capture-world.ts';

function check(t: ExecutionContext, world: CaptureWorld): void {
  world.settle();
  t.deepEqual(world.replicaView(), world.masterView());
  t.deepEqual(world.faults, []);
  t.deepEqual(world.repaired, []);
}

/** Runs `prepare`, lets it arrive, then `change`, and compares; returns what was sent for the second part. */
function story(
  t: ExecutionContext,
  prepare: (world: CaptureWorld) => void,
  change: (world: CaptureWorld) => void,
): { world: CaptureWorld; sent: string[]; contentBytes: number } {
  const world = new CaptureWorld();
  prepare(world);
  check(t, world);
  world.clock.advance(60_000);
  world.settle();
  const before = world.applier.log.length;
  const bytesBefore = world.applier.contentBytes;
  change(world);
  check(t, world);
  return {
    world,
    sent: world.applier.log.slice(before),
    contentBytes: world.applier.contentBytes - bytesBefore,
  };
}

const big = 'x'.repeat(100_000);

test('files, directories and links that are created arrive', (t) => {
  const world = new CaptureWorld();
  world.user.makeDirectory('d');
  world.user.writeFile('d/a', 'one');
  world.user.makeSymlink('d/l', '../elsewhere');
  world.user.link('d/a', 'b');
  world.user.setMode('d/a', 0o600);
  world.user.setOwner('d', 33, 44);
  check(t, world);
});

test('a large file arrives in pieces, its zeros as holes', (t) => {
  const world = new CaptureWorld();
  const content = new Uint8Array(3 * 1024 * 1024 + 77);
  content.fill(7, 2_000_000, 2_500_000);
  world.user.writeFile('big', content);
  check(t, world);
  t.true(world.applier.log.includes('put-end'));
  t.true(world.applier.contentBytes < 1_100_000);
});

test('moving a directory sends one rename and no content', (t) => {
  const { sent, contentBytes } = story(
    t,
    ({ user }) => {
      user.makeDirectory('a');
      user.makeDirectory('a/sub');
      for (let i = 0; i < 100; i += 1) user.writeFile(`a/sub/${i}`, big);
    },
    ({ user }) => user.rename('a', 'b'),
  );
  t.is(contentBytes, 0);
  t.deepEqual(
    sent.filter((op) => !op.startsWith('metadata')),
    ['rename b'],
  );
});

test('a chain of renames a -> b -> c sends no content', (t) => {
  const { contentBytes } = story(
    t,
    ({ user }) => {
      user.writeFile('a', big);
      user.writeFile('x', 'other');
    },
    ({ user }) => {
      user.rename('a', 'b');
      user.rename('x', 'a');
      user.rename('b', 'c');
    },
  );
  t.is(contentBytes, 0);
});

test('two files that change places send no content', (t) => {
  const { contentBytes } = story(
    t,
    ({ user }) => {
      user.writeFile('a', big);
      user.writeFile('b', `${big}b`);
    },
    ({ user }) => {
      user.rename('a', 't');
      user.rename('b', 'a');
      user.rename('t', 'b');
    },
  );
  t.is(contentBytes, 0);
});

test('two directories that change places send no content', (t) => {
  const { contentBytes } = story(
    t,
    ({ user }) => {
      for (const name of ['a', 'b']) {
        user.makeDirectory(name);
        user.writeFile(`${name}/f`, big + name);
      }
    },
    ({ user }) => {
      user.rename('a', 't');
      user.rename('b', 'a');
      user.rename('t', 'b');
    },
  );
  t.is(contentBytes, 0);
});

test('parent and child directory that change places send no content', (t) => {
  const { contentBytes } = story(
    t,
    ({ user }) => {
      user.makeDirectory('a');
      user.writeFile('a/in-a', big);
      user.makeDirectory('a/b');
      user.writeFile('a/b/in-b', big);
    },
    ({ user }) => {
      user.rename('a/b', 't');
      user.rename('a', 't/b');
      user.rename('t', 'a');
    },
  );
  t.is(contentBytes, 0);
});

test('a directory removed and made again under its name has only the new entries', (t) => {
  story(
    t,
    ({ user }) => {
      user.makeDirectory('d');
      user.writeFile('d/old', big);
      user.makeDirectory('d/sub');
      user.writeFile('d/sub/f', 'x');
    },
    ({ user }) => {
      user.remove('d');
      user.makeDirectory('d');
      user.writeFile('d/new', 'n');
      user.makeDirectory('d/sub');
      user.writeFile('d/sub/g', 'y');
    },
  );
});

test('a directory becomes a file and a file a directory', (t) => {
  story(
    t,
    ({ user }) => {
      user.makeDirectory('d');
      user.writeFile('d/x', 'x');
      user.writeFile('f', 'f');
      user.makeSymlink('l', 'd');
    },
    ({ user }) => {
      user.remove('d');
      user.writeFile('d', 'now a file');
      user.remove('f');
      user.makeDirectory('f');
      user.writeFile('f/y', 'y');
      user.remove('l');
      user.makeDirectory('l');
    },
  );
});

test('a directory moved away and replaced by a link leaves nothing behind', (t) => {
  const { contentBytes } = story(
    t,
    ({ user }) => {
      user.makeDirectory('d');
      user.writeFile('d/x', big);
    },
    ({ user }) => {
      user.rename('d', 'real');
      user.makeSymlink('d', 'real');
    },
  );
  t.is(contentBytes, 0);
});

test('a tree moved into the root arrives whole although only its top was reported', (t) => {
  const world = new CaptureWorld();
  world.user.moveIn('tree', (elsewhere) => {
    elsewhere.makeDirectory('deep');
    elsewhere.makeDirectory('deep/er');
    for (let i = 0; i < 300; i += 1) elsewhere.writeFile(`deep/er/${i}`, `${i}`);
    elsewhere.makeSymlink('l', 'deep');
  });
  check(t, world);
  t.is(world.replicaView().size, 305);
});

test('a file renamed and then written arrives with its new content', (t) => {
  story(
    t,
    ({ user }) => user.writeFile('a', big),
    ({ user }) => {
      user.rename('a', 'b');
      user.append('b', 'tail');
    },
  );
});

test('a file written in a directory that is renamed at once arrives', (t) => {
  story(
    t,
    ({ user }) => {
      user.makeDirectory('a');
      user.writeFile('a/x', 'old');
    },
    ({ user }) => {
      user.writeFile('a/x', 'new content');
      user.rename('a', 'b');
      user.rename('b', 'c');
    },
  );
});

test('a file written in a directory whose name another takes at once arrives', (t) => {
  story(
    t,
    ({ user }) => {
      for (const name of ['a', 'z']) {
        user.makeDirectory(name);
        user.writeFile(`${name}/x`, `old ${name}`);
      }
    },
    ({ user }) => {
      user.writeFile('a/x', 'new content');
      user.rename('a', 'b');
      user.rename('z', 'a');
    },
  );
});

test('the save pattern of editors (write beside, rename over) arrives', (t) => {
  story(
    t,
    ({ user }) => user.writeFile('page.html', 'one'),
    ({ user }) => {
      user.writeFile('.page.html.swp', 'swap');
      user.link('page.html', 'page.html~');
      user.writeFile('4913', '');
      user.remove('4913');
      user.writeFile('page.tmp', 'two');
      user.rename('page.tmp', 'page.html');
      user.remove('page.html~');
      user.remove('.page.html.swp');
    },
  );
});

test('a write through one name of a hard link reaches all names, which stay one file', (t) => {
  const { world } = story(
    t,
    ({ user }) => {
      user.makeDirectory('d');
      user.writeFile('a', 'one');
      user.link('a', 'd/b');
      user.link('a', 'c');
    },
    ({ user }) => user.writeFile('d/b', 'changed'),
  );
  const view = world.replicaView();
  t.true(view.get('c')!.endsWith('= a'));
  t.true(view.get('d/b')!.endsWith('= a'));
});

test('removing one name of a hard link keeps the others', (t) => {
  story(
    t,
    ({ user }) => {
      user.writeFile('a', 'one');
      user.link('a', 'b');
      user.link('a', 'c');
    },
    ({ user }) => {
      user.remove('a');
      user.rename('b', 'a');
    },
  );
});

test('an inode number used again is not taken for a rename', (t) => {
  const { world, sent } = story(
    t,
    ({ user }) => user.writeFile('a', 'first'),
    ({ user }) => {
      user.remove('a');
      user.writeFile('b', 'second');
    },
  );
  t.is(world.user.readFile('b').length, 6);
  t.false(sent.some((op) => op.startsWith('rename')));
});

test('a change of rights sends no content', (t) => {
  const world = new CaptureWorld();
  world.user.writeFile('a', big);
  world.settle();
  world.clock.advance(60_000);
  world.settle();
  const bytes = world.applier.contentBytes;
  world.master.volume.setMetadata(world.master.place('a').node!, { mode: 0o400, uid: 12 });
  world.capture.emit({ kind: 'dirty', root: 0, path: 'a', closed: false });
  check(t, world);
  t.is(world.applier.contentBytes, bytes);
});

test('a file that is being written is sent after a second of quiet, not at every write', (t) => {
  const world = new CaptureWorld();
  world.user.writeOpen('log', 'a');
  for (let i = 0; i < 50; i += 1) {
    world.clock.advance(100);
    world.user.writeOpen('log', 'a'.repeat(i + 2));
    while (world.step());
    world.send();
  }
  t.is(world.applier.log.filter((op) => op === 'put log').length, 0);
  check(t, world);
  t.is(world.applier.log.filter((op) => op === 'put log').length, 1);
});

test('a file that is never closed and never quiet is sent every ten seconds', (t) => {
  const world = new CaptureWorld();
  for (let i = 0; i < 310; i += 1) {
    world.user.writeOpen('log', `line ${i}`);
    world.clock.advance(100);
    while (world.step());
    world.send();
  }
  const count = world.applier.log.filter((op) => op === 'put log').length;
  t.true(count >= 2 && count <= 4, `${count} times`);
});

test('changes of one file that were not sent yet are sent once', (t) => {
  const world = new CaptureWorld();
  for (let i = 0; i < 100; i += 1) {
    world.user.writeFile('a', `version ${i}`);
    world.clock.advance(50);
    while (world.step());
  }
  world.send();
  t.is(world.applier.log.filter((op) => op === 'put a').length, 1);
  check(t, world);
});

test('removing a large tree is one operation once all of it is gone', (t) => {
  const { sent } = story(
    t,
    ({ user }) => {
      user.makeDirectory('d');
      for (let i = 0; i < 400; i += 1) user.writeFile(`d/${i}`, 'x');
    },
    ({ user }) => user.remove('d'),
  );
  t.deepEqual(
    sent.filter((op) => !op.startsWith('metadata')),
    ['remove d'],
  );
});

test('excluded places stay where they are', (t) => {
  const world = new CaptureWorld({ exclude: ['*.tmp', 'cache/**'] });
  world.user.writeFile('a.tmp', 'x');
  world.user.makeDirectory('cache');
  world.user.writeFile('cache/x', 'x');
  world.user.writeFile('kept', 'x');
  world.user.rename('a.tmp', 'a.txt');
  world.user.writeFile('b.txt', 'b');
  world.settle();
  world.user.rename('b.txt', 'b.tmp');
  world.settle();
  t.deepEqual([...world.replicaView().keys()], ['', 'a.txt', 'cache', 'kept']);
});

test('lost notifications that are signalled are made good by a rescan', (t) => {
  const world = new CaptureWorld();
  for (const name of ['a', 'b', 'c']) {
    world.user.makeDirectory(name);
    for (let i = 0; i < 20; i += 1) world.user.writeFile(`${name}/${i}`, `${name}${i}`);
  }
  check(t, world);
  world.clock.advance(60_000);
  world.user.writeFile('a/3', 'changed');
  world.user.remove('b/4');
  world.user.rename('c', 'b/c');
  world.user.makeDirectory('new');
  world.user.writeFile('new/x', 'x');
  world.capture.overflow(0);
  check(t, world);
});

test('pipes are not replicated and replace what was there', (t) => {
  const world = new CaptureWorld();
  world.user.writeFile('a', 'x');
  world.settle();
  world.user.remove('a');
  world.user.makePipe('a');
  world.settle();
  t.deepEqual([...world.replicaView().keys()], ['']);
});
