import test from 'ava';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';
import { treeStories } from './tree-suite.ts';

const stories = treeStories({
  name: 'memory',
  manyNames: 20_000,
  awkwardNames: [' ', '-rf', 'new\nline', 'e\u0301', '\u00e9', '*', 'a\\b', 'x'.repeat(255)],
  make: () => {
    const tree = new MemoryTree({ volume: new MemoryVolume(new SimulatedClock()) });
    const user = new MemoryUser(tree);
    return {
      tree,
      user: {
        writeFile: (path, content) => user.writeFile(path, content),
        readFile: (path) => Buffer.from(user.readFile(path)).toString(),
        makeDirectory: (path) => user.makeDirectory(path),
        makeSymlink: (path, target) => user.makeSymlink(path, target),
        rename: (from, to) => user.rename(from, to),
        remove: (path) => user.remove(path),
      },
      outside: { path: '/outside', list: () => ['nothing in memory is outside'] },
      replaceRoot: () => void tree.unmountToEmptyDirectory(),
      removeRoot: () => tree.vanish(),
      dispose: () => {},
    };
  },
});
for (const { title, run } of stories) {
  test.serial(title, (t) => {
    run();
    t.pass();
  });
}
