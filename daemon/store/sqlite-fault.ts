/** What SQLite throws, as faults: a full disk is no defect, it passes. */
import { Fault } from '../../shared/faults.ts';

/** Primary and extended result codes (https://sqlite.org/rescode.html). */
const SQLITE_FULL = 13;
const SQLITE_IOERR_SHMSIZE = 4874;
const SQLITE_IOERR_WRITE = 778;
const PRIMARY = 0xff;

/** It comes from SQLite. */
export function isStoreError(error: unknown): boolean {
  return typeof ((error ?? {}) as { readonly errcode?: unknown }).errcode === 'number';
}

/** No room on the volume of the database. A failed write is one as well when `freeBytes` says that the volume is full. */
export function isDiskFull(error: unknown, freeBytes: () => number = () => Number.POSITIVE_INFINITY): boolean {
  const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
  if (typeof errcode !== 'number') return false;
  if ((errcode & PRIMARY) === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE) return true;
  return errcode === SQLITE_IOERR_WRITE && freeBytes() < SMALLEST_ROOM_BYTES;
}

/** Less than this is no room for the pages of one transaction. */
const SMALLEST_ROOM_BYTES = 1024 * 1024;

interface StorePlace {
  readonly directory: string;
  /** Where an engine's store lies when it has one that outlives it. */
  readonly spool?: { readonly directory: string };
}

/** Any error of a store: `FS-FULL` when its volume is full, else as `Fault.from`. */
export function storeFault(error: unknown, { directory, spool }: StorePlace, freeBytes?: () => number): Fault {
  // On its way it may have been taken for a defect.
  const cause = error instanceof Fault && error.code === 'INTERNAL' ? error.cause : error;
  return isDiskFull(cause, freeBytes)
    ? new Fault('FS-FULL', { path: spool?.directory ?? directory }, cause)
    : Fault.from(error);
}
