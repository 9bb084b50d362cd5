/** The calls of Windows that node:fs lacks: a file time of 100 ns (Node's go through a double and lose up to 240 ns). */
import { allocateFixed, loadLibrary } from '../ffi.ts';

const kernel = loadLibrary('kernel32.dll');
const callCreateFile = kernel.number('CreateFileW', 'int64', [
  'str16',
  'uint32',
  'uint32',
  'uintptr_t',
  'uint32',
  'uint32',
  'uintptr_t',
]);
const callSetFileTime = kernel.number('SetFileTime', 'int', ['int64', 'uintptr_t', 'uintptr_t', 'uintptr_t']);
const callCloseHandle = kernel.number('CloseHandle', 'int', ['int64']);

const callGetAttributes = kernel.number('GetFileAttributesExW', 'int', ['str16', 'int', 'uintptr_t']);

const FILE_WRITE_ATTRIBUTES = 0x100;
const SHARE_ALL = 0x7;
const OPEN_EXISTING = 3;
/** FILE_FLAG_BACKUP_SEMANTICS (directories too) | FILE_FLAG_OPEN_REPARSE_POINT (a link itself). */
const OPEN_ITSELF = 0x02000000 | 0x00200000;
/** 1601-01-01 in nanoseconds before 1970. */
const FILETIME_EPOCH_NS = 11_644_473_600_000_000_000n;

const time = allocateFixed(8);
const timeLong = new BigInt64Array(time.bytes.buffer, 0, 1);

/** Sets the modification time of what is at `path`, a link itself; false when Windows refused. */
export function setModificationTime(path: string, mtimeNs: bigint): boolean {
  const handle = Number(callCreateFile(path, FILE_WRITE_ATTRIBUTES, SHARE_ALL, 0, OPEN_EXISTING, OPEN_ITSELF, 0));
  if (handle === -1) return false;
  timeLong[0] = (mtimeNs + FILETIME_EPOCH_NS) / 100n;
  const done = callSetFileTime(handle, 0, 0, time.address);
  callCloseHandle(handle);
  return done !== 0;
}

/** WIN32_FILE_ATTRIBUTE_DATA: attributes, then creation, access and write time, then the size. */
const attributes = allocateFixed(40);
const WRITE_TIME_BYTE = 20;

/** Modification time of what is at `path`, exact; undefined when Windows refused. */
export function readModificationTime(path: string): bigint | undefined {
  if (callGetAttributes(path, 0, attributes.address) === 0) return undefined;
  return attributes.bytes.readBigInt64LE(WRITE_TIME_BYTE) * 100n - FILETIME_EPOCH_NS;
}
