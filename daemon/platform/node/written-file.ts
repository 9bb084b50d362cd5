/** A file of the root changed in place. The journal has kept what is overwritten (D5). */
import { fdatasyncSync, ftruncateSync, writeSync } from 'node:fs';
import type { WritableFile } from '../../ports.ts';
import { translating } from '../system-fault.ts';
import { flushFault } from './durable.ts';

const ZEROS = new Uint8Array(1024 * 1024);

/** What differs by operating system. */
interface WrittenByPlatform extends Pick<WritableFile, 'stat' | 'close'> {
  /** Makes a hole; false when the volume has none. */
  readonly punch?: (position: number, length: number) => boolean;
}

/** `handle`: open for writing; `own.close` closes it. */
export function writtenFile(handle: number, path: string, own: WrittenByPlatform): WritableFile {
  const write = (bytes: Uint8Array, position: number): void =>
    translating(path, () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(handle, bytes, done, bytes.length - done, position + done);
      }
    });
  return {
    stat: own.stat,
    close: own.close,
    write,
    clear: (position, length) => {
      if (own.punch?.(position, length) === true) return;
      for (let done = 0; done < length; done += ZEROS.length) {
        write(ZEROS.subarray(0, Math.min(ZEROS.length, length - done)), position + done);
      }
    },
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
