/**
 * A root on Linux. Every path is resolved by the kernel from a handle of the root with symbolic links refused (openat2), and
 * every change is made by name in a handle of the parent, so nothing below the root is ever followed out of it (D7).
 * Handles of directories are not kept: a directory renamed meanwhile would be found under its old name.
 */
import { constants, fsyncSync, readSync, statfsSync } from 'node:fs';
import { constants as system } from 'node:os';
import { type AttributeBytes, kindBit, NO_ATTRIBUTES } from '../../../shared/attributes.ts';
import { Fault } from '../../../shared/faults.ts';
import {
  baseName,
  CONTROL_NAME,
  decodeName,
  parentPath,
  parseRelativePath,
  type RelativePath,
} from '../../../shared/path.ts';
import type {
  DirectoryReader,
  EntryStat,
  KeptPair,
  Looker,
  Metadata,
  ReadableFile,
  RootTree,
  ScannedEntry,
  StagedDirectory,
  StagedFile,
  WritableFile,
} from '../../ports.ts';
import { allocatedBytes } from '../node/allocated-bytes.ts';
import { writtenFile } from '../node/written-file.ts';
import { faultOfErrno, translating } from '../system-fault.ts';
import { readAttributes, readAttributesIn, writeAttributes } from './attributes.ts';
import { capabilitiesOf, fileSystemId, LINUX_CAPABILITIES } from './capabilities.ts';
import { type ControlHandles, checkKeepName, openControl, prepareControl } from './control.ts';
import { deniedFault, linkFault } from './denied.ts';
import { decodeStat, listedName, listRaw, scanHandle, statDevice, statFollowing, statHandle } from './directory.ts';
import { DirectoryLook } from './directory-look.ts';
import { READ_FLAGS, READ_QUIETLY, readDirectory } from './directory-reader.ts';
import { canExchange, exchangeKept } from './exchange.ts';
import { nextData, punching } from './holes.ts';
import {
  AT_FDCWD,
  closeHandle,
  errno,
  linkAt,
  makeDirectoryAt,
  O_CLOEXEC,
  OPEN_DIRECTORY,
  openAt,
  openBeneath,
  PATH_DIRECTORY,
  readLinkAt,
  renameAt,
  symlinkAt,
  syncFileSystem,
  unlinkAt,
} from './libc.ts';
import { setNamedMetadata } from './metadata.ts';
import { moveWithoutReplacing } from './move.ts';
import { readOwners } from './owners.ts';
import { removeTree } from './remove.ts';
import { stageDirectory } from './staged-directory.ts';
import { type StagingPlace, stageFile } from './staged-file.ts';
import { statBeneath } from './stat-beneath.ts';

const { EEXIST, EINVAL, EISDIR, ELOOP, EMLINK, ENOENT, ENOSYS, ENOTDIR, EOPNOTSUPP, EPERM } = system.errno;
const WRITE_FLAGS = (READ_FLAGS & ~constants.O_RDONLY) | constants.O_RDWR;
/** Needs read and search rights for listing and syncfs; the path of the root itself may lead through links. */
const ROOT_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC;

export class LinuxTree implements RootTree {
  readonly path: string;
  capabilities = LINUX_CAPABILITIES;
  readonly owners = readOwners;
  private root = -1;
  private device = 0;
  private identity = '';
  private control: ControlHandles | undefined;
  private kept: LinuxTree | undefined;
  private exchanges: boolean | undefined;
  private readonly staged = new Set<StagedFile>();
  private nextTemporary = 0;
  private readonly stagingPlace: StagingPlace = {
    staging: () => this.controlHandles().staging,
    kept: () => this.controlHandles().kept,
    withParent: <T>(path: RelativePath, run: (parent: number, name: string) => T) => this.withParent(path, run),
    openFile: (path: RelativePath) => this.openFile(path),
    open: this.staged,
  };

  /** Throws `ROOT-MISSING` when there is no directory at `path`. */
  constructor(path: string) {
    this.path = path;
    this.rootIdentity();
  }

  /** Looks at the path again each time: when another directory is there now, that one is opened. */
  rootIdentity(): string {
    if (statFollowing(AT_FDCWD, this.path) < 0) throw this.rootFault(errno());
    const stat = decodeStat(0);
    if (stat.type !== 'directory') throw new Fault('ROOT-MISSING', { path: this.path });
    // Device numbers change from boot to boot; inode and birth time do not. Without a birth time the file system's id helps.
    const volume = stat.id.birthNs === 0n ? `${fileSystemId(this.path)}:` : '';
    const identity = `${volume}${BigInt.asUintN(64, stat.id.inode)}:${stat.id.birthNs}`;
    if (identity !== this.identity || this.root < 0) this.reopen(identity);
    return identity;
  }

