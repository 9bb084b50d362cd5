/** Extraction for the console: the writer is loaded when it is first needed. */
import { resolve } from 'node:path';
import type { HostConnection } from './connection.ts';
import type { ExtractArgs } from './state.ts';
import type { Extraction } from './state-recovery.ts';

const ASK_TIMEOUT_MS = 600_000;

/** Below `directory`, relative to where the console was started; nothing that is there is overwritten. */
export async function extractHere(
  connection: HostConnection,
  directory: string,
  { path, ...args }: ExtractArgs,
  onProgress: (files: number, bytes: number) => void,
): Promise<Extraction> {
  const { takeOut } = await import('./cli/extraction.ts');
  const ask: Parameters<typeof takeOut>[0]['ask'] = (command, asked) =>
    connection.request(command, asked, { timeoutMs: ASK_TIMEOUT_MS });
  await ask('scenario.extract', { ...args, path });
  const place = resolve(directory);
  const { lost, ...done } = await takeOut({ ask, args, path }, place, false, ({ files, bytes }) =>
    onProgress(files, bytes),
  );
  return { ...done, lost: lost.length, directory: place };
}
