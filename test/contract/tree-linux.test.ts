import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { forceListByPath } from '../../daemon/platform/linux/attributes.ts';
import { forceComponentWalk } from '../../daemon/platform/linux/libc.ts';
import { LinuxTree } from '../../daemon/platform/linux/tree.ts';
import { realFixture } from './real-directory.ts';
import { treeStories } from './tree-suite.ts';

/** Bytes that are not UTF-8 arrive as lone surrogates (shared/path.ts). */
const awkwardNames = [
  ' ',
  '-rf',
  'new\nline',
  'e\u0301',
  '\u00e9',
  '*',
  'a\\b',
  'x'.repeat(255),
  '\ufffd',
  'raw\udcff\udc80byte',
];

const places = { disk: tmpdir(), ...(existsSync('/dev/shm') && { tmpfs: '/dev/shm' }) };
for (const [name, base] of Object.entries(places)) {
  for (const walk of [false, true]) {
    const stories = treeStories({
      name: `Linux, ${name}, ${walk ? 'as an old kernel' : 'openat2'}`,
      awkwardNames,
      manyNames: 20_000,
      make: () => {
        forceComponentWalk(walk);
        forceListByPath(walk);
        return realFixture(base, (root) => new LinuxTree(root));
      },
    });
    for (const { title, run } of stories) {
      test.serial(title, (t) => {
        run();
        t.pass();
      });
    }
  }
}

for (const [name, base] of Object.entries(places)) {
  test.serial(`Linux, ${name}: what changed places in a directory that others moved meanwhile is taken back`, (t) => {
    const { user, outside, dispose, ...fixture } = realFixture(base, (root) => new LinuxTree(root));
    const tree = fixture.tree as LinuxTree;
    const beside = `${outside.path}-moved`;
    try {
      user.makeDirectory('d');
      const pairs = ['a', 'b', 'c'].map((file) => ({ path: `d/${file}`, keepName: `k${file}` }));
      for (const { path, keepName } of pairs) {
        user.writeFile(path, 'kept');
        tree.keep(path, keepName);
        user.writeFile(path, 'now');
      }
      const moving = pairs.map(({ path, keepName }, at) => ({
        path,
        get keepName() {
          if (at === 1 && existsSync(join(tree.path, 'd'))) renameSync(join(tree.path, 'd'), beside);
          return keepName;
        },
      }));
      t.throws(() => tree.exchange(moving), { code: 'FS-NOT-FOUND' });
      for (const file of ['a', 'b', 'c']) t.is(readFileSync(join(beside, file), 'utf8'), 'now');
      renameSync(beside, join(tree.path, 'd'));
      tree.exchange(pairs);
      for (const file of ['a', 'b', 'c']) t.is(readFileSync(join(tree.path, 'd', file), 'utf8'), 'kept');
    } finally {
      tree.close();
      rmSync(beside, { recursive: true, force: true });
      dispose();
    }
  });
}
