/**
 * Objects of the root change places with kept ones, by one rename each. Those in the same directory share a handle of it, for
 * a moment: when others have moved the directory meanwhile, perhaps out of the root, what was done in it is taken back (D7).
 */
import { constants } from 'node:fs';
import { Fault } from '../../../shared/faults.ts';
import { parentPath, parseRelativePath, type RelativePath } from '../../../shared/path.ts';
import type { KeptPair } from '../../ports.ts';
import { faultOfErrno } from '../system-fault.ts';
import { checkKeepName } from './control.ts';
import { deniedFault } from './denied.ts';
import { decodeStat, statHandle } from './directory.ts';
import {
  closeHandle,
  errno,
  O_CLOEXEC,
  openAt,
  openBeneath,
  PATH_DIRECTORY,
  RENAME_EXCHANGE,
  renameAt,
  unlinkAt,
} from './libc.ts';

/** After so many it is proved that the directory is still the one at its path: a fraction of a millisecond. */
const PAIRS_A_HANDLE = 64;
const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | O_CLOEXEC;

/** Tried on two files in a directory of the volume. */
export function canExchange(directory: number): boolean {
  const names = ['a', 'b'].map((end) => `exchange-${process.pid}-${process.hrtime.bigint().toString(36)}-${end}`);
  try {
    for (const name of names) {
      const handle = openAt(directory, name, CREATE_FLAGS, 0o600);
      if (handle < 0) return false;
      closeHandle(handle);
    }
    return renameAt(directory, names[0]!, directory, names[1]!, RENAME_EXCHANGE) >= 0;
  } finally {
    for (const name of names) unlinkAt(directory, name);
  }
}

export function exchangeKept(root: number, kept: number, pairs: readonly KeptPair[]): void {
  for (let at = 0; at < pairs.length; ) {
    const directory = directoryOf(parseRelativePath(pairs[at]!.path));
    let end = at + 1;
    while (end < pairs.length && end - at < PAIRS_A_HANDLE && isIn(directory, pairs[end]!.path)) end += 1;
    exchangeIn(root, kept, directory, pairs.slice(at, end));
    at = end;
  }
}

function isIn(directory: RelativePath, path: RelativePath): boolean {
  if (directory === '') return !path.includes('/');
  const { length } = directory;
  return path.charCodeAt(length) === SLASH && path.indexOf('/', length + 1) < 0 && path.startsWith(directory);
}

function directoryOf(path: RelativePath): RelativePath {
  const parent = parentPath(path);
  if (parent === undefined) throw new Fault('PATH-ESCAPE', { path: '(the root itself)' });
  return parent;
}

function exchangeIn(root: number, kept: number, directory: RelativePath, pairs: readonly KeptPair[]): void {
  if (directory === '') {
    const { fault } = exchangeUntilFault(root, kept, 0, pairs);
    if (fault !== undefined) throw fault;
    return;
  }
  const handle = openBeneath(root, directory, PATH_DIRECTORY);
  if (handle < 0) throw faultOfErrno(errno(), directory);
  try {
    const nameAt = directory.length + 1;
    const { done, fault } = exchangeUntilFault(handle, kept, nameAt, pairs);
    if (!isStill(root, directory, handle)) {
      exchangeUntilFault(handle, kept, nameAt, pairs.slice(0, done));
      throw new Fault('FS-NOT-FOUND', { path: directory });
    }
    if (fault !== undefined) throw fault;
  } finally {
    closeHandle(handle);
  }
}

interface Exchanged {
  /** So many of the pairs, from the first on. */
  readonly done: number;
  readonly fault?: Fault;
}

/** `nameAt`: where in each path its last name begins. */
function exchangeUntilFault(directory: number, kept: number, nameAt: number, pairs: readonly KeptPair[]): Exchanged {
  let done = 0;
  for (const { path, keepName } of pairs) {
    try {
      exchange(directory, kept, path, path.slice(nameAt), keepName);
    } catch (error) {
      return { done, fault: Fault.from(error) };
    }
    done += 1;
  }
  return { done };
}

function exchange(directory: number, kept: number, path: RelativePath, name: string, keepName: string): void {
  if (name === '' || name.charCodeAt(0) === DOT) parseRelativePath(path);
  checkKeepName(keepName);
  if (renameAt(directory, name, kept, keepName, RENAME_EXCHANGE) < 0) throw deniedFault(errno(), directory, name, path);
}

const DOT = 0x2e;
const SLASH = 0x2f;

/** Whether a path still leads to the directory of a handle. */
function isStill(root: number, directory: RelativePath, handle: number): boolean {
  const again = openBeneath(root, directory, PATH_DIRECTORY);
  if (again < 0) return false;
  try {
    if (statHandle(again) < 0) return false;
    const { id } = decodeStat(0);
    if (statHandle(handle) < 0) return false;
    const { inode, birthNs } = decodeStat(0).id;
    return id.inode === inode && id.birthNs === birthNs;
  } finally {
    closeHandle(again);
  }
}
