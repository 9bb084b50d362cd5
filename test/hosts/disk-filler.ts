/** A disk without room, as an operator finds it. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Leaves no room in a directory's file system; returns what makes room again. */
export function fillUp(directory: string): () => void {
  const path = join(directory, 'filler');
  const file = openSync(path, 'w');
  for (const bytes of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
  return () => rmSync(path);
}
