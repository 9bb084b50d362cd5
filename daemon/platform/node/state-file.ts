/**
 * A small state file: magic, length, CRC-32, content. Saved to a temporary name, flushed, renamed, directory flushed, so a
 * reader finds the old or the new content, whole.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { Fault } from '../../../shared/faults.ts';
import type { StateFile } from '../../ports.ts';
import { codeOf, translating } from '../system-fault.ts';
import { flushFault, flushParent } from './durable.ts';

const MAGIC = Buffer.from('MSF1');
const HEADER_BYTES = 12;

export class DurableStateFile implements StateFile {
  private readonly path: string;

  /** The directory exists. */
  constructor(path: string) {
    this.path = path;
  }

  load(): Uint8Array | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      return translating(this.path, () => {
        throw error;
      });
    }
    const reason = findDamage(bytes);
    if (reason === undefined) return new Uint8Array(bytes.subarray(HEADER_BYTES));
    translating(this.path, () => renameSync(this.path, `${this.path}.damaged`));
    throw new Fault('STATE-DAMAGED', { path: this.path, reason });
  }

  save(content: Uint8Array): void {
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(content.length, 4);
    header.writeUInt32LE(crc32(content), 8);
    const temporary = `${this.path}.tmp`;
    translating(this.path, () => writeFlushed(temporary, Buffer.concat([header, content])));
    translating(this.path, () => renameSync(temporary, this.path));
    flushParent(this.path);
  }
}

function writeFlushed(path: string, bytes: Uint8Array): void {
  const handle = openSync(path, 'w', 0o600);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    try {
      fsyncSync(handle);
    } catch (error) {
      throw flushFault(path, error);
    }
  } finally {
    closeSync(handle);
  }
}

function findDamage(bytes: Buffer): string | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'no valid header';
  if (bytes.readUInt32LE(4) !== bytes.length - HEADER_BYTES) return 'wrong length';
  return bytes.readUInt32LE(8) === crc32(bytes.subarray(HEADER_BYTES)) ? undefined : 'wrong checksum';
}
