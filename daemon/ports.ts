/**
 * Everything the engines need from the outside, as small synchronous interfaces. The comment on each is its contract;
 * every adapter (operating system, memory, faulty) passes the same suite in test/contract.
 * Errors: every method throws `Fault` (shared/faults.ts) and nothing else.
 */
import type { AttributeBytes, AttributeKinds } from '../shared/attributes.ts';
import type { OwnerNames } from '../shared/owners.ts';
import type { RelativePath } from '../shared/path.ts';

// ---------------------------------------------------------------- time and randomness

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970; for display and records only. */
  wallMs(): number;
  /** Milliseconds since boot, including suspend (CLOCK_BOOTTIME); for every interval and lease. */
  bootMs(): number;
  /** Runs `run` once after `delayMs`; 0 = after pending input was handled (setImmediate). */
  after(delayMs: number, run: () => void): Timer;
}

export interface Random {
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1); for jitter. */
  fraction(): number;
}

// ---------------------------------------------------------------- one replication root

export type EntryType = 'file' | 'directory' | 'symlink' | 'other';

/** What `lstat` says, exact. Times are nanoseconds since 1970. */
export interface EntryStat {
  readonly type: EntryType;
  /** Identity of the object while it lives: the same after rename, different for a new object even if the inode is reused. */
  readonly id: FileId;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Permission bits 0o7777; 0 where the platform has none. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  /** Bytes really allocated; less than `sizeBytes` for sparse files. */
  readonly allocatedBytes: number;
}

/** `inode` (with its device folded in where a root spans one device only: it does) and birth time; compare both. */
export interface FileId {
  readonly inode: bigint;
  readonly birthNs: bigint;
}

export interface ScannedEntry extends EntryStat {
  readonly name: string;
}

/** Metadata to set; absent = leave. */
export interface Metadata {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeNs?: bigint;
  readonly attributes?: AttributesToSet;
}

/** What an entry shall have of some kinds; what it has of others stays. */
export interface AttributesToSet {
  readonly kinds: AttributeKinds;
  readonly bytes: AttributeBytes;
  /** Gets those the volume cannot hold (no support, too large); without it that is `FS-UNSUPPORTED`. */
  readonly onRefused?: (refused: AttributeBytes) => void;
}

export interface TreeCapabilities {
  /** Set and compare permission bits and owners. */
  readonly posixModes: boolean;
  /** Files may be given to any owner; false: they belong to the account of the engine. */
  readonly owners: boolean;
  /** Resolution of a file time in nanoseconds (1 on Linux, 100 on NTFS). */
  readonly timeGranularityNs: number;
  readonly caseSensitive: boolean;
  readonly symlinks: boolean;
  readonly hardLinks: boolean;
  /** Kinds of attributes this volume holds. */
  readonly attributeKinds: AttributeKinds;
}

/** An open file for reading; always `close` it. Opened without following a link, without changing its access time where allowed. */
export interface ReadableFile {
  stat(): EntryStat;
  /** Reads up to `length` bytes at `position` into `target` at `offset`; returns the count, 0 at the end. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /**
   * Where content begins at or behind `position`, the size of the file when there is none: what lies before it is a hole and
   * reads as zeros. Absent where the platform does not tell.
   */
  dataFrom?(position: number): number;
  /** All of the kinds the volume holds. `FS-UNSUPPORTED` above MAX_ATTRIBUTE_BYTES. */
  attributes(): AttributeBytes;
  close(): void;
}

/** Reads small files of one directory, for a moment: a directory that is renamed meanwhile stays the one that was opened. */
export interface DirectoryReader {
  /**
   * The whole content of a file into `target`, which has exactly its size. True when after that it still is what `expected`
   * says: the same file with the same size, change and modification time. False when it is not or anything is in the way.
   */
  read(name: string, expected: EntryStat, target: Uint8Array): boolean;
  close(): void;
}

