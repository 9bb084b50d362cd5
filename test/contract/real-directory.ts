/** A root on a real file system, with what other programs do in it done by node:fs. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RootTree } from '../../daemon/ports.ts';
import type { TreeFixture } from './story.ts';

/** `base`: a directory on the file system to test. */
export function realFixture(base: string, open: (root: string) => RootTree): TreeFixture {
  const top = mkdtempSync(join(base, 'mainstay-contract-'));
  const root = join(top, 'root');
  const outside = join(top, 'outside');
  mkdirSync(root);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'not ours');
  const at = (path: string) => join(root, path);
  return {
    tree: open(root),
    user: {
      writeFile: (path, content) => writeFileSync(at(path), content),
      readFile: (path) => readFileSync(at(path), 'utf8'),
      makeDirectory: (path) => mkdirSync(at(path)),
      makeSymlink: (path, target) => symlinkSync(target, at(path)),
      rename: (from, to) => renameSync(at(from), at(to)),
      remove: (path) => rmSync(at(path), { recursive: true }),
    },
    outside: {
      path: outside,
      list: () => readdirSync(outside).map((name) => `${name}=${readFileSync(join(outside, name), 'utf8')}`),
    },
    replaceRoot: () => {
      renameSync(root, `${root}.away`);
      mkdirSync(root);
    },
    removeRoot: () => rmSync(root, { recursive: true }),
    dispose: () => rmSync(top, { recursive: true, force: true }),
  };
}
