/**
 * One engine for a data directory. The lock is SQLite's exclusive lock on a file of its own: the operating system frees it
 * with the process however that ends, so there is no stale lock to judge. A note beside it says who holds it and, when it is
 * still there at the next start, that the last engine was not stopped cleanly.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../shared/faults.ts';
import { makePrivateDirectory, readTextIfPresent, replaceFileSync, syncDirectory } from './durable-file.ts';

export interface DataLock {
  /** The engine before this one was killed or lost its power. */
  readonly uncleanBefore: boolean;
  /** After everything was stopped and made durable. */
  release(): void;
}

/** Makes the directory if needed. Throws `DATA-LOCKED` with the holder's process id. */
export function lockDataDirectory(directory: string, pid: number): DataLock {
  makePrivateDirectory(directory);
  const note = join(directory, 'engine.pid');
  const database = new DatabaseSync(join(directory, 'engine.lock'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    database.close();
    const holder = Number(readTextIfPresent(note)?.trim() || 0);
    throw new Fault('DATA-LOCKED', { pid: holder, path: directory }, error);
  }
  const uncleanBefore = readTextIfPresent(note) !== undefined;
  replaceFileSync(note, `${pid}\n`);
  return {
    uncleanBefore,
    release: () => {
      rmSync(note, { force: true });
      syncDirectory(directory);
      database.close();
    },
  };
}
