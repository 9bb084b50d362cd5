/** Time of this host. Intervals come from a clock that keeps running while the machine is suspended. */
import type { Clock, Timer } from '../../ports.ts';
import { allocateFixed, loadLibrary } from '../ffi.ts';

const CLOCK_BOOTTIME = 7;

/** CLOCK_BOOTTIME by the C library: node:os rounds it, and performance.now() stops during suspend. */
function linuxBootMs(): () => number {
  const call = loadLibrary('libc.so.6').number('clock_gettime', 'int', ['int', 'uintptr_t']);
  const { bytes, address } = allocateFixed(16);
  const words = new BigInt64Array(bytes.buffer, 0, 2);
  return () => {
    call(CLOCK_BOOTTIME, address);
    return Number(words[0]!) * 1000 + Number(words[1]!) / 1e6;
  };
}

/** GetTickCount64 counts sleep and hibernation; its steps are 10 to 16 ms. */
function windowsBootMs(): () => number {
  const call = loadLibrary('kernel32.dll').number('GetTickCount64', 'uint64', []);
  return () => Number(call());
}

export class SystemClock implements Clock {
  private readonly readBootMs: () => number;

  constructor() {
    this.readBootMs = process.platform === 'win32' ? windowsBootMs() : linuxBootMs();
  }

  wallMs(): number {
    return Date.now();
  }

  bootMs(): number {
    return this.readBootMs();
  }

  after(delayMs: number, run: () => void): Timer {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timeout = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  }
}
