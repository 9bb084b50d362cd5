/** More changes at once than any queue holds. On disk: this is where settling takes longest. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { workload } from './workload.ts';

const FILES = 100_000;
const DIRECTORIES = 100;

test.serial(
  '100,000 files created and deleted in a burst leave exactly the survivors',
  workload(
    (root) => {
      for (let n = 0; n < DIRECTORIES; n += 1) mkdirSync(join(root, `d${n}`));
      const path = (n: number): string => join(root, `d${n % DIRECTORIES}`, `f${n}`);
      for (let n = 0; n < FILES; n += 1) writeFileSync(path(n), n % 10 === 0 ? `file ${n}\n` : '');
      for (let n = 0; n < FILES; n += 1) if (n % 50 !== 0) rmSync(path(n));
      for (let n = 0; n < DIRECTORIES; n += 4) rmSync(join(root, `d${n}`), { recursive: true });
    },
    { below: tmpdir() },
  ),
);