/** Looks at one path after the other, for a moment: a directory that is renamed meanwhile may still be looked into under its old name. */
export interface Looker {
  /** As `RootTree.stat`. */
  stat(path: RelativePath): EntryStat | undefined;
  /** Of that only the least. */
  shape(path: RelativePath): EntryShape | undefined;
  close(): void;
}

export type EntryShape = Pick<EntryStat, 'type' | 'sizeBytes'>;

/** What changes places: the object at a path of the root and one of the kept. */
export interface KeptPair {
  readonly path: RelativePath;
  readonly keepName: string;
}

/**
 * A file being written in the staging directory (same volume as the root), invisible until `commit`.
 * `discard` is safe at any time and after `commit` does nothing.
 */
export interface StagedFile {
  write(bytes: Uint8Array, position: number): void;
  /** Final size; makes a hole of what was not written. */
  truncate(sizeBytes: number): void;
  /** Copies a range of an existing file of the root into this one, by reflink where the file system can; holes stay holes. */
  copyFrom(path: RelativePath, position: number, length: number): void;
  setMetadata(metadata: Metadata): void;
  /** fdatasync. A failure is fatal (`FS-IO`), never retried. */
  flush(): void;
  /** Atomically becomes `path`, replacing a file or link there; a directory there is `FS-EXISTS`. The parent must exist. */
  commit(path: RelativePath): void;
  /** Reads back what it holds, like `ReadableFile.read`. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /** Size it has now. */
  sizeBytes(): number;
  /**
   * Becomes a kept object instead of a file of the root: content and name are durable when this returns, and nothing is
   * under the name before. `FS-EXISTS` when something is kept under it.
   */
  keepAs(keepName: string): void;
  /** Closes it; what was staged under a keep name stays there for another `stage(keepName)`, anything else is discarded. */
  release(): void;
  discard(): void;
}

/**
 * A new directory of small files, built in the staging directory. It becomes a directory of the root by one rename, so its
 * files appear together, whole. Safe to `discard` at any time; after `commit` that does nothing.
 */
export interface StagedDirectory {
  /** A whole file with its metadata. Nothing of it is left when this throws. */
  add(name: string, content: Uint8Array, metadata: Metadata): void;
  /**
   * Becomes the directory at `path`, which must be empty: when it is not, the files join what is there one by one,
   * replacing files of their names. Its own metadata is left to the caller; the time of its parent does not change, for it
   * may be right already (D11). After a fault it may be called again.
   */
  commit(path: RelativePath): void;
  discard(): void;
}

/** A file of the root that is changed where it is, by the journal's rules (D5): what is overwritten was kept before. Its time is set after it was closed. */
export interface WritableFile {
  stat(): EntryStat;
  write(bytes: Uint8Array, position: number): void;
  /** The range reads as zeros afterwards and takes no space where the volume has holes. The size is at most grown by it. */
  clear(position: number, length: number): void;
  truncate(sizeBytes: number): void;
  /** fdatasync. A failure is fatal (`FS-IO`), never retried. */
  flush(): void;
  close(): void;
}

/**
 * All access to one root. No method follows a symbolic link in any component below the root: a link planted as a parent
 * is `PATH-SYMLINK`, and nothing outside the root is ever written. Paths are checked; `..` is `PATH-ESCAPE`.
 * The control directory (`.mainstay`, beside the root on the same volume, else inside it) holds staging, kept objects
 * and cookies; names equal to CONTROL_NAME are invisible to `scan` at any depth.
 */
export interface RootTree {
  readonly path: string;
  readonly capabilities: TreeCapabilities;
  /** Names of this host's owners; absent where numbers are all there is. */
  owners?(): OwnerNames;

  /**
   * Identity of the root directory itself. The root guard compares it with the one recorded at Run before any delete is
   * believed; throws `ROOT-MISSING` when the root is not there.
   */
  rootIdentity(): string;

