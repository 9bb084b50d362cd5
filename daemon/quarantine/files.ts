/** Port: the disk a quarantine is kept on. Paths are below its own folder; faults are `FS-*`. */
import type { QuarantineItem } from '../../shared/quarantine.ts';

export interface QuarantineFiles {
  /** Names in a folder; none when it is not there. */
  list(folder: string): Promise<readonly string[]>;
  /** With the folders above it, whose names are durable then. */
  makeFolder(folder: string): Promise<void>;
  /** A new file; `FS-EXISTS` when there is one. */
  create(path: string): Promise<NewQuarantineFile>;
  /** From `position` on (default: the beginning); `FS-NOT-FOUND` when there is none. */
  read(path: string, position?: number): AsyncIterable<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  /** With everything below; nothing when it is not there. */
  remove(path: string): Promise<void>;
  /** Names in the folder are durable when it returns. */
  flushFolder(folder: string): Promise<void>;
  freeBytes(): number;
  /** Makes the directory `to` of the host; `FS-EXISTS` when something is there. */
  openTarget(to: string): Promise<ExtractTarget>;
}

export interface NewQuarantineFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Final size; what was not written reads as zeros. */
  truncate(sizeBytes: number): Promise<void>;
  /** Content and size are durable when it returns. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ExtractTarget {
  /** Puts an item there, with its mode, time and, where this account may, its owner; directories above it are made. */
  place(item: QuarantineItem, folder: string, content: AsyncIterable<Uint8Array> | undefined): Promise<void>;
  /** Directories get their times when everything inside has its own. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}
