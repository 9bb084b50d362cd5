/** A file being written in the staging directory until it is renamed into its place. */
import { constants, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { Fault } from '../../../shared/faults.ts';
import type { RelativePath } from '../../../shared/path.ts';
import type { Metadata, StagedFile } from '../../ports.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { deniedFault } from './denied.ts';
import { decodeStat, statHandle } from './directory.ts';
import { forEachData, growTo } from './holes.ts';
import { closeHandle, copyRange, errno, O_CLOEXEC, openAt, RENAME_NOREPLACE, renameAt, unlinkAt } from './libc.ts';
import { setHandleMetadata } from './metadata.ts';

/** What a staged file needs of its tree. */
export interface StagingPlace {
  /** Handle of the staging directory. */
  staging(): number;
  /** Handle of the directory of kept objects. */
  kept(): number;
  /** Runs with a handle of the parent of `path` and the last name. */
  withParent<T>(path: RelativePath, run: (parent: number, name: string) => T): T;
  openFile(path: RelativePath): number;
  /** Files being written; a tree that is closed releases them, because no handle is closed with a thread. */
  readonly open: Set<StagedFile>;
}

const REOPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | O_CLOEXEC;
const CREATE_FLAGS = REOPEN_FLAGS | constants.O_EXCL;
/** Only this user until the final mode is set. */
const CREATE_MODE = 0o600;
const COPY_BUFFER_BYTES = 1024 * 1024;

let nextNumber = 0;

export function stageFile(place: StagingPlace, keepName?: string): StagedFile {
  if (keepName !== undefined) {
    const handle = openAt(place.kept(), keepName, REOPEN_FLAGS, CREATE_MODE);
    if (handle < 0) throw faultOfErrno(errno(), keepName);
    return new LinuxStagedFile(place, keepName, handle, true);
  }
  for (;;) {
    nextNumber += 1;
    const name = `${process.pid}-${nextNumber}`;
    const handle = openAt(place.staging(), name, CREATE_FLAGS, CREATE_MODE);
    if (handle >= 0) return new LinuxStagedFile(place, name, handle);
    const code = errno();
    // Left by an earlier process with this number, or made by another thread: the next one is free.
    if (code !== system.errno.EEXIST) throw faultOfErrno(code, 'staging');
  }
}

class LinuxStagedFile implements StagedFile {
  private readonly place: StagingPlace;
  private readonly name: string;
  private handle: number;
  private metadata: Metadata | undefined;
  private state: 'open' | 'committed' | 'discarded' = 'open';
  private readonly isKept: boolean;

  constructor(place: StagingPlace, name: string, handle: number, isKept = false) {
    this.place = place;
    this.name = name;
    this.handle = handle;
    this.isKept = isKept;
    place.open.add(this);
  }

  private directory(): number {
    return this.isKept ? this.place.kept() : this.place.staging();
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    this.requireOpen();
    return translating('staged file', () => readSync(this.handle, target, offset, length, position));
  }

  sizeBytes(): number {
    this.requireOpen();
    return translating('staged file', () => fstatSync(this.handle).size);
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
    try {
      forEachData(source, position, length, (at, count) => {
        const copied = copyByKernel(source, this.handle, at, count, path);
        if (copied < count) copyByHand(source, this.handle, at + copied, count - copied, path);
      });
      translating(path, () => growTo(this.handle, Math.min(position + length, fstatSync(source).size)));
    } finally {
      closeHandle(source);
    }
  }

  setMetadata(metadata: Metadata): void {
    this.requireOpen();
    this.metadata = { ...this.metadata, ...metadata };
  }

  flush(): void {
    this.requireOpen();
    this.applyMetadata();
    try {
      fdatasyncSync(this.handle);
    } catch (error) {
      throw new Fault('FS-IO', { path: 'staged file', reason: String(error) }, error);
    }
  }

  commit(path: RelativePath): void {
    this.requireOpen();
    // Here, because every write before has moved the time of the file.
    this.applyMetadata();
    this.place.withParent(path, (parent, name) => {
      if (renameAt(this.directory(), this.name, parent, name, 0) < 0) throw deniedFault(errno(), parent, name, path);
    });
    this.state = 'committed';
    this.closeFile();
  }

  keepAs(keepName: string): void {
    this.flush();
    const kept = this.place.kept();
    if (renameAt(this.directory(), this.name, kept, keepName, RENAME_NOREPLACE) < 0) {
      throw faultOfErrno(errno(), keepName);
    }
    this.state = 'committed';
    this.closeFile();
    flushDirectoryHandle(kept);
  }

  release(): void {
    if (!this.isKept) this.discard();
    if (this.state !== 'open') return;
    this.state = 'discarded';
    this.closeFile();
  }

  discard(): void {
    if (this.state !== 'open') return;
    this.state = 'discarded';
    this.closeFile();
    unlinkAt(this.directory(), this.name);
  }

  private applyMetadata(): void {
    if (this.metadata === undefined) return;
    if (statHandle(this.handle) < 0) throw faultOfErrno(errno(), 'staged file');
    setHandleMetadata(this.handle, decodeStat(0), this.metadata, 'staged file');
  }

  private closeFile(): void {
    this.place.open.delete(this);
    closeHandle(this.handle);
    this.handle = -1;
  }

  private requireOpen(): void {
    if (this.state !== 'open') throw new Fault('INTERNAL', { reason: `a staged file is ${this.state} already` });
  }
}

function flushDirectoryHandle(path: number): void {
  const handle = openAt(path, '.', constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) throw faultOfErrno(errno(), 'kept objects');
  try {
    fsyncSync(handle);
  } catch (error) {
    throw new Fault('FS-IO', { path: 'kept objects', reason: String(error) }, error);
  } finally {
    closeHandle(handle);
  }
}

/** Bytes copied; less than asked when the kernel cannot (other file system, old kernel) or the source ends. */
function copyByKernel(source: number, target: number, position: number, length: number, path: string): number {
  let copied = 0;
  while (copied < length) {
    const count = copyRange(source, position + copied, target, position + copied, length - copied);
    if (count === 0) break;
    if (count < 0) {
      const code = errno();
      const { EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM } = system.errno;
      if ([EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM].includes(code)) break;
      throw faultOfErrno(code, path);
    }
    copied += count;
  }
  return copied;
}

function copyByHand(source: number, target: number, position: number, length: number, path: string): void {
  const buffer = Buffer.allocUnsafe(Math.min(length, COPY_BUFFER_BYTES));
  translating(path, () => {
    for (let done = 0; done < length; ) {
      const count = readSync(source, buffer, 0, Math.min(buffer.length, length - done), position + done);
      if (count === 0) return;
      for (let put = 0; put < count; ) put += writeSync(target, buffer, put, count - put, position + done + put);
      done += count;
    }
  });
}
