/** Space that holes give back, on the file systems of this host. */
import { closeSync, existsSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { LinuxTree } from '../../daemon/platform/linux/tree.ts';
import { realFixture } from './real-directory.ts';

const MIB = 1024 * 1024;
const TIB = 1024 * 1024 * MIB;

for (const base of [tmpdir(), '/dev/shm'].filter((place) => existsSync(place))) {
  test(`${base}: a cleared range gives its space back, and a copy of it takes none`, (t) => {
    const { tree, dispose } = realFixture(base, (root) => new LinuxTree(root));
    try {
      writeFileSync(join(tree.path, 'file'), Buffer.alloc(8 * MIB, 'x'));
      const file = tree.openWrite('file');
      file.clear(MIB, 6 * MIB);
      file.flush();
      file.close();
      t.true(tree.stat('file')!.allocatedBytes <= 2 * MIB + 65_536, `${tree.stat('file')!.allocatedBytes}`);
      const staged = tree.stage();
      staged.copyFrom('file', 0, 8 * MIB);
      staged.flush();
      staged.commit('copy');
      t.is(tree.stat('copy')!.sizeBytes, 8 * MIB);
      t.true(tree.stat('copy')!.allocatedBytes <= 2 * MIB + 65_536);
    } finally {
      tree.close();
      dispose();
    }
  });

  test(`${base}: the holes of a file of 1 TiB are passed over at once`, (t) => {
    const { tree, dispose } = realFixture(base, (root) => new LinuxTree(root));
    try {
      const handle = openSync(join(tree.path, 'huge'), 'w');
      ftruncateSync(handle, TIB);
      closeSync(handle);
      const change = tree.openWrite('huge');
      change.write(Buffer.from('data'), TIB / 2);
      change.close();
      const file = tree.openRead('huge');
      t.is(file.dataFrom?.(0), TIB / 2);
      t.is(file.dataFrom?.(TIB / 2 + MIB), TIB);
      t.is(file.dataFrom?.(TIB), TIB);
      file.close();
      const copy = tree.stage();
      copy.copyFrom('huge', 0, TIB);
      t.is(copy.sizeBytes(), TIB);
      copy.discard();
    } finally {
      tree.close();
      dispose();
    }
  });
}
