/** Making names durable. */
import { closeSync, constants, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../../../shared/faults.ts';

/** fdatasync or fsync that failed: the kernel may have dropped the data, so it is never tried again (D12). */
export function flushFault(path: string, error: unknown): Fault {
  return new Fault('FS-IO', { path, reason: error instanceof Error ? error.message : String(error) }, error);
}

/** fsync of the directory that holds `path`. Windows has no such call: NTFS journals names itself. */
export function flushParent(path: string): void {
  if (process.platform === 'win32') return;
  const directory = dirname(path);
  try {
    const handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw flushFault(directory, error);
  }
}
