/** Room that a file, or a directory with everything in it, takes on its volume. No link is followed. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK_BYTES = 512;

/** Bytes; 0 when it is not there. What vanishes meanwhile is not counted. */
export function allocatedBytes(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  let total = stat.blocks * BLOCK_BYTES;
  if (stat.isDirectory()) for (const name of readdirSync(path)) total += allocatedBytes(join(path, name));
  return total;
}