  private reopen(identity: string): void {
    this.close();
    const handle = openAt(AT_FDCWD, this.path, ROOT_FLAGS);
    if (handle < 0) throw this.rootFault(errno());
    if (statHandle(handle) < 0) {
      const code = errno();
      closeHandle(handle);
      throw this.rootFault(code);
    }
    this.device = statDevice();
    try {
      this.capabilities = capabilitiesOf(handle, this.path);
    } catch (error) {
      closeHandle(handle);
      throw error;
    }
    this.root = handle;
    this.identity = identity;
    this.exchanges = undefined;
  }

  private rootFault(code: number): Fault {
    if (code === ENOENT || code === ENOTDIR || code === ELOOP) return new Fault('ROOT-MISSING', { path: this.path });
    return faultOfErrno(code, this.path);
  }

  // ------------------------------------------------------------- looking

  scan(directory: RelativePath): ScannedEntry[] {
    const handle = this.openDirectory(directory, OPEN_DIRECTORY);
    try {
      const entries = scanHandle(handle, this.device, CONTROL_NAME, directory);
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    } finally {
      closeHandle(handle);
    }
  }

  stat(path: RelativePath): EntryStat | undefined {
    return statBeneath(this.root, this.device, path);
  }

  look(): Looker {
    return new DirectoryLook(this.root, this.device);
  }

  openRead(path: RelativePath): ReadableFile {
    const handle = this.openFile(path);
    return {
      ...this.handleOf(handle, path),
      read: (target, offset, length, position) =>
        translating(path, () => readSync(handle, target, offset, length, position)),
      dataFrom: (position) => translating(path, () => nextData(handle, position)),
      attributes: () => readAttributes({ handle }, this.capabilities.attributeKinds, path),
    };
  }

  readDirectory(path: RelativePath): DirectoryReader {
    return readDirectory(this.openDirectory(path, PATH_DIRECTORY), this.device);
  }

  private handleOf(handle: number, path: RelativePath, device = this.device): Pick<ReadableFile, 'stat' | 'close'> {
    return {
      stat: () => {
        if (statHandle(handle) < 0) throw faultOfErrno(errno(), path);
        return decodeStat(device);
      },
      close: () => closeHandle(handle),
    };
  }

  /** A handle for reading a regular file; anything else there is `FS-NOT-FOUND`, a link as a parent `PATH-SYMLINK`. */
  private openFile(path: RelativePath, flags: number = READ_QUIETLY): number {
    if (parseRelativePath(path) === '') throw new Fault('FS-NOT-FOUND', { path });
    let handle = openBeneath(this.root, path, flags);
    if (handle < 0) {
      const code = errno();
      // Only the owner and root may read without a trace.
      if (code === EPERM && flags === READ_QUIETLY) handle = openBeneath(this.root, path, READ_FLAGS);
      else if (code === ELOOP || code === ENOTDIR) throw this.linkFault(path);
      else if (code === EISDIR) throw new Fault('FS-NOT-FOUND', { path });
      else throw this.withParent(path, (parent, name) => deniedFault(code, parent, name, path));
      if (handle < 0) throw faultOfErrno(errno(), path);
    }
    if (statHandle(handle) >= 0 && decodeStat(this.device).type === 'file') return handle;
    closeHandle(handle);
    throw new Fault('FS-NOT-FOUND', { path });
  }

  /** The kernel does not say which component was a link: the last one is just not a file, a parent is an attack. */
  private linkFault(path: RelativePath): Fault {
    return this.stat(path)?.type === 'symlink'
      ? new Fault('FS-NOT-FOUND', { path })
      : new Fault('PATH-SYMLINK', { path });
  }

  readLink(path: RelativePath): string {
    return this.withParent(path, (parent, name) => {
      const target = readLinkAt(parent, name);
      if (target !== undefined) return decodeName(target);
      const code = errno();
      throw code === EINVAL ? new Fault('FS-NOT-FOUND', { path }) : faultOfErrno(code, path);
    });
  }

  attributesOf(directory: RelativePath, names: readonly string[]): Map<string, AttributeBytes> {
    const handle = this.openDirectory(directory, OPEN_DIRECTORY);
    try {
      return readAttributesIn(handle, names, this.capabilities.attributeKinds, directory);
    } finally {
      closeHandle(handle);
    }
  }

  // ------------------------------------------------------------- changing

  stage(keepName?: string): StagedFile {
    if (keepName !== undefined) checkKeepName(keepName);
    return stageFile(this.stagingPlace, keepName);
  }

  stageDirectory(): StagedDirectory {
    return stageDirectory(this.stagingPlace);
  }

  openWrite(path: RelativePath): WritableFile {
    const handle = this.openFile(path, WRITE_FLAGS);
    return writtenFile(handle, path, { ...this.handleOf(handle, path), ...punching(handle, path) });
  }

