/** Wakes a thread that waits in the kernel, by a handle it made for that (an eventfd on Linux). */
import { closeSync, writeSync } from 'node:fs';

export interface Wakeup {
  signal(handle: number): void;
  /** The thread is gone. Only the one who signals may close: a number used again would be written to. */
  close(handle: number): void;
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

export const WAKEUP: Wakeup = {
  signal: (handle) => {
    try {
      writeSync(handle, ONE);
    } catch {
      // EAGAIN: it is signalled already, more often than can be counted.
    }
  },
  close: (handle) => closeSync(handle),
};
