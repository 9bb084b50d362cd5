/**
 * Runs the contract of RootTree against the Windows adapter: `node contract-program.js BASE RESULT` writes a JSON list of
 * stories with their failures to RESULT. A plain program, because ava needs pipes that Node under Wine does not survive.
 */
import { writeFileSync } from 'node:fs';
import { WindowsTree } from '../../daemon/platform/windows/tree.ts';
import { realFixture } from '../contract/real-directory.ts';
import { treeStories } from '../contract/tree-suite.ts';

export interface StoryResult {
  readonly title: string;
  /** undefined = passed. */
  readonly failure?: string;
}

const [base, resultPath] = process.argv.slice(2);
if (base === undefined || resultPath === undefined) throw new Error('usage: contract-program BASE RESULT');

const stories = treeStories({
  name: 'Windows',
  // Wine looks through the whole directory for each new name.
  manyNames: 500,
  awkwardNames: [
    'a:b',
    'what?',
    '<tag>|"*"',
    'back\\slash',
    'dot.',
    'space ',
    'NUL',
    'com1.txt',
    'new\nline',
    'e\u0301',
    '\u00e9',
    'raw\udcffbyte',
    'x'.repeat(200),
  ],
  make: () => realFixture(base, (root) => new WindowsTree(root)),
});

const results: StoryResult[] = stories.map(({ title, run }) => {
  try {
    run();
    return { title };
  } catch (error) {
    return { title, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
});
writeFileSync(resultPath, JSON.stringify(results, undefined, 1));
