/** The audit log's file: opened once, appended, flushed after every line. */
import { closeSync, constants, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AuditFile } from '../access/audit.ts';
import { syncDirectory } from './durable-file.ts';

export interface ClosableAuditFile extends AuditFile {
  close(): void;
}

export function openAuditFile(path: string): ClosableAuditFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
  syncDirectory(dirname(path));
  return {
    read: () => readFileSync(path, 'utf8'),
    append: (text) => {
      writeSync(file, text);
      fdatasyncSync(file);
    },
    truncate: (sizeBytes) => ftruncateSync(file, sizeBytes),
    close: () => closeSync(file),
  };
}
