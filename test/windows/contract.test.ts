/** The adapter for Windows keeps the promises of a root, tried on Windows calls (Wine). */

import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { StoryResult } from './contract-program.ts';
import { Wine, windowsPath } from './wine.ts';

test('every story of the contract of a root holds on Windows', async (t) => {
  t.timeout(300_000);
  const wine = new Wine();
  try {
    const base = join(wine.top, 'base');
    const result = join(wine.top, 'result.json');
    const output = join(wine.top, 'output.txt');
    mkdirSync(base);
    const child = wine.start('test/windows/contract-program.js', [windowsPath(base), windowsPath(result)], output);
    const [code] = await once(child, 'exit');
    t.is(code, 0, readFileSync(output, 'utf8'));
    const stories = JSON.parse(readFileSync(result, 'utf8')) as StoryResult[];
    t.true(stories.length > 25, `${stories.length} stories ran`);
    for (const { title, failure } of stories) t.is(failure, undefined, title);
  } finally {
    wine.dispose();
  }
});
