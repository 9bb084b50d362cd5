import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { REFERENCE_FOLDER, wantedPages } from '../reference/pages.ts';

test('the reference pages say what the catalogues say (npm run reference writes them)', (t) => {
  const wanted = wantedPages();
  t.deepEqual(readdirSync(REFERENCE_FOLDER).sort(), Object.keys(wanted).sort());
  for (const [name, text] of Object.entries(wanted)) {
    t.true(readFileSync(join(REFERENCE_FOLDER, name), 'utf8') === text, `${name} is out of date: npm run reference`);
  }
});
