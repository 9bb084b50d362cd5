/**
 * fanotify: one group and one mark for a whole mounted file system; every change of a name or content on it is reported
 * with the handle of the directory and the name. No race with new directories, no limit of the queue (fanotify(7)).
 */
import { constants } from 'node:fs';
import { endianness } from 'node:os';
import { Fault } from '../../../shared/faults.ts';
import { decodeName } from '../../../shared/path.ts';
import { allocateFixed, lastErrno, loadLibrary } from '../ffi.ts';
import { faultOfErrno } from '../system-fault.ts';
import { AT_FDCWD, closeHandle, cPath, O_CLOEXEC, O_PATH, openAt, readLinkAt } from './libc.ts';

const libc = loadLibrary('libc.so.6');
const callInit = libc.number('fanotify_init', 'int', ['uint32', 'uint32']);
const callMark = libc.number('fanotify_mark', 'int', ['int', 'uint32', 'uint64', 'int', 'uintptr_t']);
const callRead = libc.number('read', 'long', ['int', 'uintptr_t', 'size_t']);
const callOpenByHandle = libc.number('open_by_handle_at', 'int', ['int', 'uintptr_t', 'int']);

const FAN_CLOEXEC = 0x1;
const FAN_NONBLOCK = 0x2;
const FAN_UNLIMITED_QUEUE = 0x10;
/** FAN_REPORT_DIR_FID | FAN_REPORT_NAME: Linux 5.9. */
const FAN_REPORT_DFID_NAME = 0xc00;
/** …with FAN_REPORT_FID | FAN_REPORT_TARGET_FID: Linux 5.17, which also brought FAN_RENAME. */
const FAN_REPORT_DFID_NAME_TARGET = 0x1e00;
const FAN_MARK_ADD = 0x1;
const FAN_MARK_FILESYSTEM = 0x100;

const FAN_MODIFY = 0x2;
const FAN_ATTRIB = 0x4;
const FAN_CLOSE_WRITE = 0x8;
const FAN_MOVED_FROM = 0x40;
const FAN_MOVED_TO = 0x80;
const FAN_CREATE = 0x100;
const FAN_DELETE = 0x200;
const FAN_Q_OVERFLOW = 0x4000;
const FAN_RENAME = 0x10000000;
const FAN_ONDIR = 0x40000000;
const BASIC_MASK = FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_CREATE | FAN_DELETE | FAN_ONDIR;

/** A directory is complete from its creation. */
const SETTLED = FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_DELETE | FAN_RENAME | FAN_ONDIR;

const INFO_DFID_NAME = 2;
const INFO_OLD_DFID_NAME = 10;
const INFO_NEW_DFID_NAME = 12;
const METADATA_BYTES = 24;
/** About three thousand events a read. */
const READ_BYTES = 256 * 1024;
const EAGAIN = 11;

const buffer = allocateFixed(READ_BYTES);
const handleBuffer = allocateFixed(8 + 128);

/** A directory and a name in it, as an event gives them. `key` stands for the directory's handle. */
export interface NamedPlace {
  readonly key: string;
  readonly name: string;
}

export interface FanotifyEvent {
  /** Something happened to the content or the attributes of what has this name. */
  readonly place: NamedPlace;
  readonly to: NamedPlace | undefined;
  readonly isDirectory: boolean;
  readonly created: boolean;
  /** Content was written. */
  readonly modified: boolean;
  /** Something that is over: closed by a writer, removed, renamed, attributes set. */
  readonly settled: boolean;
  /** A writer closed it. */
  readonly written: boolean;
}

export interface FanotifyListener {
  onEvent(event: FanotifyEvent): void;
  onOverflow(): void;
}

export class FanotifyGroup {
  readonly handle: number;
  /** Old and new name in one event. */
  readonly pairsRenames: boolean;
  private readonly mount: number;

  /** Marks the file system that holds `path`; throws the fault of the call that was refused. */
  constructor(path: string) {
    if (endianness() !== 'LE') throw new Fault('FS-UNSUPPORTED', { what: 'fanotify on a big-endian machine', path });
    const { handle, pairsRenames } = openGroup(path);
    this.handle = handle;
    this.pairsRenames = pairsRenames;
    this.mount = openAt(AT_FDCWD, path, constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC);
    if (this.mount < 0) {
      const code = lastErrno();
      closeHandle(handle);
      throw faultOfErrno(code, path);
    }
  }

