/** Moving between directory handles without ever replacing anything. */
import { constants } from 'node:os';
import { faultOfErrno } from '../system-fault.ts';
import { deniedFault } from './denied.ts';
import { statAt } from './directory.ts';
import { errno, RENAME_NOREPLACE, renameAt } from './libc.ts';

const { EEXIST, EINVAL, ENOSYS } = constants.errno;

/** Rename that never replaces; a file system without RENAME_NOREPLACE gets a check first (D5 keeps what is there anyway). */
export function moveWithoutReplacing(
  from: number,
  fromName: string,
  to: number,
  toName: string,
  fromPath: string,
  toPath: string,
): void {
  if (renameAt(from, fromName, to, toName, RENAME_NOREPLACE) >= 0) return;
  let code = errno();
  if (code === EINVAL || code === ENOSYS) {
    if (statAt(to, toName) >= 0) code = EEXIST;
    else if (renameAt(from, fromName, to, toName, 0) >= 0) return;
    else code = errno();
  }
  throw code === EEXIST ? faultOfErrno(code, toPath) : deniedFault(code, from, fromName, fromPath);
}
