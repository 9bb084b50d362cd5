/** The structured log of the host: JSON lines by pino, a new file every LOG_FILE_BYTES, the last LOG_FILES kept. */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Logger, pino } from 'pino';
import { makePrivateDirectory } from './durable-file.ts';

const LOG_FILE_BYTES = 10 * 1024 * 1024;
export const LOG_FILES = 5;

export interface LogFile {
  readonly logger: Logger;
  close(): void;
}

/** `path` is the newest file; older ones are `path.1` … Logging never throws: a full disk costs the line, not the engine. */
export function openLogFile(path: string, level: string, fileBytes = LOG_FILE_BYTES): LogFile {
  makePrivateDirectory(dirname(path));
  const file = new RotatingFile(path, fileBytes);
  const redact = ['*.invite', '*.secret', '*.password', '*.token', 'invite', 'secret', 'password', 'token'];
  return { logger: pino({ level, base: null, redact }, file), close: () => file.close() };
}

class RotatingFile {
  private readonly path: string;
  private readonly limitBytes: number;
  private file: number | undefined;
  private sizeBytes = 0;

  constructor(path: string, limitBytes: number) {
    this.path = path;
    this.limitBytes = limitBytes;
    this.open();
  }

  /** Called by pino with one line; synchronous, so that the last words of a dying process are in the file. */
  write(line: string): void {
    try {
      if (this.sizeBytes >= this.limitBytes) this.rotate();
      if (this.file !== undefined) this.sizeBytes += writeSync(this.file, line);
    } catch {
      // Nowhere to say it: the disk of the log is full or gone.
    }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private open(): void {
    this.file = openSync(this.path, 'a', 0o600);
    this.sizeBytes = fstatSync(this.file).size;
  }

  private rotate(): void {
    this.close();
    rmSync(`${this.path}.${LOG_FILES - 1}`, { force: true });
    for (let n = LOG_FILES - 2; n >= 0; n -= 1) {
      const from = n === 0 ? this.path : `${this.path}.${n}`;
      try {
        renameSync(from, `${this.path}.${n + 1}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    this.open();
  }
}
