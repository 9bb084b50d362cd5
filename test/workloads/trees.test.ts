/** Whole trees that appear, move and vanish at once: what notification-based tools lose. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { TOP } from '../runner/run-suite.ts';
import { scratchOf, shell, workload } from './workload.ts';

const PACKAGES = join(TOP, 'node_modules');
/** Real trees of a few thousand files with deep folders, links and executable bits. */
const SOURCES = 'typescript react socket.io zod ava fast-check @biomejs .bin';

/** Thirty files in a directory and its `sub`. */
function fillTree(path: string, seed: number): void {
  mkdirSync(join(path, 'sub'), { recursive: true });
  for (let n = 0; n < 30; n += 1) writeFileSync(join(path, n % 2 === 0 ? '' : 'sub', `${seed}-${n}`), `${seed} ${n}\n`);
}

async function makeTree(scratch: string): Promise<void> {
  await shell(scratch, `mkdir tree && (cd "${PACKAGES}" && tar cf - ${SOURCES}) | tar xf - -C tree`);
}

test.serial(
  'An archive unpacked in the Master root arrives whole',
  workload(async (root, pair) => {
    const scratch = scratchOf(pair);
    await makeTree(scratch);
    await shell(scratch, 'tar czf tree.tgz tree');
    await shell(root, `tar xzf "${scratch}/tree.tgz" && tar xzf "${scratch}/tree.tgz" --transform s/^tree/again/`);
  }),
);

test.serial(
  'Trees copied, moved in, moved about and moved out arrive as they end up',
  workload(async (root, pair) => {
    const scratch = scratchOf(pair);
    await makeTree(scratch);
    await shell(
      root,
      `cp -r "${scratch}/tree" copied
       cp -a "${scratch}/tree" moved-soon
       mv moved-soon moved
       mv "${scratch}/tree" moved-in
       mkdir -p deep/er/still
       mv moved-in deep/er/still/here
       mv deep/er deeper
       mv copied "${scratch}/moved-out"
       for i in $(seq 20); do mv moved moved-$i; mv moved-$i moved; done`,
    );
  }),
);

test.serial(
  'Directories made by several programs at once, filled at once, removed at once',
  workload(async (root) => {
    await shell(
      root,
      `worker() {
         for i in $(seq 60); do
           p=race/$((i % 7))/$1/$((i % 5))/x$i/y/z
           mkdir -p $p && echo "$1 $i" > $p/leaf && echo more > race/$((i % 7))/note-$1-$i
           if [ $((i % 3)) = 0 ]; then rm -rf race/$((i % 7))/$1/$((i % 5)); fi
         done
       }
       for w in 1 2 3 4; do worker $w & done
       wait`,
    );
  }),
);

test.serial(
  'A storm of renames by several programs, with names swapped and reused',
  workload(
    async (root) => {
      await shell(
        root,
        `storm() {
           for i in $(seq 80); do
             mv -T tree-$1 tmp-$1 2>/dev/null; mv -T tree-$2 tree-$1 2>/dev/null; mv -T tmp-$1 tree-$2 2>/dev/null
             mv files/$1-$((i % 9)) files/$2-$((i % 9)) 2>/dev/null
             mv -T tree-$1/sub tree-$2/sub-$i 2>/dev/null
             echo $i > files/$1-$((i % 9))
           done
         }
         set +e
         storm 1 2 & storm 2 3 & storm 3 1 &
         wait
         exit 0`,
      );
    },
    {
      fill: (root) => {
        // A small tree under each name that is swapped.
        for (const n of [1, 2, 3]) fillTree(join(root, `tree-${n}`), n);
        fillTree(join(root, 'files'), 9);
      },
    },
  ),
);

test.serial(
  'A file becomes a directory, a directory a link, a link a file, and back',
  workload(async (root) => {
    await shell(
      root,
      `echo a > a; mkdir b; echo in > b/in; ln -s b c; mkdir -p d/e/f; echo deep > d/e/f/g
       sync_point() { sleep 0.05; }
       for i in 1 2 3 4 5 6; do
         rm a; mkdir a; echo $i > a/inside; sync_point
         rm -rf a; ln -s b a; sync_point
         rm a; echo "file again $i" > a; sync_point
         rm -rf d; echo file > d; sync_point
         rm d; mkdir -p d/e/f; echo "deep $i" > d/e/f/g
         rm c; mkdir c; echo x > c/x; rm -r c; ln -s nowhere-$i c
       done`,
    );
  }),
);
