/** What every root can do where names change places in one step, and where looks share a handle. */
import type { RootTree } from '../../daemon/ports.ts';
import type { Story } from './story.ts';
import { read } from './whole-file.ts';

function lookAt(tree: RootTree, path: string): unknown {
  const looker = tree.look!();
  try {
    return looker.stat(path);
  } finally {
    looker.close();
  }
}

/** Those of its methods that take a path, called with one. */
export function exchangeCalls(tree: RootTree): Record<string, (path: string) => unknown> {
  return {
    ...(tree.canExchange?.() === true && { exchange: (path) => tree.exchange!([{ path, keepName: 'k' }]) }),
    ...(tree.look !== undefined && { look: (path) => lookAt(tree, path) }),
  };
}

/** Stories of everything that changes places with kept objects, and of looks for a moment. */
export function exchangeStories(story: Story): void {
  story('one look after the other says what one stat after the other says', (t, f) => {
    if (f.tree.look === undefined) return;
    for (const directory of ['d', 'd/e', 'dd']) f.user.makeDirectory(directory);
    for (const path of ['top', '.hidden', 'd/a', 'd/b', 'd/e/a', 'dd/a', 'dd/.a']) f.user.writeFile(path, path);
    const looker = f.tree.look();
    const paths = ['', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'd/e/no', 'no', 'no/a', 'no/b', 'top/a', 'dd/a', 'dd/.a'];
    for (const path of [...paths, 'top', '.hidden', ...paths.toReversed()]) {
      const stat = f.tree.stat(path);
      t.deepEqual({ path, stat: looker.stat(path) }, { path, stat });
      const shape = looker.shape(path);
      t.deepEqual([path, shape?.type, shape?.sizeBytes], [path, stat?.type, stat?.sizeBytes]);
    }
    f.tree.rename('d', 'moved');
    looker.close();
    t.deepEqual(looker.stat('d/a'), undefined);
    t.deepEqual(looker.stat('moved/a'), f.tree.stat('moved/a'));
    looker.close();
  });

  story('objects of the root and kept ones change places, whatever they are, and nothing is ever absent', (t, f) => {
    if (f.tree.canExchange?.() !== true) return;
    const there = ['d/f', 'd/g', 'e/f', 'top', 'e/tree'];
    for (const directory of ['d', 'e', 'e/tree']) f.user.makeDirectory(directory);
    for (const path of ['d/f', 'd/g', 'e/f', 'top', 'e/tree/x']) f.user.writeFile(path, `now ${path}`);
    for (const [at, path] of there.entries()) {
      f.user.writeFile('other', `kept ${path}`);
      f.tree.keep('other', `k${at}`);
    }
    const pairs = there.map((path, at) => ({ path, keepName: `k${at}` }));
    const ids = pairs.map(({ path, keepName }) => [f.tree.stat(path)?.id, f.tree.keptObjects().stat(keepName)?.id]);
    f.tree.exchange!(pairs);
    for (const path of there) t.is(read(f.tree, path), `kept ${path}`);
    t.is(f.tree.keptObjects().stat('k4/x')?.type, 'file');
    const after = pairs.map(({ path, keepName }) => [f.tree.keptObjects().stat(keepName)?.id, f.tree.stat(path)?.id]);
    t.deepEqual(after, ids);
    f.tree.exchange!(pairs.toReversed());
    t.is(read(f.tree, 'e/tree/x'), 'now e/tree/x');
    t.is(read(f.tree, 'top'), 'now top');
    t.deepEqual(f.tree.listKept(), ['k0', 'k1', 'k2', 'k3', 'k4']);
  });

  story('very many change places in one call', (t, f) => {
    if (f.tree.canExchange?.() !== true) return;
    f.user.makeDirectory('d');
    const pairs = Array.from({ length: 300 }, (_, at) => ({ path: `d/${at}`, keepName: `k${at}` }));
    for (const { path, keepName } of pairs) {
      f.user.writeFile(path, `kept ${path}`);
      f.tree.keep(path, keepName);
      f.user.writeFile(path, `now ${path}`);
    }
    f.tree.exchange!(pairs);
    for (const { path } of pairs) t.is(read(f.tree, path), `kept ${path}`);
  });

  story('where one of a pair is missing the pairs before it are done and the others are as they were', (t, f) => {
    if (f.tree.canExchange?.() !== true) return;
    f.user.makeDirectory('d');
    for (const path of ['d/a', 'd/b', 'd/c']) f.user.writeFile(path, 'now');
    for (const keepName of ['ka', 'kc']) {
      f.user.writeFile('other', 'kept');
      f.tree.keep('other', keepName);
    }
    for (const missing of [
      { path: 'd/b', keepName: 'absent' },
      { path: 'd/absent', keepName: 'kc' },
      { path: 'absent/b', keepName: 'kc' },
    ]) {
      const pairs = [{ path: 'd/a', keepName: 'ka' }, missing, { path: 'd/c', keepName: 'kc' }];
      t.is(
        t.faultCode(() => f.tree.exchange!(pairs)),
        'FS-NOT-FOUND',
      );
      t.is(read(f.tree, 'd/a'), 'kept');
      t.is(read(f.tree, 'd/c'), 'now');
      f.tree.exchange!(pairs.slice(0, 1));
    }
    t.deepEqual(f.tree.listKept(), ['ka', 'kc']);
  });
}