  /** Entries of a directory with their stats, sorted by name (by UTF-16 code unit). Complete or it throws; entries that vanish meanwhile are left out. */
  scan(directory: RelativePath): ScannedEntry[];
  /** lstat; undefined when the path (or a parent) does not exist or a parent is not a directory. */
  stat(path: RelativePath): EntryStat | undefined;
  /** Absent where it would save nothing. */
  look?(): Looker;
  openRead(path: RelativePath): ReadableFile;
  /** Absent where it would save nothing. */
  readDirectory?(directory: RelativePath): DirectoryReader;
  readLink(path: RelativePath): string;
  /**
   * Attributes of these entries of a directory, of those that have any; the name '' is the directory itself. A link's own,
   * never its target's. Entries that vanish meanwhile are left out.
   */
  attributesOf(directory: RelativePath, names: readonly string[]): Map<string, AttributeBytes>;

  /**
   * With `keepName` the file lies among the kept objects under that name until it is committed: it outlives a kill, and
   * staging it again goes on with the content it has.
   */
  stage(keepName?: string): StagedFile;
  /** What was said of objects and lies beside them is there for other engines of this host, and they are told. */
  announce?(): void;
  /** Absent where a directory cannot be renamed over an empty one. */
  stageDirectory?(): StagedDirectory;
  /** An existing regular file, to be changed in place; `FS-NOT-FOUND` when there is none, `FS-BUSY` when it is in use. */
  openWrite(path: RelativePath): WritableFile;
  makeDirectory(path: RelativePath, metadata: Metadata): void;
  /** Replaces a file or link there. */
  makeSymlink(path: RelativePath, target: string, metadata: Metadata): void;
  /** A further name for the file at `existing`; replaces a file there. */
  makeLink(existing: RelativePath, path: RelativePath): void;
  /** Never replaces: `FS-EXISTS` when `to` is there, `FS-NOT-FOUND` when `from` is not. */
  rename(from: RelativePath, to: RelativePath): void;
  /** Does not follow a link: sets the link's own times and owner. */
  setMetadata(path: RelativePath, metadata: Metadata): void;

  /** Moves the object (file, link or whole directory) into the control directory under `keepName`; for delete. */
  keep(path: RelativePath, keepName: string): void;
  /** Hard link of the file at `path` in the control directory under `keepName` (copy where links are not possible); for replace. */
  keepLink(path: RelativePath, keepName: string): void;
  /** Moves a kept object back; `FS-EXISTS` when something is there. */
  restore(keepName: string, path: RelativePath): void;
  /** Whether `exchange` is possible on this volume; absent: on this platform it is not. */
  canExchange?(): boolean;
  /**
   * Each path and its kept object change places, one pair after the other, each in one step: a crash leaves it done or undone.
   * Neither is ever absent. `FS-NOT-FOUND` at the first pair of which one is missing; those before it are done then.
   */
  exchange?(pairs: readonly KeptPair[]): void;
  /** Removes a kept object, recursively, or everything kept whose name starts with `keepName` and ends with `*`. */
  dropKept(keepName: string): void;
  listKept(): string[];
  /** What is kept, to be read where it lies: a path begins with a keep name. Valid until `close`. */
  keptObjects(): Pick<RootTree, 'stat' | 'look' | 'scan' | 'openRead' | 'readLink' | 'attributesOf'>;
  /** Bytes that a kept object takes on the volume, with everything below; 0 when there is none. */
  keptBytes(keepName: string): number;
  /** Removes what an earlier run left in staging. */
  clearStaging(): void;

  /** Makes all that was done so far durable (syncfs on Linux). Fatal on failure. */
  flushAll(): void;
  /** Makes the entries of one directory durable. */
  flushDirectory(path: RelativePath): void;
  /** Free and total bytes of the volume. */
  space(): { readonly freeBytes: number; readonly totalBytes: number };

  /** Creates and removes a file in the control directory so that the capture source reports `cookie`. */
  dropCookie(name: string): void;
  close(): void;
}

// ---------------------------------------------------------------- change capture

/**
 * What a capture source says: only where to look. Directories are paths below the root at the moment of decoding, so they
 * may be outdated; the engine looks at the file system and decides.
 */