  makeDirectory(path: RelativePath, metadata: Metadata): void {
    this.withParent(path, (parent, name) => {
      if (makeDirectoryAt(parent, name, metadata.mode ?? 0o755) < 0) throw faultOfErrno(errno(), path);
      setNamedMetadata(parent, name, metadata, path);
    });
  }

  makeSymlink(path: RelativePath, target: string, metadata: Metadata): void {
    this.replaceFromStaging(path, (staging, temporary) => {
      if (symlinkAt(target, staging, temporary) < 0) throw faultOfErrno(errno(), path);
      setNamedMetadata(staging, temporary, metadata, path);
    });
  }

  makeLink(existing: RelativePath, path: RelativePath): void {
    this.withParent(existing, (from, fromName) => {
      const direct = this.withParent(path, (to, toName) => (linkAt(from, fromName, to, toName) < 0 ? errno() : 0));
      if (direct === 0) return;
      if (direct !== EEXIST) throw linkFault(direct, existing);
      this.replaceFromStaging(path, (staging, temporary) => {
        if (linkAt(from, fromName, staging, temporary) < 0) throw linkFault(errno(), existing);
      });
    });
  }

  rename(from: RelativePath, to: RelativePath): void {
    if (to.startsWith(`${from}/`)) {
      if (this.stat(from)?.type === 'directory') {
        throw new Fault('FS-UNSUPPORTED', { what: 'Moving a directory into itself', path: to });
      }
    }
    this.withParent(from, (fromParent, fromName) => {
      this.withParent(to, (toParent, toName) => moveWithoutReplacing(fromParent, fromName, toParent, toName, from, to));
    });
  }

  setMetadata(path: RelativePath, metadata: Metadata): void {
    if (parseRelativePath(path) === '') setNamedMetadata(this.root, '.', metadata, path);
    else this.withParent(path, (parent, name) => setNamedMetadata(parent, name, metadata, path));
  }

  // ------------------------------------------------------------- kept objects

  keep(path: RelativePath, keepName: string): void {
    checkKeepName(keepName);
    const { kept } = this.controlHandles();
    this.withParent(path, (parent, name) => moveWithoutReplacing(parent, name, kept, keepName, path, keepName));
  }

  keepLink(path: RelativePath, keepName: string): void {
    checkKeepName(keepName);
    const { kept } = this.controlHandles();
    const code = this.withParent(path, (parent, name) => (linkAt(parent, name, kept, keepName) < 0 ? errno() : 0));
    if (code === 0) return;
    const stat = this.stat(path);
    if (stat === undefined || stat.type === 'directory') throw linkFault(code, path);
    // No further name possible: too many of them, or a file system or kernel policy without hard links.
    if (![EMLINK, EPERM, EOPNOTSUPP, ENOSYS].includes(code) || stat.type !== 'file') throw faultOfErrno(code, path);
    this.keepCopy(path, keepName, stat);
  }

  private keepCopy(path: RelativePath, keepName: string, stat: EntryStat): void {
    const { kept } = this.controlHandles();
    const kinds = this.capabilities.attributeKinds;
    const bytes = this.attributesOf(parentPath(path) ?? '', [baseName(path)]).get(baseName(path));
    const attributes = bytes === undefined ? {} : { attributes: { kinds, bytes } };
    const copy = stageFile({ ...this.stagingPlace, withParent: (_target, run) => run(kept, keepName) });
    try {
      copy.copyFrom(path, 0, stat.sizeBytes);
      copy.setMetadata({ mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs, ...attributes });
      copy.commit(keepName);
    } finally {
      copy.discard();
    }
  }

  restore(keepName: string, path: RelativePath): void {
    checkKeepName(keepName);
    const { kept } = this.controlHandles();
    this.withParent(path, (parent, name) => moveWithoutReplacing(kept, keepName, parent, name, keepName, path));
  }

  canExchange(): boolean {
    this.exchanges ??= canExchange(this.controlHandles().staging);
    return this.exchanges;
  }

  exchange(pairs: readonly KeptPair[]): void {
    exchangeKept(this.root, this.controlHandles().kept, pairs);
  }

  dropKept(keepName: string): void {
    const { kept, staging } = this.controlHandles();
    if (!keepName.endsWith('*')) {
      checkKeepName(keepName);
      removeTree(kept, keepName, staging);
      return;
    }
    const prefix = keepName.slice(0, -1);
    for (const name of this.listKept()) if (name.startsWith(prefix)) removeTree(kept, name, staging);
  }

  keptObjects(): LinuxTree {
    this.kept ??= new LinuxTree(`${prepareControl(this.path).path}/kept`);
    return this.kept;
  }

  listKept(): string[] {
    return this.listControl(this.controlHandles().kept).sort();
  }