  /** Path of a directory from its handle; undefined when it is gone. Throws when the kernel refuses (`EPERM`). */
  resolve(key: string): string | undefined {
    handleBuffer.bytes.write(key, 'latin1');
    const opened = callOpenByHandle(this.mount, handleBuffer.address, O_PATH | O_CLOEXEC);
    if (opened < 0) {
      const code = lastErrno();
      if (code === ESTALE || code === ENOENT) return undefined;
      throw faultOfErrno(code, 'directory handle');
    }
    const target = readLinkAt(AT_FDCWD, `/proc/self/fd/${opened}`);
    closeHandle(opened);
    const path = target && decodeName(target);
    return path?.endsWith(' (deleted)') ? undefined : path;
  }

  /** Reads what is there, at most one buffer; false when nothing was. */
  read(listener: FanotifyListener): boolean {
    const filled = callRead(this.handle, buffer.address, READ_BYTES);
    if (filled < 0) {
      const code = lastErrno();
      if (code === EAGAIN || code === EINTR) return false;
      throw faultOfErrno(code, 'fanotify');
    }
    for (let at = 0; at + METADATA_BYTES <= filled; ) {
      const length = buffer.bytes.readUInt32LE(at);
      decodeEvent(at, at + length, listener);
      at += length;
    }
    return filled > 0;
  }

  close(): void {
    closeHandle(this.handle);
    closeHandle(this.mount);
  }
}

const EINTR = 4;
const ENOENT = 2;
const ESTALE = 116;
const EINVAL = 22;

function openGroup(path: string): { handle: number; pairsRenames: boolean } {
  const flags = FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE;
  let refused = 0;
  for (const [report, renames] of [
    [FAN_REPORT_DFID_NAME_TARGET, FAN_RENAME],
    [FAN_REPORT_DFID_NAME, FAN_MOVED_FROM | FAN_MOVED_TO],
  ] as const) {
    const handle = callInit(flags | report, constants.O_RDONLY);
    if (handle < 0) {
      refused = lastErrno();
      if (refused === EINVAL) continue;
      break;
    }
    const mask = (BASIC_MASK | renames) >>> 0;
    if (callMark(handle, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, cPath(path)) >= 0) {
      return { handle, pairsRenames: renames === FAN_RENAME };
    }
    refused = lastErrno();
    closeHandle(handle);
    if (refused !== EINVAL) break;
  }
  throw faultOfErrno(refused, path);
}

function decodeEvent(start: number, end: number, listener: FanotifyListener): void {
  const mask = buffer.bytes.readUInt32LE(start + 8);
  if (mask & FAN_Q_OVERFLOW) {
    listener.onOverflow();
    return;
  }
  let place: NamedPlace | undefined;
  let to: NamedPlace | undefined;
  for (let at = start + buffer.bytes.readUInt16LE(start + 6); at + 4 <= end; ) {
    const type = buffer.bytes[at]!;
    const length = buffer.bytes.readUInt16LE(at + 2);
    if (type === INFO_DFID_NAME || type === INFO_OLD_DFID_NAME) place = decodePlace(at, at + length);
    else if (type === INFO_NEW_DFID_NAME) to = decodePlace(at, at + length);
    if (length === 0) break;
    at += length;
  }
  // A rename out of sight of one of the two names reports the other alone.
  const first = place ?? to;
  if (first === undefined) return;
  listener.onEvent({
    place: first,
    to: place === undefined ? undefined : to,
    isDirectory: (mask & FAN_ONDIR) !== 0,
    created: (mask & FAN_CREATE) !== 0,
    modified: (mask & FAN_MODIFY) !== 0,
    settled: (mask & SETTLED) !== 0,
    written: (mask & FAN_CLOSE_WRITE) !== 0,
  });
}

/** struct fanotify_event_info_fid: header 4, fsid 8, handle { bytes 4, type 4, data }, then the name with a NUL. */
function decodePlace(start: number, end: number): NamedPlace {
  const handleStart = start + 12;
  const nameStart = handleStart + 8 + buffer.bytes.readUInt32LE(handleStart);
  let nameEnd = nameStart;
  while (nameEnd < end && buffer.bytes[nameEnd] !== 0) nameEnd += 1;
  const text = buffer.bytes.toString('utf8', nameStart, nameEnd);
  return {
    key: buffer.bytes.toString('latin1', handleStart, nameStart),
    name: text.includes('\ufffd') ? decodeName(buffer.bytes.subarray(nameStart, nameEnd)) : text,
  };
}