export type CaptureHint =
  /**
   * Something at `path` changed (created, written, removed, metadata). `closed`: it is over, look at once. `written`: a writer
   * closed it, who may have written through a memory map, which leaves no other trace.
   */
  | {
      readonly kind: 'dirty';
      readonly root: number;
      readonly path: RelativePath;
      readonly closed: boolean;
      readonly written?: boolean;
    }
  | { readonly kind: 'rename'; readonly root: number; readonly from: RelativePath; readonly to: RelativePath }
  /** Events were or may have been lost below `path`: rescan it. */
  | { readonly kind: 'overflow'; readonly root: number; readonly path: RelativePath; readonly reason: string }
  /** All places below the root where other volumes are mounted now; said at the start when there are any, and at each change. */
  | { readonly kind: 'mounts'; readonly root: number; readonly paths: readonly RelativePath[] }
  /** The cookie's event arrived: everything that happened before `dropCookie` was reported before this. */
  | { readonly kind: 'cookie'; readonly root: number; readonly name: string }
  /** The root directory itself vanished, was moved or unmounted. */
  | { readonly kind: 'root-lost'; readonly root: number };

export type CaptureMethod = 'fanotify' | 'inotify' | 'windows' | 'polling' | 'memory';

/** How one root is captured. */
export interface RootCapture {
  readonly method: CaptureMethod;
  /** Changes are seen late, by comparing. */
  readonly degraded: boolean;
  /** Why not a better method. */
  readonly reason?: string;
}

/** Starts reporting before `start` returns; `onHints` gets batches in order. `root` numbers are indices of `roots`. */
export interface CaptureSource {
  readonly method: CaptureMethod;
  start(onHints: (hints: readonly CaptureHint[]) => void): void;
  stop(): void;
}

// ---------------------------------------------------------------- durable state of an engine

/** A small file replaced atomically and durably (temporary file, fsync, rename, directory fsync), with a checksum. */
export interface StateFile {
  /** undefined when it was never saved; `STATE-DAMAGED` after setting a damaged one aside. */
  load(): Uint8Array | undefined;
  save(bytes: Uint8Array): void;
}

/** Append-only log segments; the durable queue of the Replica. */
export interface SegmentLog {
  /** Names of the segments in order (ascending decimal numbers). */
  list(): number[];
  read(segment: number): Uint8Array;
  /** Appends to a segment, creating it; not durable until `flush`. */
  append(segment: number, bytes: Uint8Array): void;
  /** Cuts a torn tail. */
  truncate(segment: number, sizeBytes: number): void;
  /** fdatasync of the segment (and of the directory when it is new). Fatal on failure. */
  flush(segment: number): void;
  /** `durably`: it does not come back after a power cut. */
  remove(segment: number, durably?: boolean): void;
  close(): void;
}

// ---------------------------------------------------------------- the stream between two engines

/** A reliable ordered byte stream to the other engine; framing is ours (shared/protocol/frame.ts). */
export interface LinkStream {
  /**
   * Queues bytes, in order. They stay the caller's: without `onSent` they may be used again after the call, with it once
   * it was called. Back-pressure is the engines' byte window, not this.
   */
  send(bytes: Uint8Array, onSent?: () => void): void;
  /** Set by the engine before the stream is used. The bytes stay as they are until `release`. */
  onBytes: (bytes: Uint8Array) => void;
  /** The oldest `count` bytes that came are done with. */
  release?(count: number): void;
  onClose: (reason: string) => void;
  close(): void;
}

// ---------------------------------------------------------------- configuration of applications on this host

/** Configuration files of web servers on this host; reads only, says nothing of why it could not. */
export interface ConfigurationFiles {
  readonly windows: boolean;
  /** Environment of this host. */
  readonly variables: Readonly<Record<string, string>>;
  /** Text of a file whatever its encoding (UTF-8, UTF-16 with a byte order mark); undefined when it cannot be read. */
  read(path: string): string | undefined;
  /** Files that match a pattern with `*` in its last part, sorted. */
  match(pattern: string): readonly string[];
  /** `name` in the directory of `path`, when it is not absolute itself. */
  beside(path: string, name: string): string;
}