  keptBytes(keepName: string): number {
    checkKeepName(keepName);
    const { kept } = this.controlHandles();
    return translating(keepName, () => allocatedBytes(`/proc/self/fd/${kept}/${keepName}`));
  }

  clearStaging(): void {
    const { staging } = this.controlHandles();
    for (const name of this.listControl(staging)) removeTree(staging, name, staging);
  }

  // ------------------------------------------------------------- durability, space, cookies

  flushAll(): void {
    if (syncFileSystem(this.root) < 0) {
      throw new Fault('FS-IO', { path: this.path, reason: `syncfs failed with error ${errno()}` });
    }
  }

  flushDirectory(path: RelativePath): void {
    const handle = this.openDirectory(path, OPEN_DIRECTORY);
    try {
      fsyncSync(handle);
    } catch (error) {
      throw new Fault('FS-IO', { path, reason: String(error) }, error);
    } finally {
      closeHandle(handle);
    }
  }

  space(): { freeBytes: number; totalBytes: number } {
    return translating(this.path, () => {
      const { bavail, blocks, bsize } = statfsSync(`/proc/self/fd/${this.root}`);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    });
  }

  dropCookie(name: string): void {
    checkKeepName(name);
    const { cookies } = this.controlHandles();
    const handle = openAt(cookies, name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | O_CLOEXEC, 0o600);
    if (handle < 0) throw faultOfErrno(errno(), name);
    closeHandle(handle);
    if (unlinkAt(cookies, name) < 0) throw faultOfErrno(errno(), name);
  }

  close(): void {
    for (const file of [...this.staged]) file.release();
    if (this.root >= 0) closeHandle(this.root);
    this.root = -1;
    this.kept?.close();
    this.kept = undefined;
    if (this.control === undefined) return;
    for (const handle of Object.values(this.control)) closeHandle(handle);
    this.control = undefined;
  }

  // ------------------------------------------------------------- handles

  /** Created at the first need, not before: a root that is not mounted must not get a control directory. */
  private controlHandles(): ControlHandles {
    if (this.control !== undefined) return this.control;
    const { path } = prepareControl(this.path);
    this.control = openControl(path);
    // A default access list of the parent would be inherited by every new file.
    const kinds = this.capabilities.attributeKinds & kindBit('posix-acl');
    writeAttributes({ handle: this.control.staging }, { kinds, bytes: NO_ATTRIBUTES }, path);
    return this.control;
  }

  private openDirectory(path: RelativePath, flags: number): number {
    const whole = parseRelativePath(path) === '' ? '.' : path;
    const handle = openBeneath(this.root, whole, flags);
    if (handle >= 0) return handle;
    const code = errno();
    if (code !== ENOTDIR && code !== ELOOP) throw faultOfErrno(code, path);
    // Something that is not a directory at the end was replaced meanwhile; on the way it is refused.
    throw this.stat(path) === undefined ? new Fault('PATH-SYMLINK', { path }) : new Fault('FS-NOT-FOUND', { path });
  }

  /** The parent is not listed, so it need not be readable; a link or file as a parent is `PATH-SYMLINK`. */
  private withParent<T>(path: RelativePath, run: (parent: number, name: string) => T): T {
    const parent = parentPath(parseRelativePath(path));
    if (parent === undefined) throw new Fault('PATH-ESCAPE', { path: '(the root itself)' });
    if (parent === '') return run(this.root, path);
    const handle = openBeneath(this.root, parent, PATH_DIRECTORY);
    if (handle < 0) throw faultOfErrno(errno(), path);
    try {
      return run(handle, baseName(path));
    } finally {
      closeHandle(handle);
    }
  }

  /** Makes an object in staging and renames it over what is at `path`, so the path is never absent. */
  private replaceFromStaging(path: RelativePath, make: (staging: number, temporary: string) => void): void {
    const { staging } = this.controlHandles();
    this.nextTemporary += 1;
    const temporary = `link-${process.pid}-${this.nextTemporary}-${process.hrtime.bigint().toString(36)}`;
    this.withParent(path, (parent, name) => {
      make(staging, temporary);
      const failed = renameAt(staging, temporary, parent, name, 0) < 0 ? errno() : 0;
      // Renaming a name of a file over another name of the same file does nothing and leaves both.
      unlinkAt(staging, temporary);
      if (failed !== 0) throw faultOfErrno(failed, path);
    });
  }

  private listControl(handle: number): string[] {
    const listing = openAt(handle, '.', OPEN_DIRECTORY);
    if (listing < 0) throw faultOfErrno(errno(), 'control directory');
    try {
      const names: string[] = [];
      if (listRaw(listing, (_address, start, end) => names.push(listedName(start, end))) < 0) {
        throw faultOfErrno(errno(), 'control directory');
      }
      return names;
    } finally {
      closeHandle(listing);
    }
  }
}
