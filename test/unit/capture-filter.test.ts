/** Which places an exclude pattern leaves out. */
import test from 'ava';
import { compileExcludes } from '../../daemon/capture/filter.ts';

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
    const matches = compileExcludes([pattern], true);
    for (const path of excluded) t.true(matches(path), path);
    for (const path of kept) t.false(matches(path), path);
    t.false(matches(''), 'never the root');
  });
}

test('case counts where the platform says so', (t) => {
  t.false(compileExcludes(['*.TMP'], true)('a.tmp'));
  t.true(compileExcludes(['*.TMP'], false)('a.tmp'));
});

test('no patterns and empty patterns exclude nothing', (t) => {
  t.false(compileExcludes([], true)('a'));
  t.false(compileExcludes(['', '/'], true)('a'));
});
