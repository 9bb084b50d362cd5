/** A file being written in the staging directory until it is renamed into its place. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import type { RelativePath } from '../../../shared/path.ts';
import type { Metadata, StagedFile } from '../../ports.ts';
import { flushFault } from '../node/durable.ts';
import { translating } from '../system-fault.ts';
import { refuseAttributes } from './attributes.ts';
import { setModificationTime } from './kernel.ts';
import { retryBusy } from './paths.ts';

export interface StagingPlace {
  /** Native path for the file, checked. */
  place(path: RelativePath): string;
  /** Native path for a kept object; nothing is there. */
  keepPlace(keepName: string): string;
  openFile(path: RelativePath): number;
}

const COPY_BUFFER_BYTES = 1024 * 1024;

export class WindowsStagedFile implements StagedFile {
  private readonly native: string;
  private readonly place: StagingPlace;
  private readonly handle: number;
  private metadata: Metadata = {};
  private state: 'open' | 'committed' | 'discarded' = 'open';
  private isClosed = false;
  private readonly isKept: boolean;

  /** `isKept`: among the kept objects, with the content it has there. */
  constructor(native: string, place: StagingPlace, isKept = false) {
    this.native = native;
    this.place = place;
    this.isKept = isKept;
    const flags = isKept ? constants.O_RDWR | constants.O_CREAT : 'wx+';
    this.handle = translating('staging', () => openSync(native, flags));
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    this.requireOpen();
    return translating('staged file', () => readSync(this.handle, target, offset, length, position));
  }

  sizeBytes(): number {
    this.requireOpen();
    return translating('staged file', () => fstatSync(this.handle).size);
  }

  /** NTFS writes names in order to its journal, which flushing the file wrote. */
  keepAs(keepName: string): void {
    const target = this.place.keepPlace(keepName);
    this.flush();
    this.closeFile();
    retryBusy(keepName, () => renameSync(this.native, target));
    this.state = 'committed';
    flushFile(target);
  }

  release(): void {
    if (!this.isKept) this.discard();
    if (this.state !== 'open') return;
    this.state = 'discarded';
    this.closeFile();
  }

  write(bytes: Uint8Array, position: number): void {
    this.requireOpen();
    translating('staged file', () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.handle, bytes, done, bytes.length - done, position + done);
      }
    });
  }

  truncate(sizeBytes: number): void {
    this.requireOpen();
    translating('staged file', () => ftruncateSync(this.handle, sizeBytes));
  }

  copyFrom(path: RelativePath, position: number, length: number): void {
    this.requireOpen();
    const source = this.place.openFile(path);
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(length, COPY_BUFFER_BYTES)));
    try {
      for (let done = 0; done < length; ) {
        const wanted = Math.min(buffer.length, length - done);
        const count = translating(path, () => readSync(source, buffer, 0, wanted, position + done));
        if (count === 0) return;
        this.write(buffer.subarray(0, count), position + done);
        done += count;
      }
    } finally {
      closeSync(source);
    }
  }

  setMetadata(metadata: Metadata): void {
    this.requireOpen();
    refuseAttributes(metadata, this.native);
    this.metadata = { ...this.metadata, ...metadata };
  }

  flush(): void {
    this.requireOpen();
    try {
      fsyncSync(this.handle);
    } catch (error) {
      throw flushFault('staged file', error);
    }
  }

  /** Flushes first: Windows can flush a volume only for administrators. */
  commit(path: RelativePath): void {
    this.flush();
    const target = this.place.place(path);
    this.closeFile();
    const { mtimeNs } = this.metadata;
    if (mtimeNs !== undefined && !setModificationTime(this.native, mtimeNs)) throw new Fault('FS-BUSY', { path });
    retryBusy(path, () => renameSync(this.native, target));
    this.state = 'committed';
  }

  discard(): void {
    if (this.state !== 'open') return;
    this.state = 'discarded';
    this.closeFile();
    rmSync(this.native, { force: true });
  }

  private closeFile(): void {
    if (!this.isClosed) closeSync(this.handle);
    this.isClosed = true;
  }

  private requireOpen(): void {
    if (this.state !== 'open' || this.isClosed) {
      throw new Fault('INTERNAL', { reason: `a staged file is ${this.state} already` });
    }
  }
}

function flushFile(native: string): void {
  try {
    const handle = openSync(native, 'r+');
    fsyncSync(handle);
    closeSync(handle);
  } catch (error) {
    throw flushFault('kept objects', error);
  }
}
