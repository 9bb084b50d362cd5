/** A file of the root changed in place. The journal has kept what is overwritten (D5). */
import { fdatasyncSync, ftruncateSync, writeSync } from 'node:fs';
import type { WritableFile } from '../../ports.ts';
import { translating } from '../system-fault.ts';
import { flushFault } from './durable.ts';

/** `handle`: open for writing. `own`: what differs by operating system; `close` closes the handle. */
export function writtenFile(handle: number, path: string, own: Pick<WritableFile, 'stat' | 'close'>): WritableFile {
  return {
    ...own,
    write: (bytes, position) =>
      translating(path, () => {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(handle, bytes, done, bytes.length - done, position + done);
        }
      }),
    truncate: (sizeBytes) => translating(path, () => ftruncateSync(handle, sizeBytes)),
    flush: () => {
      try {
        fdatasyncSync(handle);
      } catch (error) {
        throw flushFault(path, error);
      }
    },
  };
}
