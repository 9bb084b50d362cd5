#!/usr/bin/env node
// `npm run check`: types, lint, tidy rules, dead code; under a minute. Types were checked by the set-up's build.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const steps = [
  ['lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
  ['dead code', ['node_modules/knip/bin/knip.js', '--no-progress']],
  ['tidy', ['node_modules/ava/entrypoints/cli.js', 'dist/test/tidy.test.js']],
];
let failed = 0;
for (const [name, args] of steps) {
  const started = Date.now();
  const result = spawnSync(process.execPath, args, { cwd: top, stdio: 'inherit' });
  const passed = result.status === 0;
  if (!passed) failed += 1;
  process.stderr.write(
    `check: ${name} ${passed ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
}
process.exit(failed === 0 ? 0 : 1);
