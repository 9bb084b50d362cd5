/**
 * A root on Windows. Paths are checked for links (reparse points) and for their spelling before each change; Windows has no
 * call that does both at once, so a program that swaps a directory for a link in between could still win that race.
 */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type AttributeBytes, NO_ATTRIBUTES } from '../../../shared/attributes.ts';
import { Fault } from '../../../shared/faults.ts';
import { CONTROL_NAME, joinPath, parseRelativePath, type RelativePath } from '../../../shared/path.ts';
import type {
  EntryStat,
  EntryType,
  Metadata,
  ReadableFile,
  RootTree,
  ScannedEntry,
  StagedFile,
  TreeCapabilities,
  WritableFile,
} from '../../ports.ts';
import { CONTROL_PARTS, locateControl } from '../control-path.ts';
import { allocatedBytes } from '../node/allocated-bytes.ts';
import { flushFault } from '../node/durable.ts';
import { writtenFile } from '../node/written-file.ts';
import { codeOf, faultOfName, translating } from '../system-fault.ts';
import { refuseAttributes } from './attributes.ts';
import { readModificationTime, setModificationTime } from './kernel.ts';
import { decodeWindowsName } from './names.ts';
import { retryBusy, WindowsPaths } from './paths.ts';
import { WindowsStagedFile } from './staged-file.ts';

/** Links need a privilege that services seldom have; they are parked. Modes and owners are access control lists here. */
const CAPABILITIES: TreeCapabilities = {
  posixModes: false,
  owners: false,
  timeGranularityNs: 100,
  caseSensitive: false,
  symlinks: false,
  hardLinks: true,
  attributeKinds: 0,
};

type ControlPart = (typeof CONTROL_PARTS)[number];

export class WindowsTree implements RootTree {
  readonly path: string;
  readonly capabilities = CAPABILITIES;
  private paths: WindowsPaths;
  private control: string | undefined;
  private nextName = 0;

  /** Throws `ROOT-MISSING` when there is no directory at `path`. */
  constructor(path: string) {
    this.path = path;
    this.paths = new WindowsPaths(path);
    this.rootIdentity();
  }

  rootIdentity(): string {
    try {
      const stat = statSync(this.path, { bigint: true });
      if (!stat.isDirectory()) throw new Fault('ROOT-MISSING', { path: this.path });
      return `${stat.dev}:${stat.ino}`;
    } catch (error) {
      throw error instanceof Fault ? error : new Fault('ROOT-MISSING', { path: this.path }, error);
    }
  }

  // ------------------------------------------------------------- looking

