/** Says why a call was not permitted when the object or its directory carries a flag of chattr(1). */
import { constants } from 'node:os';
import { Fault } from '../../../shared/faults.ts';
import { faultOfErrno } from '../system-fault.ts';
import { isProtected, statAt } from './directory.ts';

/** The fault of a call that changes `name` in a directory. */
export function deniedFault(code: number, directory: number, name: string, path: string): Fault {
  if (code === constants.errno.EPERM && (hasFlag(directory, name) || hasFlag(directory, '.'))) {
    return new Fault('FS-IMMUTABLE', { path });
  }
  return faultOfErrno(code, path);
}

function hasFlag(directory: number, name: string): boolean {
  return statAt(directory, name) >= 0 && isProtected();
}

/** The fault of link(2). A directory cannot have a further name: then there is no file at the path. */
export function linkFault(code: number, path: string): Fault {
  const { EPERM, EISDIR } = constants.errno;
  return code === EPERM || code === EISDIR ? new Fault('FS-NOT-FOUND', { path }) : faultOfErrno(code, path);
}
