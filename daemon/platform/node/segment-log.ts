/** Append-only segments as files `<number>.log` in a directory of their own. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SegmentLog } from '../../ports.ts';
import { codeOf, translating } from '../system-fault.ts';
import { flushFault, flushParent } from './durable.ts';

interface OpenSegment {
  readonly handle: number;
  sizeBytes: number;
  /** Its name was made durable. */
  named: boolean;
}

const SEGMENT_NAME = /^(\d+)\.log$/;

export class FileSegmentLog implements SegmentLog {
  private readonly directory: string;
  private readonly open = new Map<number, OpenSegment>();

  /** Creates the directory when it is missing. */
  constructor(directory: string) {
    this.directory = directory;
    translating(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  }

  list(): number[] {
    return translating(this.directory, () => readdirSync(this.directory))
      .map((name) => SEGMENT_NAME.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  read(segment: number): Uint8Array {
    const path = this.pathOf(segment);
    const bytes = translating(path, () => readFileSync(path));
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  append(segment: number, bytes: Uint8Array): void {
    const path = this.pathOf(segment);
    const file = this.opened(segment, constants.O_CREAT);
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(file.handle, bytes, done, bytes.length - done, file.sizeBytes + done);
      }
    } catch (error) {
      // What a full disk left of this record must not stand before the next one.
      translating(path, () => ftruncateSync(file.handle, file.sizeBytes));
      translating(path, () => {
        throw error;
      });
    }
    file.sizeBytes += bytes.length;
  }

  truncate(segment: number, sizeBytes: number): void {
    const file = this.opened(segment, 0);
    translating(this.pathOf(segment), () => ftruncateSync(file.handle, sizeBytes));
    file.sizeBytes = sizeBytes;
  }

  flush(segment: number): void {
    const path = this.pathOf(segment);
    const file = this.opened(segment, 0);
    try {
      fdatasyncSync(file.handle);
    } catch (error) {
      throw flushFault(path, error);
    }
    if (!file.named) flushParent(path);
    file.named = true;
  }

  remove(segment: number, durably = false): void {
    this.closeSegment(segment);
    const path = this.pathOf(segment);
    try {
      unlinkSync(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      translating(path, () => {
        throw error;
      });
    }
    if (durably) flushParent(path);
  }

  close(): void {
    for (const segment of [...this.open.keys()]) this.closeSegment(segment);
  }

  private opened(segment: number, create: number): OpenSegment {
    const found = this.open.get(segment);
    if (found !== undefined) return found;
    // Only the newest segment is written; the others need no handle.
    this.close();
    const path = this.pathOf(segment);
    return translating(path, () => {
      const handle = openSync(path, constants.O_RDWR | create, 0o600);
      const file = { handle, sizeBytes: sizeOrClose(handle), named: false };
      this.open.set(segment, file);
      return file;
    });
  }

  private closeSegment(segment: number): void {
    const file = this.open.get(segment);
    if (file === undefined) return;
    this.open.delete(segment);
    closeSync(file.handle);
  }

  private pathOf(segment: number): string {
    return join(this.directory, `${segment}.log`);
  }
}

function sizeOrClose(handle: number): number {
  try {
    return fstatSync(handle).size;
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}
