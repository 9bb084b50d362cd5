/**
 * Gives back what a burst of work needed: V8 and the C library keep freed memory for the next burst, which may be a week away.
 * Both are asked once: a full collection (tens of milliseconds in this thread alone), then malloc_trim(3).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadLibrary } from '../ffi.ts';

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
