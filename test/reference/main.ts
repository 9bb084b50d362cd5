/** `npm run reference`: writes docs/reference from the catalogues. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REFERENCE_FOLDER, wantedPages } from './pages.ts';

mkdirSync(REFERENCE_FOLDER, { recursive: true });
for (const [name, text] of Object.entries(wantedPages())) writeFileSync(join(REFERENCE_FOLDER, name), text);
