/** Directories for one test file, removed when all its tests are over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

const made: string[] = [];

export const temporaryDirectories = {
  make(): string {
    const path = mkdtempSync(join(tmpdir(), 'mainstay-state-'));
    made.push(path);
    return path;
  },
  removeAfterAll(): void {
    test.after.always(() => {
      for (const path of made) rmSync(path, { recursive: true, force: true });
    });
  },
};