  scan(directory: RelativePath): ScannedEntry[] {
    const native = this.paths.checked(directory);
    if (directory !== '') this.requireDirectory(directory);
    const entries: ScannedEntry[] = [];
    for (const name of translating(directory, () => readdirSync(native))) {
      if (name.toLowerCase() === CONTROL_NAME) continue;
      const stat = lstatIfPresent(`${native}\\${name}`, joinPath(directory, name));
      if (stat !== undefined) {
        entries.push({ name: decodeWindowsName(name), ...toEntryStat(stat, `${native}\\${name}`) });
      }
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private requireDirectory(path: RelativePath): void {
    if (this.stat(path)?.type !== 'directory') throw new Fault('FS-NOT-FOUND', { path });
  }

  stat(path: RelativePath): EntryStat | undefined {
    let native: string;
    try {
      native = this.paths.checked(path);
    } catch (error) {
      if (error instanceof Fault && (error.code === 'PATH-SYMLINK' || error.code === 'FS-NOT-FOUND')) return undefined;
      throw error;
    }
    const stat = lstatIfPresent(native, path);
    if (stat === undefined) return undefined;
    if (path !== '' && !this.isSpelled(path)) return undefined;
    return toEntryStat(stat, native);
  }

  private isSpelled(path: RelativePath): boolean {
    return decodeWindowsName(this.paths.spelling(path) ?? '') === path.slice(path.lastIndexOf('/') + 1);
  }

  openRead(path: RelativePath): ReadableFile {
    const handle = this.openFile(path);
    return {
      ...this.handleOf(handle, path),
      read: (target, offset, length, position) =>
        translating(path, () => readSync(handle, target, offset, length, position)),
      attributes: () => NO_ATTRIBUTES,
    };
  }

  private handleOf(handle: number, path: RelativePath): Pick<ReadableFile, 'stat' | 'close'> {
    const native = this.paths.native(path);
    return {
      stat: () =>
        toEntryStat(
          translating(path, () => fstatSync(handle, { bigint: true })),
          native,
        ),
      close: () => closeSync(handle),
    };
  }

  attributesOf(): Map<string, AttributeBytes> {
    return new Map();
  }

  /** Refuses what is not a regular file, before opening and, should it have been replaced meanwhile, after. */
  private openFile(path: RelativePath, flags = 'r'): number {
    const native = this.paths.checked(path);
    const before = this.stat(path);
    if (before?.type !== 'file') throw new Fault('FS-NOT-FOUND', { path });
    const handle = retryBusy(path, () => openSync(native, flags));
    if (fstatSync(handle, { bigint: true }).ino === before.id.inode) return handle;
    closeSync(handle);
    throw new Fault('FS-CHANGED', { path });
  }

  readLink(path: RelativePath): string {
    const native = this.paths.checked(path);
    if (this.stat(path)?.type !== 'symlink') throw new Fault('FS-NOT-FOUND', { path });
    return translating(path, () => readlinkSync(native)).replaceAll('\\', '/');
  }

  // ------------------------------------------------------------- changing

  stage(keepName?: string): StagedFile {
    const place = {
      place: (path: RelativePath) => this.placeFile(path),
      keepPlace: (name: string) => this.vacantKeep(name),
      openFile: (path: RelativePath) => this.openFile(path),
    };
    return keepName === undefined
      ? new WindowsStagedFile(this.newName('staging'), place)
      : new WindowsStagedFile(this.part('kept', checkKeepName(keepName)), place, true);
  }

  openWrite(path: RelativePath): WritableFile {
    const handle = this.openFile(path, 'r+');
    return writtenFile(handle, path, this.handleOf(handle, path));
  }

  /** Native path for a new file; what is there now may be replaced by a rename. */
  private placeFile(path: RelativePath): string {
    const native = this.checkedName(path);
    this.paths.refuseCollision(path);
    const there = lstatIfPresent(native, path);
    if (there?.isDirectory()) throw new Fault('FS-EXISTS', { path });
    // A file that may not be written may not be replaced either.
    if (there !== undefined && (Number(there.mode) & 0o200) === 0) translating(path, () => chmodSync(native, 0o666));
    return native;
  }

  makeDirectory(path: RelativePath, metadata: Metadata): void {
    const native = this.checkedName(path);
    this.paths.refuseCollision(path);
    translating(path, () => mkdirSync(native));
    this.applyTime(native, metadata, path);
  }

  makeSymlink(path: RelativePath, _target: string, _metadata: Metadata): void {
    this.checkedName(path);
    throw new Fault('FS-UNSUPPORTED', { what: 'A symbolic link', path });
  }

  makeLink(existing: RelativePath, path: RelativePath): void {
    const source = this.checkedName(existing);
    const target = this.placeFile(path);
    if (this.stat(existing)?.type !== 'file') throw new Fault('FS-NOT-FOUND', { path: existing });
    if (this.stat(existing)?.id.inode === this.stat(path)?.id.inode) return;
    const temporary = this.newName('staging');
    translating(path, () => linkSync(source, temporary));
    try {
      retryBusy(path, () => renameSync(temporary, target));
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  rename(from: RelativePath, to: RelativePath): void {
    const source = this.checkedName(from);
    const target = this.checkedName(to);
    const moved = this.stat(from);
    if (moved === undefined) throw new Fault('FS-NOT-FOUND', { path: from });
    if (moved.type === 'directory' && to.startsWith(`${from}/`)) {
      throw new Fault('FS-UNSUPPORTED', { what: 'Moving a directory into itself', path: to });
    }
    const isRespelling = from.toLowerCase() === to.toLowerCase();
    if (from === to || (!isRespelling && existsSync(target))) throw new Fault('FS-EXISTS', { path: to });
    retryBusy(from, () => renameSync(source, target));
  }

  setMetadata(path: RelativePath, metadata: Metadata): void {
    const native = this.paths.checked(path);
    if (this.stat(path) === undefined) throw new Fault('FS-NOT-FOUND', { path });
    this.applyTime(native, metadata, path);
  }

  private applyTime(native: string, metadata: Metadata, path: string): void {
    refuseAttributes(metadata, path);
    if (metadata.mtimeNs === undefined) return;
    if (!setModificationTime(native, metadata.mtimeNs)) throw new Fault('FS-BUSY', { path });
  }

  // ------------------------------------------------------------- kept objects

  keep(path: RelativePath, keepName: string): void {
    const target = this.vacantKeep(keepName);
    const source = this.checkedName(path);
    if (this.stat(path) === undefined) throw new Fault('FS-NOT-FOUND', { path });
    retryBusy(path, () => renameSync(source, target));
  }

  keepLink(path: RelativePath, keepName: string): void {
    const target = this.vacantKeep(keepName);
    const source = this.checkedName(path);
    if (this.stat(path)?.type !== 'file') throw new Fault('FS-NOT-FOUND', { path });
    try {
      linkSync(source, target);
    } catch (error) {
      const code = codeOf(error);
      // FAT has no hard links, NTFS no more than 1,024 of a file.
      if (code === 'ENOENT') throw faultOfName(code, path, error);
      this.keepCopy(path, keepName);
    }
  }

  private keepCopy(path: RelativePath, keepName: string): void {
    const target = this.part('kept', keepName);
    const copy = new WindowsStagedFile(this.newName('staging'), {
      place: () => target,
      keepPlace: () => target,
      openFile: (source) => this.openFile(source),
    });
    const stat = this.stat(path);
    try {
      copy.copyFrom(path, 0, stat?.sizeBytes ?? 0);
      if (stat !== undefined) copy.setMetadata({ mtimeNs: stat.mtimeNs });
      copy.commit(keepName);
    } finally {
      copy.discard();
    }
  }

  restore(keepName: string, path: RelativePath): void {
    const source = this.part('kept', checkKeepName(keepName));
    const target = this.checkedName(path);
    if (!existsSync(source)) throw new Fault('FS-NOT-FOUND', { path: keepName });
    if (existsSync(target)) throw new Fault('FS-EXISTS', { path });
    retryBusy(path, () => renameSync(source, target));
  }

  dropKept(keepName: string): void {
    const isPrefix = keepName.endsWith('*');
    const wanted = isPrefix ? keepName.slice(0, -1) : checkKeepName(keepName);
    for (const name of this.listKept()) {
      if (isPrefix ? name.startsWith(wanted) : name === wanted) this.removePart('kept', name);
    }
  }

  keptObjects(): WindowsTree {
    return new WindowsTree(this.part('kept'));
  }

  listKept(): string[] {
    return readdirSync(this.part('kept')).sort();
  }

  keptBytes(keepName: string): number {
    return translating(keepName, () => allocatedBytes(this.part('kept', checkKeepName(keepName))));
  }

  clearStaging(): void {
    for (const name of readdirSync(this.part('staging'))) this.removePart('staging', name);
  }

  private removePart(part: ControlPart, name: string): void {
    retryBusy(name, () => rmSync(this.part(part, name), { recursive: true, force: true }));
  }

  private vacantKeep(keepName: string): string {
    const target = this.part('kept', checkKeepName(keepName));
    if (existsSync(target)) throw new Fault('FS-EXISTS', { path: keepName });
    return target;
  }

  // ------------------------------------------------------------- durability, space, cookies

  /** Contents are flushed at their commit; flushing any file writes the journal of NTFS with all names before it. */
  flushAll(): void {
    const marker = this.part('staging', 'flush');
    try {
      const handle = openSync(marker, 'w');
      writeSync(handle, 'x');
      fsyncSync(handle);
      closeSync(handle);
      unlinkSync(marker);
    } catch (error) {
      throw flushFault(this.path, error);
    }
  }

  flushDirectory(path: RelativePath): void {
    if (path !== '') this.requireParentAndDirectory(path);
    this.flushAll();
  }

  private requireParentAndDirectory(path: RelativePath): void {
    this.paths.checked(path);
    this.requireDirectory(path);
  }

  space(): { freeBytes: number; totalBytes: number } {
    return translating(this.path, () => {
      const { bavail, blocks, bsize } = statfsSync(this.path);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    });
  }

  dropCookie(name: string): void {
    const path = this.part('cookies', checkKeepName(name));
    translating(name, () => {
      closeSync(openSync(path, 'wx'));
      unlinkSync(path);
    });
  }

  close(): void {}

  // ------------------------------------------------------------- paths

  /** A path with a name of its own: not the root. */
  private checkedName(path: RelativePath): string {
    if (parseRelativePath(path) === '') throw new Fault('PATH-ESCAPE', { path: '(the root itself)' });
    return this.paths.checked(path);
  }

  private part(part: ControlPart, name?: string): string {
    if (this.control === undefined) {
      this.control = prepareWindowsControl(this.path);
    }
    const directory = `\\\\?\\${this.control}\\${part}`;
    return name === undefined ? directory : `${directory}\\${name}`;
  }

  private newName(part: ControlPart): string {
    this.nextName += 1;
    return this.part(part, `${process.pid}-${this.nextName}-${process.hrtime.bigint().toString(36)}`);
  }
}

/** Creates the control directory of a root; its absolute path. */
export function prepareWindowsControl(root: string): string {
  const real = translating(root, () => new WindowsPaths(root).root.slice(4));
  const { path } = locateControl(real, (one, other) => statSync(one).dev === statSync(other).dev);
  translating(path, () => {
    for (const part of CONTROL_PARTS) mkdirSync(`${path}\\${part}`, { recursive: true });
  });
  return path;
}

function lstatIfPresent(native: string, path: string): BigIntStats | undefined {
  try {
    return lstatSync(native, { bigint: true });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw faultOfName(code, path, error);
  }
}

function typeOf(stat: BigIntStats): EntryType {
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isDirectory()) return 'directory';
  return stat.isFile() ? 'file' : 'other';
}

/**
 * A file number of NTFS holds a sequence number, so it names one object for ever. Directories get no more than it: Wine
 * says their birth is their last change.
 */
const DIRECTORY_BIRTH_NS = 1n;
/** Node holds seconds in 32 bits on Windows: from here on they may be before 1970 or after 2106. */
const SUSPICIOUS_NS = 2n ** 31n * 1_000_000_000n;

function toEntryStat(stat: BigIntStats, native?: string): EntryStat {
  const isOdd = stat.mtimeNs >= SUSPICIOUS_NS || stat.mtimeNs < 0n;
  return {
    type: typeOf(stat),
    id: { inode: stat.ino, birthNs: stat.isDirectory() ? DIRECTORY_BIRTH_NS : stat.birthtimeNs },
    sizeBytes: Number(stat.size),
    mtimeNs: (isOdd && native !== undefined && readModificationTime(native)) || stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    mode: 0,
    uid: 0,
    gid: 0,
    links: Number(stat.nlink),
    allocatedBytes: Number(stat.blocks) * 512,
  };
}

function checkKeepName(keepName: string): string {
  if (/[/\\:*?"<>|]/.test(keepName) || parseRelativePath(keepName) === '') {
    throw new Fault('PATH-ESCAPE', { path: keepName });
  }
  return keepName;
}
