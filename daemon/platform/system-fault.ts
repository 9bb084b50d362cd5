/** The one place where the operating system's error codes become faults. */
import { getSystemErrorName } from 'node:util';
import { Fault, type FaultCode } from '../../shared/faults.ts';

const FAULT_OF: Readonly<Record<string, FaultCode>> = {
  ENOENT: 'FS-NOT-FOUND',
  // The object behind an NFS handle was removed on the server.
  ESTALE: 'FS-NOT-FOUND',
  EEXIST: 'FS-EXISTS',
  EISDIR: 'FS-EXISTS',
  ENOTDIR: 'PATH-SYMLINK',
  ELOOP: 'PATH-SYMLINK',
  EACCES: 'FS-DENIED',
  EPERM: 'FS-DENIED',
  EBUSY: 'FS-BUSY',
  ETXTBSY: 'FS-BUSY',
  EAGAIN: 'FS-BUSY',
  EMFILE: 'FS-LIMIT',
  ENFILE: 'FS-LIMIT',
  ENOMEM: 'FS-LIMIT',
  ENOSPC: 'FS-FULL',
  EDQUOT: 'FS-FULL',
  EROFS: 'FS-READ-ONLY',
  ENOTEMPTY: 'FS-NOT-EMPTY',
  ENAMETOOLONG: 'PATH-NAME',
  EILSEQ: 'PATH-NAME',
  EXDEV: 'FS-UNSUPPORTED',
  EOPNOTSUPP: 'FS-UNSUPPORTED',
  ENOTSUP: 'FS-UNSUPPORTED',
  ENOSYS: 'FS-UNSUPPORTED',
  EMLINK: 'FS-UNSUPPORTED',
  EFBIG: 'FS-UNSUPPORTED',
  EINVAL: 'FS-UNSUPPORTED',
};

/** A fault for an errno name such as `ENOENT`; what is not listed is an input/output error, which is fatal. */
export function faultOfName(name: string, path: string, cause?: unknown): Fault {
  const code = FAULT_OF[name] ?? 'FS-IO';
  return new Fault(code, { path, reason: name, what: name }, cause);
}

/** A fault for a positive errno. */
export function faultOfErrno(errno: number, path: string): Fault {
  return faultOfName(getSystemErrorName(-errno), path);
}

/** Runs a call of node:fs and turns what it throws into a fault. */
export function translating<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw faultOfName(codeOf(error), path, error);
  }
}

/** `code` of an error of Node, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
