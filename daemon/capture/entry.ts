/** What an observation of the file system means against the record of it. Pure. */
import type { EntryStat, FileId } from '../ports.ts';
import type { IndexedStat, IndexedType } from '../store/master-schema.ts';

/**
 * A content change within this time after the last one may leave the same times behind: coarse kernel clocks tick every
 * 1–10 ms (CONFIG_HZ), Windows every 15.6 ms.
 */
const CLOCK_TICK_NS = 20_000_000n;
/** A file written this recently by a writer who has not closed it is left alone for a moment. */
const FRESH_NS = 1_000_000_000n;

/** The part of a stat that is recorded; undefined for pipes, sockets and devices, which are not replicated. */
export function toIndexed(stat: EntryStat): IndexedStat | undefined {
  if (stat.type === 'other') return undefined;
  return {
    type: stat.type as IndexedType,
    // SQLite integers are signed; an NTFS file id may use all 64 bits.
    inode: BigInt.asIntN(64, stat.id.inode),
    birthNs: stat.id.birthNs,
    sizeBytes: stat.type === 'file' ? stat.sizeBytes : 0,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    links: stat.links,
  };
}

export function sameObject(a: IndexedStat, b: IndexedStat): boolean {
  return a.inode === b.inode && a.birthNs === b.birthNs && a.type === b.type;
}

export function sameFileId(a: IndexedStat, id: FileId): boolean {
  return a.inode === BigInt.asIntN(64, id.inode) && a.birthNs === id.birthNs;
}

/** Nothing at all was done to it between the two looks, as far as its times can tell. */
export function sameState(a: IndexedStat, b: IndexedStat): boolean {
  return (
    sameObject(a, b) &&
    a.sizeBytes === b.sizeBytes &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    sameRights(a, b)
  );
}

function sameRights(a: IndexedStat, b: IndexedStat): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** May its content change again without its times changing? Then the record must not be believed (see CLOCK_TICK_NS). */
export function isUnsettled(stat: IndexedStat, wallMs: number): boolean {
  return isChangedAfter(stat, unsettledAfter(wallMs));
}

/** The same for many entries: one whose change time is after this is unsettled. */
export function unsettledAfter(wallMs: number): bigint {
  return BigInt(Math.floor(wallMs)) * 1_000_000n - CLOCK_TICK_NS;
}

export function isChangedAfter(stat: IndexedStat, timeNs: bigint): boolean {
  return stat.type === 'file' && stat.ctimeNs > timeNs;
}

export function isFresh(stat: IndexedStat, wallMs: number): boolean {
  const age = BigInt(Math.floor(wallMs)) * 1_000_000n - stat.mtimeNs;
  return stat.type === 'file' && age < FRESH_NS && age > -FRESH_NS;
}

export type Difference = 'none' | 'record' | 'metadata' | 'content';

export interface LookCircumstances {
  /** A writer closed it, or nothing is known about how it was changed. */
  readonly closed: boolean;
  /** It was renamed just now: that explains a new change time. */
  readonly renamed: boolean;
  /** Found by comparing a directory, without a hint: changes may have been made while nobody watched. */
  readonly scanned: boolean;
}

/** Size up to which an unexplained change of a file's change time is settled by sending the content. */
export const CHEAP_BYTES = 256 * 1024;

/** Names the object of a `put` in the spool: another of its names may have to stand in for the one it was found under. */
export function fileKey({ inode, birthNs }: { readonly inode: bigint; readonly birthNs: bigint }): string {
  return `${inode}.${birthNs}`;
}

export function parseFileKey(key: string): { readonly inode: bigint; readonly birthNs: bigint } | undefined {
  const [inode, birthNs] = key.split('.');
  return inode === undefined || birthNs === undefined ? undefined : { inode: BigInt(inode), birthNs: BigInt(birthNs) };
}

/** Difference of the same object to its record. Uncertain means 'content'. 'record': only the record needs the new times. */
export function differenceOf(recorded: IndexedStat, found: IndexedStat, how: LookCircumstances): Difference {
  const rights = sameRights(recorded, found);
  const sameChange = recorded.ctimeNs === found.ctimeNs;
  if (recorded.type !== 'file') {
    if (!rights || recorded.mtimeNs !== found.mtimeNs) return 'metadata';
    return sameChange ? 'none' : 'record';
  }
  if (recorded.ctimeNs === 0n || recorded.sizeBytes !== found.sizeBytes || recorded.mtimeNs !== found.mtimeNs) {
    return 'content';
  }
  if (sameChange) return rights ? 'none' : 'metadata';
  if (isSuspicious(recorded, found, how)) return 'content';
  return rights ? 'record' : 'metadata';
}

/** Its change time is new, its size and modification time are not: was it written and its time put back? */
function isSuspicious(recorded: IndexedStat, found: IndexedStat, how: LookCircumstances): boolean {
  if (how.closed) return true;
  // Where nobody watched, a rename does not explain what else may have been done to it.
  if (how.renamed) return how.scanned;
  const explained = !sameRights(recorded, found) || recorded.links !== found.links;
  return !explained || (how.scanned && found.sizeBytes <= CHEAP_BYTES);
}
