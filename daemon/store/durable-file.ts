/** Small files replaced atomically and durably: temporary file, fsync, rename, directory fsync. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault, type FaultCode } from '../../shared/faults.ts';

const FAULT_BY_ERROR: Readonly<Record<string, FaultCode>> = {
  ENOENT: 'FS-NOT-FOUND',
  EEXIST: 'FS-EXISTS',
  EACCES: 'FS-DENIED',
  EPERM: 'FS-DENIED',
  ENOSPC: 'FS-FULL',
  EDQUOT: 'FS-FULL',
  EROFS: 'FS-READ-ONLY',
};

/** An error of the file system as a fault; anything unknown is `FS-IO`. */
export function fileFault(error: unknown, path: string): Fault {
  if (error instanceof Fault) return error;
  const code = (error as NodeJS.ErrnoException)?.code ?? '';
  const reason = error instanceof Error ? error.message : String(error);
  return new Fault(FAULT_BY_ERROR[code] ?? 'FS-IO', { path, reason }, error);
}

/** The text of a file; undefined when it is not there. */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFault(error, path);
  }
}

/** Permission bits of a file or directory; undefined when it is not there. */
export function modeOf(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : stat.mode & 0o7777;
}

/** Does nothing when it is not there. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

/** Makes a directory only its owner can enter, with its parents. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileFault(error, path);
  }
}

/** For start-up, where nothing else runs yet. */
export function replaceFileSync(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.tmp`;
  try {
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw fileFault(error, path);
  }
}

export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await rm(temporary, { force: true });
    await withFile(await open(temporary, 'wx', mode), async (file) => {
      await file.writeFile(text);
      await file.sync();
    });
    await rename(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw fileFault(error, path);
  }
}

/** Makes a name that was added or removed durable. Windows cannot open directories and needs no such flush. */
export function syncDirectory(path: string): void {
  let directory: number;
  try {
    directory = openSync(path, 'r');
  } catch (error) {
    if (['EISDIR', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw error;
  }
  try {
    fsyncSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  } finally {
    closeSync(directory);
  }
}

/** Renames a damaged file out of the way, never over an earlier one; returns its new path. */
export function setAside(path: string): string {
  let aside = `${path}.damaged`;
  for (let n = 2; existsSync(aside); n += 1) aside = `${path}.damaged-${n}`;
  renameSync(path, aside);
  syncDirectory(dirname(path));
  return aside;
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
