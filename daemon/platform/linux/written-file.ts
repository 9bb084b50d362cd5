/** A file of the root changed in place. The journal has kept what is overwritten (D5). */
import { fdatasyncSync, ftruncateSync, writeSync } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import type { WritableFile } from '../../ports.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { decodeStat, statHandle } from './directory.ts';
import { closeHandle, errno } from './libc.ts';

/** `handle`: open for writing; closed by `close`. `device`: that of the root, for the identity of files. */
export function writtenFile(handle: number, device: number, path: string): WritableFile {
  return {
    stat: () => {
      if (statHandle(handle) < 0) throw faultOfErrno(errno(), path);
      return decodeStat(device);
    },
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
        throw new Fault('FS-IO', { path, reason: String(error) }, error);
      }
    },
    close: () => closeHandle(handle),
  };
}
