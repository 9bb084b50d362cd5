import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
