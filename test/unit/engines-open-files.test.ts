/** What the Master opened is closed whatever goes wrong with it, or handles run out; and the link goes on. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { forceLargeFiles } from '../../daemon/link/large-files.ts';
import { Fault } from '../../shared/faults.ts';
import { SMALL_LARGE_FILES } from '../memory/change-script.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

type Unreadable = 'attributes' | 'a later piece';

/** Files that are open on the Master; something of one cannot be read once. */
function watchFiles(
  pair: EnginePair,
  what: Unreadable,
): { readonly open: () => number; readonly failed: () => boolean } {
  const tree = pair.masterTree;
  const openRead = tree.openRead.bind(tree);
  let open = 0;
  let failed = false;
  const fail = (path: string, now: boolean): void => {
    if (failed || path !== 'large' || !now) return;
    failed = true;
    throw new Fault('FS-IO', { path, reason: 'injected' });
  };
  tree.openRead = (path) => {
    const file = openRead(path);
    open += 1;
    return {
      ...file,
      attributes: () => {
        fail(path, what === 'attributes');
        return file.attributes();
      },
      read: (target, offset, length, position) => {
        fail(path, what === 'a later piece' && position > 0);
        return file.read(target, offset, length, position);
      },
      close: () => {
        open -= 1;
        file.close();
      },
    };
  };
  return { open: () => open, failed: () => failed };
}

test.before(() => forceLargeFiles(SMALL_LARGE_FILES));
test.after(() => forceLargeFiles());

const CASES = (['live', 'in a synchronization'] as const).flatMap((when) =>
  (['attributes', 'a later piece'] as const).map((what) => ({ when, what })),
);

for (const { when, what } of CASES) {
  const title = `a large file of which ${what} cannot be read is closed, arrives at the next look and does not end the link: ${when}`;
  test.serial(title, (t) => {
    const pair = new EnginePair(hasher);
    t.teardown(() => pair.close());
    const files = watchFiles(pair, what);
    const content = Buffer.alloc(3 * 1024 * 1024, 'x');
    if (when !== 'live') pair.user.writeFile('large', content);
    pair.start();
    pair.synchronize();
    if (when === 'live') pair.user.writeFile('large', content);
    pair.barrier();
    t.true(files.failed());
    t.is(files.open(), 0);
    t.false(pair.codes().includes('LNK-002'), 'the link goes on');
    t.is(pair.replicaTree.stat('large')?.sizeBytes, content.length);
  });
}
