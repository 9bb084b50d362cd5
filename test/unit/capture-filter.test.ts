/** Which places an exclude pattern leaves out. */
import test from 'ava';
import { compileFilter, compileFilters } from '../../daemon/capture/filter.ts';

function excluding(exclude: readonly string[], caseSensitive = true) {
  return compileFilter({ exclude, fileFilter: [] }, caseSensitive);
}

const cases: readonly [pattern: string, excluded: readonly string[], kept: readonly string[]][] = [
  ['*.tmp', ['a.tmp', 'deep/er/a.tmp', 'x.tmp/inside'], ['a.tmpx', 'tmp', 'a/tmp']],
  ['cache/**', ['cache/a', 'cache/a/b'], ['cache', 'other/cache/a', 'caches/a']],
  ['/logs', ['logs', 'logs/today'], ['a/logs', 'logs2']],
  ['a/*/c', ['a/b/c', 'a/b/c/d'], ['a/c', 'a/b/b/c']],
  ['a/**/c', ['a/c', 'a/b/c', 'a/b/b/c'], ['c', 'b/a/c']],
  ['**/node_modules', ['node_modules', 'x/y/node_modules/z'], ['node_modules2']],
  ['file?.txt', ['file1.txt', 'd/fileX.txt'], ['file10.txt', 'file.txt']],
  ['a+b (1).[x]', ['a+b (1).[x]'], ['aab (1).x', 'a+b (1).x']],
  ['café', ['café', 'x/café'], ['cafe']],
];

for (const [pattern, excluded, kept] of cases) {
  test(`exclude ${pattern}`, (t) => {
    const matches = excluding([pattern]);
    for (const path of excluded) t.true(matches(path), path);
    for (const path of kept) t.false(matches(path), path);
    t.false(matches(''), 'never the root');
  });
}

test('case counts where the platform says so', (t) => {
  t.false(excluding(['*.TMP'])('a.tmp'));
  t.true(excluding(['*.TMP'], false)('a.tmp'));
});

test('no patterns and empty patterns exclude nothing', (t) => {
  t.false(excluding([])('a'));
  t.false(excluding(['', '/'])('a'));
});

test('the file filter leaves out regular files only, by their name', (t) => {
  const leftOut = compileFilter({ exclude: ['cache'], fileFilter: ['*.html', 'img?.png'] }, true);
  t.false(leftOut('a/b.html', 'file'));
  t.false(leftOut('a/img1.png', 'file'));
  t.true(leftOut('a/img10.png', 'file'));
  t.true(leftOut('b.html/notes.txt', 'file'));
  t.true(leftOut('cache/b.html', 'file'));
  t.false(leftOut('a', 'directory'));
  t.false(leftOut('a/link', 'symlink'));
  t.false(leftOut('a/notes.txt'), 'not without knowing that it is a file');
});

test('with included places only these, what is in them and the directories that lead to them are replicated', (t) => {
  const left = compileFilter(
    { include: ['site', 'data/*/public', 'deep/**/x'], exclude: ['*.tmp'], fileFilter: [] },
    true,
  );
  for (const path of ['', 'site', 'site/a/b', 'data', 'data/one', 'data/one/public', 'data/one/public/a', 'deep/a/b']) {
    t.false(left(path), path);
  }
  for (const path of [
    'other',
    'sites',
    'site2/a',
    'data/one/private',
    'data/one/public2',
    'site/a.tmp',
    'other/site',
  ]) {
    t.true(left(path), path);
  }
  const folded = compileFilter({ include: ['Site'], exclude: [], fileFilter: [] }, false);
  t.false(folded('SITE/a'));
  t.false(compileFilter({ include: [], exclude: [], fileFilter: [] }, true)('anything'));
});

test('each root has the rules of the scenario and its own', (t) => {
  const tree = { capabilities: { caseSensitive: true } };
  const filters = compileFilters(
    {
      exclude: ['*.bak'],
      fileFilter: ['*.html'],
      roots: [{}, { exclude: ['cache'], fileFilter: ['*.jpg'] }, { include: ['only'], fileFilter: [] }],
    },
    [tree, tree, tree],
  );
  const left = (path: string) => [0, 1, 2].map((root) => filters(root)(path, 'file'));
  t.deepEqual(left('a.html'), [false, true, true]);
  t.deepEqual(left('a.jpg'), [true, false, true]);
  t.deepEqual(left('only/a.jpg'), [true, false, false]);
  t.deepEqual(left('cache/a.jpg'), [true, true, true]);
  t.deepEqual(left('only/a.bak'), [true, true, true]);
  t.true(filters(0)('a.bak') && filters(1)('a.bak') && filters(2)('a.bak'));
});
