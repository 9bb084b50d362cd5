/** A file of the root changed in place. The journal has kept what is overwritten (D5). */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, writeSync } from 'node:fs';
import type { EntryStat, WritableFile } from '../../ports.ts';
import { flushFault } from '../node/durable.ts';
import { translating } from '../system-fault.ts';

/** `handle`: open for writing; closed by `close`. */
export function writtenFile(
  handle: number,
  native: string,
  path: string,
  toStat: (stat: ReturnType<typeof fstatBig>, native: string) => EntryStat,
): WritableFile {
  return {
    stat: () =>
      toStat(
        translating(path, () => fstatBig(handle)),
        native,
      ),
    write: (bytes, position) =>
      translating(path, () => {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(handle, bytes, done, bytes.length - done, position + done);
        }
      }),
    truncate: (sizeBytes) => translating(path, () => ftruncateSync(handle, sizeBytes)),
    flush: () => {
      try {
        fsyncSync(handle);
      } catch (error) {
        throw flushFault(path, error);
      }
    },
    close: () => closeSync(handle),
  };
}

function fstatBig(handle: number) {
  return fstatSync(handle, { bigint: true });
}
