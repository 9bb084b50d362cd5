/**
 * Gives back what a burst of work needed: V8 and the C library keep freed memory for the next burst, which may be a week away.
 * Both are asked once: a full collection (tens of milliseconds in this thread alone), then malloc_trim(3).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { addressOf, loadLibrary } from '../ffi.ts';

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** For the thread that calls it. */
export function loadMemoryRelease(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect | undefined;
  const trim = loadTrim();
  return () => {
    collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    trim();
  };
}

function loadTrim(): () => void {
  if (process.platform !== 'linux') return () => {};
  try {
    const callTrim = loadLibrary('libc.so.6').number('malloc_trim', 'int', ['size_t']);
    return () => void callTrim(0);
  } catch {
    // Another C library than glibc.
    return () => {};
  }
}

const PAGE_BYTES = 4096;
/** linux/mman.h */
const MADV_DONTNEED = 4;

/**
 * Gives the memory behind a buffer back to the system, which finds it filled with zeros when it is used again: call it only
 * while nobody needs what is in it. Elsewhere than on Linux the memory is kept.
 */
export function loadPageRelease(): (memory: ArrayBufferLike) => void {
  if (process.platform !== 'linux') return () => {};
  const advise = loadLibrary('libc.so.6').number('madvise', 'int', ['uintptr_t', 'size_t', 'int']);
  return (memory) => {
    const address = addressOf(memory);
    const from = Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
    const to = Math.floor((address + memory.byteLength) / PAGE_BYTES) * PAGE_BYTES;
    // Whether it worked changes nothing but what is in use.
    if (to > from) advise(from, to - from, MADV_DONTNEED);
  };
}
