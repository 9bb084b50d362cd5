/**
 * A new directory of small files, built in the staging directory and renamed into its place once: for each file one creation
 * under its final name, no rename and no walk to its parent. Handles of files are closed at once.
 */
import { constants, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { Fault } from '../../../shared/faults.ts';
import type { RelativePath } from '../../../shared/path.ts';
import type { Metadata, StagedDirectory } from '../../ports.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { decodeStat, statHandle } from './directory.ts';
import {
  AT_REMOVEDIR,
  closeHandle,
  errno,
  makeDirectoryAt,
  O_CLOEXEC,
  OPEN_DIRECTORY,
  openAt,
  PATH_DIRECTORY,
  renameAt,
  setTimeAt,
  unlinkAt,
} from './libc.ts';
import { setHandleMetadata } from './metadata.ts';
import { removeTree } from './remove.ts';
import type { StagingPlace } from './staged-file.ts';

const { EBUSY, EEXIST, ENOTEMPTY } = system.errno;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC;
/** Only this engine until the directory gets its own mode. */
const DIRECTORY_MODE = 0o700;
const DEFAULT_MODE = 0o600;
const ALL_RIGHTS = 0o777;

let nextNumber = 0;

export function stageDirectory(place: StagingPlace): StagedDirectory {
  const staging = place.staging();
  for (;;) {
    nextNumber += 1;
    const name = `d${process.pid}-${nextNumber}`;
    if (makeDirectoryAt(staging, name, DIRECTORY_MODE) >= 0) {
      const handle = openAt(staging, name, OPEN_DIRECTORY);
      if (handle < 0) throw faultOfErrno(errno(), 'staging');
      return new LinuxStagedDirectory(place, name, handle);
    }
    const code = errno();
    if (code !== EEXIST) throw faultOfErrno(code, 'staging');
  }
}

class LinuxStagedDirectory implements StagedDirectory {
  private readonly place: StagingPlace;
  private readonly name: string;
  private readonly handle: number;
  private readonly files = new Set<string>();
  /** What a file created here with all rights gets: rights that neither umask nor a default ACL take away, and its owner. */
  private created: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined;
  private open = true;

  constructor(place: StagingPlace, name: string, handle: number) {
    this.place = place;
    this.name = name;
    this.handle = handle;
  }

  add(name: string, content: Uint8Array, metadata: Metadata): void {
    if (name === '' || name.includes('/')) throw new Fault('PATH-ESCAPE', { path: name });
    const mode = this.created === undefined ? ALL_RIGHTS : (metadata.mode ?? DEFAULT_MODE) & ALL_RIGHTS;
    const file = openAt(this.handle, name, CREATE_FLAGS, mode);
    if (file < 0) throw faultOfErrno(errno(), name);
    try {
      this.created ??= createdAs(file, name);
      write(file, content, name);
      const before = { ...this.created, mode: mode & this.created.mode };
      // The time last: writing moves it.
      setHandleMetadata(file, before, { mode: DEFAULT_MODE, ...metadata }, name);
    } catch (error) {
      unlinkAt(this.handle, name);
      throw error;
    } finally {
      closeHandle(file);
    }
    this.files.add(name);
  }

  commit(path: RelativePath): void {
    const staging = this.place.staging();
    this.place.withParent(path, (parent, name) => {
      if (statHandle(parent) < 0) throw faultOfErrno(errno(), path);
      const { mtimeNs } = decodeStat(0);
      if (renameAt(staging, this.name, parent, name, 0) >= 0) {
        // Where only its owner may set it, it could not be set before either.
        setTimeAt(parent, '.', mtimeNs);
        return;
      }
      const code = errno();
      if (code !== ENOTEMPTY && code !== EEXIST && code !== EBUSY) throw faultOfErrno(code, path);
      this.moveFiles(parent, name, path);
      if (unlinkAt(staging, this.name, AT_REMOVEDIR) < 0) throw faultOfErrno(errno(), path);
    });
    this.close();
  }

  /** Something came into the directory meanwhile (or it is a mount): the files join it one by one. */
  private moveFiles(parent: number, name: string, path: string): void {
    const target = openAt(parent, name, PATH_DIRECTORY);
    if (target < 0) throw faultOfErrno(errno(), path);
    try {
      for (const file of this.files) {
        if (renameAt(this.handle, file, target, file, 0) < 0) throw faultOfErrno(errno(), `${path}/${file}`);
        this.files.delete(file);
      }
    } finally {
      closeHandle(target);
    }
  }

  discard(): void {
    if (!this.open) return;
    this.close();
    const staging = this.place.staging();
    removeTree(staging, this.name, staging);
  }

  private close(): void {
    if (this.open) closeHandle(this.handle);
    this.open = false;
  }
}

function createdAs(file: number, name: string): { mode: number; uid: number; gid: number } {
  if (statHandle(file) < 0) throw faultOfErrno(errno(), name);
  const { mode, uid, gid } = decodeStat(0);
  return { mode, uid, gid };
}

function write(file: number, content: Uint8Array, name: string): void {
  if (content.length === 0) return;
  translating(name, () => {
    for (let done = 0; done < content.length; ) {
      done += writeSync(file, content, done, content.length - done, done);
    }
  });
}
