/** Opens the console from the command line: its bundle when it was built, the plain modules otherwise. */
import { enableCompileCache } from 'node:module';
import type { ProfileConsoleOptions } from './main.tsx';

type Entry = typeof import('./main.tsx');

/** Resolves with the exit code when the console is left; throws a `Fault` where none can be shown. */
export async function openConsole(options: ProfileConsoleOptions): Promise<number> {
  enableCompileCache?.();
  const { runProfileConsole } = await loadEntry();
  return runProfileConsole(options);
}

async function loadEntry(): Promise<Entry> {
  const bundle = new URL('./console/main.mjs', import.meta.url).href;
  try {
    return (await import(bundle)) as Entry;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return import('./main.tsx');
  }
}
